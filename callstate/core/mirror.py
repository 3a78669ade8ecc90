"""The mirror of one machine: every channel and bridge of it, as Asterisk would list them.

Rules (numbers are of the events' order; sources are Asterisk's):
1. A channel is made by Newchannel, by a list item, or by an ordered event published
   through a live channel (its Hangup is then sure to come); by nothing else, and never
   again after its Hangup, which some events of it can follow (main/manager_channels.c:
   the destructor publishes Hangup; stored snapshots come later).
2. Each event of a known channel shows its fields as they are: they are taken over. Those
   of a Dial event count only with the state that is known: they can be older.
3. A linkedid only ever moves to an older one. It moves silently when channels meet in a
   bridge that makes a call (ast_bridge_channel_update_linkedids); the BridgeEnter shows
   the common one, which then holds for every member but the one swapped out.
4. Entering a bridge leaves any other; leaving counts only for the bridge one is in.
5. Events are total: each is accepted in every state, and repeating one changes nothing.
"""

from collections.abc import Callable
from typing import Any

from callstate.core import events as ev
from callstate.core.channel import PLACES, RINGING, Channel, number_in
from callstate.core.registry import PEER_CALL_ID, PEER_NAME, Registry

_FILENAME = "MIXMONITOR_FILENAME"

# What else than a platform's variables is needed from VarSet.
VARIABLES = frozenset({_FILENAME, PEER_NAME, PEER_CALL_ID, "SIPCALLID"})

# What a dialled channel is shown to run (app_dial.c, app_queue.c): "(Outgoing Line)".
_OUTGOING = ("AppDial", "AppDial2", "AppQueue")

# The time of what a list shows: nobody knows it.
_LISTED = -1.0


class Mirror:
    """The channels and bridges of one machine on one connection, kept in `registry`.

    `carried` is the registry of the connection before, if there was one.
    """

    def __init__(self, carried: Registry | None = None) -> None:
        self.registry = Registry(carried)
        self._rules: dict[type[ev.Event], Callable[[Any], None]] = {
            ev.Newchannel: self._newchannel,
            ev.ChannelUpdate: self._update,
            ev.NewCallerid: self._new_callerid,
            ev.Hangup: self._hangup,
            ev.HangupRequest: self._hangup_request,
            ev.VarSet: self._varset,
            ev.Hold: self._hold,
            ev.Unhold: self._unhold,
            ev.MixMonitorStart: self._mixmonitor_start,
            ev.MixMonitorStop: self._mixmonitor_stop,
            ev.DialBegin: self._dial_begin,
            ev.DialState: self._dial_state,
            ev.DialEnd: self._dial_end,
            ev.LocalBridge: self._local_bridge,
            ev.BridgeCreate: self._bridge_create,
            ev.BridgeDestroy: self._bridge_destroy,
            ev.BridgeEnter: self._bridge_enter,
            ev.BridgeLeave: self._bridge_leave,
            ev.Rename: self._rename,
            ev.QueueCallerJoin: self._queue_join,
            ev.QueueCallerLeave: self._queue_leave,
            ev.ParkedCall: self._parked,
            ev.Shutdown: self._shutdown,
            ev.CoreShowChannel: self._listed,
            ev.Status: self._listed_with_variables,
        }

    def apply(self, event: ev.Event) -> None:
        """Take in `event`; of a kind that shows no channel or bridge, nothing. O(its call)."""
        rule = self._rules.get(type(event))
        if rule is not None:
            self.registry.now = max(self.registry.now, event.at)
            rule(event)

    # A channel's life

    def _newchannel(self, event: ev.Newchannel) -> None:
        self.registry.begin(event.snapshot, event.at)

    def _update(self, event: ev.ChannelUpdate) -> None:
        registry, snapshot = self.registry, event.snapshot
        if event.creates:
            channel = registry.live(snapshot, event.at)
        else:
            channel = registry.known(snapshot, event.at)
        if channel is not None and event.application is not None:
            self._run(channel, event.application)

    def _run(self, channel: Channel, application: str) -> None:
        name = application.partition("(")[0]
        running = application if name in PLACES else ""
        if channel.running != running:
            self.registry.set(channel, "running", running)
        if name == RINGING:
            # It hears ringing until it is answered, whatever the dialplan does meanwhile.
            self.registry.set(channel, "is_alerted", True)

    def _new_callerid(self, event: ev.NewCallerid) -> None:
        channel = self.registry.live(event.snapshot, event.at)
        if channel is not None and event.presentation >= 0:
            self.registry.set(channel, "presentation", event.presentation)

    def _hangup(self, event: ev.Hangup) -> None:
        self.registry.bury(event.uniqueid)

    def _hangup_request(self, event: ev.HangupRequest) -> None:
        channel = self.registry.known(event.snapshot, event.at)
        if channel is not None:
            self.registry.set(channel, "hangup_requested", True)

    def _varset(self, event: ev.VarSet) -> None:
        channel = self.registry.live(event.snapshot, event.at)
        if channel is not None:
            self.registry.set_variable(channel, event.variable, event.value)
            if event.variable == PEER_CALL_ID:  # the name comes before it
                self.registry.note_sip_callid(channel)

    def _hold(self, event: ev.Hold) -> None:
        channel = self.registry.live(event.snapshot, event.at)
        if channel is not None:
            self.registry.set(channel, "holding", True)

    def _unhold(self, event: ev.Unhold) -> None:
        channel = self.registry.live(event.snapshot, event.at)
        if channel is not None:
            self.registry.set(channel, "holding", False)

    def _mixmonitor_start(self, event: ev.MixMonitorStart) -> None:
        channel = self.registry.live(event.snapshot, event.at)
        if channel is not None:
            filename = channel.variables.get(_FILENAME, "")
            if not filename or filename not in channel.recordings:
                channel.recordings.append(filename)
                self.registry.changed.add(channel.uniqueid)

    def _mixmonitor_stop(self, event: ev.MixMonitorStop) -> None:
        # Without an id, StopMixMonitor ends the one begun last (res_mixmonitor's datastores
        # are searched from the newest); with one, the event does not say which.
        channel = self.registry.known(event.snapshot, event.at)
        if channel is not None and channel.recordings:
            channel.recordings.pop()
            self.registry.changed.add(channel.uniqueid)

    def _rename(self, event: ev.Rename) -> None:
        channel = self.registry.channels.get(event.uniqueid)
        if channel is not None:
            self.registry.rename(channel, event.new_name)

    def _queue_join(self, event: ev.QueueCallerJoin) -> None:
        channel = self.registry.known(event.snapshot, event.at)
        if channel is not None:
            self.registry.set(channel, "queue", event.queue)

    def _queue_leave(self, event: ev.QueueCallerLeave) -> None:
        channel = self.registry.known(event.snapshot, event.at)
        if channel is not None:
            self.registry.set(channel, "queue", "")

    def _parked(self, event: ev.ParkedCall) -> None:
        channel = self.registry.channels.get(event.uniqueid)
        if channel is not None:
            self.registry.set(channel, "parking_space", event.space)

    def _shutdown(self, _event: ev.Shutdown) -> None:
        for uniqueid in list(self.registry.channels):
            self.registry.bury(uniqueid)
        for uniqueid in list(self.registry.bridges):
            self.registry.bridging.remove(uniqueid)

    # Dials

    def _dial_begin(self, event: ev.DialBegin) -> None:
        caller, dest = self._pair(event.caller, event.dest, event.at)
        if dest is not None:
            self.registry.set(dest, "dialled_number", number_in(event.dial_string))
            if caller is not None:
                heard = caller.dialling.get(dest.uniqueid, "")
                self.registry.dialling.hear(caller, dest, heard)

    def _dial_state(self, event: ev.DialState) -> None:
        caller, dest = self._pair(event.caller, event.dest, event.at)
        if caller is not None and dest is not None:
            self.registry.dialling.hear(caller, dest, event.status)

    def _dial_end(self, event: ev.DialEnd) -> None:
        # Not as of a live channel: it may come from the stored snapshot of a channel that is gone.
        caller = None if event.caller is None else self._in_dial(event.caller, event.at)
        dest = self._in_dial(event.dest, event.at)
        if caller is None:
            return
        self.registry.dialling.end(caller, event.dest.uniqueid)
        if dest is not None and event.status == "ANSWER":
            # Who picks a call up is dialled by nobody before: this is the first to say it.
            self.registry.dialling.set_dialler(dest, caller.uniqueid)

    def _pair(
        self, caller: ev.ChannelSnapshot | None, dest: ev.ChannelSnapshot, at: float
    ) -> tuple[Channel | None, Channel | None]:
        return None if caller is None else self._dialled(caller, at), self._dialled(dest, at)

    def _dialled(self, snapshot: ev.ChannelSnapshot, at: float) -> Channel | None:
        return self._in_dial(snapshot, at) or self.registry.live(snapshot, at)

    def _in_dial(self, snapshot: ev.ChannelSnapshot, at: float) -> Channel | None:
        """Return the channel that a Dial event shows, if it is there.

        Its block can be older than the channel's own event before it (seen as a DialState
        with state 0 after a Newstate with 5, on 16 and 22). One with another state is of
        another moment: Newstate alone changes a state.
        """
        known = self.registry.channels.get(snapshot.uniqueid)
        if known is not None and known.snapshot.channel_state == snapshot.channel_state:
            self.registry.known(snapshot, at)
        return known

    def _local_bridge(self, event: ev.LocalBridge) -> None:
        self.registry.known(event.one, event.at)
        self.registry.known(event.two, event.at)

    # Bridges

    def _bridge_create(self, event: ev.BridgeCreate) -> None:
        self.registry.bridging.record(event.bridge)

    def _bridge_destroy(self, event: ev.BridgeDestroy) -> None:
        self.registry.bridging.remove(event.bridge.bridge_uniqueid)

    def _bridge_enter(self, event: ev.BridgeEnter) -> None:
        channel = self.registry.live(event.snapshot, event.at)
        record = self.registry.bridging.record(event.bridge)
        swapped = record.members.get(event.swap_uniqueid)
        if swapped is not None:
            self.registry.bridging.leave(swapped)
        if channel is None:
            return
        self.registry.set(channel, "hangup_requested", False)
        self.registry.bridging.join(channel, record)
        if record.is_call:
            linkedid = event.snapshot.linkedid
            for member in record.members.values():
                if member.linkedid != linkedid:
                    self.registry.relink(member, linkedid)

    def _bridge_leave(self, event: ev.BridgeLeave) -> None:
        channel = self.registry.known(event.snapshot, event.at)
        record = self.registry.bridges.get(event.bridge.bridge_uniqueid)
        if record is None:
            return  # it is gone already, and must not come back empty
        self.registry.bridging.update(record, event.bridge)
        if channel is not None and channel.bridge is record:
            self.registry.bridging.leave(channel)

    # Lists

    def _listed(self, event: ev.CoreShowChannel | ev.Status) -> None:
        is_new = event.snapshot.uniqueid not in self.registry.channels
        channel = self.registry.live(event.snapshot, _LISTED)
        if channel is None:
            return
        self.registry.rename(channel, event.snapshot.channel, listed=True)
        if not channel.start:
            self.registry.set(channel, "start", int(event.at) - event.seconds)
        if is_new:
            # By now its linkedid may be that of others it met; what it runs still tells.
            self.registry.set(channel, "requested", event.application in _OUTGOING)
            self._run(channel, event.application)

    def _listed_with_variables(self, event: ev.Status) -> None:
        # It is shown by reference, so its Hangup is yet to come: one that we saw was another's.
        self.registry.revive(event.snapshot.uniqueid)
        self._listed(event)
        channel = self.registry.channels.get(event.snapshot.uniqueid)
        if channel is None:
            return
        before = channel.variables.get(_FILENAME, "")
        for name, value in event.variables:
            self.registry.set_variable(channel, name, value)
        self.registry.note_sip_callid(channel)
        filename = channel.variables.get(_FILENAME, "")
        if filename != before and filename and filename not in channel.recordings:
            # It began before our time, or while we were away: that it ended is told by nobody.
            channel.recordings.append(filename)

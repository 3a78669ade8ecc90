"""One machine's mirror across its connections: in step, out of step, in step again.

Each connection has a mirror of its own. While a new one is being filled, what the last
complete one knew is still served (`served`), so that no query meets an empty or half a
list; once the new mirror is complete (`release`), it takes the other's place at once.

Why the lists can be applied as they come, before the events that are still under way
(manager.c runs an action in the thread that also delivers the events):
1. A list comes in one piece, no event between its items, and shows a state that is never
   older than the events delivered before it. What it does not show is gone; what it shows
   and we do not know is new, unless its Hangup was seen on this connection.
2. The events that were under way replay steps that led to what the list showed, and end
   there. So a list never has to wait for them; only `release` does, for the barrier.
A list that is not whole (its own count says so) is used for what it shows, not for what
it leaves out.
"""

from collections.abc import Callable
from typing import Any

from callstate.core import events as ev
from callstate.core.mirror import Mirror
from callstate.core.registry import Registry

# How much later than it happened a boot may seem to be: the clocks of two machines, and
# whole seconds in Uptime.
_CLOCK_SLACK_SECONDS = 3

# A channel that is missing from the lists of live ones for so long is over.
DOUBT_SECONDS = 5.0

# Events that tell the session something, which passes on what is for both.
_NOTED = frozenset({ev.Marker, ev.Malformed, ev.Masquerade, ev.FullyBooted})

Note = Callable[[ev.Event], None]


class Sync:
    """The state of one machine, fed with the events of its connections in their order.

    `reaped` counts channels that a list proved gone whose Hangup never came, `missed` those
    that it showed and no event had. `doubts` are channels that the last list of live ones left
    out, with the time of the first that did: they hang up or are being moved, or they are over
    and something holds on to them (a ChanSpy), so that their Hangup does not come.
    """

    def __init__(self) -> None:
        self.mirror = Mirror()
        self.reaped = 0
        self.missed = 0
        self.doubts: dict[str, float] = {}
        self._held: Registry | None = None
        self._items: dict[str, list[str]] = {}
        self._saw_list = False
        self._is_complete = False
        self._rules: dict[type[ev.Event], Callable[[Any], None]] = {
            ev.CoreShowChannel: self._listed,
            ev.Status: self._listed,
            ev.BridgeListItem: self._bridge_listed,
            ev.BridgeInfoChannel: self._member_listed,
            ev.BridgeInfoComplete: self._bridge_complete,
            ev.ListStart: self._started,
            ev.ListComplete: self._complete,
            ev.ListRefused: self._refused,
            ev.FullyBooted: self._booted,
        }

    @property
    def served(self) -> Registry:
        """What is to be shown: the last complete state while a new one is being filled."""
        return self._held if self._held is not None else self.mirror.registry

    @property
    def is_held(self) -> bool:
        """True while what is served is not what the events change."""
        return self._held is not None

    def opened(self) -> None:
        """A new connection begins: fill a new mirror beside what is served, if that is any."""
        self._held = self.served if self.served.channels else None
        self.mirror = Mirror(carried=self._held)
        self._items.clear()
        self.doubts.clear()
        self._saw_list = False
        self._is_complete = False

    def release(self) -> None:
        """The new mirror is complete: serve it."""
        self._held = None
        self._is_complete = True
        self.mirror.registry.complete()

    def withdraw(self) -> None:
        """Serve nothing of the machine: it was out of reach for too long, or began anew."""
        if self._held is not None:
            self._held = None
            self.mirror.registry.complete()
        else:
            self.mirror = Mirror()

    def apply(self, event: ev.Event) -> None:
        """Take in one event of the current connection. O(its call); O(channels) for a list."""
        rule = self._rules.get(type(event))
        if rule is None:
            self.mirror.apply(event)
        else:
            rule(event)

    def apply_all(self, events: list[ev.Event], note: Note) -> Exception | None:
        """Take in `events` in their order; give those that tell the session something to `note`.

        Return the first error, if there was one: a bug costs one event. O(their calls).
        """
        failure: Exception | None = None
        for event in events:
            try:
                if type(event) in _NOTED:
                    note(event)
                else:
                    self.apply(event)
            except Exception as error:
                failure = failure or error
        return failure

    def _listed(self, event: ev.CoreShowChannel | ev.Status) -> None:
        self._note(event.action_id, event.snapshot.uniqueid)
        if self._is_complete and event.snapshot.uniqueid not in self.mirror.registry.channels:
            self.missed += 1
        self.mirror.apply(event)

    def _bridge_listed(self, event: ev.BridgeListItem) -> None:
        self._note(event.action_id, event.bridge.bridge_uniqueid)
        self.mirror.registry.bridging.record(event.bridge)

    def _member_listed(self, event: ev.BridgeInfoChannel) -> None:
        self._note(event.action_id, event.snapshot.uniqueid)

    def _started(self, event: ev.ListStart) -> None:
        self._saw_list = True
        self._items[event.action_id] = []

    def _note(self, action_id: str, uniqueid: str) -> None:
        self._items.setdefault(action_id, []).append(uniqueid)

    def _complete(self, event: ev.ListComplete) -> None:
        items = self._items.pop(event.action_id, None)
        # None: it is said for the second time, or its beginning was lost.
        if items is None or event.items not in (-1, len(items)):
            return
        if event.name == "StatusComplete":
            self._doubt(set(items), event.at)
            for channel in self.mirror.registry.channels.values():
                self.mirror.registry.note_sip_callid(channel)  # its peer may have come after it
        elif event.name == "CoreShowChannelsComplete":
            self.reaped += len(self.mirror.registry.retain(items))
        elif event.name == "BridgeListComplete":
            self.mirror.registry.bridging.retain(items)

    def _doubt(self, live: set[str], at: float) -> None:
        """Call over what two lists of live channels, some seconds apart, left out.

        One such list proves nothing: a channel in a masquerade is out of the container for a
        moment (main/channel.c), and one that is hanging up is so until its Hangup.
        """
        registry = self.mirror.registry
        absent = registry.channels.keys() - live
        self.doubts = {uniqueid: self.doubts.get(uniqueid, at) for uniqueid in absent}
        for uniqueid, channel in registry.channels.items():
            since = self.doubts.get(uniqueid)
            is_over = since is not None and at - since >= DOUBT_SECONDS
            registry.set(channel, "is_over", is_over)

    def _bridge_complete(self, event: ev.BridgeInfoComplete) -> None:
        items = self._items.pop(event.action_id, None)
        if items is not None and event.items in (-1, len(items)):
            registry = self.mirror.registry
            registry.bridging.set_members(event.bridge, items, registry.channels)

    def _booted(self, event: ev.FullyBooted) -> None:
        """Drop what is held if the machine began anew since: nothing of it can be up.

        FullyBooted comes with the login when the machine was up already; later, when it
        was still starting. With Uptime it also says when it started.
        """
        if self._held is None:
            return
        booted_at = event.at - event.uptime - _CLOCK_SLACK_SECONDS
        older = event.uptime >= 0 and any(
            0 < channel.start < booted_at for channel in self._held.channels.values()
        )
        if self._saw_list or older:
            self._restarted()

    def _refused(self, _event: ev.ListRefused) -> None:
        self._restarted()

    def _restarted(self) -> None:
        if self._held is not None:
            self.withdraw()

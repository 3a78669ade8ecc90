"""Channels into legs: the one place where AMI's words become the API's.

For each field the first rule that gives a value wins: the channel variable that the
configuration names (a platform's dialplan knows best), on the leg itself or on those that
lead to it, else what the channels themselves tell (`inference`). Nothing here changes
anything; a leg is a function of the registry at one moment, the rules and the directory's
lines.
"""

from collections.abc import Callable, Mapping

import msgspec

from callstate.core.channel import Channel
from callstate.core.direction import direction_of
from callstate.core.inference import Inference, View
from callstate.core.model import Leg, Status
from callstate.core.paths import age, rings
from callstate.core.registry import Registry

# Channels that are no legs: halves of Local channels, and those that Asterisk makes for
# itself (AST_CHAN_TP_INTERNAL and the message channel).
_NO_LEG = (
    "Local/",
    "Message/",
    "Surrogate/",
    "CBAnn/",
    "CBRec/",
    "Announcer/",
    "Recorder/",
    "Bridge/",
    "AsyncGoto/",
)

# AST_PRES_RESTRICTION in include/asterisk/callerid.h: 0 allowed, 0x20 restricted, 0x40
# unavailable.
_PRESENTATION_MASK = 0x60
_NOT_PRESENTED = ("prohib", "unavailable")


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What the configuration says about variables and ids.

    `variables` maps a field of a leg to the channel variable that holds it; `peers` and
    `groups` give the ids of names that such variables hold.
    """

    variables: Mapping[str, str] = {}
    peers: Mapping[str, int] = {}
    groups: Mapping[str, int] = {}


class Deriver:
    """Makes the legs of one machine."""

    def __init__(self, machine: int, rules: Rules, inference: Inference) -> None:
        self._machine = machine
        self._variables = dict(rules.variables)
        self._numbers: dict[str, Callable[[str], int | None]] = {
            "scustomer": _number,
            "dcustomer": _number,
            "overmax": _number,
            "peer": _named(rules.peers),
            "billing_peer": _named(rules.peers),
            "ingroup": _named(rules.groups),
            "outgroup": _named(rules.groups),
        }
        self._inference = inference

    def derive(self, channel: Channel, registry: Registry) -> Leg | None:
        """Return the leg that `channel` is, None if it is none. O(its call)."""
        if channel.channel.startswith(_NO_LEG):
            return None
        # One that was made by nobody else, and says who it is, stays the source in its row,
        # whoever it met: who picked a call up or fetched a parked one.
        is_caller = not channel.requested and self._text([channel], "snumber", "") != ""
        view = self._inference.view(channel, registry, is_caller=is_caller)
        return self._leg(channel, registry, view)

    def _leg(self, channel: Channel, registry: Registry, view: View) -> Leg:
        way, route, goal = _speakers(channel, view)
        source, end, caller = view.source, view.destination, view.way.origin.snapshot
        text, number = self._text, self._number
        stype, dtype = text(way, "stype", source.type), text(goal, "dtype", end.type)
        peer = self._peer(channel, route, "peer", (end.peer, source.peer))
        return Leg(
            answered=channel.answered,
            billing_peer=self._peer(
                channel, route, "billing_peer", (end.billing_peer, source.billing_peer)
            ),
            callerid_external=text(way, "callerid_external", caller.caller_number),
            callerid_internal=text(way, "callerid_internal", caller.caller_number),
            callername_external=text(way, "callername_external", caller.caller_name),
            callername_internal=text(way, "callername_internal", caller.caller_name),
            callid=self._callid(channel),
            channel=channel.channel,
            cnumber=text(way, "cnumber", view.called),
            ctype=text(way, "ctype", view.called_type),
            dcustomer=number(goal, "dcustomer", end.customer),
            dnumber=text(goal, "dnumber", end.number),
            dtype=dtype,
            ingroup=number(way, "ingroup", source.ingroup),
            machine=self._machine,
            outgroup=number([channel, *route], "outgroup", end.outgroup),
            overmax=number([channel, *route], "overmax", 0),
            peer=peer,
            recording=channel.recordings[-1] if channel.recordings else "",
            scustomer=number([channel, *route], "scustomer", source.customer),
            sip_callid=self._sip_callid(channel),
            snumber=text(way, "snumber", source.number),
            spresent=self._presented(way, view.way.origin),
            start=channel.start,
            status=_status(channel, registry),
            stype=stype,
            uniqueid=channel.uniqueid,
            direction=direction_of(stype, dtype, peer).value,
        )

    def _text(self, channels: list[Channel], field: str, inferred: str) -> str:
        """Return what the first of `channels` says that has the field's variable."""
        variable = self._variables.get(field)
        if variable is None:
            return inferred
        for channel in channels:
            value = channel.variables.get(variable)
            if value:
                return value
        return inferred

    def _number(self, channels: list[Channel], field: str, inferred: int) -> int:
        text = self._text(channels, field, "")
        if not text:
            return inferred
        number = self._numbers[field](text)
        return inferred if number is None else number

    def _callid(self, channel: Channel) -> str:
        """One callid for all of a call: the variable of its oldest channel that has it."""
        call = channel.call
        assert call is not None, channel
        variable = self._variables.get("callid")
        if variable:
            named = [member for member in call.members if member.variables.get(variable)]
            if named:
                return min(named, key=age).variables[variable]
        return call.callid

    def _sip_callid(self, channel: Channel) -> str:
        inferred = channel.variables.get("SIPCALLID") or channel.sip_callid
        return self._text([channel], "sip_callid", inferred)

    def _peer(
        self, channel: Channel, route: list[Channel], field: str, inferred: tuple[int, int]
    ) -> int:
        """Return the carrier: the one that the leg itself is before that of the call so far."""
        at_end, at_source = inferred
        so_far = at_end or self._number(route, field, at_source)
        return self._number([channel], field, so_far)

    def _presented(self, way: list[Channel], caller: Channel) -> int:
        value = self._text(way, "spresent", caller.variables.get("CALLERID(pres)", ""))
        if value:
            return 0 if value == "0" or value.startswith(_NOT_PRESENTED) else 1
        return int(caller.presentation < 0 or not caller.presentation & _PRESENTATION_MASK)


def _speakers(channel: Channel, view: View) -> tuple[list[Channel], list[Channel], list[Channel]]:
    """Return whose variables say who calls, how the call goes on, and where it goes.

    After the leg itself, who calls is said where the call began, how it goes on by the nearest
    that dialled, and where it goes by the leg that is reached; unless that one began a call
    too: what it says then is where that call went.
    """
    origin, between = view.way
    goal = [channel, view.reached] if view.reached.is_dialled else [channel]
    return [channel, origin, *between], [*between, origin], goal


def _status(channel: Channel, registry: Registry) -> str:
    # `h` is where the dialplan goes when the channel has hung up.
    if channel.hangup_requested or channel.is_over or channel.snapshot.exten == "h":
        return Status.ENDING.value
    if channel.is_up:
        return Status.HOLD.value if channel.holding else Status.ANSWER.value
    return Status.RINGING.value if rings(channel, registry) else Status.NEW.value


def _number(value: str) -> int | None:
    value = value.strip()
    return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else None


def _named(ids: Mapping[str, int]) -> Callable[[str], int | None]:
    return lambda value: ids.get(value) or _number(value)

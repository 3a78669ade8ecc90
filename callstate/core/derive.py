"""Channels into legs: the one place where AMI's words become the API's.

For each field the first rule that gives a value wins: the channel variable that the
configuration names (a platform's dialplan knows best), on the leg itself or on those that
lead to it, else what the channels themselves tell (`inference`). Nothing here changes
anything; a leg is a function of the registry at one moment, the rules and the directory's
lines.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from callstate.core.channel import Channel
from callstate.core.direction import direction_of
from callstate.core.inference import Inference, View
from callstate.core.model import Leg, Status
from callstate.core.paths import is_older, rings
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

# Attributes of an enumeration are slow, and each leg asks.
_NEW, _RINGING, _ENDING = Status.NEW.value, Status.RINGING.value, Status.ENDING.value
_ANSWER, _HOLD = Status.ANSWER.value, Status.HOLD.value


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What the configuration says about variables and ids.

    `variables` maps a field of a leg to the channel variable that holds it; `peers` and
    `groups` give the ids of names that such variables hold.
    """

    variables: Mapping[str, str] = {}
    peers: Mapping[str, int] = {}
    groups: Mapping[str, int] = {}


# What a channel's variables say, by the field of a leg; a number that is none is None.
Said = Mapping[str, Any]


class Deriver:
    """Makes the legs of one machine."""

    def __init__(self, machine: int, rules: Rules, inference: Inference) -> None:
        self._machine = machine
        peers, groups = dict(rules.peers), dict(rules.groups)
        numbers: dict[str, dict[str, int]] = {
            "scustomer": {},
            "dcustomer": {},
            "overmax": {},
            "peer": peers,
            "billing_peer": peers,
            "ingroup": groups,
            "outgroup": groups,
        }
        # The variable, the field that it is for, and for one that is a number, the names of some.
        self._fields = tuple(
            (variable, field, numbers.get(field)) for field, variable in rules.variables.items()
        )
        self._inference = inference

    def derive(self, channel: Channel, registry: Registry) -> Leg | None:
        """Return the leg that `channel` is, None if it is none. O(its call)."""
        if channel.channel.startswith(_NO_LEG):
            return None
        # One that was made by nobody else, and says who it is, stays the source in its row,
        # whoever it met: who picked a call up or fetched a parked one.
        own = self._said(channel)
        is_caller = not channel.requested and "snumber" in own
        view = self._inference.view(channel, registry, is_caller)
        return self._leg(channel, registry, view, own)

    def _leg(self, channel: Channel, registry: Registry, view: View, own: Said) -> Leg:
        way, route, goal = self._speakers(channel, view, own)
        source, end, caller = view.source, view.destination, view.way.origin.snapshot
        stype = way.get("stype", source.type)
        dtype = own.get("dtype") or goal.get("dtype", end.type)
        number, name = caller.caller_number, caller.caller_name
        peer = _peer(own, route, "peer", end.peer, source.peer)
        return Leg(
            answered=channel.answered,
            billing_peer=_peer(own, route, "billing_peer", end.billing_peer, source.billing_peer),
            callerid_external=way.get("callerid_external", number),
            callerid_internal=way.get("callerid_internal", number),
            callername_external=way.get("callername_external", name),
            callername_internal=way.get("callername_internal", name),
            callid=self._callid(channel),
            channel=channel.channel,
            cnumber=way.get("cnumber", view.called),
            ctype=way.get("ctype", view.called_type),
            dcustomer=_known(own, goal, "dcustomer", end.customer),
            dnumber=own.get("dnumber") or goal.get("dnumber", end.number),
            dtype=dtype,
            ingroup=_known(own, way, "ingroup", source.ingroup),
            machine=self._machine,
            outgroup=_known(own, route, "outgroup", end.outgroup),
            overmax=_known(own, route, "overmax", 0),
            peer=peer,
            recording=channel.recordings[-1] if channel.recordings else "",
            scustomer=_known(own, route, "scustomer", source.customer),
            sip_callid=own.get("sip_callid")
            or channel.variables.get("SIPCALLID")
            or channel.sip_callid,
            snumber=way.get("snumber", source.number),
            spresent=_presented(way, view.way.origin),
            start=channel.start,
            status=_status(channel, registry),
            stype=stype,
            uniqueid=channel.uniqueid,
            direction=direction_of(stype, dtype, peer),
        )

    def _said(self, channel: Channel) -> Said:
        """Return what the variables of `channel` say. O(1) until they change."""
        said = channel.said
        if said is None or said[0] is not self._fields:
            values: dict[str, Any] = {}
            variables = channel.variables
            for variable, field, names in self._fields:
                value = variables.get(variable)
                if value:
                    values[field] = value if names is None else names.get(value) or _number(value)
            said = channel.said = self._fields, values
        return said[1]

    def _speakers(self, channel: Channel, view: View, own: Said) -> tuple[Said, Said, Said]:
        """Return what is said of who calls, of how the call goes on, and of where it goes.

        What the leg itself says counts before all three, and is in the first already. After it,
        who calls is said where the call began, how it goes on by the nearest that dialled, and
        where it goes by the leg that is reached; unless that one began a call too: what it says
        then is where that call went.
        """
        origin, between = view.way.origin, view.way.between
        goal = own
        if view.reached is not channel and view.reached.is_dialled:
            goal = self._said(view.reached)
        if origin is channel and not between:
            return own, own, goal
        way = route = self._said(origin)
        for other in reversed(between):
            said = self._said(other)
            way = _over(said, way)
            route = _over(route, said)
        return _over(way, own), route, goal

    def _callid(self, channel: Channel) -> str:
        """One callid for all of a call: the variable of its oldest channel that has it."""
        call = channel.call
        assert call is not None, channel
        oldest: Channel | None = None
        callid = call.callid
        for member in call.members:
            said = self._said(member)
            if "callid" in said and (oldest is None or is_older(member, oldest)):
                oldest, callid = member, said["callid"]
        return callid


def _over(below: Said, above: Said) -> Said:
    """Return what `above` says, and what `below` does where that is silent."""
    if not above:
        return below
    return {**below, **above} if below else above


def _known(own: Said, others: Said, field: str, inferred: int) -> int:
    """Return the number that the leg itself says, else that of `others`, else what is inferred.

    Who says what is no number says nothing, and is asked all the same.
    """
    number: int | None = own.get(field)
    if number is None and others is not own and field not in own:
        number = others.get(field)
    return inferred if number is None else number


def _peer(own: Said, route: Said, field: str, at_end: int, at_source: int) -> int:
    """Return the carrier: the one that the leg itself is before that of the call so far."""
    number: int | None = own.get(field)
    if number is None:
        number = at_end or route.get(field)
    return at_source if number is None else number


def _presented(way: Said, caller: Channel) -> int:
    value = way.get("spresent") or caller.variables.get("CALLERID(pres)")
    if value:
        return 0 if value == "0" or value.startswith(_NOT_PRESENTED) else 1
    return int(caller.presentation < 0 or not caller.presentation & _PRESENTATION_MASK)


def _status(channel: Channel, registry: Registry) -> str:
    # `h` is where the dialplan goes when the channel has hung up.
    if channel.hangup_requested or channel.is_over or channel.snapshot.exten == "h":
        return _ENDING
    if channel.is_up:
        return _HOLD if channel.holding else _ANSWER
    return _RINGING if rings(channel, registry) else _NEW


def _number(value: str) -> int | None:
    value = value.strip()
    return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else None

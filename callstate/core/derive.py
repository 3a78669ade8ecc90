"""Channels into legs: the one place where AMI's words become the API's.

For each field the first rule that gives a value wins: the channel variable that the
configuration names (a platform's dialplan knows best), else what the channels themselves
tell (`inference`). Nothing here changes anything; a leg is a function of the registry at
one moment, the rules and the directory's lines.
"""

from collections.abc import Callable, Mapping

import msgspec

from callstate.core.channel import Channel
from callstate.core.direction import direction_of
from callstate.core.events import ChannelState
from callstate.core.inference import Inference
from callstate.core.model import Leg, Status
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
        self._numbers: dict[str, Callable[[str], int]] = {
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
        inferred = self._inference
        source = inferred.source(channel, registry)
        destination = inferred.destination(channel, registry)
        snapshot = channel.snapshot
        text, number = self._text, self._number
        stype = text(channel, "stype", source.type)
        dtype = text(channel, "dtype", destination.type)
        peer = number(channel, "peer", destination.peer or source.peer)
        caller_number = text(channel, "callerid_external", snapshot.caller_number)
        return Leg(
            answered=channel.answered,
            billing_peer=number(
                channel, "billing_peer", destination.billing_peer or source.billing_peer
            ),
            callerid_external=caller_number,
            callerid_internal=text(channel, "callerid_internal", snapshot.caller_number),
            callername_external=text(channel, "callername_external", snapshot.caller_name),
            callername_internal=text(channel, "callername_internal", snapshot.caller_name),
            callid=self._callid(channel),
            channel=channel.channel,
            cnumber=text(channel, "cnumber", inferred.called(channel, registry)),
            ctype=text(channel, "ctype", destination.type),
            dcustomer=number(channel, "dcustomer", destination.customer),
            dnumber=text(channel, "dnumber", destination.number),
            dtype=dtype,
            ingroup=number(channel, "ingroup", source.ingroup),
            machine=self._machine,
            outgroup=number(channel, "outgroup", destination.outgroup),
            overmax=number(channel, "overmax", 0),
            peer=peer,
            recording=channel.recordings[-1] if channel.recordings else "",
            scustomer=number(channel, "scustomer", source.customer),
            sip_callid=self._sip_callid(channel),
            snumber=text(channel, "snumber", source.number),
            spresent=self._presented(channel),
            start=channel.start,
            status=_status(channel, registry),
            stype=stype,
            uniqueid=channel.uniqueid,
            direction=direction_of(stype, dtype, peer).value,
        )

    def _text(self, channel: Channel, field: str, inferred: str) -> str:
        variable = self._variables.get(field)
        return (variable and channel.variables.get(variable)) or inferred

    def _number(self, channel: Channel, field: str, inferred: int) -> int:
        variable = self._variables.get(field)
        value = channel.variables.get(variable) if variable else None
        return self._numbers[field](value) if value else inferred

    def _callid(self, channel: Channel) -> str:
        """One callid for all of a call: the variable of its oldest channel that has it."""
        call = channel.call
        assert call is not None, channel
        variable = self._variables.get("callid")
        if variable:
            named = [member for member in call.members if member.variables.get(variable)]
            if named:
                return min(named, key=_age).variables[variable]
        return call.callid

    def _sip_callid(self, channel: Channel) -> str:
        inferred = channel.variables.get("SIPCALLID") or channel.sip_callid
        return self._text(channel, "sip_callid", inferred)

    def _presented(self, channel: Channel) -> int:
        variable = self._variables.get("spresent")
        value = channel.variables.get(variable, "") if variable else ""
        if not value:
            value = channel.variables.get("CALLERID(pres)", "")
        if value:
            return 0 if value == "0" or value.startswith(_NOT_PRESENTED) else 1
        return int(channel.presentation < 0 or not channel.presentation & _PRESENTATION_MASK)


def _status(channel: Channel, registry: Registry) -> str:
    if channel.hangup_requested:
        return Status.ENDING.value
    if channel.is_up:
        return Status.HOLD.value if channel.holding else Status.ANSWER.value
    if channel.snapshot.channel_state == ChannelState.RINGING or _rings(channel, registry, 8):
        return Status.RINGING.value
    return Status.NEW.value


def _rings(channel: Channel, registry: Registry, depth: int) -> bool:
    """True if a channel that this one dials rings, through Local channels as well."""
    for uniqueid, heard in channel.dialling.items():
        dest = registry.channels[uniqueid]
        if heard == "RINGING" or dest.snapshot.channel_state == ChannelState.RINGING:
            return True
        other = registry.calls.other_half(dest)
        if other is not None and depth and _rings(other, registry, depth - 1):
            return True
    return False


def _age(channel: Channel) -> tuple[int, int]:
    return channel.start, channel.serial


def _number(value: str) -> int:
    value = value.strip()
    return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else 0


def _named(ids: Mapping[str, int]) -> Callable[[str], int]:
    return lambda value: ids.get(value) or _number(value)

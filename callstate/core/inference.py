"""Who calls whom, from the channels alone: what a plain Asterisk tells without variables.

1. What a channel is follows from its name: a telephone line of the directory, else the
   first `[[endpoint]]` rule that matches, else a plain extension or number.
2. A leg that started a call: its source is itself; its destination is what it reaches
   now: who it talks to, else who it dials, else the extension that it is in.
3. A leg that was dialled: its source is the source of the leg that dialled it, through
   Local channels and queues; its destination is itself. When the leg that dialled it is
   gone (a transfer), its source is the one that it talks to.
"""

from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase

import msgspec

from callstate.core.access import Line
from callstate.core.channel import Channel
from callstate.core.registry import Registry

# Local channels in a chain of forwards; deeper than any dialplan, and the end of a loop.
_DEPTH_LIMIT = 16

# Channel names are forgotten all at once when so many different ones were seen.
_CACHE_LIMIT = 100_000


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """An `[[endpoint]]` rule: what the channels are whose name matches `pattern`."""

    pattern: str
    type: str
    customer: int = 0
    peer: int = 0
    billing_peer: int = 0
    ingroup: int = 0
    outgroup: int = 0
    number: str = ""


class Party(msgspec.Struct, frozen=True, kw_only=True):
    """One end of a call: what it is, whose, and its number."""

    type: str = ""
    number: str = ""
    customer: int = 0
    peer: int = 0
    billing_peer: int = 0
    ingroup: int = 0
    outgroup: int = 0


NOBODY = Party()


class Inference:
    """The rules and the lines of one installation. `line_of` finds a channel's line, or None."""

    def __init__(
        self,
        endpoints: tuple[Endpoint, ...] = (),
        line_of: Callable[[str], Line | None] = lambda _channel: None,
        *,
        account_code_is_customer: bool = False,
    ) -> None:
        self._endpoints = endpoints
        self._line_of = line_of
        self._account_code_is_customer = account_code_is_customer
        self._known: dict[str, Endpoint | None] = {}

    def source(self, channel: Channel, registry: Registry) -> Party:
        """Return who started the call that `channel` is a leg of. O(its call)."""
        origin = self._origin(channel, registry)
        if origin is not channel:
            return self.party(origin)
        if _is_dialled(channel):
            for talker in talkers(channel, registry):
                return self.party(self._origin(talker, registry))
        return self.party(channel)

    def destination(self, channel: Channel, registry: Registry) -> Party:
        """Return whom `channel` reaches at this moment. O(its call)."""
        if _is_dialled(channel):
            return self.party(channel)
        reached = list(talkers(channel, registry)) or list(_dialled(channel, registry))
        if len(reached) == 1:
            return self.party(reached[0])
        if channel.queue:
            return Party(type="queue", number=channel.queue)
        exten = channel.snapshot.exten
        if not exten:
            return NOBODY
        return Party(type="extension", number=exten, customer=self.party(channel).customer)

    def called(self, channel: Channel, registry: Registry) -> str:
        """Return the number first dialled in the call that `channel` is a leg of. O(its call)."""
        return self._origin(channel, registry).first_exten

    def party(self, channel: Channel) -> Party:
        """Return what `channel` itself is. O(1), the first time O(rules)."""
        name = channel.channel.rpartition("-")[0] or channel.channel
        rule = self._known.get(name)
        if rule is None and name not in self._known:
            if len(self._known) >= _CACHE_LIMIT:
                self._known.clear()
            rule = self._known[name] = self._find(channel.channel)
        number = channel.snapshot.caller_number
        if rule is None:
            return Party(type="", number=number, customer=self._account(channel))
        return Party(
            type=rule.type,
            number=rule.number or number,
            customer=rule.customer or self._account(channel),
            peer=rule.peer,
            billing_peer=rule.billing_peer or rule.peer,
            ingroup=rule.ingroup,
            outgroup=rule.outgroup,
        )

    def _find(self, name: str) -> Endpoint | None:
        line = self._line_of(name)
        if line is not None:
            return Endpoint(pattern=name, type="phone", customer=line.customer, number=line.number)
        for rule in self._endpoints:
            if fnmatchcase(name, rule.pattern):
                return rule
        return None

    def _account(self, channel: Channel) -> int:
        code = channel.snapshot.account_code
        if self._account_code_is_customer and code.isascii() and code.isdigit():
            return int(code[:18])
        return 0

    def _origin(self, channel: Channel, registry: Registry) -> Channel:
        """Return the channel that started the call, as far as those that dialled are there."""
        for _ in range(_DEPTH_LIMIT):
            dialler = registry.channels.get(channel.dialled_by)
            other = registry.calls.other_half(channel) if channel.local_pair else None
            if dialler is not None:
                channel = dialler
            elif other is not None and other.dialled_by in registry.channels:
                channel = registry.channels[other.dialled_by]
            else:
                break
        if channel.requested and not channel.dialled_by:
            # Its DialBegin is still to come, or was before our time.
            return registry.channels.get(channel.linkedid, channel)
        return channel


def _is_dialled(channel: Channel) -> bool:
    return channel.requested or channel.dialled_by != ""


def talkers(channel: Channel, registry: Registry) -> Iterator[Channel]:
    """Yield the real channels at the other end of `channel`'s bridge, through Local channels."""
    yield from _through(channel, registry, {channel.uniqueid})


def _through(channel: Channel, registry: Registry, seen: set[str]) -> Iterator[Channel]:
    bridge = channel.bridge
    if bridge is None or not bridge.is_call:
        return
    for member in list(bridge.members.values()):
        if member.uniqueid in seen:
            continue
        seen.add(member.uniqueid)
        other = registry.calls.other_half(member) if member.local_pair else None
        if other is not None:
            seen.add(other.uniqueid)
            yield from _through(other, registry, seen)
        elif not member.is_local:
            yield member


def _dialled(channel: Channel, registry: Registry, depth: int = _DEPTH_LIMIT) -> Iterator[Channel]:
    """Yield the real channels that `channel` is dialling, through Local channels."""
    for uniqueid in channel.dialling:
        dest = registry.channels[uniqueid]
        other = registry.calls.other_half(dest) if dest.local_pair else None
        if other is not None and depth:
            yield from _dialled(other, registry, depth - 1)
            yield from _through(other, registry, {dest.uniqueid, other.uniqueid})
        elif not dest.is_local:
            yield dest

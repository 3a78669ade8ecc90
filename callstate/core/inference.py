"""Who calls whom, from the channels alone: what a plain Asterisk tells without variables.

1. What a channel is follows from its name: a telephone line of the directory, else the
   first `[[endpoint]]` rule that matches, else a plain extension or number.
2. The source is the leg that began the call (`paths`), for every leg of it.
3. The destination of the leg that began it is what it reaches now: who it talks to, else the
   queue, conference or parking space that it waits in, else who it dials, else who holds it,
   else the extension that it is in. Of several that ring, none is the destination yet.
4. The destination of every other leg is itself.
"""

import re
from collections.abc import Callable
from fnmatch import fnmatchcase

import msgspec

from callstate.core.access import Line
from callstate.core.channel import PLACES, Channel
from callstate.core.direction import OUTSIDE_TYPES
from callstate.core.paths import Way, beyond, dialled_ends, partners, way_to
from callstate.core.registry import Registry

# Places whose application names them, in its first argument: `sales`, `102@default&103`.
_NAMED = frozenset({"queue", "mailbox", "conference"})
_FIRST = re.compile("[,)@&]")

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


class View:
    """A call as it looks from one of its legs.

    `way` says how the leg came about; `reached` is the leg that is the destination, the leg
    itself if that is no leg. `called` is the number that was called.
    """

    __slots__ = ("called", "called_type", "destination", "reached", "source", "way")

    def __init__(
        self, way: Way, source: Party, destination: Party, reached: Channel, called: str
    ) -> None:
        self.way = way
        self.source = source
        self.destination = destination
        self.reached = reached
        self.called = called
        self.called_type = _called_type(called, source, destination)


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
        # By channel name: what does not depend on the single channel.
        self._known: dict[str, Party] = {}

    def view(self, channel: Channel, registry: Registry, is_caller: bool = False) -> View:
        """Return the call as it looks from `channel`. O(its call).

        `is_caller`: that it began a call of its own is known, whomever it met later.
        """
        way = Way(channel, []) if is_caller else way_to(channel, registry)
        origin = way.origin
        source = self.party(origin)
        reached = channel
        destination: Party | None = None
        if origin is channel:
            end = self._reach(channel, registry, {channel.uniqueid})
            if isinstance(end, Channel):
                reached = end
            else:
                destination = end
        if destination is None:
            destination = self._destination(reached)
        elif destination.type and not destination.customer:
            destination = msgspec.structs.replace(destination, customer=source.customer)
        number = origin.first_exten
        if origin.is_dialled and not is_caller:
            # It began none of this: what counts is the number with which the other was dialled.
            number = reached.first_exten if reached is not origin else destination.number
        return View(way, source, destination, reached, number)

    def _destination(self, channel: Channel) -> Party:
        """Return what `channel` is for who reaches it: outside, the number that was dialled.

        Whom nobody dialled came from a carrier; the call is sent to none.
        """
        party = self.party(channel)
        if not channel.is_dialled:
            if not (party.peer or party.billing_peer or party.outgroup):
                return party
            return msgspec.structs.replace(party, peer=0, billing_peer=0, outgroup=0)
        if party.type in OUTSIDE_TYPES and channel.dialled_number:
            return msgspec.structs.replace(party, number=channel.dialled_number)
        return party

    def _reach(self, channel: Channel, registry: Registry, seen: set[str]) -> Channel | Party:
        """Return whom or what `channel` reaches now, through Local channels."""
        met = self._follow(partners(channel), registry, seen)
        if not met and not self._waits(channel):
            dialled = [registry.channels[uniqueid] for uniqueid in channel.dialling]
            met = self._follow(dialled, registry, seen)
            if not met and channel.bridge is not None:
                # Alone where it talked: whom it dialled holds it, and talks to somebody else.
                left = [registry.channels[uniqueid] for uniqueid in sorted(channel.dialled)]
                met = [other for other in left if other.is_up and not other.is_local]
        if len(met) == 1:
            return met[0]
        return self._place(channel, registry)

    def _waits(self, channel: Channel) -> bool:
        """True for who waits in a queue, or in a bridge that is no call: nobody is reached."""
        if channel.bridge is not None:
            return not channel.bridge.is_call
        return channel.queue != "" or channel.running.startswith("Queue(")

    def _follow(
        self, others: list[Channel], registry: Registry, seen: set[str]
    ) -> list[Channel | Party]:
        found: list[Channel | Party] = []
        for other in others:
            if other.uniqueid in seen:
                continue
            seen.add(other.uniqueid)
            half = beyond(other, registry)
            if half is not None:
                seen.add(half.uniqueid)
                found.append(self._reach(half, registry, seen))
            elif not other.is_local:
                found.append(other)
        return found

    def _place(self, channel: Channel, registry: Registry) -> Party:
        """Return where in the dialplan `channel` is, as what the API calls it."""
        customer = self.party(channel).customer or self._customer_of_dialled(channel, registry)
        bridge = channel.bridge
        # In a bridge, an application that goes on around it (Queue) is no place any more.
        application, _, arguments = (channel.running if bridge is None else "").partition("(")
        # The extension of a leg that was dialled is that of who dialled it.
        is_own = channel.is_local or not channel.is_dialled
        kind, number = PLACES.get(application, "extension"), channel.last_exten if is_own else ""
        if bridge is not None and bridge.bridge_type == "parking":
            kind, number = "parking", channel.parking_space
        elif bridge is not None and bridge.bridge_type == "base" and bridge.name:
            kind, number = "conference", bridge.name
        elif bridge is None and channel.queue:
            kind, number = "queue", channel.queue
        elif kind in _NAMED:
            number = _FIRST.split(arguments, 1)[0] or number
        if kind == "extension" and not number:
            return NOBODY
        return Party(type=kind, number=number, customer=customer)

    def _customer_of_dialled(self, channel: Channel, registry: Registry) -> int:
        """Return the customer of the phones that ring for `channel`, 0 if there are several."""
        ends = dialled_ends(channel, registry)
        customers = {self.party(end).customer for end in ends}
        return customers.pop() if len(customers) == 1 else 0

    def party(self, channel: Channel) -> Party:
        """Return what `channel` itself is. O(1), the first time O(rules)."""
        noted = channel.party
        if noted is None or noted[0] is not self:
            known = self._known_by_name(channel.channel)
            noted = channel.party = self, known, known
        known, party = noted[1], noted[2]
        number = known.number or channel.snapshot.caller_number
        customer = known.customer or self._account(channel)
        if number != party.number or customer != party.customer:
            party = msgspec.structs.replace(known, number=number, customer=customer)
            channel.party = self, known, party
        return party

    def _known_by_name(self, channel: str) -> Party:
        name = channel.rpartition("-")[0] or channel
        known = self._known.get(name)
        if known is None:
            if len(self._known) >= _CACHE_LIMIT:
                self._known.clear()
            known = self._known[name] = self._find(channel)
        return known

    def _find(self, name: str) -> Party:
        line = self._line_of(name)
        if line is not None:
            return Party(type="phone", number=line.number, customer=line.customer)
        for rule in self._endpoints:
            if fnmatchcase(name, rule.pattern):
                return Party(
                    type=rule.type,
                    number=rule.number,
                    customer=rule.customer,
                    peer=rule.peer,
                    billing_peer=rule.billing_peer or rule.peer,
                    ingroup=rule.ingroup,
                    outgroup=rule.outgroup,
                )
        return NOBODY

    def _account(self, channel: Channel) -> int:
        code = channel.snapshot.account_code
        if self._account_code_is_customer and code.isascii() and code.isdigit():
            return int(code[:18])
        return 0


def _called_type(number: str, source: Party, destination: Party) -> str:
    """Return what `number` is, that was dialled to get from `source` to `destination`."""
    if not number:
        return ""
    end = destination.number
    if end and (number == end or (destination.type in OUTSIDE_TYPES and number.endswith(end))):
        return destination.type or "extension"
    return "number" if source.type in OUTSIDE_TYPES else "extension"

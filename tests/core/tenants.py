"""Random platforms of a few customers, and who may see what there, in the contract's words.

Numbers, machines and seconds are few, so that legs of different customers collide a lot.
"""

import random
from dataclasses import dataclass
from typing import Any

from callstate.core.access import Principal, Role
from callstate.core.customers import CustomerRow, CustomerTree
from callstate.core.model import Leg
from callstate.core.plan import Match, Query
from tests.core.legs import make_leg
from tests.core.oracle import SORTS

PRIVILEGES = ("callshop", "telephone line reports", "user", "panel", "other")
OPENING = {"callshop", "telephone line reports", "user"}
NUMBERS = ("101", "102", "aB", "ab", "+4930")
TYPES = ("phone", "phone", "external", "queue", "")


@dataclass(frozen=True)
class World:
    """A platform: `parents` by customer, who asks, for whose legs, and all legs there are."""

    parents: dict[int, int]
    who: Principal
    customer: str
    recursive: bool
    legs: list[Leg]

    @property
    def tree(self) -> CustomerTree:
        """The customers, as the directory has them."""
        rows = [CustomerRow(id=each, parent=parent) for each, parent in self.parents.items()]
        return CustomerTree(rows)

    def is_visible(self, leg: Leg) -> bool:
        """Tell whether the answer may depend on `leg`; the contract's sections 4 and 5."""
        role, privileges = self.who.role, self.who.role.privileges
        if not privileges & OPENING:
            return False
        if role.name != "administrator" and privileges & OPENING == {"user"}:
            own = set[tuple[int, str]]()
            if leg.stype == "phone":
                own.add((leg.scustomer, leg.snumber))
            if leg.dtype == "phone":
                own.add((leg.dcustomer, leg.dnumber))
            if not own & self.who.lines:
                return False
        return any(map(self._is_asked_for, (leg.scustomer, leg.dcustomer)))

    def _is_asked_for(self, customer: int) -> bool:
        own, role = self.who.customer, self.who.role
        if self.customer == "system":
            is_wide = role.system_wide and "telephone line reports" in role.privileges
            return self.parents[own] == 0 or is_wide
        if self.customer == "all":
            return self.parents.get(customer) == own
        wanted = int(self.customer or own) if self.customer.isdigit() or not self.customer else -1
        if own not in self._line_of(wanted):
            return False
        return customer == wanted or (self.recursive and wanted in self._line_of(customer))

    def _line_of(self, customer: int) -> list[int]:
        """Return `customer`, its parent, that one's parent and so on."""
        line = []
        while customer in self.parents:
            line.append(customer)
            customer = self.parents[customer]
        return line


def random_world(dice: random.Random) -> World:
    """Return a world."""
    customers = list(range(1, dice.randrange(2, 9)))
    parents = {each: dice.randrange(1, each) if each > 1 else 0 for each in customers}
    own = dice.choice(customers)
    lines = [(each, dice.choice(NUMBERS)) for each in customers for _ in range(2)]
    world = World(parents, _principal(dice, own, frozenset()), "", dice.random() < 0.4, [])
    below = [line for line in lines if own in world._line_of(line[0])]
    who = _principal(dice, own, frozenset(dice.sample(below, min(len(below), 2))))
    asked = [str(each) for each in (0, *customers, 99)]
    asked += ["", "", "all", "all", "system", "system", "recursive", "x"]
    legs = {leg.key: leg for leg in (_leg(dice, customers) for _ in range(dice.randrange(30)))}
    return World(parents, who, dice.choice(asked), world.recursive, list(legs.values()))


def _principal(dice: random.Random, own: int, lines: frozenset[tuple[int, str]]) -> Principal:
    privileges = frozenset(dice.sample(PRIVILEGES, dice.randrange(1, 4)))
    name = dice.choice(("agent", "agent", "administrator"))
    role = Role(name=name, privileges=privileges, system_wide=dice.random() < 0.3)
    return Principal(name="alice", customer=own, role=role, lines=lines)


def _leg(dice: random.Random, customers: list[int]) -> Leg:
    start = 1000000100 + dice.randrange(3)
    return make_leg(
        f"{start}.{dice.randrange(30)}",
        machine=dice.randrange(1, 3),
        start=start,
        callid=f"{start}.{dice.randrange(4)}",
        scustomer=dice.choice((0, *customers)),
        dcustomer=dice.choice((0, *customers)),
        snumber=dice.choice(NUMBERS),
        cnumber=dice.choice(NUMBERS),
        dnumber=dice.choice(NUMBERS),
        stype=dice.choice(TYPES),
        dtype=dice.choice(TYPES),
        peer=dice.randrange(3),
        direction=dice.choice(("in", "out", "internal")),
        callername_internal=dice.choice(NUMBERS),
    )


def random_given(dice: random.Random) -> dict[str, Any]:
    """Return the parameters of a query, apart from whose legs are asked for."""
    wanted: dict[str, Any] = {
        "callid": f"{1000000100 + dice.randrange(3)}.{dice.randrange(4)}",
        "callername_number": dice.choice(NUMBERS),
        "phone": dice.choice(NUMBERS),
        "direction": dice.choice(("in", "out", "internal", "in_out")),
        "stype": dice.choice(TYPES[1:]),
        "snumber": dice.choice(NUMBERS)[:2],
        "cnumber": dice.choice(NUMBERS),
        "cmatch": dice.choice([match.value for match in Match]),
        "dnumber": dice.choice(NUMBERS),
        "dmatch": "exact",
        "machines": str(dice.randrange(1, 4)),
        "limit": str(dice.randrange(1, 6)),
    }
    given = {name: wanted[name] for name in dice.sample(sorted(wanted), dice.randrange(4))}
    given |= {"sort": dice.choice(SORTS), "descending": dice.choice("01")}
    return given | {"count": "1" if dice.random() < 0.2 else "0"}


def query_of(given: dict[str, Any]) -> Query:
    """Return the query that `given` is."""
    texts = {name: value for name, value in given.items() if name not in ("count", "descending")}
    flags = {name: given[name] == "1" for name in ("count", "descending")}
    for name, convert in (("cmatch", Match), ("dmatch", Match), ("limit", int)):
        if name in texts:
            texts[name] = convert(texts[name])
    if "machines" in texts:
        texts["machines"] = frozenset({int(texts["machines"])})
    return Query(**texts, **flags)

"""Which way a call goes, decided in one place.

A side is outside when its type is `external` or `peer`. A `peer` > 0 makes a side outside as
well, and it is one number for two sides: it is read as the carrier the call came from when the
source's type is outside, else as the carrier it is sent to. So a call from a carrier to a
phone is `in` although its `peer` is set, and a call whose types say nothing but that has a
`peer` is `out`.

A row has one direction, and outside to outside is `out`: it leaves the platform and somebody
pays for that. The filter `in` finds it all the same, by its source.
"""

from callstate.core.model import Direction, Leg

OUTSIDE_TYPES = frozenset({"external", "peer"})


# Attributes of an enumeration are slow, and each leg asks.
_IN, _OUT, _INTERNAL = Direction.IN.value, Direction.OUT.value, Direction.INTERNAL.value


def direction_of(stype: str, dtype: str, peer: int) -> str:
    """Return the `Direction` of a leg with these fields, as a leg has it.

    >>> direction_of("phone", "external", 0)
    'out'
    >>> direction_of("external", "phone", 3)
    'in'
    """
    is_source_outside = stype in OUTSIDE_TYPES
    if dtype in OUTSIDE_TYPES or (peer > 0 and not is_source_outside):
        return _OUT
    return _IN if is_source_outside else _INTERNAL


def matches_direction(leg: Leg, wanted: str) -> bool:
    """Tell whether the filter `wanted` finds `leg`; empty finds every leg."""
    match wanted:
        case "":
            return True
        case "in":
            return leg.direction == "in" or (leg.direction == "out" and leg.stype in OUTSIDE_TYPES)
        case "in_out":
            return leg.direction != "internal"
        case _:
            return leg.direction == wanted

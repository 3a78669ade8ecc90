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


def direction_of(stype: str, dtype: str, peer: int) -> Direction:
    """Return the direction of a leg with these fields.

    >>> direction_of("phone", "external", 0).value
    'out'
    >>> direction_of("external", "phone", 3).value
    'in'
    """
    is_source_outside = stype in OUTSIDE_TYPES
    if dtype in OUTSIDE_TYPES or (peer > 0 and not is_source_outside):
        return Direction.OUT
    return Direction.IN if is_source_outside else Direction.INTERNAL


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

"""Legs for the tests of the core: one with defaults, and random ones that collide a lot."""

from typing import Any

from hypothesis import strategies as st

from callstate.core.model import Leg

# Few values, so that random legs share numbers, customers, seconds and even uniqueids.
UNIQUEIDS = (
    "1000000100.1",
    "1000000100.2",
    "1000000100.10",
    "pbx-1000000100.2",
    "1000000101.1",
    "999999999.7",
    "click;2",
    "none",
    "",
)
NUMBERS = ("", "1", "12", "21", "aB", "Ab", "straße", "STRASSE")
TYPES = ("", "phone", "external", "peer")
CUSTOMERS = (0, 1, 2, 3)
MACHINES = (1, 2, 3)


def make_leg(uniqueid: str = "1000000100.1", *, machine: int = 1, **fields: Any) -> Leg:
    """Return a leg with these fields, all others absent."""
    return Leg(machine=machine, uniqueid=uniqueid, **fields)


def legs() -> st.SearchStrategy[Leg]:
    """Give random legs."""
    numbers = st.sampled_from(NUMBERS)
    types = st.sampled_from(TYPES)
    customers = st.sampled_from(CUSTOMERS)
    return st.builds(
        Leg,
        machine=st.sampled_from(MACHINES),
        uniqueid=st.sampled_from(UNIQUEIDS),
        start=st.sampled_from((999999999, 1000000100, 1000000101)),
        callid=st.sampled_from(UNIQUEIDS),
        scustomer=customers,
        dcustomer=customers,
        snumber=numbers,
        cnumber=numbers,
        dnumber=numbers,
        stype=types,
        ctype=types,
        dtype=types,
        callername_internal=numbers,
        callername_external=numbers,
        peer=st.sampled_from((0, 3, 20)),
        direction=st.sampled_from(("in", "out", "internal")),
        status=st.sampled_from(("new", "answer")),
    )

"""Whatever is asked, it is either understood or refused, and no refusal repeats what was said."""

import json
from collections.abc import Mapping
from functools import partial
from urllib.parse import quote_plus

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from callstate.core import query
from callstate.core.access import Scope
from callstate.core.model import Leg
from callstate.core.store import LegStore
from callstate.web.errors import BadParameters
from callstate.web.form import read
from callstate.web.params import KINDS, PANEL_KINDS, Kind, parse
from callstate.web.rows import refusal

SECRET = "hunter2"
EVERYTHING = Scope(customers=None)

# Always the same examples: what fails here fails everywhere.
thorough = partial(
    settings,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)

NAMES = st.sampled_from(sorted(KINDS))
TEXTS = st.one_of(
    st.text(max_size=20),
    st.integers().map(str),
    st.sampled_from(["", "0", "1", "all", "in_out", "contains", "1, 2", "start", "9" * 200]),
)
# As they come off the wire: bytes that are no UTF-8 as surrogates.
ODD = st.binary(max_size=4).map(lambda raw: raw.decode("utf-8", "surrogateescape"))
STORE = LegStore()
for number in range(40):
    STORE.put(
        Leg(machine=number % 3, uniqueid=f"{number}.1", start=number, snumber=f"\udcff{number}")
    )


def _read(query: str, body: bytes = b"", kind: str = "") -> dict[str, str] | None:
    """Return what is understood, None if it is refused; check what is said then."""
    try:
        found = read(query, names=KINDS, body=body, content_type=kind)
    except BadParameters as refused:
        _check(refused)
        return None
    assert found.keys() <= KINDS.keys()
    for value in found.values():
        value.encode()  # it is text, whole characters only
    return found


def _check(refused: BadParameters) -> None:
    assert refused.errors
    said = refusal(400, refused.errors)
    assert json.loads(said)["responses"]
    assert SECRET.encode() not in said


def _ask(values: Mapping[str, str]) -> None:
    """Parse the values and run what they ask for."""
    for kinds in (KINDS, PANEL_KINDS):
        asked = parse({name: text for name, text in values.items() if name in kinds}, kinds)
        assert SECRET not in repr(asked.errors)
        query.run(STORE, asked.query, EVERYTHING)
        query.count(STORE, asked.query, EVERYTHING)


@thorough(max_examples=200)
@given(st.lists(st.one_of(NAMES, TEXTS, st.sampled_from("=&;%+,"), ODD), max_size=12).map("".join))
@example("auth_password=hunter2;auth_password=hunter2")
@example("auth_password=hunter2%ff")
@example("limit=" + "9" * 10_000)
@example("machines=" + "1," * 10_000)
def test_any_query_string_is_read_or_refused(text: str) -> None:
    _ask(_read(text) or {})


@thorough(max_examples=150)
@given(st.binary(max_size=80), st.sampled_from(["application/x-www-form-urlencoded", "x", ""]))
@example(b"auth_password=hunter2&auth_password=hunter2", "application/x-www-form-urlencoded")
@example(b"auth_password=hunter2", "text/plain")
def test_any_form_is_read_or_refused(body: bytes, kind: str) -> None:
    _ask(_read("", body, kind) or {})


@thorough(max_examples=150)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | TEXTS, inner),
        max_leaves=6,
    )
)
@example({"auth_password": [SECRET]})
@example({SECRET: SECRET})
def test_any_json_is_read_or_refused(value: object) -> None:
    _ask(_read("", json.dumps(value).encode(), "application/json") or {})


@thorough(max_examples=150)
@given(st.binary(max_size=80))
@example(b"[" * 100_000)
@example(b'{"limit":' + b"9" * 10_000 + b"}")
@example(b'{"snumber":"\\ud800"}')
def test_any_body_that_says_it_is_json_is_read_or_refused(body: bytes) -> None:
    _ask(_read("", body, "application/json") or {})


@thorough(max_examples=150)
@given(st.dictionaries(NAMES, TEXTS), st.sampled_from("&;"))
def test_what_was_meant_is_what_is_read(values: dict[str, str], separator: str) -> None:
    text = separator.join(f"{name}={quote_plus(value)}" for name, value in values.items())
    assert _read(text) == values
    assert _read("", text.encode(), "application/x-www-form-urlencoded") == values
    assert _read("", json.dumps(values).encode(), "application/json") == values
    _ask(values)


@thorough(max_examples=150)
@given(st.dictionaries(NAMES, TEXTS))
def test_what_is_wrong_is_told_by_name_in_the_order_of_the_table(values: dict[str, str]) -> None:
    asked = parse(values)
    told = [error.name for error in asked.errors]
    assert told == [name for name in KINDS if name in told]
    free = {name for name, kind in KINDS.items() if kind in (Kind.TEXT, Kind.SECRET, Kind.CUSTOMER)}
    assert not free & set(told)

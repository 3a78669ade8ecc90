"""Raw requests into values by name."""

import doctest
import json

import pytest

from callstate.web import form
from callstate.web.errors import BadParameters

NAMES = ("auth_username", "auth_password", "customer", "limit", "snumber")
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


def read(query: str = "", body: bytes = b"", content_type: str = FORM) -> dict[str, str]:
    return form.read(query, names=NAMES, body=body, content_type=content_type)


def refused(query: str = "", body: bytes = b"", content_type: str = FORM) -> list[str]:
    with pytest.raises(BadParameters) as caught:
        read(query, body, content_type)
    return [error.name for error in caught.value.errors]


def test_the_examples_hold() -> None:
    assert doctest.testmod(form).failed == 0


@pytest.mark.parametrize(
    ("query", "given"),
    [
        ("", {}),
        ("&;&", {}),
        ("limit=5&snumber=1", {"limit": "5", "snumber": "1"}),
        ("limit=5;snumber=1", {"limit": "5", "snumber": "1"}),
        ("auth_username=u;auth_password=p&limit=1", {
            "auth_username": "u", "auth_password": "p", "limit": "1"}),
        ("auth_password=a%3Bb%26c", {"auth_password": "a;b&c"}),
        ("snumber=%2B49+30", {"snumber": "+49 30"}),
        ("snumber=J%C3%BCrgen", {"snumber": "Jürgen"}),
        ("snumber=J\udcc3\udcbcrgen", {"snumber": "Jürgen"}),
        ("snumber=a=b", {"snumber": "a=b"}),
        ("snumber=100%", {"snumber": "100%"}),
        ("snumber=%zz", {"snumber": "%zz"}),
        ("snumber", {"snumber": ""}),
        ("snumber=", {"snumber": ""}),
        ("auth%5Fusername=u", {"auth_username": "u"}),
        ("nonsense=1&nonsense=2&limit=3", {"limit": "3"}),
        ("Limit=3", {}),
    ],
)  # fmt: skip
def test_a_query_string_is_split_and_decoded(query: str, given: dict[str, str]) -> None:
    assert read(query) == given
    assert read(body=query.encode("utf-8", "surrogateescape")) == given


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("limit=1&limit=1", ["limit"]),
        ("limit=&limit=1", ["limit"]),
        ("limit=1;limit=2;limit=3", ["limit"]),
        ("snumber=1&snumber=2&customer=1&customer=2", ["customer", "snumber"]),
        ("snumber=%FF", ["snumber"]),
        ("snumber=\udcff", ["snumber"]),
        ("snumber=%ED%A0%80", ["snumber"]),
        ("nonsense=%FF", [""]),
        ("%FF=1", [""]),
        ("%FF=1&limit=1&limit=2", ["limit", ""]),
    ],
)
def test_what_may_mean_two_things_or_nothing_is_refused(query: str, names: list[str]) -> None:
    assert refused(query) == names


def test_query_string_and_body_are_one_request() -> None:
    assert read("limit=1", b"snumber=2") == {"limit": "1", "snumber": "2"}
    assert refused("limit=1", b"limit=1") == ["limit"]
    assert refused("limit=1", b'{"limit": 1}', JSON) == ["limit"]


@pytest.mark.parametrize(
    ("value", "text"),
    [("x", "x"), ("", ""), (5, "5"), (-5, "-5"), (True, "1"), (False, "0"), (None, "")],
)
def test_a_json_object_gives_the_same_values(value: object, text: str) -> None:
    assert read(body=json.dumps({"limit": value}).encode(), content_type=JSON) == {"limit": text}


def test_json_text_may_be_any_text() -> None:
    assert read(body='{"snumber": "Jürgen \\u20ac"}'.encode(), content_type=JSON) == {
        "snumber": "Jürgen €"
    }


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (b'{"limit": 1, "limit": 1}', ["limit"]),
        (b'{"limit": 1.5, "snumber": []}', ["limit", "snumber"]),
        (b'{"limit": {"limit": 1}}', ["limit"]),
        (b'{"snumber": "\\ud800"}', ["snumber"]),
        (b'{"limit": NaN}', ["limit"]),
        (b"[]", [""]),
        (b'"text"', [""]),
        (b"{", [""]),
        (b"\xff", [""]),
        (b"[" * 60_000, [""]),
        (b'{"limit": ' + b"9" * 5000 + b"}", [""]),
    ],
)
def test_a_json_body_that_cannot_be_read_is_refused(body: bytes, names: list[str]) -> None:
    assert refused(body=body, content_type=JSON) == names


def test_unknown_names_in_json_are_ignored_whatever_they_hold() -> None:
    assert read(body=b'{"x": [1], "x": {}, "limit": 2}', content_type=JSON) == {"limit": "2"}


def test_other_bodies_are_refused() -> None:
    assert refused(body=b"limit=1", content_type="text/plain") == [""]
    assert read(body=b"", content_type="text/plain") == {}


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"&" * (form.MAX_PAIRS + 1), FORM),
        (json.dumps({f"x{i}": 1 for i in range(form.MAX_PAIRS + 1)}).encode(), JSON),
    ],
)
def test_the_number_of_parameters_is_bounded(body: bytes, content_type: str) -> None:
    assert refused(body=body, content_type=content_type) == [""]


def test_half_a_character_is_not_utf8() -> None:
    assert refused("snumber=\ud800") == ["snumber"]


def test_no_error_repeats_a_value() -> None:
    with pytest.raises(BadParameters) as caught:
        read("auth_password=hunter2&auth_password=hunter2&snumber=hunter2%FF")
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(caught.value)

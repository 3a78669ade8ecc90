"""The errors of a manager connection: one printable line each."""

import pytest

from callstate.ami.errors import (
    ActionTimedOut,
    AmiError,
    ConnectionLost,
    InvalidAction,
    LoginRefused,
    PermissionDenied,
    printable,
)
from callstate.core.errors import CallstateError


@pytest.mark.parametrize(
    "kind", [ConnectionLost, LoginRefused, PermissionDenied, ActionTimedOut, InvalidAction]
)
def test_each_is_caught_as_an_error_of_the_connection_and_of_callstate(
    kind: type[AmiError],
) -> None:
    error = kind("the reason")
    assert isinstance(error, AmiError)
    assert isinstance(error, CallstateError)
    assert (error.reason, str(error)) == ("the reason", "the reason")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Authentication failed", "Authentication failed"),
        ("Zoë 会议室", "Zoë 会议室"),
        ("one\ntwo\r\x1b[31m", "one?two??[31m"),
        ("\udce9", "?"),
        ("x" * 200, "x" * 200),
        ("x" * 201, "x" * 200 + "..."),
    ],
)
def test_what_a_server_says_cannot_forge_a_line(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert ConnectionLost(text).reason == shown

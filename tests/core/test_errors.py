"""Errors say what is wrong and where, in one line."""

import pytest

from callstate.core import errors


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (errors.ConfigError("machine[0].port", "must be int"), "machine[0].port: must be int"),
        (errors.DirectoryError("user[alice]", "is there twice"), "user[alice]: is there twice"),
        (errors.BadParameter("limit", "Must be a number."), "limit: Must be a number."),
        (errors.AuthenticationFailed(), "Authentication failed."),
        (errors.NotAllowed(), "Your role does not allow this."),
    ],
)
def test_an_error_composes_its_own_message(error: errors.CallstateError, said: str) -> None:
    assert str(error) == said


def test_a_refused_directory_is_a_mistake_of_configuration() -> None:
    assert issubclass(errors.DirectoryError, errors.ConfigError)


def test_a_callers_errors_are_apart_from_the_operators() -> None:
    caller = (errors.BadParameter, errors.AuthenticationFailed, errors.NotAllowed)
    assert all(issubclass(kind, errors.QueryError) for kind in caller)
    assert not issubclass(errors.ConfigError, errors.QueryError)

"""Why a database gave no rows: telling, and never with a row or a secret in it."""

import errno
import socket
import sqlite3

import pytest

from callstate.directory.reason import reason


class FromServer(Exception):
    """An error as the drivers of servers have it."""

    def __init__(self, state: str, *args: object) -> None:
        super().__init__(*args)
        self.sqlstate = state


class Wrapped(Exception):
    """An error as SQLAlchemy wraps one."""

    def __init__(self, text: str, orig: BaseException) -> None:
        super().__init__(text)
        self.orig = orig


def from_sqlite(statement: str) -> sqlite3.Error:
    with pytest.raises(sqlite3.Error) as caught:
        sqlite3.connect("file:/nowhere/x?mode=ro", uri=True).execute(statement)
    return caught.value


def from_sqlite_in_memory(statement: str) -> sqlite3.Error:
    connection = sqlite3.connect(":memory:")
    with pytest.raises(sqlite3.Error) as caught:
        connection.execute(statement)
    connection.close()
    return caught.value


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (FromServer("42P01", 'relation "x" does not exist'), 'relation "x" does not exist (42P01)'),
        (
            FromServer("42S02", 1146, "Table 'a.x' doesn't exist"),
            "Table 'a.x' doesn't exist (42S02)",
        ),
        (FromServer("28000", 1045, "Access denied"), "Access denied (28000)"),
        (FromServer("22P02", 'invalid input: "hunter2"'), "error 22P02"),
        (FromServer("", 2013, "hunter2"), "error 2013"),
        (FromServer("42000", "two\nlines"), "two lines (42000)"),
        (FromServer("42000", "x" * 300), "x" * 200 + "..."),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed"), "Connection refused"),
        (socket.gaierror(-2, "Name or service not known"), "Name or service not known"),
        (OSError("Multiple exceptions: hunter2"), "cannot be connected to"),
        (TimeoutError(), "no answer in time"),
        (ValueError("hunter2"), "ValueError"),
        (KeyError(), "KeyError"),
    ],
)
def test_only_what_tells_no_secret_is_passed_on(error: Exception, said: str) -> None:
    assert reason(error) == said
    assert reason(Wrapped("hunter2", error)) in (said, "Wrapped")


def test_what_stands_behind_an_error_is_looked_for() -> None:
    error = Wrapped("hunter2", RuntimeError("hunter2"))
    error.orig.__cause__ = FromServer("57P01", "hunter2")
    assert reason(error) == "error 57P01"


def test_a_file_says_what_is_wrong_with_a_select() -> None:
    assert reason(from_sqlite("SELECT 1")) == "unable to open database file"
    assert reason(from_sqlite_in_memory("SELECT 1 FROM x")) == "no such table: x"
    assert reason(from_sqlite_in_memory("SELEC 1")) == 'near "SELEC": syntax error'
    assert reason(from_sqlite_in_memory("SELECT json('hunter2')")) == "SQLITE_ERROR"

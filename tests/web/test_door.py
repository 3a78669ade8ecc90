"""How many connections are open, and who is refused."""

import logging
from typing import Any

import pytest

from callstate.config import HttpLimits
from callstate.web.door import LOG_SECONDS, Door, Limit
from callstate.web.forwarded import Proxies


def make_door(clock: Any = lambda: 0.0) -> Door:
    limits = HttpLimits(connections=4, connections_per_client=2)
    return Door(limits, Proxies(["10.0.0.0/8"]), clock=clock)


def test_so_many_may_enter_and_more_when_some_left() -> None:
    door = make_door()
    for address in ("192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"):
        assert door.enter(address)
    assert not door.enter("192.0.2.5")
    door.leave("192.0.2.1")
    assert door.enter("192.0.2.5")
    assert (door.open, door.ended[Limit.CONNECTIONS]) == (4, 1)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1", "::ffff:192.0.2.1"),
        ("2001:db8::1", "2001:db8::ffff:2"),
    ],
)
def test_one_client_may_have_so_many(first: str, second: str) -> None:
    door = make_door()
    assert door.enter(first)
    assert door.enter(second)
    assert not door.enter(first)
    assert door.enter("198.51.100.1")
    assert door.ended[Limit.CONNECTIONS_PER_CLIENT] == 1
    door.leave(second)
    assert door.enter(first)


@pytest.mark.parametrize("address", ["10.0.0.1", ""])
def test_who_speaks_for_many_is_held_by_the_limit_of_all_only(address: str) -> None:
    door = make_door()
    assert [door.enter(address) for _ in range(5)] == [True] * 4 + [False]


def test_nothing_is_left_of_who_left() -> None:
    door = make_door()
    for address in ("192.0.2.1", "10.0.0.1", ""):
        assert door.enter(address)
        door.leave(address)
    assert door.open == 0
    assert not door._of_client


def test_a_limit_that_ends_many_connections_is_logged_once_a_minute(
    clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    door = make_door(clock)
    for _ in range(3):
        door.end(Limit.READER_SECONDS)
        door.end(Limit.HEAD_SECONDS)
    clock.now += LOG_SECONDS
    door.end(Limit.READER_SECONDS)
    said = [(vars(each)["limit"], vars(each)["ended"]) for each in caplog.records]
    assert said == [("reader_seconds", 1), ("head_seconds", 1), ("reader_seconds", 4)]


def test_limits_have_the_names_of_the_configuration() -> None:
    assert {limit.value for limit in Limit} <= set(HttpLimits.__struct_fields__)

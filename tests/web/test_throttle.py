"""Failures slow down those who fail, and nobody else."""

import doctest
import random
from typing import Any

import pytest

from callstate.web import throttle
from callstate.web.errors import TooManyAttempts
from callstate.web.throttle import (
    ADDRESS_FAILURES,
    ADDRESS_SECONDS,
    NAME_FAILURES,
    NAME_SECONDS,
    PAIR_SECONDS,
    Allowance,
    Throttle,
)

HOME, AWAY, FAR = "192.0.2.1", "192.0.2.2", "192.0.2.3"


@pytest.fixture
def limits(clock: Any) -> Throttle:
    return Throttle(clock)


def fail(limits: Throttle, name: str, address: str, times: int = 1) -> None:
    for _ in range(times):
        limits.check(name, address)
        limits.take(name, address)


def wait(limits: Throttle, name: str, address: str) -> float:
    try:
        limits.check(name, address)
    except TooManyAttempts as error:
        return error.retry_seconds
    return 0.0


def test_the_examples_hold() -> None:
    assert doctest.testmod(throttle).failed == 0


def test_a_name_has_a_few_failures_and_gets_them_back_one_by_one(
    limits: Throttle, clock: Any
) -> None:
    fail(limits, "alice", HOME, NAME_FAILURES)
    assert wait(limits, "alice", HOME) == pytest.approx(NAME_SECONDS)
    clock.now += NAME_SECONDS
    fail(limits, "alice", HOME)
    assert wait(limits, "alice", HOME) > 0


def test_other_names_are_not_slowed(limits: Throttle) -> None:
    fail(limits, "alice", HOME, NAME_FAILURES)
    assert wait(limits, "bob", HOME) == 0


def test_a_name_under_attack_can_still_be_tried_from_elsewhere(
    limits: Throttle, clock: Any
) -> None:
    fail(limits, "alice", AWAY, NAME_FAILURES)
    assert wait(limits, "alice", HOME) == 0
    # But not over and over: two attackers have hardly more than one.
    fail(limits, "alice", HOME)
    assert wait(limits, "alice", HOME) > 0
    # And whoever failed in the past is elsewhere again.
    clock.now += PAIR_SECONDS
    fail(limits, "alice", FAR, NAME_FAILURES)
    assert wait(limits, "alice", HOME) == 0


def test_an_address_that_fails_with_many_names_is_slowed(limits: Throttle, clock: Any) -> None:
    for number in range(ADDRESS_FAILURES):
        fail(limits, f"user{number}", AWAY)
    assert wait(limits, "one more", AWAY) == pytest.approx(ADDRESS_SECONDS)
    assert wait(limits, "one more", HOME) == 0
    clock.now += ADDRESS_SECONDS
    assert wait(limits, "one more", AWAY) == 0


def test_an_ipv6_client_is_as_large_as_its_network(limits: Throttle) -> None:
    for number in range(ADDRESS_FAILURES):
        fail(limits, f"user{number}", f"2001:db8::{number:x}")
    assert wait(limits, "one more", "2001:db8::ffff") > 0
    assert wait(limits, "one more", "2001:db8:0:1::1") == 0


@pytest.mark.parametrize("address", ["", "/run/socket", "fe80::1%eth0", "::ffff:1.2.3.4"])
def test_any_address_will_do(limits: Throttle, address: str) -> None:
    fail(limits, "alice", address)


def test_success_costs_nothing(limits: Throttle) -> None:
    for _ in range(100):
        fail(limits, "alice", HOME)
        limits.give("alice", HOME)
    assert wait(limits, "alice", HOME) == 0


def test_a_key_that_failed_little_keeps_what_is_left(clock: Any) -> None:
    allowance = Allowance(clock, failures=2, seconds=10.0)
    allowance.take("a")
    allowance.take("a")
    allowance.give("a")
    assert allowance.wait("a") == 0
    allowance.take("a")
    assert allowance.wait("a") == pytest.approx(10.0)
    allowance.give("unknown")
    assert len(allowance) == 1


def test_what_has_come_back_whole_is_forgotten(clock: Any) -> None:
    allowance = Allowance(clock, failures=2, seconds=10.0)
    allowance.take("a")
    allowance.give("a")
    assert len(allowance) == 0


@pytest.mark.parametrize("seed", range(3))
def test_an_allowance_is_bounded_whatever_happens(clock: Any, seed: int) -> None:
    random_ = random.Random(seed)
    allowance = Allowance(clock, failures=2, seconds=10.0, size=8)
    for _ in range(500):
        key = random_.randrange(40)
        random_.choice([allowance.take, allowance.take, allowance.give, allowance.wait])(key)
        clock.now += random_.choice([0.0, 0.0, 5.0])
        assert len(allowance) <= 8
        assert allowance.wait(key) >= 0


def test_the_oldest_goes_first(clock: Any) -> None:
    allowance = Allowance(clock, failures=1, seconds=10.0, size=2)
    for key in ("a", "b", "a", "c"):
        allowance.take(key)
    assert allowance.wait("a") > 0
    assert allowance.wait("b") == 0

"""The waits between attempts."""

from random import Random

import pytest

from callstate.ami.backoff import Backoff


class NoCut(Random):
    """Cuts nothing off."""

    def random(self) -> float:
        return 0.0


def waits(backoff: Backoff, count: int, *, refused: bool = False) -> list[float]:
    return [backoff.wait(refused=refused) for _ in range(count)]


def test_the_wait_doubles_up_to_the_limit() -> None:
    backoff = Backoff(first=0.5, limit=10, random=NoCut())
    assert waits(backoff, 7) == [0.5, 1, 2, 4, 8, 10, 10]


def test_who_is_refused_waits_long_at_once() -> None:
    backoff = Backoff(first=0.5, limit=30, random=NoCut())
    assert waits(backoff, 3, refused=True) == [8, 30, 30]


def test_it_begins_again_after_a_reset() -> None:
    backoff = Backoff(first=1, limit=30, random=NoCut())
    waits(backoff, 4)
    backoff.reset()
    assert backoff.wait() == 1


def test_a_first_wait_above_the_limit_is_the_limit() -> None:
    assert Backoff(first=9, limit=5, random=NoCut()).wait() == 5


@pytest.mark.parametrize("seed", range(5))
def test_the_wait_is_cut_by_up_to_a_half(seed: int) -> None:
    backoff = Backoff(first=8, limit=8, random=Random(seed))
    cut = waits(backoff, 100)
    assert all(4 <= wait <= 8 for wait in cut)
    assert len(set(cut)) == 100


def test_other_limits_count_from_the_next_wait_on() -> None:
    backoff = Backoff(first=8, limit=64, random=Random(1))
    for _ in range(4):
        backoff.wait()
    backoff.use(first=1, limit=2)
    assert backoff.wait() <= 2
    backoff.reset()
    assert backoff.wait() <= 1

"""Wrong streams through the whole engine; `python -m tests.fuzz.wire` runs millions of them."""

from random import Random

import pytest

from tests.fuzz import wire
from tests.fuzz.engine import run_case
from tests.fuzz.mutations import Mutator

# Some 100 000 messages.
SEEDS = range(60)


@pytest.mark.parametrize("seed", SEEDS)
def test_wrong_streams_break_nothing_and_leave_nothing(seed: int) -> None:
    run_case(seed)


def test_a_seed_always_gives_the_same_bytes() -> None:
    one, two = (Mutator(Random(7)) for _ in range(2))
    assert one.stream() == two.stream()


def test_the_long_run_says_how_far_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert wire.main(["--cases", "2", "--seed", "5"]) == 0
    assert "seeds 5 to 6, 0 wrong" in capsys.readouterr().out

"""Trouble that goes on is told at first, then once in a while with a count."""

from callstate.ami.trouble import Trouble


def test_the_first_is_told_and_then_one_a_period_with_the_number_of_those_between() -> None:
    trouble = Trouble(60.0)
    told = {
        second: untold
        for second in range(0, 181, 7)
        if (untold := trouble.note("refused", float(second))) is not None
    }
    assert told == {0: 0, 63: 8, 126: 8}


def test_days_of_it_are_one_line_a_period() -> None:
    trouble = Trouble(600.0)
    counts = [trouble.note("refused", second / 2) for second in range(2 * 3 * 86_400)]
    told = [untold for untold in counts if untold is not None]
    assert len(told) == 3 * 86_400 / 600
    assert set(told[1:]) == {1199}


def test_another_reason_is_told_at_once() -> None:
    trouble = Trouble(60.0)
    assert trouble.note("refused", 0.0) == 0
    assert trouble.note("silent", 1.0) == 0
    assert trouble.note("refused", 2.0) is None
    assert trouble.note("silent", 61.0) == 0
    assert trouble.note("refused", 61.0) == 1


def test_reasons_without_end_are_not_all_told() -> None:
    trouble = Trouble(60.0)
    told = [trouble.note(f"reason {number}", 1.0) for number in range(1000)]
    assert told == [0] * 9 + [None] * 991
    assert trouble.note("one more", 61.0) == 991


def test_what_comes_after_the_end_is_new() -> None:
    trouble = Trouble(60.0)
    trouble.note("refused", 0.0)
    trouble.note("refused", 1.0)
    trouble.end()
    assert trouble.note("refused", 2.0) == 0

"""Which variables are asked for, and how."""

from callstate.ami.wanted import header_lines, wanted_with
from callstate.core.mirror import VARIABLES


def test_a_platforms_variables_are_wanted_beside_those_of_the_mirror() -> None:
    (known, *_) = VARIABLES
    wanted = wanted_with(["X_CALL", known, "X_CALL"])
    assert wanted == tuple(sorted(VARIABLES | {"X_CALL"}))


def test_many_are_asked_for_in_lines_that_asterisk_takes() -> None:
    names = [f"a_rather_long_variable_name_{number:03}" for number in range(100)]

    lines = header_lines(names)

    assert len(lines) > 1
    assert all(len(line) <= 900 for line in lines)
    assert ",".join(lines).split(",") == names

"""What is said of machines and directory to whoever asks."""

import msgspec
import pytest

from callstate.core.directory import SourceState, SourceStatus
from callstate.core.state import CallState
from callstate.web.standing import standing, waited_for

AT = 1795479234.5


@pytest.fixture
def machines() -> CallState:
    """Machine 1 is in step, 2 was, 3 never was, 4 is connected and not yet in step."""
    state = CallState()
    for machine in (1, 2, 3, 4):
        state.add_machine(machine, f"pbx-{machine}")
    for machine in (1, 2, 4):
        state.opened(machine)
    for machine in (1, 2):
        state.released(machine, AT)
    state.closed(2, AT + 5, "silent for 15 s")
    state.closed(3, AT + 1, "login refused: Authentication failed")
    state.alive(1, AT + 9)
    return state


def test_each_machine_says_how_old_it_is_and_why(machines: CallState) -> None:
    assert msgspec.to_builtins(standing(machines, AT + 10))["machines"] == [
        {
            "machine": machine,
            "name": f"pbx-{machine}",
            "connected": connected,
            "in_step": in_step,
            "age_seconds": age,
            "last_error": error,
        }
        for machine, connected, in_step, age, error in (
            (1, True, True, 1.0, ""),
            (2, False, False, 10.0, "silent for 15 s"),
            (3, False, False, None, "login refused: Authentication failed"),
            (4, True, False, None, ""),
        )
    ]


def test_a_machine_that_is_in_step_again_says_no_more_of_what_was(machines: CallState) -> None:
    machines.opened(2)
    machines.released(2, AT + 20)
    assert standing(machines, AT + 20).machines[1].last_error == ""


def test_what_is_waited_for_are_the_machines_out_of_step(machines: CallState) -> None:
    machines.add_machine(5)
    assert [(each.name, each.message) for each in waited_for(machines)] == [
        ("machine[2]", "silent for 15 s"),
        ("machine[3]", "login refused: Authentication failed"),
        ("machine[4]", "connected, its channels are being read"),
        ("machine[5]", "no answer yet"),
    ]


@pytest.mark.parametrize(
    ("loaded_at", "age"), [(None, None), (AT, 10.0), (AT + 60, 0.0)], ids=["never", "then", "later"]
)
def test_the_directory_says_how_old_it_is_and_not_why(
    machines: CallState, loaded_at: float | None, age: float | None
) -> None:
    machines.source = SourceStatus(state=SourceState.REFUSED, loaded_at=loaded_at)
    told = msgspec.to_builtins(standing(machines, AT + 10))["directory"]
    assert told == {"state": "refused", "loaded_at": loaded_at, "age_seconds": age}

"""What all tests share: the captures, and the build that runs.

A test with an argument `capture` runs once for each of them, the loads left out. The mark
`captures("*/reconnect", ...)` picks by shell pattern instead, loads included.
`CALLSTATE_BUILD`, when it says pure or compiled, is what the tests must run on.
"""

import os
import socket
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path

import pytest

import callstate
from callstate import build
from hatch_build import CHOICE
from tests.captures import FIXTURES, Capture, all_captures


def pytest_configure() -> None:
    asked = os.environ.get(CHOICE)
    if asked and asked != build.kind():
        problem = f"{CHOICE}={asked}, but what is imported is {build.kind()}: {callstate.__file__}"
        raise pytest.UsageError(problem)


def pytest_report_header() -> str:
    return f"callstate: {build.kind()}, in {Path(callstate.__file__).parent}"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "capture" not in metafunc.fixturenames:
        return
    marker = metafunc.definition.get_closest_marker("captures")
    patterns: tuple[str, ...] = marker.args if marker else ()
    chosen = [
        capture
        for capture in all_captures()
        if any(fnmatch(capture.name, pattern) for pattern in patterns)
        or (not patterns and not capture.is_load)
    ]
    metafunc.parametrize("capture", chosen, ids=[capture.name for capture in chosen])


@pytest.fixture(scope="session")
def fixtures_path() -> Path:
    """The folder of the captures."""
    return FIXTURES


@pytest.fixture(scope="session")
def load_capture() -> Callable[[str], Capture]:
    """Give one capture by name, as `asterisk-22/busy`."""

    def load(name: str) -> Capture:
        capture = Capture(FIXTURES / name)
        assert capture.path.is_dir(), f"no capture {name}"
        return capture

    return load


@pytest.fixture
def unused_port() -> int:
    """A port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

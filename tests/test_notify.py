"""What systemd hears, on a socket as it makes one."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from callstate.notify import Notifier
from tests.processes import Supervisor


@pytest.fixture(params=["path", "abstract"])
def systemd(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Supervisor]:
    name = f"@callstate-test-{os.getpid()}"
    supervisor = Supervisor(str(tmp_path / "notify") if request.param == "path" else name)
    yield supervisor
    supervisor.close()


def _notifier(systemd: Supervisor) -> Notifier:
    return Notifier({"NOTIFY_SOCKET": systemd.address}, monotonic_ns=lambda: 12_345_678)


def _heard(systemd: Supervisor) -> list[str]:
    systemd.rest()
    return systemd.heard


def test_each_thing_is_said_in_a_message_of_its_own(systemd: Supervisor) -> None:
    notifier = _notifier(systemd)
    notifier.starting(1.5)
    notifier.ready()
    notifier.alive()
    notifier.reloading()
    notifier.reloaded()
    notifier.stopping()
    assert _heard(systemd) == [
        "EXTEND_TIMEOUT_USEC=1500000",
        "READY=1",
        "WATCHDOG=1",
        "RELOADING=1\nMONOTONIC_USEC=12345",
        "READY=1",
        "STOPPING=1",
    ]


def test_a_status_is_said_when_it_changes(systemd: Supervisor) -> None:
    notifier = _notifier(systemd)
    for text in ("one", "one", "two", "one"):
        notifier.status(text)
    assert _heard(systemd) == ["STATUS=one", "STATUS=two", "STATUS=one"]


def test_a_reload_during_the_start_does_not_end_the_start(systemd: Supervisor) -> None:
    notifier = _notifier(systemd)
    notifier.reloading()
    notifier.reloaded()
    assert _heard(systemd) == []


def test_only_a_start_asks_for_more_time(systemd: Supervisor) -> None:
    for begin in (Notifier.ready, Notifier.stopping):
        notifier = _notifier(systemd)
        begin(notifier)
        notifier.starting(1)
    assert _heard(systemd) == ["READY=1", "STOPPING=1"]


def test_the_end_is_no_reload(systemd: Supervisor) -> None:
    notifier = _notifier(systemd)
    notifier.ready()
    notifier.reloading()
    notifier.stopping()
    notifier.reloaded()
    notifier.reloading()
    assert _heard(systemd)[-1] == "STOPPING=1"


def test_without_systemd_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    notifier = Notifier({})
    notifier.ready()
    notifier.status("fine")
    assert notifier.watchdog_seconds is None
    assert caplog.text == ""


def test_a_socket_that_is_gone_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "notify"
    notifier = Notifier({"NOTIFY_SOCKET": str(path)})
    notifier.alive()
    notifier.alive()
    assert caplog.text.count("systemd cannot be told") == 1
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(path))
        notifier.alive()
    notifier.alive()
    assert caplog.text.count("systemd cannot be told") == 2


def test_a_listener_that_does_not_read_holds_nothing_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(path)
        notifier = Notifier({"NOTIFY_SOCKET": path})
        while "systemd cannot be told" not in caplog.text:
            notifier.alive()


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_for_the_process_that_systemd_means(
    environment: dict[str, str], seconds: float | None
) -> None:
    assert Notifier(environment).watchdog_seconds == seconds

"""The life of a real process, step by step: start, reload, stop; and what systemd hears of it."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from callstate import build
from callstate.ami.capture import load_capture
from callstate.ami.playback import Playback
from tests import administrator
from tests.captures import FIXTURES
from tests.processes import Process, Supervisor, running, until

LIST = "/api/json/calls/active/list"
TOP = """
stop_seconds = {stop}
[http]
port = 0
[logs]
format = "json"
[ami]
retry_seconds = 0.05
retry_limit_seconds = 0.1
"""
MACHINE = """
[[machine]]
id = {id}
port = {port}
username = "callstate"
secret = "callstate"
"""


@pytest.fixture(scope="session")
def directory_text() -> str:
    return administrator.directory()


class Written:
    """The files that an operator writes."""

    def __init__(self, folder: Path, directory: str) -> None:
        self.config = folder / "config.toml"
        self.directory = folder / "directory.toml"
        self.directory.write_text(directory)

    def write(self, *machines: Playback, more: str = "", stop: float = 20) -> Path:
        """Write a configuration of these machines, numbered from 1."""
        parts = [MACHINE.format(id=i, port=each.port) for i, each in enumerate(machines, 1)]
        self.config.write_text(TOP.format(stop=stop) + "".join(parts) + more)
        return self.config

    def change(self, old: str, new: str) -> None:
        """Write something else in one place."""
        text = self.config.read_text()
        assert old in text
        self.config.write_text(text.replace(old, new))


@pytest.fixture
def written(tmp_path: Path, directory_text: str) -> Written:
    return Written(tmp_path, directory_text)


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(str(tmp_path / "notify"))
    yield supervisor
    supervisor.close()


class Counted(Playback):
    """A machine that knows how often it was connected to."""

    connections = 0

    def _joined(self, client: Any, is_there: bool) -> None:
        self.connections += is_there
        super()._joined(client, is_there)


@asynccontextmanager
async def _on_a_call(state: str = "hold") -> AsyncIterator[Counted]:
    """A machine on which two channels stay up."""
    capture = load_capture(FIXTURES / "asterisk-22" / state)
    async with Counted([[capture]], speed=8.0) as machine:
        playing = asyncio.create_task(machine.play(rounds=1))
        await until(lambda: len(machine.state.channels) == 2)
        playing.cancel()
        yield machine


async def _get(process: Process, path: str = LIST, **more: str) -> tuple[int, Any]:
    query = {"auth_username": "root", "auth_password": "sesame", "customer": "system"}
    url = process.url + path
    async with (
        aiohttp.ClientSession() as client,
        client.get(url, params=query | more) as answer,
    ):
        return answer.status, await answer.json()


async def _machines_of_rows(process: Process) -> list[int]:
    return sorted(row["machine"] for row in (await _get(process))[1]["data"])


# Start


async def test_the_web_is_up_before_the_machines_and_ready_after_them(
    written: Written, systemd: Supervisor
) -> None:
    async with Counted() as machine:
        machine.stall()
        environment = {"NOTIFY_SOCKET": systemd.address}
        async with running(written.write(machine), environment=environment) as process:
            await until(lambda: machine.connections)
            assert (await _get(process, "/healthz"))[0] == 200
            assert (await _get(process, "/readyz"))[0] == 503
            await systemd.until_heard("STATUS=starting: 0 of 1 machines in step, not 1")
            assert "READY=1" not in systemd.heard
            machine.resume()
            await systemd.until_heard("READY=1")
            assert (await _get(process, "/readyz"))[0] == 200
            await systemd.until_heard("STATUS=1 of 1 machines in step")
    before = systemd.heard[: systemd.heard.index("READY=1")]
    assert before[0] == "STATUS=starting: waiting for the directory"
    assert "EXTEND_TIMEOUT_USEC=60000000" in before


async def test_a_loop_that_turns_feeds_the_watchdog(written: Written, systemd: Supervisor) -> None:
    environment = {"NOTIFY_SOCKET": systemd.address, "WATCHDOG_USEC": "20000"}
    async with Counted() as machine, running(written.write(machine), environment=environment):
        await systemd.until_heard("READY=1")
        before = systemd.heard.count("WATCHDOG=1")
        await systemd.until_heard("WATCHDOG=1", before + 5)


HANGING = """
import time
from callstate.cli import main
from callstate.notify import Notifier

say = Notifier.status

def say_and_hang(notifier, text):
    say(notifier, text)
    if text.startswith("starting: 0 of 1"):
        time.sleep(3600)

Notifier.status = say_and_hang
main()
"""


async def test_a_loop_that_hangs_does_not(written: Written, systemd: Supervisor) -> None:
    environment = {"NOTIFY_SOCKET": systemd.address, "WATCHDOG_USEC": "20000"}
    async with Counted() as machine:
        command = ("-c", HANGING, "run")
        config = written.write(machine)
        async with running(config, environment=environment, command=command) as process:
            # It hangs after these words, in the same turn of the loop.
            await systemd.until_heard("STATUS=starting: 0 of 1")
            systemd.rest()
            beats = systemd.heard.count("WATCHDOG=1")
            assert process.pid
    systemd.rest()
    assert systemd.heard.count("WATCHDOG=1") == beats


# Reload


async def test_a_machine_comes_and_goes_and_the_others_stay_connected(
    written: Written, systemd: Supervisor
) -> None:
    async with _on_a_call() as one, _on_a_call() as two:
        written.write(one)
        environment = {"NOTIFY_SOCKET": systemd.address}
        async with running(written.config, environment=environment) as process:
            await process.until_said("ready")
            assert await _machines_of_rows(process) == [1, 1]

            written.write(one, two)
            await process.reload()
            await process.until_said("in step", 2)
            assert process.said("configuration reloaded")[-1]["added"] == [2]
            assert await _machines_of_rows(process) == [1, 1, 2, 2]

            written.write(one)
            await process.reload()
            assert process.said("configuration reloaded")[-1]["removed"] == [2]
            assert await _machines_of_rows(process) == [1, 1]
            await until(lambda: two.clients == 0)

            assert (one.connections, two.connections) == (1, 1)
            assert one.clients == 1
            await systemd.until_heard("RELOADING=1\nMONOTONIC_USEC=", 2)
            await systemd.until_heard("READY=1", 3)


async def test_a_machine_that_is_reached_otherwise_is_connected_anew(written: Written) -> None:
    async with _on_a_call() as one, _on_a_call() as two:
        written.write(one, two)
        async with running(written.config) as process:
            await process.until_said("ready")
            two.secret = "another"
            written.change(
                f'port = {two.port}\nusername = "callstate"\nsecret = "callstate"',
                f'port = {two.port}\nusername = "callstate"\nsecret = "another"\nname = "west"',
            )
            await process.reload()
            await process.until_said("in step", 3)
            assert process.said("configuration reloaded")[-1]["reconnected"] == [2]
            assert (one.connections, two.connections) == (1, 2)
            assert await _machines_of_rows(process) == [1, 1, 2, 2]


async def test_what_legs_are_changes_without_a_new_connection(written: Written) -> None:
    async with _on_a_call() as machine:
        written.write(machine)
        async with running(written.config) as process:
            await process.until_said("ready")
            for channel in machine.state.channels.values():
                channel.variables["X_CALL"] = "billed-7"  # nobody asked for it so far
            rule = '[[endpoint]]\npattern = "*"\ntype = "external"\npeer = 9\n'
            written.write(machine, more=f'{rule}[variables]\ncallid = "X_CALL"\n')
            await process.reload()
            rows = (await _get(process))[1]["data"]
            assert {row["peer"] for row in rows} >= {9}
            async with asyncio.timeout(60):
                while {row["callid"] for row in rows} != {"billed-7"}:
                    rows = (await _get(process))[1]["data"]
            assert machine.connections == 1


async def test_a_mistake_changes_nothing(written: Written) -> None:
    mistakes = [
        ("stop_seconds = 20", "stop_secnds = 20", "stop_secnds"),
        ('secret = "callstate"', "", "machine[0].secret"),
        ("[http]", "[http", str(written.config)),
        ("[http]", '[directory]\nurl = "gopher://x"\n[http]', "directory"),
    ]
    async with _on_a_call() as machine:
        written.write(machine)
        async with running(written.config) as process:
            await process.until_said("ready")
            written.directory.write_text("")
            for number, (old, new, key) in enumerate(mistakes):
                written.write(machine)
                written.change("id = 1", "id = 2")
                written.change(old, new)
                await process.reload()
                said = process.said("configuration refused, nothing changed")[number]
                assert said["key"].startswith(key)
                assert said["level"] == "error"
                assert await _machines_of_rows(process) == [1, 1]
            assert machine.connections == 1


async def test_a_key_that_needs_a_restart_is_named_and_the_rest_comes_into_force(
    written: Written, directory_text: str, tmp_path: Path
) -> None:
    async with Counted() as machine:
        written.write(machine)
        async with running(written.config) as process:
            await process.until_said("ready")
            (tmp_path / "chiefs.toml").write_text(directory_text.replace('"root"', '"chief"'))
            written.change("port = 0", 'port = 1\n[directory]\nfile = "chiefs.toml"')
            await process.reload()
            said = [each["key"] for each in process.said("needs a restart, stays as it was")]
            assert said == ["http.port"]
            await process.until_said("directory in force")
            assert (await _get(process))[1]["responses"][0]["code"] == "401"
            assert (await _get(process, auth_username="chief"))[1]["data"] == []


async def test_the_log_has_its_new_level_from_a_reload_on(
    written: Written, systemd: Supervisor
) -> None:
    environment = {"NOTIFY_SOCKET": systemd.address}
    async with Counted() as machine:
        written.write(machine)
        async with running(written.config, environment=environment) as process:
            await process.until_said("ready")
            written.change("[logs]", '[logs]\nlevel = "error"')
            process.kill(signal.SIGHUP)
            await systemd.until_heard("READY=1", 2)
            process.kill(signal.SIGTERM)
            assert await process.ended() == 0
        assert process.records[-1]["message"] == "ready"


async def test_a_reload_finds_the_database_that_a_start_waits_for(
    written: Written, systemd: Supervisor
) -> None:
    environment = {"NOTIFY_SOCKET": systemd.address}
    async with Counted() as machine:
        written.write(machine, more='[directory]\nurl = "sqlite:////nowhere/pbx.db"\n')
        written.change(
            'url = "sqlite:////nowhere/pbx.db"',
            'url = "sqlite:////nowhere/pbx.db"\n[directory.sql]\ncustomers = "SELECT 1 AS id"',
        )
        async with running(written.config, environment=environment) as process:
            await process.until_said("directory unavailable, waiting for it")
            written.write(machine)
            await process.reload()
            await process.until_said("ready")
            systemd.rest()
            assert not [each for each in systemd.heard if each.startswith("RELOADING")]


# Stop


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_stop_is_orderly(
    written: Written, systemd: Supervisor, number: signal.Signals
) -> None:
    environment = {"NOTIFY_SOCKET": systemd.address}
    async with Counted() as machine:
        async with running(written.write(machine), environment=environment) as process:
            await process.until_said("ready")
            (start,) = process.said("starting")
            assert (start["version"], start["build"]) == (version("callstate"), build.kind())
            process.kill(number)
            assert await process.ended() == 0
            await process.until_said("stopped")
            order = [each["message"] for each in process.records[-3:]]
            assert order == ["stopping", "stopped listening", "stopped"]
            assert process.lines == []
        await until(lambda: machine.clients == 0)
    systemd.rest()
    assert systemd.heard[-2:] == ["STOPPING=1", "STATUS=stopping"]


@asynccontextmanager
async def _hanging(
    process: Process,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Be a client that promises a body and does not send it."""
    port = process.said("listening")[0]["port"]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    form = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n"
    writer.write(f"POST {LIST} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n{form}\r\n".encode())
    assert b"100" in await reader.readline()  # it waits for the body from now on
    try:
        yield reader, writer
    finally:
        writer.close()


async def test_a_request_that_hangs_is_cut_off_after_its_time(written: Written) -> None:
    async with Counted() as machine, running(written.write(machine, stop=0.1)) as process:
        await process.until_said("ready")
        async with _hanging(process) as (reader, _):
            process.kill(signal.SIGTERM)
            assert await process.ended() == 0
            assert b"HTTP/1.1 408" not in await reader.read()


SLOW = """
import os, sys, time
from callstate.cli import main
from callstate.web.auth import Authenticator

matches = Authenticator._matches

def slow(*arguments):
    print("verifying", file=sys.stderr, flush=True)
    while not os.path.exists(os.environ["GO"]):
        time.sleep(0.01)
    return matches(*arguments)

Authenticator._matches = slow
sys.exit(main())
"""


async def test_a_request_that_is_being_answered_is_finished(
    written: Written, tmp_path: Path
) -> None:
    environment, command = {"GO": str(tmp_path / "go")}, ("-c", SLOW, "run")
    async with Counted() as machine:
        config = written.write(machine)
        async with running(config, environment=environment, command=command) as process:
            await process.until_said("ready")
            asking = asyncio.create_task(_get(process))
            await until(lambda: "verifying" in process.lines)
            process.kill(signal.SIGTERM)
            await process.until_said("stopping")
            (tmp_path / "go").touch()
            assert (await asking)[1]["data"] == []
            assert await process.ended() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_stops_at_once(written: Written, number: signal.Signals) -> None:
    async with Counted() as machine, running(written.write(machine, stop=3600)) as process:
        await process.until_said("ready")
        async with _hanging(process):
            process.kill(signal.SIGTERM)
            await process.until_said("stopping")
            process.kill(number)
            assert await process.ended() == -number
            assert (await process.until_said("stopped at once"))["signal"] == number.name


async def test_a_stop_that_hangs_in_a_thread_is_ended(written: Written) -> None:
    written.directory.unlink()
    os.mkfifo(written.directory)  # whoever reads it waits for a writer
    async with Counted() as machine, running(written.write(machine, stop=0.1)) as process:
        await process.until_said("listening")
        process.kill(signal.SIGTERM)
        await process.until_said("stopped")
        assert await process.ended() == 1
        assert process.said("the stop took too long, ended")


# Exit codes


async def test_an_address_that_is_taken_is_a_mistake_in_the_configuration(
    written: Written,
) -> None:
    async with Counted() as machine:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            written.write(machine)
            written.change("port = 0", f"port = {port}")
            async with running(written.config) as process:
                assert await process.ended() == 2
            (line,) = process.lines
            assert line.startswith(f"callstate: http: 127.0.0.1:{port} cannot be listened on: ")


BROKEN = """
import sys
from callstate import daemon
from callstate.cli import main

def build_app(*_, **__):
    raise RuntimeError("a bug")

daemon.build_app = build_app
sys.exit(main())
"""


async def test_a_bug_that_ends_it_is_one_and_no_mistake_of_the_operator(written: Written) -> None:
    async with Counted() as machine:
        written.write(machine)
        async with running(written.config, command=("-c", BROKEN, "run")) as process:
            assert await process.ended() == 1
        assert process.lines[0].startswith("Traceback")
        assert process.lines[-1] == "RuntimeError: a bug"

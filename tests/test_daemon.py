"""The daemon's life, against pretended machines: ready, queried, reloaded, stopped."""

import asyncio
import os
import signal
import sqlite3
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from callstate import config as configuration
from callstate.ami.capture import load_capture
from callstate.ami.connection import AmiConnection
from callstate.ami.playback import Playback
from callstate.ami.session import Session
from callstate.config import Config
from callstate.core.directory import SourceState
from callstate.core.errors import ConfigError
from callstate.daemon import Daemon
from callstate.web.auth import hash_password
from tests import administrator
from tests.captures import FIXTURES
from tests.certificates import make_certificate

LIST = "/api/json/calls/active/list"
CONFIG = """
[http]
port = 0
[sync]
stale_seconds = 0.2
first_sync_seconds = {wait}
[ami]
retry_seconds = 0.05
retry_limit_seconds = 0.1
[[machine]]
id = 1
port = {port}
username = "callstate"
secret = "callstate"
"""


@pytest.fixture(scope="session")
def directory_text() -> str:
    return administrator.directory()


@pytest.fixture
def configure(tmp_path: Path, directory_text: str) -> Callable[..., Config]:
    def make(port: int, wait: float = 20) -> Config:
        (tmp_path / "directory.toml").write_text(directory_text)
        path = tmp_path / "config.toml"
        path.write_text(CONFIG.format(port=port, wait=wait))
        return configuration.load(path)

    return make


@asynccontextmanager
async def _running(daemon: Daemon) -> AsyncIterator[None]:
    task = asyncio.create_task(daemon.run())
    try:
        yield
    finally:
        daemon.stop()
        await task


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  # nothing tells us but looking
            await asyncio.sleep(0.01)


Ask = Callable[..., Awaitable[tuple[int, dict[str, str], Any]]]


@pytest.fixture
async def ask() -> AsyncIterator[Ask]:
    async with aiohttp.ClientSession() as client:

        async def get(daemon: Daemon, path: str = LIST, **more: str) -> tuple[int, Any, Any]:
            query = {"auth_username": "root", "auth_password": "sesame", "customer": "system"}
            url = f"http://127.0.0.1:{daemon.port}{path}"
            async with client.get(url, params=query | more) as answer:
                text = await answer.text()
                is_json = answer.content_type == "application/json"
                return answer.status, answer.headers, (await answer.json() if is_json else text)

        yield get


def _machine(*names: str) -> Playback:
    lane = [load_capture(FIXTURES / "asterisk-22" / name) for name in names]
    return Playback([lane] if lane else [], speed=4.0)


async def test_calls_of_a_machine_are_answered_over_http(
    configure: Callable[..., Config], ask: Ask
) -> None:
    async with _machine("hold") as machine:
        daemon = Daemon(configure(machine.port))
        playing = asyncio.create_task(machine.play())
        async with _running(daemon):
            await _until(lambda: daemon.state.ready)
            await _until(lambda: any(leg.status == "hold" for leg in daemon.state.store))
            status, headers, answer = await ask(daemon)
            assert status == 200
            assert answer["responses"] == [{"code": "200", "key": "", "message": "OK"}]
            assert {row["machine"] for row in answer["data"]} <= {1}
            assert float(headers["Callstate-As-Of"]) > 1_700_000_000
            assert "Callstate-Stale" not in headers
            daemon.state.check()
        playing.cancel()


async def test_it_is_ready_when_every_machine_was_in_step(
    configure: Callable[..., Config], ask: Ask
) -> None:
    async with _machine() as machine:
        machine.stall()
        daemon = Daemon(configure(machine.port))
        async with _running(daemon):
            await _until(lambda: daemon.port != 0)
            assert (await ask(daemon))[0] == 503
            assert (await ask(daemon, "/readyz"))[0] == 503
            assert (await ask(daemon, "/healthz"))[0] == 200
            machine.resume()
            await _until(lambda: daemon.state.ready)
            assert (await ask(daemon))[0] == 200
            assert (await ask(daemon, "/readyz"))[0] == 200


async def test_a_machine_that_is_down_is_not_waited_for_for_ever(
    configure: Callable[..., Config], ask: Ask, unused_port: int
) -> None:
    daemon = Daemon(configure(unused_port, wait=0.3))
    async with _running(daemon):
        await _until(lambda: daemon.state.ready)
        status, headers, answer = await ask(daemon)
        assert (status, answer["data"]) == (200, [])
        assert headers["Callstate-Stale"] == "1;never"


async def test_legs_of_a_lost_machine_are_served_as_stale_and_then_no_more(
    configure: Callable[..., Config], ask: Ask
) -> None:
    async with _machine("hold") as machine:
        daemon = Daemon(configure(machine.port))
        playing = asyncio.create_task(machine.play())
        async with _running(daemon):
            await _until(lambda: daemon.state.ready and len(daemon.state.store) == 2)
            playing.cancel()
            machine.refuses_logins = True
            machine.drop_clients()
            await _until(lambda: not daemon.state.statuses()[0].in_step)
            assert len(daemon.state.store) == 2
            _, headers, _ = await ask(daemon)
            assert headers["Callstate-Stale"].startswith("1;down=")
            await _until(lambda: len(daemon.state.store) == 0)


async def test_metrics_speak_of_the_machine(configure: Callable[..., Config], ask: Ask) -> None:
    async with _machine() as machine:
        daemon = Daemon(configure(machine.port))
        async with _running(daemon):
            await _until(lambda: daemon.state.ready)
            status, _, text = await ask(daemon, "/metrics")
            assert status == 200
            assert 'callstate_ami_up{machine="1"} 1.0' in text
            assert "callstate_http_connections 1.0" in text
            assert 'callstate_http_ended_connections_total{limit="head_seconds"} 0.0' in text
            assert 'callstate_sync_total{machine="1"} 1.0' in text
            assert 'callstate_sync_seconds_count{machine="1"} 1.0' in text
            assert 'callstate_ami_attempts_total{machine="1"} 1.0' in text
            assert 'callstate_ami_events_total{event="FullyBooted",machine="1"} 1.0' in text
            for reason in ("irrelevant", "malformed", "oversized", "failed"):
                assert f'callstate_ami_ignored_total{{machine="1",reason="{reason}"}}' in text


async def test_a_signal_reads_the_directory_again(
    configure: Callable[..., Config], ask: Ask, tmp_path: Path, directory_text: str
) -> None:
    async with _machine() as machine:
        daemon = Daemon(configure(machine.port))
        async with _running(daemon):
            await _until(lambda: daemon.state.ready)
            (tmp_path / "directory.toml").write_text("[[customer]]\nid = 1\nparent = 1\n")
            os.kill(os.getpid(), signal.SIGHUP)
            (tmp_path / "directory.toml").write_text(
                directory_text.replace('name = "root"', 'name = "chief"')
            )
            os.kill(os.getpid(), signal.SIGHUP)
            await _until(lambda: "chief" in daemon.state.directory.users)
            assert (await ask(daemon))[2]["responses"][0]["code"] == "401"
            assert (await ask(daemon, auth_username="chief"))[2]["data"] == []


async def test_a_signal_reads_the_certificate_again(
    configure: Callable[..., Config], tmp_path: Path
) -> None:
    certificate, key = map(str, make_certificate(tmp_path))

    def met(daemon: Daemon) -> str:
        return ssl.get_server_certificate(("127.0.0.1", daemon.port))

    async with _machine() as machine:
        config = configure(machine.port)
        http = configuration.Http(port=0, tls_certificate_file=certificate, tls_key_file=key)
        daemon = Daemon(msgspec.structs.replace(config, http=http))
        async with _running(daemon):
            await _until(lambda: daemon.state.ready)
            first = await asyncio.to_thread(met, daemon)
            make_certificate(tmp_path)
            os.kill(os.getpid(), signal.SIGHUP)
            async with asyncio.timeout(20):
                while await asyncio.to_thread(met, daemon) == first:
                    pass


async def test_an_address_that_is_taken_is_one_error(configure: Callable[..., Config]) -> None:
    async with _machine() as machine:
        config = configure(machine.port)
        taken = configuration.Http(port=machine.port)
        daemon = Daemon(msgspec.structs.replace(config, http=taken))
        with pytest.raises(ConfigError, match=f"http: 127.0.0.1:{machine.port} cannot"):
            await daemon.run()


async def test_a_directory_that_is_refused_stops_the_start(
    configure: Callable[..., Config], tmp_path: Path
) -> None:
    config = configure(1)
    (tmp_path / "directory.toml").write_text("[[user]]\nname = 1\n")

    with pytest.raises(ConfigError, match="user"):
        await Daemon(config).run()


SQL = """
[directory]
url = "sqlite:///{path}"
[directory.sql]
customers = "SELECT id FROM customers"
roles = "SELECT 'administrator' AS name, 'telephone line reports' AS privileges"
users = "SELECT 'root' AS name, 1 AS customer, 'administrator' AS role, password_hash FROM hashes"
"""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Where a database will be that has a directory, once it is made."""
    return tmp_path / "pbx.db"


def _make_database(path: Path, customer: int = 1) -> None:
    connection = sqlite3.connect(path.with_suffix(".new"))
    connection.executescript(
        "CREATE TABLE customers (id); CREATE TABLE hashes (password_hash);"
        f"INSERT INTO customers VALUES ({customer});"
        f"INSERT INTO hashes VALUES ('{hash_password('sesame')}');"
    )
    connection.close()
    path.with_suffix(".new").rename(path)


@pytest.fixture
def configure_database(
    configure: Callable[..., Config], tmp_path: Path, database: Path
) -> Callable[[int], Config]:
    def make(port: int) -> Config:
        configure(port)
        path = tmp_path / "config.toml"
        path.write_text(path.read_text() + SQL.format(path=database))
        return configuration.load(path)

    return make


async def test_a_database_that_is_down_is_waited_for(
    configure_database: Callable[[int], Config],
    ask: Ask,
    database: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("callstate.directory.watch.RETRY_SECONDS", 0.01)
    async with _machine() as machine:
        daemon = Daemon(configure_database(machine.port))
        async with _running(daemon):
            await _until(lambda: daemon.state.source.state is SourceState.UNAVAILABLE)
            status, _, answer = await ask(daemon, "/readyz")
            assert status == 503
            assert "the directory's database does not answer" in answer["responses"][0]["message"]
            assert (await ask(daemon))[0] == 503
            assert (await ask(daemon, "/healthz"))[0] == 200
            assert "callstate_directory_up 0.0" in (await ask(daemon, "/metrics"))[2]
            _make_database(database)
            await _until(lambda: daemon.state.ready)
            assert (await ask(daemon))[2]["data"] == []
            assert (await ask(daemon, "/readyz"))[2]["data"]["directory"]["state"] == "accepted"
    waits = [each for each in caplog.records if each.levelname == "WARNING"]
    assert [each.getMessage() for each in waits] == ["directory unavailable, waiting for it"]


async def test_it_may_be_stopped_while_it_waits_for_a_database(
    configure_database: Callable[[int], Config],
) -> None:
    daemon = Daemon(configure_database(1))
    async with _running(daemon):
        await _until(lambda: daemon.state.source.state is SourceState.UNAVAILABLE)


async def test_a_database_that_says_something_wrong_stops_the_start(
    configure_database: Callable[[int], Config], database: Path
) -> None:
    _make_database(database, customer=2)
    with pytest.raises(ConfigError, match=r"user\[root\]\.customer: there is no customer 1"):
        await Daemon(configure_database(1)).run()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_bug_in_one_task_is_logged_and_the_task_begun_anew(
    configure: Callable[..., Config],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("callstate.tasks.RESTART_SECONDS", 0.01)
    async with _machine() as machine:
        daemon = Daemon(configure(machine.port))
        ask_all = Session._ask_all
        bugs = iter([True])

        async def ask_all_with_a_bug(session: Session, connection: AmiConnection) -> None:
            if next(bugs, False):
                raise RuntimeError("a bug")
            await ask_all(session, connection)

        monkeypatch.setattr(Session, "_ask_all", ask_all_with_a_bug)
        async with _running(daemon):
            await _until(lambda: daemon.state.ready)
            assert daemon.state.statuses()[0].in_step
    assert "task failed" in caplog.text

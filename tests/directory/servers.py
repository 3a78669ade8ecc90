"""Databases for the tests: a file, and servers of the tests' own, with a made-up platform in them.

A server is started in a folder of its own and listens on loopback; nothing that runs on the
machine is touched. A server that is asked for and not installed is a failure, never a skip.
"""

import asyncio
import os
import pwd
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import ClassVar, Protocol
from urllib.parse import quote

import pytest

# Whoever may not see it looks for it in everything that is said.
PASSWORD = "hunter2 @:/%"
_QUOTED = quote(PASSWORD, safe="")

# What a platform may have had for years, in each database's own types.
PLATFORM = """
CREATE TABLE accounts (account_id {integer} PRIMARY KEY, owner_id {integer}, title {text});
INSERT INTO accounts VALUES (1, NULL, 'Owner: "Root"'), (17, 1, 'Été 100 %'), (23, 1, NULL);
CREATE TABLE profiles (profile_id {integer} PRIMARY KEY, title {text}, everywhere {boolean});
INSERT INTO profiles VALUES (1, 'administrator', {true}), (2, 'reports', {false}),
  (3, 'none', {false});
CREATE TABLE profile_rights (profile_id {integer}, title {text});
INSERT INTO profile_rights VALUES (1, 'telephone line reports'), (1, 'panel'), (2, 'user');
CREATE TABLE logins (login {text}, account_id {number}, profile_id {integer}, hash {binary},
  blocked {boolean});
INSERT INTO logins VALUES ('root', 1, 1, '$argon2id$hunter2', {false}),
  ('alice', 17, 2, '$argon2id$hunter2', NULL), ('dave', 17, 3, NULL, {true});
CREATE TABLE extensions (ext_id {integer} PRIMARY KEY, account_id {integer}, digits {integer});
INSERT INTO extensions VALUES (1, 17, 101), (2, 17, 102), (3, 23, 101);
CREATE TABLE login_extensions (login {text}, ext_id {integer});
INSERT INTO login_extensions VALUES ('alice', 1), ('alice', 2);
CREATE TABLE phonebook (digits {text}, title {text}, account_id {integer});
INSERT INTO phonebook VALUES ('101', 'Reception', 17), ('112', 'Emergency', NULL);
"""
TABLES = (
    "phonebook",
    "login_extensions",
    "extensions",
    "logins",
    "profile_rights",
    "profiles",
    "accounts",
)


class Database(Protocol):
    """One database as a test sees it; `slow` is something to SELECT from that takes long."""

    name: str
    url: str
    slow: str
    types: ClassVar[dict[str, str]]

    def execute(self, script: str) -> None:
        """Run statements, as whoever keeps the platform."""

    def connections(self) -> int:
        """Count what is still open for callstate."""

    def stop(self) -> None:
        """Take it away from one moment to the next."""

    def start(self) -> None:
        """Bring it back."""


class SqliteFile:
    """A file."""

    name = "sqlite"
    slow = (
        "(WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < 1000000000)"
        " SELECT max(id) AS id FROM n) AS s"
    )
    types: ClassVar[dict[str, str]] = {
        "integer": "INTEGER", "text": "TEXT", "boolean": "INTEGER", "number": "REAL",
        "binary": "BLOB", "true": "1", "false": "0",
    }  # fmt: skip

    def __init__(self, path: Path) -> None:
        self._path = path
        self.url = f"sqlite:///{path}"

    def execute(self, script: str) -> None:
        connection = sqlite3.connect(self._path)
        connection.executescript(script)
        connection.close()

    def connections(self) -> int:
        links = [os.path.realpath(link) for link in Path("/proc/self/fd").iterdir()]
        return links.count(str(self._path))

    def stop(self) -> None:
        self._path.rename(self._path.with_suffix(".away"))

    def start(self) -> None:
        self._path.with_suffix(".away").rename(self._path)


class Server:
    """A server's process, in a folder of its own, as a user who is nobody if we are root."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = _unused_port()
        self.environment = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "HOME": str(folder)}
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, *words: object, stdin: str = "") -> str:
        done = subprocess.run(
            [*_as_nobody(), *map(str, words)],
            check=False, capture_output=True, text=True, input=stdin, env=self.environment,
            cwd=self.folder,
        )  # fmt: skip
        if done.returncode:
            pytest.fail(f"{words[0]} failed:\n{done.stdout}{done.stderr}", pytrace=False)
        return done.stdout

    def spawn(self, *words: object) -> None:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*_as_nobody(), *map(str, words)],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self.environment,
                cwd=self.folder,
            )  # fmt: skip
        deadline = time.monotonic() + 60
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                log_text = (self.folder / "log").read_text(errors="replace")
                pytest.fail(f"{words[0]} did not start:\n{log_text[-4000:]}", pytrace=False)
            time.sleep(0.05)

    def answers(self) -> bool:
        raise NotImplementedError

    def end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(60)
            self._process = None


class Postgres(Server):
    """A PostgreSQL server."""

    name = "postgresql"
    slow = "(SELECT 1 AS id FROM pg_sleep(60)) AS s"
    types: ClassVar[dict[str, str]] = {
        "integer": "integer", "text": "text", "boolean": "boolean", "number": "numeric(10, 2)",
        "binary": "bytea", "true": "true", "false": "false",
    }  # fmt: skip

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        versions = Path("/usr/lib/postgresql").glob("*/bin")
        found = sorted(versions, key=lambda path: float(path.parent.name))
        self._programs = found[-1] if found else None
        self.url = f"postgresql://callstate:{_QUOTED}@127.0.0.1:{self.port}/pbx"
        self.socket_url = f"postgresql://callstate@:{self.port}/pbx?host={folder}"

    def set_up(self) -> None:
        self.run(
            self._program("initdb"), "--pgdata=data", "--username=postgres", "--encoding=UTF8",
            "--auth-local=trust", "--auth-host=scram-sha-256", "--no-sync",
        )  # fmt: skip
        self.start()
        quoted = PASSWORD.replace("'", "''")
        self.run(*self._psql("postgres"), stdin="CREATE DATABASE pbx;")
        self.execute(f"CREATE ROLE callstate LOGIN PASSWORD '{quoted}';")

    def execute(self, script: str) -> None:
        grant = "GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC;"
        self.run(*self._psql("pbx"), stdin=f"{script};\n{grant}")

    def connections(self) -> int:
        query = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'callstate'"
        return int(self.run(*self._psql("pbx"), "-tAc", query))

    def start(self) -> None:
        self.spawn(
            self._program("postgres"), "-D", "data", "-h", "127.0.0.1", "-p", self.port, "-F",
            "-k", self.folder,
        )  # fmt: skip

    def stop(self) -> None:
        self.end(signal.SIGQUIT)

    def answers(self) -> bool:
        words = [self._program("pg_isready"), "-q", "-h", str(self.folder), "-p", str(self.port)]
        return subprocess.run(words, check=False, env=self.environment).returncode == 0

    def _program(self, name: str) -> str:
        found = self._programs and self._programs / name
        if found is None or not found.exists():
            pytest.fail(f"{name} is missing: apt-get install postgresql", pytrace=False)
        return str(found)

    def _psql(self, database: str) -> list[object]:
        return [
            self._program("psql"), "-q", "-h", self.folder, "-p", self.port, "-U", "postgres",
            "-v", "ON_ERROR_STOP=1", database,
        ]  # fmt: skip


class Mariadb(Server):
    """A MariaDB server."""

    name = "mariadb"
    slow = "(SELECT SLEEP(60) AS id) AS s"
    types: ClassVar[dict[str, str]] = {
        "integer": "INT", "text": "VARCHAR(200)", "boolean": "TINYINT(1)",
        "number": "DECIMAL(10, 2)", "binary": "VARBINARY(200)", "true": "1", "false": "0",
    }  # fmt: skip

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.url = f"mysql://callstate:{_QUOTED}@127.0.0.1:{self.port}/pbx"
        self.socket_url = f"mariadb://callstate:{_QUOTED}@localhost/pbx?unix_socket={folder}/socket"

    def set_up(self) -> None:
        self.run(
            self._program("mariadb-install-db"), "--no-defaults", f"--datadir={self.folder}/data",
            "--auth-root-authentication-method=normal", "--skip-test-db",
        )  # fmt: skip
        self.start()
        self.run(
            *self._client(),
            stdin="CREATE DATABASE pbx CHARACTER SET utf8mb4;"
            + "".join(
                f"CREATE USER callstate@'{host}' IDENTIFIED BY '{PASSWORD}';"
                f"GRANT SELECT ON pbx.* TO callstate@'{host}';"
                for host in ("127.0.0.1", "localhost")
            ),
        )

    def execute(self, script: str) -> None:
        self.run(*self._client(), "pbx", stdin=script)

    def connections(self) -> int:
        query = "SELECT count(*) FROM information_schema.processlist WHERE user = 'callstate'"
        return int(self.run(*self._client(), "-Ne", query))

    def start(self) -> None:
        self.spawn(
            self._program("mariadbd"), "--no-defaults", f"--datadir={self.folder}/data",
            f"--socket={self.folder}/socket", f"--port={self.port}", "--bind-address=127.0.0.1",
            "--pid-file=pid", "--innodb-buffer-pool-size=16M", "--skip-name-resolve",
        )  # fmt: skip

    def stop(self) -> None:
        self.end(signal.SIGKILL)

    def answers(self) -> bool:
        words = [self._program("mariadb-admin"), "--no-defaults", "--silent",
                 f"--socket={self.folder}/socket", "--user=root", "ping"]  # fmt: skip
        done = subprocess.run(words, check=False, capture_output=True, env=self.environment)
        return done.returncode == 0

    def _program(self, name: str) -> str:
        found = shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/bin")
        if found is None:
            pytest.fail(f"{name} is missing: apt-get install mariadb-server", pytrace=False)
        return found

    def _client(self) -> list[object]:
        return [
            self._program("mariadb"), "--no-defaults", "--default-character-set=utf8mb4",
            f"--socket={self.folder}/socket", "--user=root",
        ]  # fmt: skip


@contextmanager
def running(kind: type[Postgres] | type[Mariadb]) -> Iterator[Postgres | Mariadb]:
    """A new server, for the time of the block."""
    folder = Path(tempfile.mkdtemp(prefix=f"callstate-{kind.name}-"))
    if os.getuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    server = kind(folder)
    try:
        server.set_up()
        yield server
    finally:
        server.end(signal.SIGTERM if kind is Mariadb else signal.SIGINT)
        shutil.rmtree(folder)


def fill(database: Database) -> None:
    """Put the made-up platform into an empty database, or a fresh one in its place."""
    drops = "".join(f"DROP TABLE IF EXISTS {table};\n" for table in TABLES)
    database.execute(drops + PLATFORM.format(**database.types))


class Relay:
    """Between callstate and a server: breaks or falls silent after so many bytes of answers."""

    def __init__(self) -> None:
        self.port = 0
        self.passed = 0
        self.cut_after: int | None = None
        self.silent_after: int | None = None
        self.closed = asyncio.Event()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int
    ) -> None:
        self.passed = 0
        self.closed.clear()
        upstream = await asyncio.open_connection("127.0.0.1", port)
        copies = [
            asyncio.create_task(self._copy(reader, upstream[1], is_answer=False)),
            asyncio.create_task(self._copy(upstream[0], writer, is_answer=True)),
        ]
        await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
        for copy in copies:
            copy.cancel()
        await asyncio.gather(*copies, return_exceptions=True)
        for end in (writer, upstream[1]):
            end.transport.abort()
        self.closed.set()

    async def _copy(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, is_answer: bool
    ) -> None:
        while data := await source.read(65536):
            if is_answer:
                if self.silent_after is not None and self.passed + len(data) > self.silent_after:
                    continue
                if self.cut_after is not None:
                    data = data[: max(0, self.cut_after - self.passed)]
                self.passed += len(data)
            sink.write(data)
            await sink.drain()
            if is_answer and self.cut_after is not None and self.passed >= self.cut_after:
                return


@asynccontextmanager
async def relayed(port: int) -> AsyncIterator[Relay]:
    """A relay to the server at `port`."""
    relay = Relay()
    server = await asyncio.start_server(
        lambda reader, writer: relay._serve(reader, writer, port), "127.0.0.1", 0
    )
    relay.port = server.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        server.close()


def _as_nobody() -> list[str]:
    if os.getuid() != 0:
        return []
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]


def _unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

"""What a user could take instead, each as its users would: parsers, tables, lists asked for.

A table holds rows as the API has them; the daemon's own legs are what goes in, so that rivals
pay for nothing but keeping rows and finding them.
"""

import json
import logging
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import msgspec
import redis
from panoramisk.ami_protocol import AMIProtocol

from callstate.core.model import Leg
from callstate.core.store import Change

_TYPES = {field.name: field.type for field in msgspec.structs.fields(Leg)}
FIELDS = list(_TYPES)

Row = dict[str, Any]


class _Factory:
    """Who gets panoramisk's events: nobody."""

    save_stream = None

    def dispatch(self, message: object) -> None:
        """Drop it."""


def panoramisk_parse(pieces: Iterable[bytes]) -> None:
    """Let panoramisk receive a stream, and do nothing with its messages."""
    protocol: Any = AMIProtocol()
    protocol.connection_made(None)
    protocol.factory = _Factory()
    protocol.encoding = "utf8"
    for piece in pieces:
        protocol.data_received(piece)


def bare_split(pieces: Iterable[bytes]) -> None:
    """Cut a stream into messages and do nothing with them: the limit of every decoder."""
    rest = b""
    for piece in pieces:
        *_, rest = (rest + piece).split(b"\r\n\r\n")


class Table(Protocol):
    """Rows of legs that are kept up to date and asked for."""

    def apply(self, changes: list[Change]) -> None:
        """Take in what a piece of the stream changed."""

    def ask(self, customer: int) -> bytes:
        """Return the rows of one customer, by start, as JSON."""

    def close(self) -> None:
        """End."""


class DictTable:
    """A dictionary of dictionaries, customers to keys, and json: what a small daemon has."""

    def __init__(self) -> None:
        self._rows: dict[tuple[int, str], Row] = {}
        self._keys: dict[int, set[tuple[int, str]]] = {}

    def apply(self, changes: list[Change]) -> None:
        for change in changes:
            key = change.key
            old = self._rows.pop(key, None)
            if old is not None:
                for customer in (old["scustomer"], old["dcustomer"]):
                    self._keys.get(customer, set()).discard(key)
            if change.new is not None:
                row = self._rows[key] = msgspec.structs.asdict(change.new)
                for customer in (row["scustomer"], row["dcustomer"]):
                    self._keys.setdefault(customer, set()).add(key)

    def ask(self, customer: int) -> bytes:
        rows = [self._rows[key] for key in self._keys.get(customer, ())]
        rows.sort(key=_order)
        return json.dumps(rows).encode()

    def close(self) -> None:
        self._rows.clear()


class SqliteTable:
    """A table in SQLite with an index on both customers; a transaction for each piece."""

    def __init__(self, path: str = ":memory:") -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        if path != ":memory:":
            # The fastest that still survives the end of the process.
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
        types = {int: "INTEGER", str: "TEXT"}
        columns = ", ".join(f"{name} {types[kind]}" for name, kind in _TYPES.items())
        self._db.execute(f"CREATE TABLE legs ({columns}, PRIMARY KEY (machine, uniqueid))")
        self._db.execute("CREATE INDEX by_scustomer ON legs (scustomer)")
        self._db.execute("CREATE INDEX by_dcustomer ON legs (dcustomer)")
        places = ", ".join("?" * len(FIELDS))
        self._put = f"INSERT OR REPLACE INTO legs VALUES ({places})"
        self._select = (
            f"SELECT {', '.join(FIELDS)} FROM legs WHERE scustomer = ? OR dcustomer = ? "
            "ORDER BY start, uniqueid, machine"
        )

    def apply(self, changes: list[Change]) -> None:
        self._db.execute("BEGIN")
        for change in changes:
            if change.new is not None:
                self._db.execute(self._put, msgspec.structs.astuple(change.new))
            else:
                self._db.execute("DELETE FROM legs WHERE machine = ? AND uniqueid = ?", change.key)
        self._db.execute("COMMIT")

    def ask(self, customer: int) -> bytes:
        found = self._db.execute(self._select, (customer, customer))
        return json.dumps([dict(zip(FIELDS, row, strict=True)) for row in found]).encode()

    def close(self) -> None:
        self._db.close()


class RedisHashes:
    """A hash in Redis for each leg, and a set of keys for each customer: a table, as far as it
    has any. A pipeline for each piece, and one for each answer.
    """

    def __init__(self, socket: Path, database: int) -> None:
        self._redis: Any = redis.Redis(
            unix_socket_path=str(socket), db=database, decode_responses=True
        )

    def apply(self, changes: list[Change]) -> None:
        with self._redis.pipeline(transaction=False) as pipe:
            for change in changes:
                key = f"{change.key.machine}/{change.key.uniqueid}"
                before, after = _customers(change.old), _customers(change.new)
                for customer in before - after:
                    pipe.srem(f"c{customer}", key)
                for customer in after - before:
                    pipe.sadd(f"c{customer}", key)
                if change.new is None:
                    pipe.delete(key)
                else:
                    pipe.hset(key, mapping=_differences(change.old, change.new))
            pipe.execute()

    def ask(self, customer: int) -> bytes:
        with self._redis.pipeline(transaction=False) as pipe:
            for key in self._redis.smembers(f"c{customer}"):
                pipe.hgetall(key)
            rows = [_typed(row) for row in pipe.execute() if row]
        rows.sort(key=_order)
        return json.dumps(rows).encode()

    def close(self) -> None:
        self._redis.close()


class RedisRows:
    """Rows in Redis as JSON already, and a sorted set of keys for each customer: the least that
    an answer can cost there, as long as nothing is filtered.
    """

    def __init__(self, socket: Path, database: int) -> None:
        self._redis: Any = redis.Redis(unix_socket_path=str(socket), db=database)

    def apply(self, changes: list[Change]) -> None:
        with self._redis.pipeline(transaction=False) as pipe:
            for change in changes:
                key = f"{change.key.machine}/{change.key.uniqueid}"
                before, after = _customers(change.old), _customers(change.new)
                for customer in before - after:
                    pipe.zrem(f"c{customer}", key)
                for customer in after - before:
                    assert change.new is not None, "it has customers"
                    pipe.zadd(f"c{customer}", {key: change.new.start})
                if change.new is None:
                    pipe.delete(key)
                else:
                    pipe.set(key, msgspec.json.encode(change.new))
            pipe.execute()

    def ask(self, customer: int) -> bytes:
        keys = self._redis.zrange(f"c{customer}", 0, -1)
        texts = self._redis.mget(keys) if keys else []
        return b"[%b]" % b",".join([text for text in texts if text is not None])

    def close(self) -> None:
        self._redis.close()


@contextmanager
def redis_server() -> Iterator[Path]:
    """Run a Redis of our own inside, which keeps nothing on disk; give the path of its socket.

    Raises:
        LookupError: there is no redis-server on this machine.
    """
    program = shutil.which("redis-server")
    if program is None:
        raise LookupError("redis-server")
    with tempfile.TemporaryDirectory(prefix="callstate-bench-") as folder:
        socket = Path(folder) / "redis.sock"
        options = ["--port", "0", "--unixsocket", str(socket), "--save", "", "--appendonly", "no"]
        with subprocess.Popen(
            [program, *options, "--dir", folder], stdout=subprocess.DEVNULL
        ) as server:
            try:
                _wait_for(socket.exists, server)
                yield socket
            finally:
                server.terminate()


def list_asked(answer: bytes, customer: str) -> bytes:
    """Return a customer's legs from Asterisk's own list, as panoramisk's user gets them."""
    protocol: Any = AMIProtocol()
    protocol.connection_made(None)
    found: list[Any] = []
    protocol.factory = _Factory()
    protocol.factory.dispatch = found.append
    protocol.encoding = "utf8"
    for at in range(0, len(answer), 1 << 16):
        protocol.data_received(answer[at : at + (1 << 16)])
    mine = [dict(one.items()) for one in found if customer in one.get("ChanVariable", ())]
    return json.dumps(mine).encode()


def quiet() -> None:
    """Let panoramisk format no debug texts, which a user would not have on either."""
    logging.getLogger("panoramisk").setLevel(logging.WARNING)


def _wait_for(condition: Callable[[], bool], server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 20
    while not condition():
        if server.poll() is not None or time.monotonic() > deadline:
            raise LookupError("redis-server that starts")
        time.sleep(0.01)


def _differences(old: Leg | None, new: Leg) -> Row:
    after = msgspec.structs.asdict(new)
    if old is None:
        return after
    before = msgspec.structs.asdict(old)
    changed = {name: value for name, value in after.items() if before[name] != value}
    return changed or {"machine": new.machine}


def _typed(row: Row) -> Row:
    """Return `row`, all text in Redis, with its numbers as numbers."""
    return {name: int(row[name]) if _TYPES[name] is int else row[name] for name in FIELDS}


def _order(row: Row) -> tuple[int, str, int]:
    return row["start"], row["uniqueid"], row["machine"]


def _customers(leg: Leg | None) -> set[int]:
    return set() if leg is None else {leg.scustomer, leg.dcustomer} - {0}

"""The directory in a database: one SELECT for each table, all of one moment.

Each load makes a connection of its own, reads in one transaction that can only read, and
closes it; nothing stays open in between. The database may be down, slow, or gone while it is
read: that is a `DirectoryUnavailable`, after `timeout_seconds` at most.

No error and no log holds the url, or a row.
"""

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import msgspec
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncResult, create_async_engine
from sqlalchemy.pool import NullPool

from callstate.config import DirectorySource
from callstate.core.directory import Directory, build
from callstate.core.errors import ConfigError, DirectoryError, DirectoryUnavailable
from callstate.directory.columns import Selection, rows_of
from callstate.directory.reason import reason
from callstate.directory.rows import TABLES

URL_KEY = "directory.url"

# Scheme -> the driver of SQLAlchemy, and the extra of callstate that brings it.
_DRIVERS = {
    "sqlite": ("sqlite+aiosqlite", "sqlite"),
    "postgresql": ("postgresql+asyncpg", "postgresql"),
    "postgres": ("postgresql+asyncpg", "postgresql"),
    "mysql": ("mysql+asyncmy", "mysql"),
    "mariadb": ("mariadb+asyncmy", "mysql"),
}
# What begins a transaction of one moment, beside what SQLAlchemy does; and what ends a SELECT
# that nobody waits for any more, so that slow ones do not pile up in the database.
_BEGIN = {
    "sqlite": ("BEGIN",),
    "postgresql": ("SET LOCAL statement_timeout = {milliseconds}",),
    "mysql": (
        "SET SESSION max_execution_time = {milliseconds}",
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
    ),
    "mariadb": (
        "SET SESSION max_statement_time = {seconds}",
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
    ),
}
_OPTIONS: dict[str, dict[str, Any]] = {
    "postgresql": {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
}

# Between two slices of rows the event loop does other things.
_SLICE = 500
# How long a connection that was broken off may take to go; all its ends are then closed.
_PATIENCE = 5.0
# Against a SELECT that joins too much: far above any platform, far below the machine's memory.
ROW_LIMIT = 1_000_000

# They tell at `debug` what was asked and answered.
for _talkative in ("aiosqlite", "asyncmy", "asyncpg", "sqlalchemy"):
    logging.getLogger(_talkative).setLevel(logging.CRITICAL)


class DirectorySql:
    """A directory in a database; one load at a time. `where` says which, without secrets."""

    def __init__(self, source: DirectorySource) -> None:
        """Connect to nothing yet.

        Raises:
            ConfigError: the url cannot be used, or its driver is not installed.
        """
        url = _parse(source.url)
        self.where = _place(url)
        self._seconds = source.sql.timeout_seconds
        self._selects = {
            table: select for table in TABLES if (select := getattr(source.sql, f"{table}s"))
        }
        self._engine = _engine(url, self._seconds)
        event.listen(self._engine.sync_engine, "do_connect", self._connect)
        self._opened: Any = None
        self._asking = URL_KEY
        self._known: tuple[dict[str, int], Directory] | None = None

    async def load(self) -> Directory:
        """Return what the database says: the very same object as long as it says the same.

        Raises:
            DirectoryUnavailable: it does not say anything now.
            DirectoryError: naming the SELECT, or the row.
        """
        selections = await self._read()
        return await asyncio.to_thread(self._understand, selections)

    def _understand(self, selections: Mapping[str, Selection]) -> Directory:
        rows: dict[str, Any] = {
            f"{table}s": rows_of(table, selection) for table, selection in selections.items()
        }
        digest = _digest(rows)
        if self._known is None or self._known[0] != digest:
            self._known = digest, build(**rows)
        return self._known[1]

    async def _read(self) -> dict[str, Selection]:
        """Return what the SELECTs give; leave nothing behind that still asks."""
        reading = asyncio.create_task(self._read_all())
        try:
            await asyncio.wait((reading,), timeout=self._seconds)
        finally:
            is_late = not reading.done()
            if is_late:
                await self._break_off()
                reading.cancel()
                await asyncio.wait((reading,), timeout=_PATIENCE)
            if reading.done() and not reading.cancelled():
                reading.exception()  # nobody else may look at it
        if is_late:
            raise DirectoryUnavailable(self._asking, f"no answer in {self._seconds:g} s")
        return reading.result()

    async def _read_all(self) -> dict[str, Selection]:
        self._asking, self._opened = URL_KEY, None
        connection = self._engine.connect()
        selections: dict[str, Selection] = {}
        try:
            await connection.start()
            await self._begin(connection)
            for table, select in self._selects.items():
                self._asking = f"directory.sql.{table}s"
                selections[table] = await _select(connection, self._asking, select)
            await connection.close()
        except BaseException as error:
            await self._discard(connection)
            if isinstance(error, DirectoryError) or not isinstance(error, Exception):
                raise
            # A driver may raise anything.
            raise DirectoryUnavailable(self._asking, reason(error)) from None
        return selections

    async def _begin(self, connection: AsyncConnection) -> None:
        dialect = connection.dialect
        name = "mariadb" if getattr(dialect, "is_mariadb", False) else dialect.name
        await connection.execution_options(**_OPTIONS.get(name, {}))
        milliseconds = max(1, round(self._seconds * 1000))
        for statement in _BEGIN[name]:
            await connection.exec_driver_sql(
                statement.format(milliseconds=milliseconds, seconds=milliseconds / 1000)
            )

    def _connect(self, dialect: Any, _record: Any, arguments: Any, options: Any) -> Any:
        """Make a connection as SQLAlchemy would, and remember it from its first moment on."""
        self._opened = dialect.connect(*arguments, **options)
        return self._opened

    async def _break_off(self) -> None:
        """End a read from outside, without asking the database, which may never answer."""
        if self._opened is None:
            return
        with contextlib.suppress(Exception):
            if self._engine.dialect.name == "sqlite":
                # Its thread would not hear of anything else before the SELECT is through.
                await self._opened.driver_connection.interrupt()
            else:
                self._opened.terminate()

    async def _discard(self, connection: AsyncConnection) -> None:
        with contextlib.suppress(Exception):
            if connection.sync_connection is None:
                if self._opened is not None:
                    self._opened.terminate()
                return
            await connection.invalidate()
            await connection.close()


async def _select(connection: AsyncConnection, key: str, select: str) -> Selection:
    rows: list[Any] = []
    if connection.dialect.paramstyle == "format":
        select = select.replace("%", "%%")
    streamed = partial(
        Connection.exec_driver_sql,
        statement=select,
        execution_options={"stream_results": True},
    )
    # Not `text`, for which a colon begins a parameter.
    result = AsyncResult(await connection.run_sync(streamed))
    columns = tuple(result.keys())
    try:
        async for some in result.partitions(_SLICE):
            rows.extend(map(tuple, some))
            if len(rows) > ROW_LIMIT:
                raise DirectoryError(key, f"gives more than {ROW_LIMIT} rows")
            await asyncio.sleep(0)
    except BaseException:
        if connection.dialect.name == "sqlite":
            # As long as anybody holds the cursor, its file is locked for those who write.
            await result.close()
        raise
    return Selection(columns, rows)


def _parse(written: str) -> URL:
    """Return the url with its driver; a file's, so that it is only read."""
    try:
        url = make_url(written)
    except Exception:  # whatever it says would quote the url
        raise ConfigError(URL_KEY, "is no url of a database") from None
    scheme, _, driver = url.drivername.partition("+")
    full = _DRIVERS.get(scheme, ("", ""))[0]
    if not full or driver not in ("", full.partition("+")[2]):
        known = ", ".join(sorted(_DRIVERS))
        raise ConfigError(URL_KEY, f"must begin with one of {known}, and ://")
    if scheme != "sqlite":
        return url.set(drivername=full)
    path = unquote(urlsplit(written).path)[1:]  # releases of SQLAlchemy differ in it
    if not path.startswith("/"):
        raise ConfigError(URL_KEY, "must give the whole path, as sqlite:////var/lib/some.db")
    query = {"mode": "ro", "uri": "true"}
    return URL.create(full, database=f"file:{quote(path)}", query=query)


def _place(url: URL) -> str:
    """Return which database it is, without who asks: `postgresql db.example/pbx`."""
    if url.host is None:
        return f"{url.get_backend_name()} {unquote((url.database or '').removeprefix('file:'))}"
    return f"{url.get_backend_name()} {url.host}/{url.database or ''}"


def _engine(url: URL, seconds: float) -> AsyncEngine:
    extra = _DRIVERS[url.get_backend_name()][1]
    # A writer holds a file for moments only, and waiting for it cannot be interrupted.
    wait: dict[str, Any] = {"timeout": min(seconds, 2.0)} if extra == "sqlite" else {}
    try:
        return create_async_engine(url, poolclass=NullPool, connect_args=wait)
    except ImportError:
        raise ConfigError(URL_KEY, f"needs `pip install callstate[{extra}]`") from None


def _digest(rows: Mapping[str, list[msgspec.Struct]]) -> dict[str, int]:
    """Return the same for the same rows in any order: without ORDER BY it means nothing."""
    # A sum, since sorting so many would hold up all other threads.
    digest = dict.fromkeys(rows, 0)
    for table, members in rows.items():
        for row in members:
            line = msgspec.json.encode(row, order="deterministic")
            digest[table] += int.from_bytes(hashlib.blake2b(line, digest_size=32).digest())
    return digest

"""The directory in a database: the same as from a file; and when it does not answer."""

import asyncio
import contextlib
import gc
import logging
import re
import time
import tomllib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import uvloop

from callstate.config import DirectorySource
from callstate.config import DirectorySql as Selects
from callstate.core.directory import Directory, SourceState
from callstate.core.errors import ConfigError, DirectoryError, DirectoryUnavailable
from callstate.core.state import CallState
from callstate.directory import sql
from callstate.directory.file import parse
from callstate.directory.sql import DirectorySql
from callstate.directory.watch import DirectoryWatch
from tests.directory.servers import PASSWORD, Database, Mariadb, Postgres, SqliteFile, relayed

# What the platform says, as a file says it.
FILE = """
[[customer]]
id = 1
name = 'Owner: "Root"'
[[customer]]
id = 17
parent = 1
name = "Été 100 %"
[[customer]]
id = 23
parent = 1
[[role]]
name = "administrator"
privileges = ["telephone line reports", "panel"]
system_wide = true
[[role]]
name = "reports"
privileges = ["user"]
[[role]]
name = "none"
[[line]]
name = "c17-101"
customer = 17
number = "101"
[[line]]
name = "c17-102"
customer = 17
number = "102"
[[line]]
name = "c23-101"
customer = 23
number = "101"
[[user]]
name = "root"
customer = 1
role = "administrator"
password_hash = "$argon2id$hunter2"
[[user]]
name = "alice"
customer = 17
role = "reports"
password_hash = "$argon2id$hunter2"
lines = ["c17-101", "c17-102"]
[[user]]
name = "dave"
customer = 17
role = "none"
disabled = true
[[name]]
number = "101"
name = "Reception"
customer = 17
[[name]]
number = "112"
name = "Emergency"
"""
LINE = "concat('c', e.account_id, '-', e.digits)"
SELECTS = Selects(
    timeout_seconds=20,
    customers="SELECT account_id AS id, owner_id AS parent, title AS name FROM accounts",
    roles=(
        "SELECT p.title AS name, p.everywhere AS system_wide, r.title AS privilege"
        " FROM profiles p LEFT JOIN profile_rights r ON r.profile_id = p.profile_id"
    ),
    users=(
        "SELECT l.login AS name, l.account_id AS customer, p.title AS role, l.blocked AS disabled,"
        f" l.hash AS PASSWORD_HASH, CASE WHEN e.ext_id IS NULL THEN NULL ELSE {LINE} END AS line"
        " FROM logins l JOIN profiles p ON p.profile_id = l.profile_id"
        " LEFT JOIN login_extensions x ON x.login = l.login"
        " LEFT JOIN extensions e ON e.ext_id = x.ext_id ORDER BY e.ext_id"
    ),
    lines=f"SELECT {LINE} AS name, account_id AS customer, digits AS number FROM extensions e",
    names="SELECT digits AS number, title AS name, account_id AS customer FROM phonebook",
)


def source(database: Database, url: str = "", **changes: Any) -> DirectorySource:
    """Return the source that `database` is, with some SELECTs changed."""
    selects = msgspec.structs.replace(SELECTS, **changes)
    if database.name == "sqlite":  # SQLite has had concat only since 3.44
        written = msgspec.json.encode(selects).decode()
        selects = msgspec.json.decode(re.sub(r"concat\(([^)]*)\)", _joined, written), type=Selects)
    return DirectorySource(url=url or database.url, sql=selects)


def _joined(found: re.Match[str]) -> str:
    return found[1].replace(", ", " || ")


def _by_relay(database: Database, port: int) -> str:
    return re.sub(r":\d+/", f":{port}/", database.url)


def said_by(directory: Directory) -> dict[str, Any]:
    """Return all that a directory says, in a form that can be compared."""
    tree = directory.customers
    return {
        "root": tree.root,
        "customers": {
            each: (tree.name(each), tree.children(each))
            for each in {tree.root, *tree.descendants(tree.root)}
        },
        "roles": dict(directory.roles),
        "users": {name: (user.password_hash, user) for name, user in directory.users.items()},
        "lines": dict(directory.lines),
        "names": dict(directory.names),
    }


async def problem_of(loader: DirectorySql) -> DirectoryError:
    """Return how a load fails, and make sure that no secret is in what is said of it."""
    with pytest.raises(DirectoryError) as caught:
        await loader.load()
    seen = f"{caught.value} {caught.value!r} {caught.value.__cause__}"
    assert "hunter2" not in seen
    assert "\n" not in seen
    return caught.value


@pytest.fixture(autouse=True)
async def nothing_is_left(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """No task and no connection outlives a test."""
    names = {"database", "server"} & set(request.fixturenames)
    databases: list[Database] = [request.getfixturevalue(name) for name in names]
    yield
    gc.collect()
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    for database in databases:
        deadline = time.monotonic() + 20
        while database.connections():
            assert time.monotonic() < deadline, "a connection is left"
            await asyncio.sleep(0.05)


@pytest.fixture(autouse=True)
def nothing_is_told(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Even at `debug`, no log has a secret."""
    caplog.set_level(logging.DEBUG)
    yield
    assert "hunter2" not in caplog.text
    assert "hunter2" not in "".join(str(vars(record)) for record in caplog.records)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


# What it says


async def test_it_is_the_same_as_from_a_file(database: Database) -> None:
    directory = await DirectorySql(source(database)).load()
    assert said_by(directory) == said_by(parse(FILE))


async def test_the_same_rows_are_the_same_directory(database: Database) -> None:
    loader = DirectorySql(source(database))
    first = await loader.load()
    assert await loader.load() is first
    # In another place of the table, the row is still the same.
    database.execute("DELETE FROM phonebook WHERE digits = '101'")
    assert await loader.load() is not first
    database.execute("INSERT INTO phonebook VALUES ('101', 'Desk', 17)")
    second = await loader.load()
    assert second.names[17, "101"] == "Desk"
    database.execute(
        "DELETE FROM phonebook WHERE digits = '112';"
        "INSERT INTO phonebook VALUES ('112', 'Emergency', NULL)"
    )
    assert await loader.load() is second


async def test_a_table_that_is_not_asked_for_is_empty(database: Database) -> None:
    loader = DirectorySql(source(database, names="", users="", lines="", roles=""))
    directory = await loader.load()
    assert (len(directory.customers), len(directory.users), len(directory.names)) == (3, 0, 0)


@pytest.mark.parametrize("text", ["a:b", ":c", "d::e", "%s 100 %", "f%(g)s", "{h}", "?", "$1"])
async def test_a_select_is_taken_as_it_is_written(database: Database, text: str) -> None:
    selects = f"SELECT account_id AS id, owner_id AS parent, '{text}' AS name FROM accounts"
    directory = await DirectorySql(source(database, customers=selects)).load()
    assert directory.customers.name(1) == text


async def test_many_rows_are_read_in_slices(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = ",".join(f"('{number}', 'Number {number}', 17)" for number in range(1000, 4000))
    database.execute(f"INSERT INTO phonebook VALUES {rows}")
    directory = await DirectorySql(source(database)).load()
    assert len(directory.names) == 3002
    monkeypatch.setattr(sql, "ROW_LIMIT", 2000)
    problem = await problem_of(DirectorySql(source(database)))
    assert str(problem) == "directory.sql.names: gives more than 2000 rows"
    assert not isinstance(problem, DirectoryUnavailable)
    database.execute("DELETE FROM phonebook")  # nothing is locked


async def test_it_can_change_nothing(database: Database) -> None:
    writes = "DELETE FROM phonebook RETURNING digits AS number, title AS name"
    if database.name == "postgresql":
        database.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC")
    if database.name == "mariadb":
        database.execute("GRANT ALL ON pbx.* TO callstate@'127.0.0.1'")
    problem = await problem_of(DirectorySql(source(database, names=writes)))
    assert problem.key == "directory.sql.names"
    directory = await DirectorySql(source(database)).load()
    assert len(directory.names) == 2


async def test_all_selects_see_one_moment(server: Postgres | Mariadb) -> None:
    # The second SELECT takes a while, in which the platform changes what the last one reads.
    pause = {"postgresql": "pg_sleep(1)", "mariadb": "SLEEP(1)"}[server.name]
    slow = f"SELECT title AS name FROM profiles, (SELECT {pause} AS p) AS pause"
    loader = DirectorySql(source(server, roles=slow))
    loading = asyncio.create_task(loader.load())
    await asyncio.sleep(0.5)
    await asyncio.to_thread(server.execute, "DELETE FROM phonebook")
    assert len((await loading).names) == 2
    assert len((await loader.load()).names) == 0


async def test_a_server_may_listen_on_a_socket(server: Postgres | Mariadb) -> None:
    directory = await DirectorySql(source(server, server.socket_url)).load()
    assert set(directory.users) == {"root", "alice", "dave"}


def test_it_works_in_the_daemons_own_loop(database: Database) -> None:
    slow = f"SELECT id FROM {database.slow}"

    async def load_and_wait() -> Directory:
        late = DirectorySql(source(database, customers=slow, timeout_seconds=0.5))
        assert isinstance(await problem_of(late), DirectoryUnavailable)
        return await DirectorySql(source(database)).load()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert len(runner.run(load_and_wait()).users) == 3


async def test_the_operators_example_works(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs/operation.md").read_text(encoding="utf-8")
    (tables,) = re.findall(r"^```sql\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    examples = re.findall(r"^```toml\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    (example,) = [each for each in examples if "[directory.sql]" in each]
    database = SqliteFile(tmp_path / "pbx.db")
    database.execute(
        tables + "INSERT INTO account VALUES (1, NULL, 'Owner'), (17, 1, 'Example');"
        "INSERT INTO login VALUES ('alice', 17, 'staff', 'hash', 'open'),"
        " ('root', 1, 'operator', 'hash', 'closed');"
        "INSERT INTO profile_right VALUES ('staff', 'user'), ('operator', 'callshop'),"
        " ('operator', 'telephone line reports');"
        "INSERT INTO phone VALUES ('c17-101', 17, 101, 'alice'), ('c17-102', 17, 102, 'alice');"
        "INSERT INTO phonebook VALUES (17, '101', 'Reception');"
    )
    selects = msgspec.convert(tomllib.loads(example)["directory"]["sql"], Selects)
    directory = await DirectorySql(DirectorySource(url=database.url, sql=selects)).load()
    assert directory.users["alice"].lines == ("c17-101", "c17-102")
    assert (directory.users["alice"].disabled, directory.users["root"].disabled) == (False, True)
    assert directory.roles["operator"].system_wide
    assert len(directory.roles["operator"].privileges) == 2
    assert directory.lines["c17-101"].number == "101"
    assert directory.names[17, "101"] == "Reception"


# What is wrong with it


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"names": "SELECT 1 AS number"}, "directory.sql.names: column name is missing"),
        ({"lines": "SELECT 1 AS nam"}, "directory.sql.lines: column nam is not known; known are"),
        (
            {"users": "SELECT 'a' AS name, 17 AS customer, 'x' AS role"},
            "user[a].role: there is no role x",
        ),
        (
            {"users": "SELECT 'a' AS name, NULL AS customer, 'x' AS role"},
            "user[a].customer: is missing",
        ),
        (
            {"users": "SELECT login AS name, hash AS customer, 'x' AS role FROM logins"},
            "user[root].customer: must be a whole number",
        ),
        ({"customers": "SELECT 1 AS id UNION SELECT 2"}, "customer[2].parent: has no parent"),
    ],
)
async def test_a_wrong_row_is_named(database: Database, changes: dict[str, str], said: str) -> None:
    problem = await problem_of(DirectorySql(source(database, **changes)))
    assert str(problem).startswith(said)
    assert not isinstance(problem, DirectoryUnavailable)


@pytest.mark.parametrize("select", ["SELECT 1 AS id FROM nowhere", "SELECT nothing", "SELEC 1"])
async def test_a_select_that_is_refused_is_named(database: Database, select: str) -> None:
    problem = await problem_of(DirectorySql(source(database, customers=select)))
    assert problem.key == "directory.sql.customers"
    assert re.search("nowhere|nothing|SELEC", problem.problem)


async def test_a_message_that_quotes_a_row_is_not_passed_on(server: Postgres | Mariadb) -> None:
    failing = {
        "postgresql": "SELECT CAST(login AS integer) AS id FROM logins",
        "mariadb": "SELECT ExtractValue('<a/>', login) AS id, JSON_VALUE(1, hash) AS name,"
        " UpdateXML('a', concat('/', hash), 'b') AS parent FROM logins",
    }[server.name]
    failing = failing.replace("login AS integer", "convert_from(hash, 'UTF8') AS integer")
    problem = await problem_of(DirectorySql(source(server, customers=failing)))
    assert problem.key in ("directory.sql.customers", "customer[0].id")


# When it does not answer


async def test_one_that_is_not_there_is_unavailable_until_it_is_back(database: Database) -> None:
    loader = DirectorySql(source(database))
    first = await loader.load()
    database.stop()
    try:
        problem = await problem_of(loader)
        assert isinstance(problem, DirectoryUnavailable)
        assert problem.key == "directory.url"
        assert re.search("refused|unable to open", problem.problem)
    finally:
        database.start()
    assert await loader.load() is first


async def test_a_slow_select_ends_after_its_time(database: Database) -> None:
    slow = f"SELECT id FROM {database.slow}"
    loader = DirectorySql(source(database, customers=slow, timeout_seconds=0.7))
    started = time.monotonic()
    problem = await problem_of(loader)
    assert time.monotonic() - started < 5
    assert isinstance(problem, DirectoryUnavailable)
    assert problem.key == "directory.sql.customers"
    # Its own clock, or the database's: whichever is the first.
    assert re.fullmatch(r"no answer in 0\.7 s|error \w+", problem.problem)


async def test_the_loop_goes_on_meanwhile(database: Database) -> None:
    slow = f"SELECT id FROM {database.slow}"
    loading = asyncio.create_task(
        DirectorySql(source(database, customers=slow, timeout_seconds=1)).load()
    )
    turns, worst, last = 0, 0.0, time.monotonic()
    while not loading.done():
        await asyncio.sleep(0.01)
        now = time.monotonic()
        turns, worst, last = turns + 1, max(worst, now - last), now
    with contextlib.suppress(DirectoryUnavailable):
        await loading
    assert turns > 20
    assert worst < 0.5


async def test_a_load_that_is_cancelled_leaves_nothing(database: Database) -> None:
    slow = f"SELECT id FROM {database.slow}"
    loader = DirectorySql(source(database, customers=slow, timeout_seconds=3))
    loading = asyncio.create_task(loader.load())
    await asyncio.sleep(0.3)
    loading.cancel()
    started = time.monotonic()
    with pytest.raises(asyncio.CancelledError):
        await loading
    assert time.monotonic() - started < 3


async def test_a_connection_may_break_at_any_byte(server: Postgres | Mariadb) -> None:
    async with relayed(server.port) as relay:
        loader = DirectorySql(source(server, _by_relay(server, relay.port)))
        whole = await loader.load()
        await relay.closed.wait()
        total = relay.passed
        problems: list[str] = []
        for relay.cut_after in [*range(0, total, max(1, total // 60)), total - 1]:
            try:
                assert await loader.load() is whole
            except DirectoryUnavailable as error:
                problems.append(str(error))
            await relay.closed.wait()
        assert len(problems) > 30
        assert "hunter2" not in "".join(problems)
        relay.cut_after = None
        assert await loader.load() is whole
        await relay.closed.wait()


@pytest.mark.parametrize("part", [0, 0.2, 0.5, 0.9])
async def test_a_connection_may_fall_silent(server: Postgres | Mariadb, part: float) -> None:
    async with relayed(server.port) as relay:
        url = _by_relay(server, relay.port)
        await DirectorySql(source(server, url)).load()
        await relay.closed.wait()
        relay.silent_after = int(relay.passed * part)
        loader = DirectorySql(source(server, url, timeout_seconds=0.5))
        started = time.monotonic()
        problem = await problem_of(loader)
        assert problem.problem == "no answer in 0.5 s"
        assert time.monotonic() - started < 3
        await relay.closed.wait()


async def test_a_server_may_be_killed_while_it_is_read(server: Postgres | Mariadb) -> None:
    slow = f"SELECT id FROM {server.slow}"
    loading = asyncio.create_task(DirectorySql(source(server, customers=slow)).load())
    await asyncio.sleep(0.5)
    try:
        await asyncio.to_thread(server.stop)
        with pytest.raises(DirectoryUnavailable, match=r"^directory\.sql\.customers: "):
            await loading
    finally:
        server.start()


async def test_a_wrong_password_is_said_without_it(server: Postgres | Mariadb) -> None:
    url = server.url.replace("hunter2", "xhunter2")
    problem = await problem_of(DirectorySql(source(server, url)))
    assert isinstance(problem, DirectoryUnavailable)
    assert problem.key == "directory.url"
    assert "callstate" in problem.problem


# What is in force


async def test_bad_rows_and_an_absent_database_leave_the_last_good_one(database: Database) -> None:
    state = CallState()
    watch = DirectoryWatch(
        DirectorySql(source(database)).load, state, seconds=0, clock=lambda: 1000.0
    )
    assert await watch.reload()
    good = state.directory

    database.execute("INSERT INTO logins VALUES ('eve', 99, 2, NULL, NULL)")
    assert not await watch.reload()
    assert (state.directory, state.source.state) == (good, SourceState.REFUSED)
    database.stop()
    try:
        assert not await watch.reload()
        assert (state.directory, state.source.state) == (good, SourceState.UNAVAILABLE)
    finally:
        database.start()
    database.execute("UPDATE logins SET account_id = 23 WHERE login = 'eve'")
    assert await watch.reload()
    assert state.directory.users["eve"].customer == 23
    assert state.source.state is SourceState.ACCEPTED


# The url


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("hunter2", "is no url of a database"),
        ("postgresql://a:b@c:hunter2/d", "is no url of a database"),
        ("oracle://hunter2@a/b", "must begin with one of mariadb, mysql, postgres, postgresql,"),
        ("postgresql+psycopg://hunter2@a/b", "must begin with one of"),
        ("sqlite:///hunter2.db", "must give the whole path, as sqlite:////var/lib/some.db"),
        ("sqlite://", "must give the whole path"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused(url: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        DirectorySql(DirectorySource(url=url))
    assert caught.value.key == "directory.url"
    assert caught.value.problem.startswith(problem)
    assert "hunter2" not in f"{caught.value!r}"


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("postgresql://a:hunter2@db.example:5433/pbx?ssl=require", "postgresql db.example/pbx"),
        ("postgres+asyncpg://a:hunter2@db.example/pbx", "postgresql db.example/pbx"),
        ("mariadb://a:hunter2@db.example/pbx", "mariadb db.example/pbx"),
        ("postgresql:///pbx?host=/run/postgresql&password=hunter2", "postgresql pbx"),
        ("sqlite:////var/lib/a%20b.db", "sqlite /var/lib/a b.db"),
    ],
)
def test_it_says_where_without_secrets(url: str, where: str) -> None:
    database = DirectorySql(DirectorySource(url=url))
    assert database.where == where
    assert "hunter2" not in repr(database)


@pytest.mark.parametrize(
    ("module", "url", "extra"),
    [
        ("aiosqlite", "sqlite:////tmp/x", "sqlite"),
        ("asyncpg", "postgresql://a/b", "postgresql"),
        ("asyncmy", "mysql://a/b", "mysql"),
    ],
)
def test_a_driver_that_is_missing_is_named_by_its_extra(
    monkeypatch: pytest.MonkeyPatch, module: str, url: str, extra: str
) -> None:
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(ConfigError) as caught:
        DirectorySql(DirectorySource(url=url))
    assert str(caught.value) == f"directory.url: needs `pip install callstate[{extra}]`"


async def test_a_file_with_an_odd_name_is_found_and_never_made(tmp_path: Path) -> None:
    path = tmp_path / "a b?c#d%41.db"
    url = f"sqlite:///{str(path).replace('%', '%25').replace('?', '%3F').replace('#', '%23')}"
    loader = DirectorySql(DirectorySource(url=url, sql=Selects(customers="SELECT 1 AS id")))
    assert isinstance(await problem_of(loader), DirectoryUnavailable)
    assert not path.exists()


def test_the_password_of_the_tests_needs_quoting() -> None:
    assert set("@:/% ") <= set(PASSWORD)

"""The databases, each started once and filled anew for every test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.directory.servers import Database, Mariadb, Postgres, SqliteFile, fill, running

SERVERS = [pytest.param(name, marks=pytest.mark.databases) for name in ("postgresql", "mariadb")]


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgres | Mariadb]:
    with running(Postgres) as server:
        yield server


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Postgres | Mariadb]:
    with running(Mariadb) as server:
        yield server


@pytest.fixture(params=["sqlite", *SERVERS])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """Each database there is, with the made-up platform in it."""
    if request.param == "sqlite":
        found: Database = SqliteFile(tmp_path / "pbx.db")
    else:
        found = request.getfixturevalue(request.param)
    fill(found)
    return found


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest) -> Postgres | Mariadb:
    """Each database that is a server."""
    found: Postgres | Mariadb = request.getfixturevalue(request.param)
    fill(found)
    return found

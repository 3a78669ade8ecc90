"""Which source the configuration names."""

import sys
from pathlib import Path

import pytest

from callstate.config import DirectorySource, DirectorySql
from callstate.core.errors import ConfigError
from callstate.directory.source import open_source


async def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "directory.toml"
    path.write_text("[[customer]]\nid = 7\n")
    source = open_source(DirectorySource(file=str(path)))
    assert source.where == str(path)
    directory = await source.load()
    assert directory.customers.root == 7
    assert await source.load() is directory


async def test_a_database_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "pbx.db"
    path.touch()
    selects = DirectorySql(customers="SELECT 7 AS id")
    source = open_source(DirectorySource(url=f"sqlite:///{path}", sql=selects))
    assert source.where == f"sqlite {path}"
    assert (await source.load()).customers.root == 7


@pytest.mark.parametrize(
    ("url", "extra"),
    [
        ("sqlite:////x", "sqlite"),
        ("postgresql+asyncpg://hunter2@a/b", "postgresql"),
        ("mysql://hunter2@a/b", "mysql"),
        ("mariadb://hunter2@a/b", "mysql"),
        ("hunter2", "postgresql"),
    ],
)
def test_what_must_be_installed_is_named(
    monkeypatch: pytest.MonkeyPatch, url: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, "callstate.directory.sql", None)
    with pytest.raises(ConfigError) as caught:
        open_source(DirectorySource(url=url))
    assert str(caught.value) == f"directory.url: needs `pip install callstate[{extra}]`"

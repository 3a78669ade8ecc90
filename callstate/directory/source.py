"""The source of the directory that the configuration names."""

import asyncio
import importlib
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import msgspec

from callstate.config import DirectorySource
from callstate.core.directory import Directory
from callstate.core.errors import ConfigError
from callstate.directory.file import DirectoryFile


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """`load` gives the directory, the same one while nothing changed; `where` is for people."""

    load: Callable[[], Awaitable[Directory]]
    where: str


def open_source(source: DirectorySource) -> Source:
    """Return the source, without asking it for anything.

    Raises:
        ConfigError: it is a database, and its url or what is installed do not allow it.
    """
    if not source.url:
        file = DirectoryFile(Path(source.file))
        return Source(load=partial(asyncio.to_thread, file.load), where=source.file)
    try:
        # By name: whoever keeps his directory in a file need not have SQLAlchemy.
        module = importlib.import_module("callstate.directory.sql")
    except ImportError:
        scheme = source.url.partition(":")[0].partition("+")[0]
        extra = {"sqlite": "sqlite", "mysql": "mysql", "mariadb": "mysql"}.get(scheme, "postgresql")
        raise ConfigError("directory.url", f"needs `pip install callstate[{extra}]`") from None
    database = module.DirectorySql(source)
    return Source(load=database.load, where=database.where)

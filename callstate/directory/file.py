"""The directory as a TOML file: tables of customers, roles, users, lines and names of numbers.

Whatever is wrong with it (unreadable, no TOML, an unknown key, a row that does not fit) is
one `DirectoryError` that names the file and the row. No error holds a password hash.
"""

import tomllib
from pathlib import Path
from typing import Any

import msgspec

from callstate.core.directory import Directory, build
from callstate.core.errors import DirectoryError
from callstate.directory.rows import TABLES, row


class DirectoryFile:
    """A directory's file. Reading it is not for the event loop."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: tuple[str, Directory] | None = None

    def load(self) -> Directory:
        """Return what the file says: the very same object as long as it says the same.

        Raises:
            DirectoryError: naming the file and, where it is one, the row.
        """
        text = _read(self._path)
        if self._known is None or self._known[0] != text:
            self._known = text, _parse(self._path, text)
        return self._known[1]


def parse(text: str) -> Directory:
    """Return the directory that `text` describes.

    Raises:
        DirectoryError: naming the row; an empty key means the text as a whole.
    """
    try:
        raw = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise DirectoryError("", f"is not TOML: {error}") from None
    unknown = raw.keys() - TABLES.keys()
    if unknown:
        raise DirectoryError(min(unknown), "is not a known key")
    rows: dict[str, Any] = {f"{table}s": _rows(table, raw.get(table, [])) for table in TABLES}
    return build(**rows)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise DirectoryError(str(path), f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise DirectoryError(str(path), "is not UTF-8") from None


def _parse(path: Path, text: str) -> Directory:
    try:
        return parse(text)
    except DirectoryError as error:
        key = f"{path}: {error.key}" if error.key else str(path)
        raise DirectoryError(key, error.problem) from None


def _rows(table: str, raw: Any) -> list[msgspec.Struct]:
    if not isinstance(raw, list):
        raise DirectoryError(table, f"must be tables, each headed [[{table}]]")
    return [row(table, index, values) for index, values in enumerate(raw)]

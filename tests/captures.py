"""The recorded manager streams in `fixtures/`, as values. Its README explains the format."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from callstate.ami.capture import load_capture, open_stream

FIXTURES = Path(__file__).parent.parent / "fixtures"

# One item of a list answer: headers as they came, a repeated one as a list.
Item = dict[str, Any]

# Tests ask for the same one many times in a row; the loads are large.
_load = lru_cache(maxsize=2)(load_capture)


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """What Asterisk said when `offset` bytes of log `conn` had come.

    `quiet`: the answers and the log up to `offset` are one state. `bridges` holds objects
    with a `bridge` (its list item) and its `members`.
    """

    label: str
    t: float
    conn: int | None
    offset: int | None
    offset_after: int | None
    quiet: bool
    expect: str
    channels: list[Item]
    status: list[Item]
    bridges: list[Item]


@dataclass(frozen=True)
class Capture:
    """One folder of `fixtures/`: a scenario, recorded on one release."""

    path: Path

    @property
    def name(self) -> str:
        """The folder below `fixtures/`, as `asterisk-22/busy`."""
        return str(self.path.relative_to(FIXTURES))

    @property
    def release(self) -> int:
        """The major version of the recorded Asterisk."""
        return int(self.path.parent.name.removeprefix("asterisk-"))

    @property
    def is_load(self) -> bool:
        """Tens of megabytes of stream: for benchmarks, and for tests that ask for it."""
        return self.path.name.startswith("load-")

    @cached_property
    def meta(self) -> dict[str, Any]:
        meta: dict[str, Any] = json.loads(self._read("meta.json"))
        return meta

    @property
    def connections(self) -> int:
        """How many logs there are: the successive connections to one machine."""
        return len(self.meta["connections"])

    @property
    def log_paths(self) -> list[Path]:
        """The files of the logs, in order; some are gzipped."""
        numbers = range(2, self.connections + 1)
        return [self._find(name) for name in ("ami.log", *(f"ami-{n}.log" for n in numbers))]

    def log(self, conn: int = 1) -> bytes:
        """Every byte that the server sent on connection `conn`."""
        return _load(self.path).connections[conn - 1].data

    def timing(self, conn: int = 1) -> list[tuple[int, float]]:
        """The pieces of `log(conn)`: offset of the first byte, seconds since the start."""
        connection = _load(self.path).connections[conn - 1]
        return list(zip(connection.offsets, connection.seconds, strict=True))

    @cached_property
    def checkpoints(self) -> list[Checkpoint]:
        return [Checkpoint(**item) for item in json.loads(self._read("truth.json"))]

    def _find(self, name: str) -> Path:
        plain = self.path / name
        return plain if plain.exists() else self.path / f"{name}.gz"

    def _read(self, name: str) -> bytes:
        return b"".join(open_stream(self._find(name)))


def all_captures() -> Iterator[Capture]:
    """Every capture, ordered by name, the loads included."""
    for meta in sorted(FIXTURES.glob("asterisk-*/*/meta.json")):
        yield Capture(meta.parent)

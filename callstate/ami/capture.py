"""Recorded manager streams: the bytes of each connection, when they came, and the truth.

A capture is a folder: `ami.log`, `ami-2.log`, ... hold what the server sent on successive
connections, `timing.tsv`, `timing-2.tsv`, ... when each piece of it came, `truth.json` what
Asterisk answered at checkpoints, `meta.json` how it was made. Any of them may be gzipped.
"""

import gzip
import sys
from bisect import bisect_right
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, TypeVar, cast

import msgspec

from callstate.core.errors import CallstateError

T = TypeVar("T")

STANDARD_INPUT = "-"

_PIECE = 1 << 16

Record = dict[str, str | list[str]]
"""A message as the recorder kept it: a header's value, or all values of a repeated one."""


class CaptureError(CallstateError):
    """A capture cannot be used: `path` says which file, `problem` says why."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(path, problem)
        self.path = path
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}"


class TrueBridge(msgspec.Struct, frozen=True):
    """A bridge that Asterisk listed, and the members that it listed for it."""

    bridge: Record
    members: list[Record]


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """What Asterisk answered on another connection at one moment.

    `offset` bytes of connection `conn` (from 1; None while there was none) had come when it
    was asked, `offset_after` when it had answered. If `quiet`, nothing came in between.
    """

    label: str
    t: float
    conn: int | None
    offset: int | None
    offset_after: int | None
    quiet: bool
    expect: str
    channels: list[Record]
    status: list[Record]
    bridges: list[TrueBridge]


class Meta(msgspec.Struct, frozen=True, kw_only=True):
    """How a capture was made, as far as anything here depends on it."""

    name: str = ""
    description: str = ""
    release: str = ""
    asterisk: str = ""
    ami: str = ""
    systemname: str = ""


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """One recorded connection: `data`, and the offset and second of each piece of it."""

    data: bytes
    offsets: list[int]
    seconds: list[float]

    def second_of(self, offset: int) -> float:
        """Return when the byte at `offset` came, in seconds since the start. O(log n)."""
        piece = bisect_right(self.offsets, offset) - 1
        return self.seconds[piece] if piece >= 0 else 0.0


class Capture(msgspec.Struct, frozen=True, kw_only=True):
    """A recorded scenario, loaded whole."""

    path: Path
    meta: Meta
    connections: list[Connection]
    checkpoints: list[Checkpoint]


def load_capture(path: Path) -> Capture:
    """Return the capture in the folder `path`; the truth and `meta.json` may be missing.

    Raises:
        CaptureError: naming the file.
    """
    connections: list[Connection] = []
    while data := _read(path / _numbered("ami.log", len(connections) + 1)):
        timing = _read(path / _numbered("timing.tsv", len(connections) + 1))
        connections.append(_connection(path, data, timing or b""))
    if not connections:
        raise CaptureError(path, "has no ami.log")
    return Capture(
        path=path,
        meta=_decode(path / "meta.json", Meta) or Meta(),
        connections=connections,
        checkpoints=_decode(path / "truth.json", list[Checkpoint]) or [],
    )


def open_stream(path: Path | str) -> Iterator[bytes]:
    """Give the bytes of a file in pieces: gunzipped if it ends in `.gz`, `-` is standard input.

    Raises:
        CaptureError: when it cannot be read.
    """
    if str(path) == STANDARD_INPUT:
        # As they come: a pipe's end may be far away.
        standard_input = cast("BufferedReader", sys.stdin.buffer)
        yield from iter(lambda: standard_input.read1(_PIECE), b"")
        return
    path = Path(path)
    try:
        with _open(path) as file:
            yield from iter(lambda: file.read(_PIECE), b"")
    except (OSError, EOFError) as error:
        raise CaptureError(path, f"cannot be read: {_reason(error)}") from None


def _open(path: Path) -> BinaryIO:
    if path.suffix == ".gz":
        return cast("BinaryIO", gzip.open(path, "rb"))
    return path.open("rb")


def _reason(error: OSError | EOFError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _read(path: Path) -> bytes | None:
    """Return the content of `path`, or of its gzipped form, or None if there is neither."""
    for candidate in (path, path.with_name(path.name + ".gz")):
        if candidate.exists():
            return b"".join(open_stream(candidate))
    return None


def _numbered(name: str, number: int) -> str:
    stem, _, suffix = name.partition(".")
    return name if number == 1 else f"{stem}-{number}.{suffix}"


def _connection(path: Path, data: bytes, timing: bytes) -> Connection:
    offsets, seconds = [], []
    for line in timing.splitlines():
        try:
            offset, second = line.split(b"\t")
            offsets.append(int(offset))
            seconds.append(float(second))
        except ValueError:
            raise CaptureError(path, "has a timing.tsv that is not offsets and seconds") from None
    return Connection(data=data, offsets=offsets, seconds=seconds)


def _decode(path: Path, kind: type[T]) -> T | None:
    content = _read(path)
    if content is None:
        return None
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.DecodeError as error:
        raise CaptureError(path, str(error)) from None

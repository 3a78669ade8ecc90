"""Loading of captures."""

import gzip
import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from callstate.ami.capture import CaptureError, load_capture, open_stream
from tests.captures import Capture


def test_every_fixture_can_be_loaded(capture: Capture) -> None:
    loaded = load_capture(capture.path)
    assert len(loaded.connections) == capture.connections
    for number, connection in enumerate(loaded.connections, 1):
        assert connection.data == capture.log(number)
        assert list(zip(connection.offsets, connection.seconds, strict=True)) == capture.timing(
            number
        )
    assert loaded.meta.name == capture.meta["name"]
    assert [checkpoint.label for checkpoint in loaded.checkpoints] == [
        checkpoint["label"] for checkpoint in capture.meta["checkpoints"]
    ]


def test_a_checkpoint_is_what_asterisk_answered(
    load_capture_path: Callable[[str], Path],
) -> None:
    joined, *_ = load_capture(load_capture_path("asterisk-22/join-midcall")).checkpoints
    assert (joined.label, joined.conn, joined.quiet) == ("joined", 1, True)
    assert len(joined.channels) == len(joined.status) == 10
    assert joined.channels[0]["Event"] == "CoreShowChannel"
    assert isinstance(joined.channels[0]["ChanVariable"], list)
    assert sorted(len(bridge.members) for bridge in joined.bridges) == [2, 2, 2, 2]


def test_the_time_of_a_byte_is_that_of_its_piece(tmp_path: Path) -> None:
    (tmp_path / "ami.log").write_bytes(b"x" * 30)
    (tmp_path / "timing.tsv").write_text("0\t0.5\n10\t1.5\n20\t2.5\n")
    [connection] = load_capture(tmp_path).connections
    assert [connection.second_of(at) for at in (0, 9, 10, 19, 20, 29)] == [
        0.5, 0.5, 1.5, 1.5, 2.5, 2.5,
    ]  # fmt: skip


def test_only_the_log_is_needed(tmp_path: Path) -> None:
    (tmp_path / "ami.log").write_bytes(b"x")
    capture = load_capture(tmp_path)
    assert capture.connections[0].second_of(0) == 0.0
    assert capture.checkpoints == []
    assert capture.meta.name == ""


def test_every_file_may_be_gzipped(tmp_path: Path) -> None:
    for name, content in [
        ("ami.log", b"one"),
        ("timing.tsv", b"0\t1.0\n"),
        ("ami-2.log", b"two"),
        ("meta.json", b'{"name": "x", "unknown": 1}'),
    ]:
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content))
    capture = load_capture(tmp_path)
    assert [connection.data for connection in capture.connections] == [b"one", b"two"]
    assert capture.connections[0].seconds == [1.0]
    assert capture.meta.name == "x"


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({}, "has no ami.log"),
        ({"ami.log": b"x", "timing.tsv": b"zero\tone\n"}, "timing.tsv"),
        ({"ami.log": b"x", "timing.tsv": b"1\n"}, "timing.tsv"),
        ({"ami.log": b"x", "meta.json": b"{"}, "meta.json: "),
        ({"ami.log": b"x", "truth.json": b'[{"label": 1}]'}, "truth.json: "),
        ({"ami.log.gz": b"not gzip"}, "cannot be read"),
    ],
)
def test_what_is_wrong_is_said_with_the_file(
    tmp_path: Path, files: dict[str, bytes], problem: str
) -> None:
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(CaptureError, match=problem) as caught:
        load_capture(tmp_path)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("name", ["ami.log", "ami.log.gz"])
def test_a_stream_comes_in_pieces(tmp_path: Path, name: str) -> None:
    content = bytes(range(256)) * 600
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    pieces = list(open_stream(path))
    assert b"".join(pieces) == content
    assert [len(piece) for piece in pieces] == [65536, 65536, 22528]


def test_a_stream_may_be_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"x" * 70000)))
    assert b"".join(open_stream("-")) == b"x" * 70000


@pytest.mark.parametrize("content", [None, b"not gzip", gzip.compress(b"x" * 9)[:-4]])
def test_a_stream_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "ami.log.gz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CaptureError, match=r"ami\.log\.gz: cannot be read: "):
        list(open_stream(path))

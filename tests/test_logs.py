"""The log lines: one each, with every extra key, for a person or for a machine."""

import json
import logging
import sys
from collections.abc import Iterator

import pytest

from callstate.logs import _KNOWN, JsonFormatter, Repeats, TextFormatter, setup


class Clock:
    """A clock that stands still until it is set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def repeats(clock: Clock) -> Repeats:
    return Repeats(2, 60.0, clock=clock)


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The root logger, put back as it was afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield root
    root.handlers = handlers
    root.setLevel(level)


def _record(message: str = "connected", **extra: object) -> logging.LogRecord:
    record = logging.LogRecord("callstate.x", logging.WARNING, "x.py", 1, message, None, None)
    record.created = 1795479234.5
    record.__dict__.update(extra)
    return record


def _failure() -> logging.LogRecord:
    record = _record("event lost")
    try:
        raise ValueError("odd")
    except ValueError:
        record.exc_info = sys.exc_info()
    return record


def test_a_json_line_has_the_standard_keys_and_the_extra_ones() -> None:
    line = JsonFormatter().format(_record(machine=3, version="22.10.1"))
    assert json.loads(line) == {
        "time": "2026-11-24T00:13:54.500+00:00",
        "level": "warning",
        "logger": "callstate.x",
        "message": "connected",
        "machine": 3,
        "version": "22.10.1",
    }


def test_a_json_line_is_one_line_even_with_a_traceback() -> None:
    line = JsonFormatter().format(_failure())
    assert "\n" not in line
    assert json.loads(line)["traceback"].endswith("ValueError: odd")


def test_json_shows_what_it_does_not_know_as_text() -> None:
    assert json.loads(JsonFormatter().format(_record(at={1})))["at"] == "{1}"


def test_a_text_line_ends_with_the_extra_keys() -> None:
    line = TextFormatter().format(_record(machine=3, name_="a b", empty=""))
    assert line[8:] == " WARNING connected machine=3 name_='a b' empty=''"


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "a b=c", "\x1b[31m"])
def test_text_from_outside_cannot_begin_a_line_or_a_key(value: str) -> None:
    line = TextFormatter().format(_record(channel=value))
    assert line.endswith(f" channel={value!r}")
    assert len(line.splitlines()) == 1


def test_a_traceback_follows_its_text_line() -> None:
    first, *rest = TextFormatter().format(_failure()).splitlines()
    assert first.endswith("event lost")
    assert rest[-1] == "ValueError: odd"


@pytest.mark.parametrize(
    ("form", "terminal", "formatter"),
    [
        ("auto", True, TextFormatter),
        ("auto", False, JsonFormatter),
        ("text", False, TextFormatter),
        ("json", True, JsonFormatter),
    ],
)
def test_a_terminal_gets_text_unless_told_otherwise(
    root: logging.Logger,
    monkeypatch: pytest.MonkeyPatch,
    form: str,
    terminal: bool,
    formatter: type[logging.Formatter],
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    setup("info", form)
    (handler,) = root.handlers
    assert type(handler.formatter) is formatter


def test_lines_go_to_stderr_from_the_level_on(
    root: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    setup("warning", "json")
    logging.getLogger("callstate.y").info("not this")
    logging.getLogger("callstate.y").warning("but this", extra={"machine": 3})
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert json.loads(line)["machine"] == 3


def test_a_fault_of_every_second_is_written_at_first_and_then_with_a_count(
    repeats: Repeats, clock: Clock
) -> None:
    written: dict[int, object] = {}
    for second in range(3 * 86_400):
        clock.now = float(second)
        record = _record("request failed")
        if repeats.filter(record):
            written[second] = getattr(record, "repeated", None)
    assert list(written)[:6] == [0, 1, 60, 61, 120, 121]
    assert len(written) == 2 * 3 * 86_400 / 60
    assert list(written.values()) == [None, None] + [58, None] * (3 * 86_400 // 60 - 1)


def test_what_is_seldom_is_always_written_and_counts_nothing(
    repeats: Repeats, clock: Clock
) -> None:
    for minute in range(100):
        clock.now = minute * 61.0
        record = _record()
        assert repeats.filter(record)
        assert not hasattr(record, "repeated")


@pytest.mark.parametrize("other", [{"machine": 2}, {"name": "callstate.y"}, {"msg": "other"}])
def test_only_the_same_is_held_back(repeats: Repeats, other: dict[str, object]) -> None:
    written = [repeats.filter(_record(machine=1)) for _ in range(5)]
    assert written == [True, True, False, False, False]
    record = _record(machine=1)
    vars(record).update(other)
    assert repeats.filter(record)


def test_what_varies_in_the_extra_keys_is_the_same(repeats: Repeats) -> None:
    written = [repeats.filter(_record(reason=str(number))) for number in range(5)]
    assert written == [True, True, False, False, False]


def test_below_a_warning_everything_is_written(repeats: Repeats) -> None:
    record = _record("request")
    record.levelno = logging.INFO
    assert all(repeats.filter(record) for _ in range(1000))


def test_warnings_without_end_take_no_memory_without_end(repeats: Repeats) -> None:
    for number in range(3 * _KNOWN):
        assert repeats.filter(_record(f"warning {number}"))
    assert len(repeats._known) == _KNOWN


def test_a_storm_reaches_stderr_as_a_few_lines(
    root: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    setup("info", "json")
    for _ in range(1000):
        logging.getLogger("callstate.y").error("request failed", extra={"path": "/x"})
    assert len(capsys.readouterr().err.splitlines()) == 5

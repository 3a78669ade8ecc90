"""The logs: to stderr, text for a person at a terminal, one JSON object a line otherwise.

Messages are constant phrases; what varies is in `extra`, and every key of it is written.
No file, no rotation, no time zone: whoever collects the lines sees to that.

A fault that repeats itself with every request or every second does not fill the disk: see
`Repeats`.
"""

import json
import logging
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

# What every record has; the rest of its attributes came in by `extra`.
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}

# So many different warnings are remembered; ours are few, libraries' may be any.
_KNOWN = 1000


def setup(level: str, form: str) -> None:
    """Send the logs of `level` and above to stderr; `form` is `auto`, `text` or `json`."""
    as_text = form == "text" or (form == "auto" and sys.stderr.isatty())
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(TextFormatter() if as_text else JsonFormatter())
    handler.addFilter(Repeats())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())


class Repeats(logging.Filter):
    """Bounds how often the same warning or error is written: so many in so many seconds.

    The same is what has the same logger, message and machine. The first that is written after
    some were not says how many, as `repeated`. What is below a warning always passes.
    """

    def __init__(
        self, limit: int = 5, seconds: float = 60.0, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._limit = limit
        self._seconds = seconds
        self._clock = clock
        self._known: dict[tuple[object, ...], _Repeated] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return True if the record is to be written. O(1)."""
        if record.levelno < logging.WARNING:
            return True
        key = (record.name, str(record.msg), getattr(record, "machine", None))
        now = self._clock()
        known = self._known.get(key)
        if known is None or now - known.since >= self._seconds:
            if known is not None and known.unwritten:
                record.repeated = known.unwritten
            self._remember(key, _Repeated(now))
            return True
        if known.written < self._limit:
            known.written += 1
            return True
        known.unwritten += 1
        return False

    def _remember(self, key: tuple[object, ...], repeated: "_Repeated") -> None:
        self._known.pop(key, None)
        while len(self._known) >= _KNOWN:
            self._known.pop(next(iter(self._known)), None)
        self._known[key] = repeated


class _Repeated:
    """What became of the same record `since` a time."""

    __slots__ = ("since", "unwritten", "written")

    def __init__(self, since: float) -> None:
        self.since = since
        self.written = 1
        self.unwritten = 0


class TextFormatter(logging.Formatter):
    """`12:30:05 WARNING connection lost machine=3`; only a traceback takes further lines."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as a line."""
        at = self.formatTime(record, "%H:%M:%S")
        extra = "".join(f" {key}={_shown(value)}" for key, value in _extra(record).items())
        line = f"{at} {record.levelname} {record.getMessage()}{extra}"
        return f"{line}\n{_traceback(self, record)}" if record.exc_info else line


class JsonFormatter(logging.Formatter):
    """`{"time": ..., "level": ..., "logger": ..., "message": ..., <extra>, "traceback": ...}`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as a JSON object, on one line."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        fields: dict[str, object] = {
            "time": time,
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_extra(record),
        }
        if record.exc_info:
            fields["traceback"] = _traceback(self, record)
        return json.dumps(fields, default=str, ensure_ascii=False)


def _extra(record: logging.LogRecord) -> dict[str, object]:
    return {key: value for key, value in vars(record).items() if key not in _STANDARD}


def _shown(value: object) -> str:
    # Text from outside must not be able to begin a line of its own, or another key.
    text = str(value)
    return text if text.isprintable() and text and " " not in text else repr(text)


def _traceback(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    assert record.exc_info, "asked for only when there is one"
    return formatter.formatException(record.exc_info)

"""The logs: to stderr, text for a person at a terminal, one JSON object a line otherwise.

Messages are constant phrases; what varies is in `extra`, and every key of it is written.
No file, no rotation, no time zone: whoever collects the lines sees to that.
"""

import json
import logging
import sys
from datetime import UTC, datetime

# What every record has; the rest of its attributes came in by `extra`.
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


def setup(level: str, form: str) -> None:
    """Send the logs of `level` and above to stderr; `form` is `auto`, `text` or `json`."""
    as_text = form == "text" or (form == "auto" and sys.stderr.isatty())
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(TextFormatter() if as_text else JsonFormatter())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())


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

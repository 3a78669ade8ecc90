"""Bytes from Asterisk's manager interface into messages. Pure: no I/O, never raises.

Rules (main/manager.c):
1. A line ends in CRLF; a bare LF is part of a value. A message ends with an empty line.
2. Messages that are empty are skipped: some modules send one blank line too many.
3. Key and value part at the first `": "`; a key can hold a colon. Only where there is no
   `": "` do they part at the first colon.
4. Headers repeat, and their order counts only among themselves.
5. Text is UTF-8; other bytes survive as surrogates (`surrogateescape`).

A message stays bytes until somebody asks for a header: most events of a busy machine are
decided by their first line.
"""

# A message of AMI's has a few kB; 10 000 variables of 100 B on one channel would still pass.
MESSAGE_LIMIT = 1 << 20

END = b"\r\n\r\n"
# How much of an end can lie in what came before the last byte of it.
_OVERLAP = len(END) - 1
_BANNER = b"Asterisk Call Manager/"
_BANNER_LIMIT = 256


class Message:
    """One message: an event, a response, or something else that came between two blank lines."""

    __slots__ = ("raw",)

    def __init__(self, raw: bytes) -> None:
        self.raw = raw

    @property
    def is_response(self) -> bool:
        """True for a response to an action."""
        return self.raw[:9].lower() == b"response:"

    @property
    def name(self) -> str:
        """The value of the first line: the event's name, or the response's status."""
        line = self.raw.partition(b"\r\n")[0]
        return _text(line.partition(b":")[2].strip())

    def headers(self) -> list[tuple[str, str]]:
        """Return all headers in their order, values as sent. A line without a colon has key ''."""
        return [_header(line) for line in self.raw.split(b"\r\n") if line]

    def get(self, key: str, default: str = "") -> str:
        """Return the first value of `key`, in any case, or `default`."""
        wanted = key.lower()
        for name, value in self.headers():
            if name.lower() == wanted:
                return value
        return default

    def __repr__(self) -> str:
        return f"Message({self.name!r}, {len(self.raw)} bytes)"


def messages(whole: bytes) -> list[bytes]:
    """Return the messages in bytes that `Decoder.complete` gave, without their ends. O(bytes)."""
    found = whole.split(END)
    found.pop()
    return [
        message
        for message in (
            message.lstrip(b"\r\n") if message[:1] in b"\r\n" else message for message in found
        )
        if message
    ]


class Decoder:
    """Cuts a stream of bytes, that comes in pieces of any size, behind whole messages.

    `version` is the AMI version of the banner, empty before it came. `oversized` counts
    messages that were longer than `limit` and thrown away: memory is bounded by it.
    """

    def __init__(self, limit: int = MESSAGE_LIMIT) -> None:
        self.version = ""
        self.oversized = 0
        self._limit = limit
        self._rest: list[bytes] = []
        self._rest_size = 0
        self._banner_due = True
        self._skipping = False

    @property
    def greeted(self) -> bool:
        """True once the banner came, or something else that makes it clear that none will."""
        return not self._banner_due

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages that `data` completes, without their final blank lines.

        The pieces that a stream comes in do not matter. O(bytes), amortised.
        """
        return messages(self.complete(data))

    def complete(self, data: bytes) -> bytes:
        """Return the bytes of the messages that `data` completes, final blank lines included."""
        if self._rest and not self._banner_due and not self._ends_in(data):
            # Not joined before its end is there: it may come byte by byte.
            if data:
                self._rest.append(data)
                self._rest_size += len(data)
                self._skip_if_oversized()
            return b""
        if self._rest:
            data = b"".join((*self._rest, data))
        if self._banner_due:
            data = self._take_banner(data)
            if self._banner_due:
                self._rest = [data]
                return b""
        end = data.rfind(END) + len(END)
        whole, rest = (data[:end], data[end:]) if end >= len(END) else (b"", data)
        self._rest = [rest] if rest else []
        self._rest_size = len(rest)
        if self._skipping and whole:
            self._skipping = False
            whole = whole[whole.find(END) + len(END) :]
        if len(data) > self._limit:
            whole = self._without_oversized(whole)
            self._skip_if_oversized()
        return whole

    def _ends_in(self, data: bytes) -> bool:
        """True if `data` ends the message that has begun: the end may lie across the pieces."""
        if END in data:
            return True
        tail = b"".join(piece[-_OVERLAP:] for piece in self._rest[-_OVERLAP:])
        return END in tail[-_OVERLAP:] + data[:_OVERLAP]

    def _without_oversized(self, whole: bytes) -> bytes:
        found = whole.split(END)[:-1]
        kept = [message for message in found if len(message) <= self._limit]
        self.oversized += len(found) - len(kept)
        return b"".join([message + END for message in kept])

    def _skip_if_oversized(self) -> None:
        # Its last bytes may already be the beginning of its end.
        if self._rest_size <= self._limit + _OVERLAP:
            return
        if not self._skipping:
            self._skipping = True
            self.oversized += 1
        self._rest = [b"".join(self._rest)[-_OVERLAP:]]
        self._rest_size = len(self._rest[0])

    def _take_banner(self, data: bytes) -> bytes:
        line, end, _ = data[:_BANNER_LIMIT].partition(b"\r\n")
        begins_alike = line.startswith(_BANNER) or _BANNER.startswith(line)
        if begins_alike and not end and len(line) < _BANNER_LIMIT:
            return data
        self._banner_due = False
        if not end or not line.startswith(_BANNER):
            return data
        self.version = _text(line[len(_BANNER) :].strip())
        return data[len(line) + len(end) :]


def _header(line: bytes) -> tuple[str, str]:
    key, separator, value = line.partition(b": ")
    if not separator:
        key, separator, value = line.partition(b":")
    if not separator:
        return "", _text(line)
    return _text(key), _text(value)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")

"""The twins of `places` in C, for builds that are compiled. They give exactly the same."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.string cimport memchr, memcmp, memcpy

from callstate.ami.lines cimport cut, has, line_end, memmem

from callstate.ami import places

cdef dict _KEYS = places.KEYS
cdef tuple _NO_CHANNEL = places.NO_CHANNEL
cdef Py_ssize_t _PROLOGUE = places.PROLOGUE
# Up to here every whole number is a double.
cdef long long _EXACT = 1LL << 53


def place(bytes raw not None, bytes prefix not None):
    """See `places.place`."""
    cdef tuple keys = _KEYS[prefix]
    cdef bytes name = keys[0], uniqueid = keys[1], linkedid = keys[2], variable = keys[3]
    cdef const char *base = PyBytes_AS_STRING(raw)
    cdef const char *stop = base + PyBytes_GET_SIZE(raw)
    cdef const char *start = _find(base, stop, name)
    cdef const char *at
    cdef const char *last
    cdef bytes which
    if start == NULL:
        return None
    at = _find(start, stop, uniqueid)
    if at == NULL:
        return None
    at += PyBytes_GET_SIZE(uniqueid)
    last = line_end(at, stop)
    which = cut(at, last)
    if which in _NO_CHANNEL:
        return None
    # It ends with its last variable, if there is any.
    last = _find_last(at, stop, variable)
    if last == NULL:
        last = _find(base, stop, linkedid)
        if last == NULL or last < at:
            last = at
    return which, start + 2 - base, line_end(last + 2, stop) - base


cdef inline const char *_find(const char *p, const char *stop, bytes what) noexcept:
    return <const char *>memmem(p, stop - p, PyBytes_AS_STRING(what), PyBytes_GET_SIZE(what))


cdef inline const char *_find_last(const char *begin, const char *stop, bytes what) noexcept:
    cdef Py_ssize_t size = PyBytes_GET_SIZE(what)
    cdef const char *p = stop - size
    while p >= begin:
        if p[0] == c'\r' and memcmp(p, PyBytes_AS_STRING(what), size) == 0:
            return p
        p -= 1
    return NULL


def unprefixed(bytes raw not None, bytes prefix not None, Py_ssize_t start, Py_ssize_t end):
    """See `places.unprefixed`."""
    cdef Py_ssize_t size = PyBytes_GET_SIZE(prefix)
    cdef const char *what = PyBytes_AS_STRING(prefix)
    cdef const char *p = PyBytes_AS_STRING(raw)
    cdef const char *stop = p + end
    cdef const char *line
    cdef bytes block
    cdef char *into
    cdef char *at
    if not size or not 0 <= start <= start + size <= end <= PyBytes_GET_SIZE(raw):
        return places.unprefixed(raw, prefix, start, end)
    p += start + size
    block = PyBytes_FromStringAndSize(NULL, stop - p)
    into = at = PyBytes_AS_STRING(block)
    while p < stop:
        line = line_end(p, stop)
        line = stop if stop - line < 2 else line + 2
        memcpy(at, p, line - p)
        at += line - p
        p = line
        # What was copied last is the end of a line, unless it is the end of all.
        if at - into >= 2 and at[-1] == c'\n' and at[-2] == c'\r' and has(p, stop, what, size):
            p += size
    return block[: at - into]


def has_another(bytes raw not None, Py_ssize_t begin, tuple span not None):
    """See `places.has_another`."""
    cdef const char *base = PyBytes_AS_STRING(raw)
    cdef Py_ssize_t size = PyBytes_GET_SIZE(raw)
    cdef Py_ssize_t start, stop
    start, stop = span
    begin = max(begin, 0)
    if not stop:
        return _begins(base + begin, base + size)
    return _begins(base + begin, base + min(start, size)) or _begins(base + stop, base + size)


cdef bint _begins(const char *p, const char *stop) noexcept:
    """Return whether a message begins behind `p`."""
    while p < stop:
        p = <const char *>memchr(p, c'\r', stop - p)
        if p == NULL:
            return False
        if (
            has(p, stop, b"\r\nEvent: ", 9)
            or has(p, stop, b"\r\nResponse: ", 12)
            or has(p, stop, b"\r\nPrivilege: ", 13)
        ):
            return True
        p += 1
    return False


def value(bytes raw not None, bytes key not None, Py_ssize_t start=0):
    """See `places.value`."""
    cdef const char *base = PyBytes_AS_STRING(raw)
    cdef const char *stop = base + PyBytes_GET_SIZE(raw)
    cdef const char *what = PyBytes_AS_STRING(key)
    cdef Py_ssize_t size = PyBytes_GET_SIZE(key)
    cdef const char *p
    if not 0 <= start <= stop - base:
        return places.value(raw, key, start)
    p = base + start
    # No further than a whole line with an empty value.
    while p < stop:
        p = <const char *>memchr(p, c'\r', stop - p)
        if p == NULL:
            break
        if (
            stop - p >= size + 4
            and p[1] == c'\n'
            and memcmp(p + 2, what, size) == 0
            and p[2 + size] == c':'
            and p[3 + size] == c' '
        ):
            p += size + 4
            return cut(p, line_end(p, stop))
        p += 1
    return b""


cpdef double time_of(bytes raw, double received) except? -1:
    """See `places.time_of`."""
    if raw is None:
        raise TypeError("raw must be bytes, not None")
    cdef const char *base = PyBytes_AS_STRING(raw)
    cdef const char *stop = base + min(PyBytes_GET_SIZE(raw), _PROLOGUE)
    cdef const char *end = base + PyBytes_GET_SIZE(raw)
    cdef const char *p = <const char *>memmem(base, stop - base, b"\r\nTimestamp: ", 13)
    cdef long long whole = 0
    cdef Py_ssize_t digit
    if p == NULL:
        return received
    p += 13
    # As Asterisk sends it: ten digits, a point, six digits.
    if end - p < 17 or p[10] != c'.' or (end - p > 17 and c'0' <= p[17] <= c'9'):
        return places.time_of(raw, received)
    for digit in range(17):
        if digit == 10:
            continue
        if not c'0' <= p[digit] <= c'9':
            return places.time_of(raw, received)
        whole = whole * 10 + (p[digit] - c'0')
    if whole > _EXACT:
        return places.time_of(raw, received)
    # Both are exact as a double, so their quotient is the one that is nearest.
    return <double>whole / 1e6

# Lines of messages in C, inlined wherever they are used. `stop` is where the bytes end.

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.string cimport memchr, memcmp


cdef extern from "string.h" nogil:
    void *memmem(const void *hay, size_t size, const void *needle, size_t length)


cdef inline const char *line_end(const char *p, const char *stop) noexcept nogil:
    """Return where the line ends that `p` is in, `stop` if it does not."""
    while p < stop:
        p = <const char *>memchr(p, c'\r', stop - p)
        if p == NULL or p + 1 >= stop:
            return stop
        if p[1] == c'\n':
            return p
        p += 1
    return stop


cdef inline const char *message_end(const char *p, const char *stop) noexcept nogil:
    """Return where the message ends that `p` is in, `stop` if it does not."""
    # From line to line: a third of what a search for four bytes costs.
    while stop - p >= 4:
        p = <const char *>memchr(p, c'\r', stop - p - 3)
        if p == NULL:
            return stop
        if p[1] == c'\n' and p[2] == c'\r' and p[3] == c'\n':
            return p
        p += 1
    return stop


cdef inline bint is_end(const char *p, const char *stop) noexcept nogil:
    return stop - p >= 4 and memcmp(p, b"\r\n\r\n", 4) == 0


cdef inline bint has(const char *p, const char *stop, const char *what, Py_ssize_t size) noexcept nogil:
    return stop - p >= size and memcmp(p, what, size) == 0


cdef inline bytes cut(const char *p, const char *end):
    return PyBytes_FromStringAndSize(p, end - p)


cdef inline str text(const char *p, const char *end):
    return PyUnicode_DecodeUTF8(<char *>p, end - p, b"surrogateescape")

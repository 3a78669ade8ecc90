"""The twin of `known.read_block` in C, for builds that are compiled. It gives exactly the same."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.string cimport memchr, memcmp

from callstate.ami.known cimport Known
from callstate.ami.lines cimport cut, has, text

from msgspec.structs import force_setattr

from callstate.ami.headers import pair, snapshot, unescape, usual_variables
from callstate.ami.shared import TEXTS, shared
from callstate.core.events import ChannelSnapshot

cdef dict _TEXTS = TEXTS


cdef inline str _shared(const char *p, const char *end):
    """Return a text that many may have, empty where Asterisk says that it is unknown."""
    if end - p == 9 and memcmp(p, b"<unknown>", 9) == 0:
        return ""
    return _same(text(p, end))


cdef inline str _same(str text):
    """Return `text` as `shared` does, which needs no call where it is known."""
    known = _TEXTS.get(text)
    return shared(text) if known is None else known


cdef inline str _name(const char *p, const char *end):
    if memchr(p, c'\\', end - p) == NULL:
        return _shared(p, end)
    return _same(unescape(text(p, end)))


cdef const char *_KEYS[14]
_KEYS[:] = [
    b"Channel: ",
    b"\r\nChannelState: ",
    b"\r\nChannelStateDesc: ",
    b"\r\nCallerIDNum: ",
    b"\r\nCallerIDName: ",
    b"\r\nConnectedLineNum: ",
    b"\r\nConnectedLineName: ",
    b"\r\nLanguage: ",
    b"\r\nAccountCode: ",
    b"\r\nContext: ",
    b"\r\nExten: ",
    b"\r\nPriority: ",
    b"\r\nUniqueid: ",
    b"\r\nLinkedid: ",
]
cdef Py_ssize_t _SIZES[14]
_SIZES[:] = [9, 16, 20, 15, 16, 20, 21, 12, 15, 11, 9, 12, 12, 12]


# What a snapshot calls them, empty what it does not show.
cdef tuple _NAMES = (
    *("channel", "channel_state", "", "caller_number", "caller_name"),
    *("connected_number", "connected_name", "", "account_code", "context"),
    *("exten", "priority", "uniqueid", "linkedid"),
)


def read_block(bytes uniqueid not None, bytes block not None, Known before):
    """See `known.read_block`."""
    cdef const char *p = PyBytes_AS_STRING(block)
    cdef const char *start = p
    cdef const char *stop = p + PyBytes_GET_SIZE(block)
    cdef const char *begin[14]
    cdef const char *end[14]
    cdef Py_ssize_t number
    cdef Known known
    for number in range(14):
        if not has(p, stop, _KEYS[number], _SIZES[number]):
            return Known(uniqueid, block, snapshot(block))
        p += _SIZES[number]
        begin[number] = p
        p = _value_end(p, stop)
        end[number] = p
    if has(p, stop, b"\r\nTenantid: ", 12):
        p = _value_end(p + 12, stop)
    if (
        begin[13] == end[13]
        or not _is_number(begin[1], end[1])
        or not _is_number(begin[11], end[11])
    ):
        return Known(uniqueid, block, snapshot(block))
    variables = _variables(p, stop, before)
    if variables is None:
        return Known(uniqueid, block, snapshot(block))
    if before is None or not before.name:
        channel = _snapshot(begin, end, variables)
    else:
        channel = _changed(before, begin, end, variables)
    known = Known(uniqueid, block, channel)
    known.name = cut(begin[0], end[0])
    known._context = begin[9] - start
    known._priority, known._ids = begin[11] - start, end[11] - start
    known._shown = p - start
    return known


cdef _snapshot(const char **begin, const char **end, tuple variables):
    return ChannelSnapshot(
        uniqueid=_same(text(begin[12], end[12])),
        linkedid=_same(text(begin[13], end[13])),
        channel=text(begin[0], end[0]),
        channel_state=_number(begin[1], end[1]) & 0xFFFF,
        caller_number=_shared(begin[3], end[3]),
        caller_name=_name(begin[4], end[4]),
        connected_number=_shared(begin[5], end[5]),
        connected_name=_name(begin[6], end[6]),
        account_code=_shared(begin[8], end[8]),
        context=_shared(begin[9], end[9]),
        exten=_shared(begin[10], end[10]),
        priority=_number(begin[11], end[11]),
        variables=variables,
    )


cdef _changed(Known before, const char **begin, const char **end, tuple variables):
    """Return what is shown now of a channel: mostly a value or two have changed."""
    cdef const char *p = PyBytes_AS_STRING(before.block)
    cdef const char *stop = p + PyBytes_GET_SIZE(before.block)
    cdef const char *was
    cdef Py_ssize_t number
    channel = before.channel.__copy__()
    for number in range(14):
        was = p + _SIZES[number]
        p = _value_end(was, stop)
        if p - was == end[number] - begin[number] and memcmp(was, begin[number], p - was) == 0:
            continue
        _change(channel, number, begin[number], end[number])
    if variables is not channel.variables:
        force_setattr(channel, "variables", variables)
    return channel


cdef int _change(channel, Py_ssize_t number, const char *p, const char *end) except -1:
    if number == 1:
        force_setattr(channel, "channel_state", _number(p, end) & 0xFFFF)
    elif number == 11:
        force_setattr(channel, "priority", _number(p, end))
    elif number == 12 or number == 13:
        force_setattr(channel, _NAMES[number], _same(text(p, end)))
    elif number == 0:
        force_setattr(channel, "channel", text(p, end))
    elif number == 4 or number == 6:
        force_setattr(channel, _NAMES[number], _name(p, end))
    elif _NAMES[number]:
        force_setattr(channel, _NAMES[number], _shared(p, end))
    return 0


cdef inline const char *_value_end(const char *p, const char *stop) noexcept nogil:
    p = <const char *>memchr(p, c'\r', stop - p)
    return stop if p == NULL else p


cdef inline bint _is_number(const char *p, const char *end) noexcept nogil:
    if not 0 < end - p < 10:
        return False
    while p < end:
        if not c'0' <= p[0] <= c'9':
            return False
        p += 1
    return True


cdef inline long _number(const char *p, const char *end) noexcept nogil:
    cdef long number = 0
    while p < end:
        number = number * 10 + (p[0] - c'0')
        p += 1
    return number


cdef tuple _variables(const char *p, const char *stop, Known before):
    """Return the variables at `p`, None if there is something else."""
    cdef const char *shown
    cdef const char *shown_stop
    cdef const char *end
    cdef const char *shown_end
    cdef tuple known
    cdef list found
    cdef Py_ssize_t number = 0
    if before is None or not before.name:
        return usual_variables(cut(p, stop))
    known = before.channel.variables
    shown = PyBytes_AS_STRING(before.block) + before._shown
    shown_stop = PyBytes_AS_STRING(before.block) + PyBytes_GET_SIZE(before.block)
    if stop - p == shown_stop - shown and memcmp(p, shown, stop - p) == 0:
        return known
    found = []
    while p < stop:
        if not has(p, stop, b"\r\nChanVariable: ", 16):
            return None
        p += 16
        end = _value_end(p, stop)
        # Mostly it is the one that was there before.
        shown_end = shown
        if shown < shown_stop:
            shown += 16
            shown_end = _value_end(shown, shown_stop)
        if end - p == shown_end - shown and memcmp(p, shown, end - p) == 0 and number < len(known):
            found.append(known[number])
        else:
            found.append(pair(text(p, end)))
        shown = shown_end
        number += 1
        p = end
    return tuple(found)

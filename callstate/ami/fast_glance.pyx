"""The twin of `glance` in C, for builds that have it. It gives exactly the same."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.string cimport memchr, memcmp

from callstate.ami.blocks cimport Blocks
from callstate.ami.fast_places cimport time_of
from callstate.ami.known cimport Known
from callstate.ami.lines cimport cut, has, is_end, line_end, memmem, message_end, text

from callstate.ami.decode import END
from callstate.ami.glance import FOLLOWED, NEWEXTEN, VARSET
from callstate.ami.headers import TELLING, unescape
from callstate.ami.known import NOBODY
from callstate.ami.shared import shared
from callstate.core.channel import is_noted
from callstate.core.events import VarSet
from callstate.core.registry import PEER_CALL_ID, PEER_NAME

# They live as long as the modules.
cdef bytes _VARSET_BYTES = VARSET
cdef bytes _NEWEXTEN_BYTES = NEWEXTEN
cdef const char *_VARSET = _VARSET_BYTES
cdef const char *_NEWEXTEN = _NEWEXTEN_BYTES
cdef bytes _VARSET_LINE = b"Event: VarSet", _NEWEXTEN_LINE = b"Event: Newexten"
cdef Py_ssize_t _VARSET_SIZE = len(VARSET)
cdef Py_ssize_t _NEWEXTEN_SIZE = len(NEWEXTEN)
cdef bytes _PEER_NAME = PEER_NAME.encode(), _PEER_CALL_ID = PEER_CALL_ID.encode()


cdef class Glance:
    """See `glance.Glance`."""

    cdef public Py_ssize_t told
    cdef public Py_ssize_t varsets
    cdef public Py_ssize_t newextens
    cdef public Py_ssize_t others
    cdef public bytes line
    cdef Blocks _blocks
    cdef object _variables
    cdef frozenset _names
    # What the variables that matter are called, as texts.
    cdef dict _texts
    cdef object _lines
    # The piece of the stream, and how far it was looked at.
    cdef bytes _whole
    cdef Py_ssize_t _at
    # The line that they have before the block, behind the Timestamp.
    cdef bytes _system

    def __init__(self, Blocks blocks, variables, lines):
        self._blocks = blocks
        self._variables = variables
        self._lines = lines
        self._names = frozenset(
            [marks + name for name in variables or () for marks in (b"", b"_", b"__")]
        )
        self._texts = {name: shared(_whole_text(name)) for name in variables or ()}
        self._whole = self._system = self.line = b""

    def begin(self, bytes whole not None):
        # What follows the last end is no message, and nothing here could tell where it ends.
        if not whole.endswith(END):
            whole = whole[: whole.rfind(END) + len(END)] if END in whole else b""
        self._whole = whole
        self._at = 0

    def next(self, list told not None, double received):
        cdef const char *base = PyBytes_AS_STRING(self._whole)
        cdef const char *stop = base + PyBytes_GET_SIZE(self._whole)
        cdef const char *p = base + self._at
        cdef const char *end
        cdef Known known = self._blocks.current
        # The last one that was passed over of this channel.
        cdef const char *late = NULL
        cdef const char *late_end = NULL
        cdef bint is_varset
        while True:
            while p < stop and (p[0] == c'\r' or p[0] == c'\n'):
                p += 1
            if p == stop:
                self._at = p - base
                if late != NULL:
                    self._blocks.late[known.uniqueid] = cut(late, late_end)
                return None
            is_varset = has(p, stop, _VARSET, _VARSET_SIZE)
            if is_varset or has(p, stop, _NEWEXTEN, _NEWEXTEN_SIZE):
                end = self._step(p, stop, known, is_varset)
                if end != NULL:
                    late, late_end = p, end
                else:
                    if late != NULL:
                        self._blocks.late[known.uniqueid] = cut(late, late_end)
                        late = NULL
                    if is_varset:
                        end = self._glance_at_varset(p, stop, told, received)
                    else:
                        end = self._glance_at_newexten(p, stop)
                    if end == NULL:
                        self.line = _VARSET_LINE if is_varset else _NEWEXTEN_LINE
                        break
                    known = self._blocks.current
                if is_varset:
                    self.varsets += 1
                else:
                    self.newextens += 1
            else:
                self.line = cut(p, line_end(p, stop))
                if self.line in self._lines or not has(p, stop, b"Event: ", 7):
                    break
                self.others += 1
                end = message_end(p, stop)
            p = end + 4
        if late != NULL:
            self._blocks.late[known.uniqueid] = cut(late, late_end)
        end = message_end(p, stop)
        self._at = end + 4 - base
        return cut(p, end)

    cdef const char *_step(
        self, const char *p, const char *stop, Known known, bint is_varset
    ) except? NULL:
        """Return where the message at `p` ends, if it is another step of `known`, else NULL."""
        cdef Py_ssize_t size
        if known is NOBODY or self._variables is None:
            return NULL
        p = _behind_stamp(p + (_VARSET_SIZE if is_varset else _NEWEXTEN_SIZE), stop)
        size = PyBytes_GET_SIZE(self._system)
        if size:
            if not has(p, stop, PyBytes_AS_STRING(self._system), size):
                return NULL
            p += size
        p = _behind_head(p, stop, known)
        if p == NULL:
            return NULL
        p = _behind_tail(p, stop, known)
        if p == NULL:
            return NULL
        if is_varset:
            return self._end_of_varset(p, stop)
        if known.is_at_place:
            return NULL
        return _end_of_newexten(p, stop)

    cdef const char *_end_of_varset(self, const char *p, const char *stop) except? NULL:
        """Return where a VarSet ends that goes on at `p` and whose variable does not matter."""
        cdef const char *end
        if not has(p, stop, b"\r\nVariable: ", 12):
            return NULL
        p += 12
        end = line_end(p, stop)
        if not has(end, stop, b"\r\nValue: ", 9) or cut(p, end) in self._names:
            return NULL
        end = line_end(end + 9, stop)
        if not is_end(end, stop):
            return NULL
        return end

    cdef const char *_turn(self, const char *p, const char *stop) except? NULL:
        """Turn to the channel whose message goes on at `p`; return where its block begins, or NULL.

        NULL if it is not known, or its block does not begin as it did.
        """
        cdef const char *end
        cdef Known known
        p = _behind_stamp(p, stop)
        self._system = b""
        if has(p, stop, b"SystemName: ", 12):
            end = line_end(p, stop)
            if end == stop or is_end(end, stop):
                return NULL
            self._system = cut(p, end + 2)
            p = end + 2
        end = line_end(p, stop)
        if end - p < 9:
            return NULL
        known = self._blocks._by_name.get(cut(p + 9, end))
        if known is None:
            return NULL
        if _behind_head(p, stop, known) == NULL and not _move(known, p, stop):
            return NULL
        self._blocks.current = known
        return p

    cdef const char *_glance_at_varset(
        self, const char *p, const char *stop, list told, double received
    ) except? NULL:
        """Return where the VarSet at `p` ends, if what it tells can be said at a glance."""
        cdef const char *raw = p
        cdef const char *block
        cdef const char *begin
        cdef const char *after
        cdef const char *end
        cdef Known known
        cdef bytes name, content, message
        cdef bint is_news
        p = self._turn(p + _VARSET_SIZE, stop)
        if p == NULL:
            return NULL
        known = self._blocks.current
        block = _behind_head(p, stop, known)
        if block == NULL:
            return NULL
        begin = _behind_tail(block, stop, known)
        if begin != NULL and has(begin, stop, b"\r\nVariable: ", 12):
            after = line_end(begin + 12, stop)
            if not has(after, stop, b"\r\nValue: ", 9):
                return NULL
            end = line_end(after + 9, stop)
            if not is_end(end, stop):
                return NULL
            name = cut(begin + 12, after).lstrip(b"_")
            content = cut(after + 9, end)
            message = cut(raw, end)
            is_news = self._variables is None or name in self._variables
            is_news = is_news and not known.has_told(name, content)
            if is_news and known.has_varied(name):
                return NULL
            self._blocks.late[known.uniqueid] = message
            if is_news:
                told.append(self._set(message, known, name, content, received))
                self.told += 1
            return end
        end = message_end(p, stop)
        after = _last_line(block, end)
        if after == NULL or not has(after, end, b"\r\nValue: ", 9):
            return NULL
        begin = _last_line(block, after)
        if begin == NULL or not has(begin, after, b"\r\nVariable: ", 12):
            return NULL
        name = cut(begin + 12, after).lstrip(b"_")
        if name in FOLLOWED or not _vary(known, block, name, after + 9, end, begin):
            return NULL
        self._blocks.late[known.uniqueid] = cut(raw, end)
        return end

    cdef _set(self, bytes raw, Known known, bytes name, bytes content, double received):
        """See `dialplan.set_event`."""
        if name == _PEER_NAME:
            known.forget_told(_PEER_CALL_ID)
        known.tell(name, content)
        variable = self._texts.get(name)
        if variable is None:
            variable = shared(_whole_text(name))
        value = _whole_text(content)
        if b"\\" in content:
            value = unescape(value)
        return VarSet(time_of(raw, received), known.channel, variable, value)

    cdef const char *_glance_at_newexten(self, const char *p, const char *stop) except? NULL:
        """Return where the Newexten at `p` ends, if it tells nothing now, as is seen at a glance."""
        cdef const char *raw = p
        cdef const char *end
        cdef Known known
        p = self._turn(p + _NEWEXTEN_SIZE, stop)
        if p == NULL:
            return NULL
        known = self._blocks.current
        if known.is_at_place:
            return NULL
        p = _behind_head(p, stop, known)
        if p == NULL:
            return NULL
        p = _behind_tail(p, stop, known)
        if p == NULL:
            return NULL
        end = _end_of_newexten(p, stop)
        if end != NULL:
            self._blocks.late[known.uniqueid] = cut(raw, end)
        return end


cdef inline const char *_behind_stamp(const char *p, const char *stop) noexcept nogil:
    """Return where what follows a usual Timestamp begins, `p` if there is none at `p`."""
    if has(p, stop, b"Timestamp: ", 11) and stop - p >= 30 and line_end(p, p + 30) == p + 28:
        return p + 30
    return p


cdef inline const char *_behind_head(const char *p, const char *stop, Known known) noexcept:
    """Return where the priority ends in the block at `p`, NULL if it does not begin as known."""
    cdef const char *head = PyBytes_AS_STRING(known.moved)
    cdef Py_ssize_t size = PyBytes_GET_SIZE(known.moved)
    if not size:
        head, size = PyBytes_AS_STRING(known.block), known._priority
    if not has(p, stop, head, size):
        return NULL
    return line_end(p + size, stop)


cdef inline const char *_behind_tail(const char *p, const char *stop, Known known) noexcept:
    """Return where the block ends whose priority ends at `p`, NULL if it does not end as known."""
    cdef const char *tail = PyBytes_AS_STRING(known.varied)
    cdef Py_ssize_t size = PyBytes_GET_SIZE(known.varied)
    if not size:
        tail = PyBytes_AS_STRING(known.block) + known._ids
        size = PyBytes_GET_SIZE(known.block) - known._ids
    if not has(p, stop, tail, size):
        return NULL
    return p + size


cdef const char *_end_of_newexten(const char *p, const char *stop) except? NULL:
    """Return where a Newexten ends that goes on at `p` behind its block, if it tells no place."""
    cdef const char *begin
    if not has(p, stop, b"\r\nExtension: ", 13):
        return NULL
    begin = line_end(p + 13, stop)
    if not has(begin, stop, b"\r\nApplication: ", 15):
        return NULL
    p = line_end(begin + 15, stop)
    if not has(p, stop, b"\r\nAppData: ", 11) or cut(begin + 15, p) in TELLING:
        return NULL
    p = line_end(p + 11, stop)
    if not is_end(p, stop):
        return NULL
    return p


cdef inline str _whole_text(bytes raw):
    return text(PyBytes_AS_STRING(raw), PyBytes_AS_STRING(raw) + PyBytes_GET_SIZE(raw))


cdef const char *_last_line(const char *begin, const char *end) noexcept:
    """Return where the last line end before `end` is, NULL if there is none behind `begin`."""
    cdef const char *p = end - 2
    while p > begin:
        if p[0] == c'\r' and p[1] == c'\n':
            return p
        p -= 1
    return NULL


cdef bint _move(Known known, const char *p, const char *stop) except -1:
    """Note where in the dialplan the channel is, if it is at no extension of interest."""
    cdef const char *begin
    cdef const char *context_end
    cdef const char *end
    if not has(p, stop, PyBytes_AS_STRING(known.block), known._context):
        return False
    begin = p + known._context
    context_end = <const char *>memchr(begin, c'\r', stop - begin)
    if context_end == NULL or not has(context_end, stop, b"\r\nExten: ", 9):
        return False
    begin = context_end + 9
    end = <const char *>memchr(begin, c'\r', stop - begin)
    if end == NULL or not has(end, stop, b"\r\nPriority: ", 12):
        return False
    before = known.channel.exten
    if not before:
        return False
    exten = text(begin, end)
    if exten != before and is_noted(exten):
        return False
    known.moved = cut(p, end + 12)
    return True


cdef bint _vary(
    Known known, const char *p, bytes name, const char *value, const char *value_end, const char *end
) except -1:
    """Note that a block shows a value for a variable and nothing else that is new, if it is so.

    The value of its priority ends at `p`, the block at `end`.
    """
    cdef const char *begin = PyBytes_AS_STRING(known.varied)
    cdef const char *stop = begin + PyBytes_GET_SIZE(known.varied)
    cdef const char *at
    cdef const char *rest
    cdef Py_ssize_t before
    cdef Py_ssize_t size = PyBytes_GET_SIZE(name)
    if begin == stop:
        begin = PyBytes_AS_STRING(known.block) + known._ids
        stop = PyBytes_AS_STRING(known.block) + PyBytes_GET_SIZE(known.block)
    # Its variables, and nothing else, are behind its ids.
    at = begin + (known._shown - known._ids) + 16
    while True:
        if at >= stop:
            return False
        rest = line_end(at, stop)
        if rest - at > size and at[size] == c'=' and not memcmp(at, PyBytes_AS_STRING(name), size):
            break
        at = rest + 16
    if known.varied:
        line = b"\r\nChanVariable: " + name + b"=" + value[: value_end - value] + b"\r\n"
        if line in known.block + b"\r\n":
            return False
    before = at - begin + size + 1
    if end - p != before + (value_end - value) + (stop - rest):
        return False
    if memcmp(p, begin, before) or memcmp(p + before, value, value_end - value):
        return False
    if memcmp(p + before + (value_end - value), rest, stop - rest):
        return False
    known.varied = cut(p, end)
    known.forget_told(name)
    return True

cimport cython

from callstate.core.bridging cimport Bridging
from callstate.core.calls cimport Calls
from callstate.core.channel cimport Channel, callers_differ
from callstate.core.dialling cimport Dialling


cdef class Registry:
    cdef public dict channels, bridges
    cdef public set changed
    cdef public Calls calls
    cdef public Bridging bridging
    cdef public Dialling dialling
    cdef public double now
    cdef public Registry _carried
    cdef public dict _by_name, _superseded, _tombstones
    cdef tuple _pairs
    cdef dict _variables
    cdef int _serial

    @cython.locals(channel=Channel)
    cpdef begin(self, object snapshot, object at)
    @cython.locals(channel=Channel)
    cpdef Channel live(self, object snapshot, object at)
    @cython.locals(channel=Channel)
    cpdef Channel known(self, object snapshot, object at)
    @cython.locals(before=Channel)
    cdef Channel _create(self, object snapshot, object at)
    @cython.locals(state=int, is_other=bint, exten=str, linkedid=str)
    cdef _refresh(self, Channel channel, object snapshot, object at)
    @cython.locals(was=tuple, now=tuple, name=str, value=str)
    cdef _show(self, Channel channel, tuple before, tuple after)
    cdef _move(self, Channel channel, str before)
    cpdef relink(self, Channel channel, str linkedid)
    cpdef set(self, Channel channel, str name, object value)
    @cython.locals(channel=Channel, other=Channel)
    cpdef remove(self, str uniqueid)
    cdef _unname(self, Channel channel)
    cpdef revive(self, str uniqueid)
    cpdef bury(self, str uniqueid)
    cpdef set_variable(self, Channel channel, str name, str value)
    @cython.locals(peer=Channel)
    cpdef note_sip_callid(self, Channel channel)
    @cython.locals(channel=Channel)
    cpdef settle(self)

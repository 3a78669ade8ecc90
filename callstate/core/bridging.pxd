cimport cython

from callstate.core.calls cimport Calls
from callstate.core.channel cimport BridgeRecord, Channel


cdef class Bridging:
    cdef public dict records
    cdef Calls _calls
    cdef set _changed

    @cython.locals(record=BridgeRecord)
    cpdef BridgeRecord record(self, object bridge)
    @cython.locals(member=Channel)
    cpdef update(self, BridgeRecord record, object bridge)
    cpdef join(self, Channel channel, BridgeRecord record)
    cpdef leave(self, Channel channel)
    @cython.locals(record=BridgeRecord)
    cpdef remove(self, str uniqueid)

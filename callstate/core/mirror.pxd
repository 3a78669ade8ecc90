cimport cython

from callstate.core.channel cimport BridgeRecord, Channel
from callstate.core.registry cimport Registry


cdef class Mirror:
    cdef public Registry registry
    cdef dict _rules

    cpdef apply(self, object event)
    cdef _run(self, Channel channel, str application)
    cdef tuple _pair(self, object caller, object dest, object at)
    cdef Channel _dialled(self, object snapshot, object at)
    @cython.locals(known=Channel)
    cdef Channel _in_dial(self, object snapshot, object at)

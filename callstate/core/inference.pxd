cimport cython

from callstate.core.channel cimport BridgeRecord, Channel
from callstate.core.paths cimport Way, beyond, partners, way_to
from callstate.core.registry cimport Registry


cdef class View:
    cdef public Way way
    cdef public object source, destination
    cdef public Channel reached
    cdef public str called, called_type


cdef class Inference:
    cdef tuple _endpoints
    cdef object _line_of
    cdef bint _account_code_is_customer
    cdef dict _known

    @cython.locals(reached=Channel)
    cpdef View view(self, Channel channel, Registry registry, bint is_caller=*)
    @cython.locals(noted=tuple)
    cpdef object party(self, Channel channel)
    cdef object _known_by_name(self, str channel)
    cdef object _destination(self, Channel channel)
    @cython.locals(dialled=list)
    cdef object _reach(self, Channel channel, Registry registry, set seen)
    cdef bint _waits(self, Channel channel)
    @cython.locals(other=Channel, half=Channel)
    cdef list _follow(self, list others, Registry registry, set seen)
    cdef object _place(self, Channel channel, Registry registry)
    cdef object _account(self, Channel channel)


cdef str _called_type(str number, object source, object destination)

cimport cython

from callstate.core.channel cimport Channel


cdef class Dialling:
    cdef dict _channels
    cdef set _changed
    cdef public dict _orphans

    cpdef add(self, Channel channel)
    cpdef remove(self, Channel channel)
    @cython.locals(before=Channel, dialler=Channel)
    cpdef set_dialler(self, Channel dest, str uniqueid)
    cpdef hear(self, Channel caller, Channel dest, str status)
    cpdef end(self, Channel caller, str uniqueid)

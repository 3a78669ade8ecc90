cimport cython

from callstate.core.channel cimport Call, Channel
from callstate.core.inference cimport Inference, View
from callstate.core.paths cimport is_older, rings
from callstate.core.registry cimport Registry


cdef class Deriver:
    cdef object _machine
    cdef tuple _fields
    cdef Inference _inference

    cpdef object derive(self, Channel channel, Registry registry)
    @cython.locals(way=dict, route=dict, goal=dict)
    cdef object _leg(self, Channel channel, Registry registry, View view, dict own)
    @cython.locals(said=tuple, values=dict, variable=str, field=str, names=dict, value=str)
    cdef dict _said(self, Channel channel)
    @cython.locals(other=Channel, origin=Channel, between=list, goal=dict, way=dict, route=dict, said=dict)
    cdef tuple _speakers(self, Channel channel, View view, dict own)
    @cython.locals(oldest=Channel, member=Channel, said=dict)
    cdef str _callid(self, Channel channel)


cdef dict _over(dict below, dict above)
cdef object _known(dict own, dict others, str field, object inferred)
cdef object _peer(dict own, dict route, str field, object at_end, object at_source)
cdef int _presented(dict way, Channel caller)
cdef str _status(Channel channel, Registry registry)
cdef object _number(str value)

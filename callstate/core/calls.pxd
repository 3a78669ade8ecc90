cimport cython

from callstate.core.channel cimport Call, Channel


cdef class Calls:
    cdef public dict _by_linkedid, _by_pair, _unsettled, _births
    cdef public set _chosen

    cpdef add(self, Channel channel)
    @cython.locals(member=Channel)
    cpdef remove(self, Channel channel)
    cpdef relink(self, Channel channel, str linkedid)
    cpdef unsettle(self, Channel channel)
    cpdef dict having(self, str linkedid)
    @cython.locals(other=Channel)
    cpdef Channel other_half(self, Channel channel)
    @cython.locals(channel=Channel, member=Channel, seeds=dict)
    cpdef list settle(self)
    cpdef bint is_older(self, str linkedid, str other)
    @cython.locals(current=Channel, found=dict, waiting=list, linkedids=set)
    cdef list _connected(self, Channel channel)
    @cython.locals(member=Channel)
    cdef bint _assign(self, list members)
    @cython.locals(member=Channel)
    cdef str _oldest(self, list members)
    @cython.locals(channel=Channel)
    cdef tuple _birth(self, str linkedid)
    cdef _unlink(self, Channel channel)


@cython.locals(bucket=dict)
cdef _drop(dict index, str value, Channel channel)
@cython.locals(neighbour=Channel)
cdef _visit(dict neighbours, dict found, list waiting)

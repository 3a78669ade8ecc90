cimport cython

from callstate.core.channel cimport Channel
from callstate.core.registry cimport Registry


cdef class Way:
    cdef public Channel origin
    cdef public list between


@cython.locals(top=Channel, first=Channel, maker=Channel, around=list, began=list)
cpdef Way way_to(Channel channel, Registry registry)
@cython.locals(other=Channel)
cpdef list talkers(Channel channel, Registry registry)
@cython.locals(member=Channel)
cpdef list partners(Channel channel)
cpdef Channel beyond(Channel channel, Registry registry)
@cython.locals(dialler=Channel)
cpdef bint rings(Channel channel, Registry registry, int depth=*)
cpdef bint is_older(Channel channel, Channel other)
cpdef tuple age(Channel channel)
@cython.locals(current=Channel, other=Channel)
cpdef related(Channel channel, Registry registry, dict found)
@cython.locals(dest=Channel, other=Channel)
cdef bint _dials_ringing(Channel channel, Registry registry, int depth)
@cython.locals(here=Channel, dialler=Channel, other=Channel, end=Channel)
cdef Way _dialled_way(Channel channel, Registry registry)
@cython.locals(member=Channel)
cdef _meet(Channel other, dict found, list waiting)

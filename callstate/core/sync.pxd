from callstate.core.mirror cimport Mirror
from callstate.core.registry cimport Registry


cdef class Sync:
    cdef public Mirror mirror
    cdef public int reaped, missed
    cdef public dict doubts
    cdef Registry _held
    cdef public dict _items
    cdef bint _saw_list, _is_complete
    cdef dict _rules

    cpdef apply(self, object event)
    cpdef object apply_all(self, list events, object note)

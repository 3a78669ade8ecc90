cimport cython

from callstate.core.index cimport HashIndex, place_of


cdef class LegStore:
    cdef public object number, ordered
    cdef object _customers, _forgotten
    cdef public dict _changed, _places, texts, windows
    cdef public HashIndex by_customer, by_callid, by_snumber, by_cnumber, by_dnumber
    cdef public tuple _subscribers, _indexes

    cpdef object get(self, object key)
    @cython.locals(places=dict)
    cpdef object place(self, object key)
    @cython.locals(places=dict)
    cpdef put(self, object leg)
    @cython.locals(places=dict)
    cpdef object remove(self, object key)
    @cython.locals(changed=dict)
    cdef _publish(self, object old, object new)
    @cython.locals(index=HashIndex)
    cdef _file(self, object leg)
    @cython.locals(places=dict, index=HashIndex)
    cdef _unfile(self, object place)
    @cython.locals(index=HashIndex)
    cdef _refile(self, object place, object leg)


cpdef str fold(str text)
cdef _move(object place, HashIndex index, object was, object now)
cdef tuple _values(object leg)
cdef bint _is_filed_alike(object old, object new)

cpdef str fold(str text)
cdef _move(object place, object index, object was, object now)
cdef tuple _values(object leg)
cdef bint _is_filed_alike(object old, object new)

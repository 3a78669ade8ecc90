# Types for the compiled build; the class is described in known.py.


cdef class Known:
    cdef public bytes uniqueid
    cdef public bytes block
    cdef public bytes name
    cdef public bytes moved
    cdef public bytes varied
    cdef public bytes told
    cdef public object channel
    cdef public bint is_at_place
    cdef public bint is_doubted
    cdef public Py_ssize_t _context
    cdef public Py_ssize_t _priority
    cdef public Py_ssize_t _ids
    cdef public Py_ssize_t _shown

    cpdef cut(self, Py_ssize_t begin, Py_ssize_t end, Py_ssize_t shown)
    cpdef bint has_varied(self, bytes name)
    cpdef bint has_told(self, bytes name, bytes value)
    cpdef tell(self, bytes name, bytes value)
    cpdef forget_told(self, bytes name)

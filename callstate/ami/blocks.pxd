# Types for the compiled build; the class is described in blocks.py.

from callstate.ami.known cimport Known


cdef class Blocks:
    cdef public tuple span
    cdef public dict late
    cdef public Known current
    cdef public Known _latest
    cdef public dict _blocks
    cdef public dict _by_name

    cpdef tuple read(self, bytes raw, bint remember=*)
    cpdef forget(self, bytes uniqueid)
    cdef _remember(self, Known known, Known before)
    cdef _unname(self, Known known)

# Types for the compiled build; the class is described in intake.py.

from callstate.ami.blocks cimport Blocks
from callstate.ami.translate cimport Translator


cdef class Intake:
    cdef public long ignored
    cdef object _tally
    cdef public Translator _translator
    cdef public Blocks _blocks
    cdef object _glance

    cpdef list events(self, bytes whole, double received)
    cdef _count(self, list read)
    cdef _tell_late(self, list told, double received)

# Types for the compiled build; the class is described in translate.py.

from callstate.ami.blocks cimport Blocks


cdef class Translator:
    cdef public long malformed
    cdef public Blocks blocks
    cdef object _lists
    cdef public dict _handlers
    cdef public object lines

    cpdef translate(self, bytes raw, double received)
    cpdef event(self, bytes line, bytes raw, double received)
    cpdef _newchannel(self, bytes raw, double received)
    cpdef _hangup(self, bytes raw, double received)
    cpdef _new_callerid(self, bytes raw, double received)
    cpdef _rename(self, bytes raw, double received)
    cpdef _dial_begin(self, bytes raw, double received)
    cpdef _local_bridge(self, bytes raw, double received)
    cpdef _bridge_enter(self, bytes raw, double received)
    cpdef _bridge_leave(self, bytes raw, double received)

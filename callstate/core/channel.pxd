cdef class Channel:
    cdef public object snapshot, start, answered, presentation, dialled
    cdef public str uniqueid, channel, linkedid, first_exten, last_exten, local_pair
    cdef public str dialled_by, dialled_number, queue, parking_space, running, sip_callid
    cdef public dict variables, dialling
    cdef public list recordings
    cdef public tuple said, party
    cdef public BridgeRecord bridge
    cdef public Call call
    cdef public int serial
    cdef public bint came_up, requested, holding, hangup_requested, is_alerted, is_over, is_local

    cpdef rename(self, str name)
    cpdef dial(self, str uniqueid)
    cpdef undial(self, str uniqueid)
    cpdef note_exten(self, str exten)


cdef class BridgeRecord:
    cdef public str bridge_uniqueid, bridge_type, technology, name
    cdef public dict members

    cpdef update(self, object bridge)


cdef class Call:
    cdef public list members
    cdef public str callid


cpdef bint callers_differ(object before, object after)

cimport cython

from callstate.core.channel cimport Channel
from callstate.core.derive cimport Deriver
from callstate.core.paths cimport related
from callstate.core.registry cimport Registry
from callstate.core.store cimport LegStore
from callstate.core.sync cimport Sync


cdef class CallState:
    cdef public LegStore _store
    cdef public object directory, source, ready
    cdef dict _behind, _machines
    cdef public object _rules, _endpoints, _account_code_is_customer

    cpdef apply(self, object machine, object event)
    @cython.locals(known=_Machine)
    cpdef take(self, object machine, object event)
    @cython.locals(known=_Machine)
    cpdef object take_all(self, object machine, list events, object note)
    @cython.locals(known=_Machine, registry=Registry)
    cpdef publish(self, object machine)
    @cython.locals(channel=Channel)
    cdef _publish(self, _Machine known, Registry registry)
    @cython.locals(registry=Registry)
    cdef _publish_all(self, _Machine known)
    @cython.locals(channel=Channel)
    cdef _put(self, _Machine known, Registry registry, dict channels)


cdef class _Machine:
    cdef public object machine, name, as_of, down_since, last_error, version
    cdef public Deriver deriver
    cdef public Sync sync
    cdef public Registry shown
    cdef public bint connected, in_step, withdrawn

    cpdef object status(self)

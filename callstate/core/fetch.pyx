"""Memory asked for ahead, by the processor's own instruction; see `fetch.py`, its twin in Python.

An address is all that the instruction is given: it reads nothing that a program could notice, and
any address is good. What is followed are the references in the slots of places and legs, and of no
other objects.
"""

from callstate.core.index import Place
from callstate.core.model import Leg

cdef extern from *:
    """
    #include <structmember.h>

    #if defined(__GNUC__) || defined(__clang__)
    /* What has no effect that the compiler knows of would be left out, with who calls it. */
    static inline void fetch_line(const void *address) {
        __asm__ volatile("" : : "r"(address));
        __builtin_prefetch(address);
    }
    #else
    static inline void fetch_line(const void *address) { (void)address; }
    #endif

    enum { LINE = 64 };

    static inline void fetch_lines(const void *object, Py_ssize_t size) {
        for (Py_ssize_t at = 0; at < size; at += LINE) fetch_line((const char *)object + at);
    }

    static inline PyObject *slot(PyObject *object, Py_ssize_t offset) {
        return *(PyObject **)((char *)object + offset);
    }

    /* Numbers are one line long, most texts two. */
    static inline void fetch_slots(PyObject *object, PyTypeObject *type) {
        if (!Py_IS_TYPE(object, type)) return;
        for (Py_ssize_t at = sizeof(PyObject); at < type->tp_basicsize; at += sizeof(PyObject *))
            fetch_lines(slot(object, at), 2 * LINE);
    }

    /* Return where in its objects a slot is, 0 when that is not to be known. */
    static Py_ssize_t slot_offset(PyObject *descriptor) {
        if (!Py_IS_TYPE(descriptor, &PyMemberDescr_Type)) return 0;
        PyMemberDef *member = ((PyMemberDescrObject *)descriptor)->d_member;
        return member->type == T_OBJECT_EX ? member->offset : 0;
    }

    /* In rounds over all of them: each needs what the one before asked for. */
    static void fetch_all(PyObject *list, PyObject *type) {
        PyTypeObject *each = (PyTypeObject *)type;
        for (Py_ssize_t at = 0; at < PyList_GET_SIZE(list); at++)
            fetch_lines(PyList_GET_ITEM(list, at), each->tp_basicsize);
        for (Py_ssize_t at = 0; at < PyList_GET_SIZE(list); at++)
            fetch_slots(PyList_GET_ITEM(list, at), each);
    }

    static void fetch_within(PyObject *list, PyObject *type, Py_ssize_t offset, PyObject *inner) {
        PyTypeObject *outer = (PyTypeObject *)type, *each = (PyTypeObject *)inner;
        for (Py_ssize_t at = 0; at < PyList_GET_SIZE(list); at++) {
            PyObject *object = PyList_GET_ITEM(list, at);
            if (Py_IS_TYPE(object, outer)) fetch_lines(slot(object, offset), each->tp_basicsize);
        }
        for (Py_ssize_t at = 0; at < PyList_GET_SIZE(list); at++) {
            PyObject *object = PyList_GET_ITEM(list, at);
            if (Py_IS_TYPE(object, outer)) fetch_slots(slot(object, offset), each);
        }
    }
    """
    Py_ssize_t slot_offset(object descriptor)
    void fetch_all(list objects, object type)
    void fetch_within(list objects, object type, Py_ssize_t offset, object inner)

cdef Py_ssize_t LEG = slot_offset(Place.leg)


def fetch_places(list places not None):
    """Ask for `places` and the legs in them. O(places)."""
    fetch_all(places, Place)
    if LEG:
        fetch_within(places, Place, LEG, Leg)

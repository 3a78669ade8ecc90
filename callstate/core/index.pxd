cdef class HashIndex:
    cdef dict _buckets

    cpdef object lookup(self, object value)
    cpdef object count(self, object value)
    cpdef add(self, object value, object place)
    cpdef remove(self, object value, object place)


cpdef object place_of(object leg)

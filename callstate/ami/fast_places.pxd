# What C may call without a detour; the functions are described in places.py.

cpdef double time_of(bytes raw, double received) except? -1

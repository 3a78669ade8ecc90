"""The directory: customers, users, roles, lines and the names of numbers, checked as a whole.

A `Directory` never changes; a new one takes its place in one assignment, so that no query
sees half of it. Its sources (a file, SQL) only fetch rows; `build` here checks them.
"""

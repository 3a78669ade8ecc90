"""The side of the clients: parameters to a query, legs to rows, and HTTP around both.

`form` and `params` read a request, `auth` and `throttle` know who asks, `rows` renders,
`app` joins them, `server` listens. `form`, `params`, `rows` and `openapi` do no I/O.
"""

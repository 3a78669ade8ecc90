"""The side of the clients: parameters to a query, legs to rows, and HTTP around both.

Reading order: `form` and `params` read a request, `auth` with `throttle` knows who asks,
`admission` judges, `rows` renders, `turns` shares the loop among long answers; `answers` and
`outcome` are HTTP around that, `forwarded` and `cors` serve proxies and browsers, `app` joins
them. `door` counts connections, `connection` is one of them, `listening`, `certificate` and
`tls` are what `server` listens with.
"""

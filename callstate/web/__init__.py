"""The side of the clients: parameters to a query, legs to rows, and HTTP around both.

Reading order: `form` and `params` read a request, `auth` with `throttle` knows who asks,
`admission` judges, `rows` renders, `turns` shares the loop among long answers; `answers` and
`outcome` are HTTP around that, `app` joins them, `server` listens. aiohttp is in the last
four only.
"""

"""Why a database gave no rows, in words that anybody may read.

A message of a database may quote rows (a password's hash in a failed cast), one of a library a
whole url. So a text is passed on only when it is about the SELECT, the login or the
connection; of everything else only the code is, or the kind of the error.
"""

import errno
import os
import re
from collections.abc import Iterator

# Classes of SQLSTATE whose messages are made of names in the SELECT and of the login:
# connection, authorization, no such catalogue, no such schema, syntax and access.
_TELLING = ("08", "28", "3D", "3F", "42")
_TELLING_SQLITE = re.compile(r"no such |near |unable to open|attempt to write a readonly")
_LIMIT = 200


def reason(error: BaseException) -> str:
    """Return, on one line, why there are no rows."""
    for cause in _causes(error):
        found = _told(cause)
        if found:
            text = " ".join(found.split())
            return text if len(text) <= _LIMIT else f"{text[:_LIMIT]}..."
    return type(error).__name__


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Give what stands behind an error, the innermost first: each layer knows less."""
    if error is not None:
        yield from _causes(getattr(error, "orig", None) or error.__cause__)
        yield error


def _told(error: BaseException) -> str:
    state = getattr(error, "sqlstate", None)
    number = error.args[0] if error.args else None
    text = str(error.args[-1]) if error.args else ""
    if isinstance(state, str) and state:
        return f"{text} ({state})" if state[:2] in _TELLING else f"error {state}"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError):
        # asyncio has its own texts for what the system says better.
        if error.errno is not None and error.errno in errno.errorcode:
            return os.strerror(error.errno)
        return error.strerror or "cannot be connected to"
    name = getattr(error, "sqlite_errorname", None)
    if isinstance(name, str):
        return text if _TELLING_SQLITE.match(text) else name
    return f"error {number}" if isinstance(number, int) else ""

"""A directory with one user, who may see everything: for the daemons that tests start."""

from functools import cache

from callstate.web.auth import hash_password

PASSWORD = "sesame"

_DIRECTORY = """
[[customer]]
id = 1
name = "Root"
[[role]]
name = "administrator"
privileges = ["telephone line reports"]
[[user]]
name = "root"
customer = 1
role = "administrator"
password_hash = "{hash}"
"""


@cache
def directory() -> str:
    """Return it as the text of a file. Slow the first time: the password is hashed."""
    return _DIRECTORY.format(hash=hash_password(PASSWORD))

"""Texts that many channels show, as one object each: a call's uniqueid, an extension, a context.

What `sys.intern` gives is never let go by Python 3.12.0 to 3.12.6 (python/cpython#113993), and
uniqueids come for as long as there are calls.
"""

# Whoever fills it with texts that nobody shares gains nothing but a MB.
_LIMIT = 1 << 13
_LENGTH = 64

# Forgotten all at once when they are too many: what is forgotten is kept twice, no more.
TEXTS: dict[str, str] = {}


def shared(text: str) -> str:
    """Return `text`, as the very object that an equal one was before, if it is short. O(1)."""
    known = TEXTS.get(text)
    if known is not None:
        return known
    if len(text) <= _LENGTH:
        if len(TEXTS) >= _LIMIT:
            TEXTS.clear()
        TEXTS[text] = text
    return text

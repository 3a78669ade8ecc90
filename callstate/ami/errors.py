"""What goes wrong on a manager connection.

    AmiError(CallstateError)
      ConnectionLost                     the link is gone; whatever was asked has no answer
      LoginRefused                       the machine does not let us in: a human has to act
      PermissionDenied                   the account lacks a class that an action needs
      ActionTimedOut                     no answer in time
      InvalidAction                      a header that would be read as something else

All of them end the connection; it is tried again. None ever holds a secret.
"""

from callstate.core.errors import CallstateError

# What a server says is shown to people: long enough for any text of Asterisk's.
_TEXT_LIMIT = 200


class AmiError(CallstateError):
    """Something that ends a manager connection; `reason` is one printable line."""

    def __init__(self, reason: str) -> None:
        self.reason = printable(reason)
        super().__init__(self.reason)


class ConnectionLost(AmiError):
    """The link is gone."""


class LoginRefused(AmiError):
    """The machine does not let us in."""


class PermissionDenied(AmiError):
    """The account must not use an action."""


class ActionTimedOut(AmiError):
    """An action was not answered in time."""


class InvalidAction(AmiError):
    """An action that cannot be sent as it is meant: a line break in a header, or too long."""


def printable(text: str) -> str:
    """Return `text` cut to a reasonable length, without what could forge a log line."""
    if len(text) > _TEXT_LIMIT:
        text = text[:_TEXT_LIMIT] + "..."
    return "".join(character if character.isprintable() else "?" for character in text)

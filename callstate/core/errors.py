"""The exceptions of callstate.

    CallstateError
      ConfigError                        the daemon refuses to start: one line, exit 2
        DirectoryError                   the directory's content is refused; the last good one stays
          DirectoryUnavailable           it cannot be read now; it is tried again
      QueryError                         the caller is told, in the envelope
        BadParameter                     400, key = the parameter's name
        AuthenticationFailed             401, one text for every reason
        NotAllowed                       402, the role does not allow it

They carry data and compose their own message; the HTTP side maps classes to codes.
"""


class CallstateError(Exception):
    """Everything that callstate raises on purpose."""


class ConfigError(CallstateError):
    """The configuration cannot be used: `key` says where, `problem` says why.

    Neither ever holds a secret's value.
    """

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(key, problem)
        self.key = key
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.key}: {self.problem}"


class DirectoryError(ConfigError):
    """The directory cannot be used: `key` names the row, `problem` says why."""


class DirectoryUnavailable(DirectoryError):
    """The directory cannot be read now: `key` names what was asked, `problem` says why."""


class QueryError(CallstateError):
    """A request that is answered with something else than rows."""


class BadParameter(QueryError):
    """A parameter has a value that it cannot have; `message` says what would be right."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(name, message)
        self.name = name
        self.message = message

    def __str__(self) -> str:
        return f"{self.name}: {self.message}"


class AuthenticationFailed(QueryError):
    """The credentials are missing, wrong or disabled: nobody is told which."""

    def __str__(self) -> str:
        return "Authentication failed."


class NotAllowed(QueryError):
    """The user's role does not allow what was asked."""

    def __str__(self) -> str:
        return "Your role does not allow this."

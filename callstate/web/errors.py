"""What the HTTP side raises beyond the core's errors.

CallstateError
  QueryError
    BadParameters                    400, one entry for each of its errors
  TooManyAttempts                    429, with Retry-After
  NotReady                           503, with Retry-After
  BodyTimeout                        408
"""

from collections.abc import Sequence

from callstate.core.errors import BadParameter, CallstateError, QueryError


class BadParameters(QueryError):
    """A request with at least one bad parameter; `errors` are in the order of the table."""

    def __init__(self, errors: Sequence[BadParameter]) -> None:
        super().__init__(*errors)
        self.errors = tuple(errors)

    def __str__(self) -> str:
        return "; ".join(map(str, self.errors))


class TooManyAttempts(CallstateError):
    """Credentials are not looked at for another `retry_seconds`."""

    def __init__(self, retry_seconds: float) -> None:
        super().__init__(retry_seconds)
        self.retry_seconds = retry_seconds

    def __str__(self) -> str:
        return "Too many failed attempts; try again later."


class NotReady(CallstateError):
    """The daemon does not know the calls or the users yet, or is about to stop."""

    retry_seconds = 1.0

    def __init__(self, reason: str = "the calls are not known yet") -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"Not ready: {self.reason}."


class BodyTimeout(CallstateError):
    """The body of a request did not arrive in time."""

    def __str__(self) -> str:
        return "The request's body did not arrive in time."

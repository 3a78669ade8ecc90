"""What a machine answered to one action, as a value."""

from collections.abc import Iterable
from typing import Any

import msgspec
from panoramisk.message import Message as PanoramiskMessage

# Not a header: where panoramisk keeps the output of old Command responses.
_CONTENT = "content"


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """The response to an action and, for a list, the message that completed it.

    `headers` are those of the response, then those of the completion, in no order but
    that of repeated ones. The items of a list are not in it: they went to the sink.
    """

    success: bool
    headers: tuple[tuple[str, str], ...]

    @property
    def message(self) -> str:
        """The machine's own text: `Pong`, `No such channel`."""
        return self.get("Message")

    @property
    def action_id(self) -> str:
        """The ActionID that the response and every item of its list carry."""
        return self.get("ActionID")

    def get(self, key: str, default: str = "") -> str:
        """Return the first value of `key`, in any case, or `default`."""
        return next(iter(self.get_all(key)), default)

    def get_all(self, key: str) -> list[str]:
        """Return every value of `key`, in any case."""
        wanted = key.lower()
        return [value for name, value in self.headers if name.lower() == wanted]


def from_panoramisk(messages: Iterable[Any]) -> Response:
    """Return the response made of panoramisk's `messages`: the response and its completion."""
    answer, *completion = messages
    return Response(
        success=bool(answer.success) and not any(_is_cancelled(message) for message in completion),
        headers=tuple(
            (str(key), str(value))
            for message in (answer, *completion)
            for key, values in message.items()
            if key != _CONTENT
            for value in (values if isinstance(values, list) else [values])
        ),
    )


def to_panoramisk(headers: Iterable[tuple[str, str]]) -> Any:
    """Return panoramisk's message of `headers`: a list is the value of a repeated one."""
    collected: dict[str, Any] = {}
    for key, value in headers:
        earlier = collected.get(key)
        if earlier is None:
            collected[key] = value
        elif isinstance(earlier, list):
            earlier.append(value)
        else:
            collected[key] = [earlier, value]
    return PanoramiskMessage(collected)


def _is_cancelled(message: Any) -> bool:
    return str(message.eventlist).lower() == "cancelled"

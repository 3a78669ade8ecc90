"""As much of the manager protocol as the lab needs to act on a server and to ask it.

Kept apart from callstate's own decoder on purpose: what judges it must not share its code.
"""

import asyncio
from collections.abc import Callable, Iterable

SECRET = "callstate-lab"

Headers = list[tuple[str, str]]
# One message: a header that repeats is a list; ChanVariable and Variable always are.
Message = dict[str, "str | list[str]"]


def frame(headers: Iterable[tuple[str, str]]) -> bytes:
    """Return one action as bytes."""
    return ("".join(f"{key}: {value}\r\n" for key, value in headers) + "\r\n").encode()


def parse(text: str) -> Message:
    """Return one message as a dict."""
    message: Message = {}
    for line in text.split("\r\n"):
        key, colon, value = line.partition(":")
        if not colon:
            continue
        value = value.removeprefix(" ")
        earlier = message.get(key)
        if isinstance(earlier, list):
            earlier.append(value)
        elif key in ("ChanVariable", "Variable"):
            message[key] = [value]
        else:
            message[key] = value if earlier is None else [earlier, value]
    return message


class Ctl:
    """A manager connection with its events off: it acts, and it asks for the truth."""

    def __init__(self, port: int, note: Callable[[str, Headers], None] | None = None) -> None:
        self._port = port
        self._note = note
        self._sent = 0

    async def open(self) -> "Ctl":
        """Log in; a server that is still starting may refuse for a while."""
        for _ in range(60):
            try:
                self._reader, self._writer = await asyncio.open_connection(
                    "127.0.0.1", self._port, limit=1 << 24
                )
                break
            except OSError:
                await asyncio.sleep(0.2)
        await self._reader.readline()
        login = [("Action", "Login"), ("Username", "lab"), ("Secret", SECRET), ("Events", "off")]
        for _ in range(60):
            response, _events = await self.action(login)
            if response.get("Response") == "Success":
                return self
            await asyncio.sleep(0.2)
        raise RuntimeError("AMI login failed")

    async def action(self, headers: Headers, quiet: bool = True) -> tuple[Message, list[Message]]:
        """Send one action; return its response and the items of the list that it began."""
        self._sent += 1
        action_id = f"ctl-{self._sent}"
        headers = [*headers, ("ActionID", action_id)]
        if self._note and not quiet:
            self._note("ctl", headers)
        self._writer.write(frame(headers))
        response: Message | None = None
        items: list[Message] = []
        while True:
            raw = await self._reader.readuntil(b"\r\n\r\n")
            message = parse(raw.decode("utf-8", "surrogateescape"))
            if message.get("ActionID") != action_id:
                continue
            if response is None and "Response" in message:
                response = message
                if message.get("EventList") != "start":
                    return response, items
            elif message.get("EventList") == "Complete":
                return response or {}, items
            else:
                items.append(message)

    async def list(self, *headers: tuple[str, str]) -> "list[Message]":
        """Return the items of a list action, without their ActionID."""
        _, items = await self.action([*headers])
        for item in items:
            item.pop("ActionID", None)
        return items

    def close(self) -> None:
        self._writer.close()

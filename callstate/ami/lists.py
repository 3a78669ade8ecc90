"""The lists that a machine gives on request: their beginnings, items and ends into events.

Their items carry no Timestamp: they are of the moment in which they are received.
"""

from collections.abc import Callable

from callstate.ami.blocks import Blocks
from callstate.ami.decode import Message
from callstate.ami.headers import application, bridge, duration, number, text
from callstate.ami.twins import value
from callstate.core import events as ev

# What a machine that has not loaded its modules yet says to the actions of a sync.
_NOT_YET_KNOWN = tuple(
    b"Invalid/unknown command: " + action
    for action in (b"CoreShowChannels", b"Status", b"BridgeList")
)

Handler = Callable[[bytes, float], ev.Event | None]


class Lists:
    """Translates the lists of one connection. `variables` are those that matter, None is all."""

    def __init__(self, blocks: Blocks, variables: frozenset[bytes] | None) -> None:
        self._blocks = blocks
        self._variables = variables
        self._listed: set[bytes] = set()

    def handlers(self) -> dict[str, Handler]:
        """Return what translates each kind of message, by its name."""
        return {
            "CoreShowChannel": self._core_show_channel,
            "CoreShowChannelsComplete": self._core_show_channels_complete,
            "Status": self._status,
            "StatusComplete": _complete,
            "BridgeListItem": self._bridge_list_item,
            "BridgeListComplete": _complete,
            "BridgeInfoChannel": self._bridge_info_channel,
            "BridgeInfoComplete": self._bridge_info_complete,
        }

    def response(self, raw: bytes, received: float) -> ev.Event | None:
        """Return what a response says of a list: that it begins, or that it is not known yet."""
        if raw[:10] != b"Response: ":
            return None
        if raw.find(b"\r\nEventList: start") >= 0:
            return ev.ListStart(received, text(value(raw, b"ActionID")))
        if value(raw, b"Message").startswith(_NOT_YET_KNOWN):
            return ev.ListRefused(received)
        return None

    def _core_show_channel(self, raw: bytes, received: float) -> ev.Event | None:
        channel, _ = self._blocks.read(raw)
        if channel is None:
            return None
        self._listed.add(value(raw, b"Uniqueid"))
        self._blocks.note_listed()
        return ev.CoreShowChannel(
            received,
            channel,
            text(value(raw, b"ActionID")),
            duration(value(raw, b"Duration")),
            application(raw, b"ApplicationData"),
        )

    def _status(self, raw: bytes, received: float) -> ev.Event | None:
        channel, _ = self._blocks.read(raw)
        if channel is None:
            return None
        self._blocks.note_listed()
        return ev.Status(
            received,
            channel,
            text(value(raw, b"ActionID")),
            number(value(raw, b"Seconds"), 0),
            application(raw, b"Data"),
            self._status_variables(raw),
        )

    def _status_variables(self, raw: bytes) -> tuple[tuple[str, str], ...]:
        """Return the Variable lines of a Status item that matter; they come unescaped."""
        found: list[tuple[str, str]] = []
        for line in raw.split(b"\r\nVariable: ")[1:]:
            name, _, content = line.partition(b"\r\n")[0].partition(b"=")
            if self._variables is None or name in self._variables:
                found.append((text(name), "" if content == b"(null)" else text(content)))
        return tuple(found)

    def _bridge_list_item(self, raw: bytes, received: float) -> ev.Event | None:
        listed = bridge(raw)
        if listed is None:
            return None
        return ev.BridgeListItem(received, listed, text(value(raw, b"ActionID")))

    def _bridge_info_channel(self, raw: bytes, received: float) -> ev.Event | None:
        # Only who it is counts: nothing else of it is taken over.
        channel = self._blocks.peek(raw)
        if channel is None:
            return None
        return ev.BridgeInfoChannel(received, channel, text(value(raw, b"ActionID")))

    def _bridge_info_complete(self, raw: bytes, received: float) -> ev.Event | None:
        listed = bridge(raw)
        if listed is None:
            return None
        action_id, items = text(value(raw, b"ActionID")), number(value(raw, b"ListItems"), -1)
        return ev.BridgeInfoComplete(received, listed, action_id, items)

    def _core_show_channels_complete(self, raw: bytes, received: float) -> ev.Event | None:
        # Blocks of channels whose Hangup was lost, or that were named after it, end here.
        self._blocks.retain(self._listed)
        self._listed.clear()
        return _complete(raw, received)


def _complete(raw: bytes, received: float) -> ev.Event | None:
    message = Message(raw)
    items = number(value(raw, b"ListItems"), -1)
    return ev.ListComplete(received, message.name, message.get("ActionID"), items)

"""Recorded streams, message by message, and a state that is fed with them as by a daemon."""

from collections.abc import Iterable, Iterator

from callstate.core.state import CallState
from callstate.replay import Replay, mirror_of
from tests.captures import Capture, Checkpoint

END = b"\r\n\r\n"
BANNER = b"Asterisk Call Manager/11.0.0\r\n"

MACHINE = 1

# The least that a machine may let through without what it shows being wrong: no VarSet and
# no Newexten (those whose read has no `dialplan`), nothing of media, devices and modules.
# fmt: off
LEAST = frozenset({
    b"Newchannel", b"Newstate", b"NewCallerid", b"NewConnectedLine", b"NewAccountCode",
    b"DialBegin", b"DialState", b"DialEnd", b"BridgeCreate", b"BridgeDestroy", b"BridgeEnter",
    b"BridgeLeave", b"BridgeMerge", b"Hold", b"Unhold", b"MixMonitorStart", b"MixMonitorStop",
    b"MixMonitorMute", b"LocalBridge", b"LocalOptimizationBegin", b"LocalOptimizationEnd",
    b"Hangup", b"HangupRequest", b"SoftHangupRequest", b"Rename", b"Pickup", b"FullyBooted",
    b"Shutdown", b"CoreShowChannel", b"CoreShowChannelsComplete", b"Status", b"StatusComplete",
    b"BridgeListItem", b"BridgeListComplete", b"BridgeInfoChannel", b"BridgeInfoComplete",
})
# fmt: on


def messages(data: bytes) -> list[bytes]:
    """Cut a log behind its banner and behind each message; joined, they are the log again."""
    banner, _, rest = data.partition(b"\r\n")
    *whole, torn = rest.split(END)
    return [banner + b"\r\n", *(message + END for message in whole), *([torn] if torn else [])]


def event_name(message: bytes) -> bytes:
    """Return the name of an event or list item, nothing for a response or a banner."""
    return message[7 : message.find(b"\r\n")] if message.startswith(b"Event: ") else b""


def is_in_the_least(message: bytes) -> bool:
    """True for a message that the narrowest useful manager account still gets."""
    return not message.startswith(b"Event: ") or event_name(message) in LEAST


class Player:
    """A state with one machine, fed with the bytes of its connections."""

    def __init__(self, variables: frozenset[str] | None = None) -> None:
        self.state = CallState()
        self.state.add_machine(MACHINE)
        self._replay = Replay(self.state, MACHINE, variables)

    def open(self) -> None:
        """Begin a connection; the one before was lost."""
        self._replay.open()

    def feed(self, data: bytes) -> None:
        """Take in bytes."""
        self._replay.feed(data)

    @property
    def mirror(self) -> dict[str, object]:
        """Every channel and bridge, as plain values."""
        return mirror_of(self.state, MACHINE)


class Recording:
    """One connection of a capture, to be played into a `Player` piece by piece."""

    def __init__(self, data: bytes, *, least: bool = False) -> None:
        self._messages = messages(data)
        self._least = least
        self._next = 0
        self._offset = 0

    def until(self, offset: int) -> Iterator[bytes]:
        """Give the messages not given yet that end at or before `offset`."""
        while self._next < len(self._messages):
            message = self._messages[self._next]
            if self._offset + len(message) > offset:
                return
            self._next += 1
            self._offset += len(message)
            if not self._least or is_in_the_least(message):
                yield message


def reached(
    capture: Capture, *, least: bool = False
) -> Iterator[tuple[Player, Checkpoint, Iterable[bytes]]]:
    """Play `capture`; at each checkpoint give the player, and what its truth may know beyond it.

    These are messages, none if the checkpoint is quiet; whoever takes them has to feed them.
    """
    player = Player()
    for conn in range(1, capture.connections + 1):
        recording = Recording(capture.log(conn), least=least)
        player.open()
        for checkpoint in capture.checkpoints:
            if checkpoint.conn == conn and checkpoint.offset is not None:
                player.feed(b"".join(recording.until(checkpoint.offset)))
                end = checkpoint.offset if checkpoint.quiet else checkpoint.offset_after
                yield player, checkpoint, recording.until(end or 0)
        player.feed(b"".join(recording.until(len(capture.log(conn)))))

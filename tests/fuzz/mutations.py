"""Recorded streams, made wrong in every way that a wire, a disk or a bug can make them wrong.

Whatever is done to a stream follows from one `Random`: the same seed gives the same bytes.
"""

from collections.abc import Callable, Sequence
from functools import cache
from random import Random

from tests.captures import Capture, all_captures
from tests.streams import END, messages

# How many messages of a stream are changed: from hardly any to every third.
RATES = (0.002, 0.01, 0.05, 0.3)
LENGTHS = (50, 300, 1500)

# fmt: off
# What a value may become. The long ones are rare, since they take most of the time.
VALUES = (
    b"", b"0", b"-1", b"1", b"6", b"65541", b"9" * 18, b"9" * 19, b"9" * 400, b"1e400", b"nan",
    b"none", b"<unknown>", b"(null)", b"start", b"Complete", b"success", b" ", b": ", b":", b"=",
    b"\\", b"\\r\\n\\", b"\\\\x", b"\x00", b"\xff\xfe", b"\xc3", b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80", "\u0661\u0662".encode(), "\u00b2".encode(), "\U0001f600".encode(),
    b"Local/1@x-00000001;1",
    b"Local/1@x-00000001;2", b"Surrogate/x-1", b"00:00:-1", b"99999999999:0:0", b"1:2:3:4:5",
    b"a\nEvent: Hangup", b"a\r", b"a\n", b"a\r\nEvent: Hangup\r\nUniqueid: 1.1", b"a\r\nX",
    b"a\r\n\r\nEvent: Shutdown", b"AppDial(", b"Queue(", b"Queue", b"Ringing", b"basic", b"holding",
)
LONG = (b"x" * 5000, b"\xff" * 70_000, b"a=b," * 20_000)
OVERSIZED = b"y" * (1 << 20)
NAMES = (
    b"Newchannel", b"Newstate", b"Newexten", b"NewCallerid", b"NewConnectedLine", b"NewAccountCode",
    b"Hangup", b"HangupRequest", b"SoftHangupRequest", b"VarSet", b"Hold", b"Unhold", b"Rename",
    b"MixMonitorStart", b"MixMonitorStop", b"DialBegin", b"DialState", b"DialEnd", b"LocalBridge",
    b"BridgeCreate", b"BridgeDestroy", b"BridgeEnter", b"BridgeLeave", b"BridgeMerge", b"Pickup",
    b"ParkedCall", b"QueueCallerJoin", b"QueueCallerLeave", b"CoreShowChannel", b"Status",
    b"CoreShowChannelsComplete", b"StatusComplete", b"BridgeListItem", b"BridgeListComplete",
    b"BridgeInfoChannel", b"BridgeInfoComplete", b"FullyBooted", b"Shutdown", b"", b"newchannel",
)
ALONE = (
    b"Event: FullyBooted\r\nUptime: 0", b"Event: FullyBooted", b"Event: Shutdown",
    b"Event: CoreShowChannelsComplete\r\nActionID: 1\r\nListItems: 0",
    b"Event: StatusComplete\r\nActionID: 1\r\nListItems: 0", b"Event: BridgeListComplete",
    b"Response: Success\r\nActionID: 1\r\nEventList: start",
    b"Response: Success\r\nEventList: start\r\nMessage: Channels will follow",
    b"Response: Error\r\nMessage: Invalid/unknown command: Status",
    b"Response: Goodbye", b"Event: ", b"Response:", b":", b"\r", b"\n\n",
    b"Asterisk Call Manager/11.0.0",
    b"Event: VarSet\r\nChannel: none\r\nUniqueid: none\r\nVariable: CALLSTATE_MARK\r\nValue: 1-1",
)
# Headers whose values tie a message to others.
_TIES = (
    b"Uniqueid", b"Linkedid", b"DestUniqueid", b"DestLinkedid", b"BridgeUniqueid", b"SwapUniqueid",
    b"ActionID", b"LocalOneUniqueid", b"LocalTwoUniqueid", b"ParkeeUniqueid", b"ChannelState",
    b"Channel", b"Newname", b"ListItems", b"Variable", b"Value", b"Timestamp", b"DialStatus",
    b"Duration", b"Seconds", b"Application", b"ChanVariable",
)
# fmt: on


@cache
def streams() -> tuple[Capture, ...]:
    """Return the captures that streams are taken from."""
    return tuple(capture for capture in all_captures() if not capture.is_load)


@cache
def _messages_of(capture: Capture, conn: int) -> list[bytes]:
    return messages(capture.log(conn))


class Mutator:
    """Makes one wrong stream. All its choices come from `dice`."""

    def __init__(self, dice: Random) -> None:
        self._dice = dice
        self._pool: list[bytes] = []
        self._of_message: tuple[Callable[[bytes], bytes], ...] = (
            self._value, self._value, self._tie, self._tie, self._tie, self._name, self._double,
            self._drop, self._move, self._borrow, self._flip, self._cut, self._key, self._torn,
        )  # fmt: skip

    def stream(self) -> bytes:
        """Return the bytes of a connection, banner included unless that was changed, too."""
        dice = self._dice
        kept = self._window()
        self._pool = kept[1:]
        if dice.random() < 0.4:
            kept = self._splice(kept, self._window())
        rate = dice.choice(RATES)
        if dice.random() < 0.3:
            kept = self._disordered(kept)
        changed = [self._changed(one) if dice.random() < rate else one for one in kept]
        data = b"".join(changed)
        return self._damaged(data) if dice.random() < 0.3 else data

    def pieces(self, data: bytes) -> list[bytes]:
        """Cut `data` as a socket might."""
        most = self._dice.choice((64, 1500, 16_384, 65_536))
        cuts: list[bytes] = []
        at = 0
        while at < len(data):
            size = self._dice.randint(1, most)
            cuts.append(data[at : at + size])
            at += size
        return cuts

    def _window(self) -> list[bytes]:
        dice = self._dice
        capture = dice.choice(streams())
        all_of_it = _messages_of(capture, dice.randint(1, capture.connections))
        length = dice.choice(LENGTHS)
        start = 0 if dice.random() < 0.5 else dice.randrange(len(all_of_it))
        return [all_of_it[0], *all_of_it[max(start, 1) : start + length]]

    def _splice(self, one: list[bytes], two: list[bytes]) -> list[bytes]:
        """Put two streams into one: behind, inside or through each other."""
        match self._dice.randrange(3):
            case 0:
                return one + two
            case 1:
                at = self._dice.randrange(len(one))
                inside = one[at]
                cut = self._dice.randrange(len(inside) + 1)
                return [*one[:at], inside[:cut], *two, inside[cut:], *one[at + 1 :]]
            case _:
                mixed: list[bytes] = []
                rests = [list(reversed(one)), list(reversed(two))]
                while any(rests):
                    rest = self._dice.choice([rest for rest in rests if rest])
                    mixed.append(rest.pop())
                return mixed

    def _disordered(self, kept: list[bytes]) -> list[bytes]:
        dice = self._dice
        kept = list(kept)
        if dice.random() < 0.2:
            dice.shuffle(kept)
            return kept
        for _ in range(dice.randint(1, 20)):
            at = dice.randrange(len(kept))
            match dice.randrange(4):
                case 0:
                    kept.insert(dice.randrange(len(kept)), kept.pop(at))
                case 1:
                    kept.insert(dice.randrange(len(kept) + 1), kept[at])
                case 2:
                    end = at + dice.randint(2, 30)
                    kept[at:end] = reversed(kept[at:end])
                case _:
                    kept.insert(at, dice.choice(ALONE) + END)
        return kept

    def _changed(self, message: bytes) -> bytes:
        for _ in range(self._dice.choice((1, 1, 1, 2, 5))):
            message = self._dice.choice(self._of_message)(message)
        return message

    def _damaged(self, data: bytes) -> bytes:
        """Damage some bytes, wherever they are."""
        dice = self._dice
        whole = bytearray(data)
        for _ in range(dice.randint(1, 8)):
            at = dice.randrange(len(whole) + 1)
            match dice.randrange(4):
                case 0:
                    whole[at : at + 1] = bytes([dice.randrange(256)])
                case 1:
                    del whole[at : at + dice.randint(1, 3000)]
                case 2:
                    whole[at:at] = dice.choice((b"\r\n", END, b"\r", b"\n", b"\x00", *ALONE))
                case _:
                    whole[at:at] = dice.randbytes(dice.randint(1, 300))
        return bytes(whole)

    # One message, its final blank line included

    def _lines(self, message: bytes) -> list[bytes]:
        return message.removesuffix(END).split(b"\r\n")

    def _other(self) -> bytes:
        return self._dice.choice(self._pool) if self._pool else b"Event: x"

    def _a_value(self) -> bytes:
        roll = self._dice.random()
        if roll < 0.001:
            return OVERSIZED
        return self._dice.choice(LONG if roll < 0.01 else VALUES)

    def _value(self, message: bytes) -> bytes:
        """Give a header another value."""
        lines = self._lines(message)
        at = self._dice.randrange(len(lines))
        key, _, value = lines[at].partition(b": ")
        name, is_pair, _ = value.partition(b"=")
        head = key + b": " + (name + b"=" if is_pair else b"")
        lines[at] = head + self._a_value()
        return b"\r\n".join(lines) + END

    def _tie(self, message: bytes) -> bytes:
        """Give a header that ties it to others the value that this has in another message."""
        head = b"\r\n" + self._dice.choice(_TIES) + b": "
        before, found, after = message.partition(head)
        if not found:
            return message
        _, elsewhere, rest = self._other().partition(head)
        value = rest.partition(b"\r\n")[0] if elsewhere else self._a_value()
        return before + head + value + b"\r\n" + after.partition(b"\r\n")[2]

    def _name(self, message: bytes) -> bytes:
        """Make it another event."""
        name, rest = self._dice.choice(NAMES), message.partition(b"\r\n")[2]
        more = b"Newname: PJSIP/a-00000001\r\n" if name == b"Rename" else b""
        return b"Event: " + name + b"\r\n" + more + rest

    def _double(self, message: bytes) -> bytes:
        lines = self._lines(message)
        lines.insert(self._dice.randrange(len(lines) + 1), self._dice.choice(lines))
        return b"\r\n".join(lines) + END

    def _drop(self, message: bytes) -> bytes:
        lines = self._lines(message)
        del lines[self._dice.randrange(len(lines))]
        return b"\r\n".join(lines) + END

    def _move(self, message: bytes) -> bytes:
        lines = self._lines(message)
        lines.insert(self._dice.randrange(len(lines)), lines.pop(self._dice.randrange(len(lines))))
        return b"\r\n".join(lines) + END

    def _borrow(self, message: bytes) -> bytes:
        """Put a header of another message in."""
        lines = self._lines(message)
        line = self._dice.choice(self._lines(self._other()))
        lines.insert(self._dice.randrange(len(lines) + 1), line)
        return b"\r\n".join(lines) + END

    def _flip(self, message: bytes) -> bytes:
        whole = bytearray(message)
        for _ in range(self._dice.randint(1, 4)):
            if whole:
                whole[self._dice.randrange(len(whole))] ^= 1 << self._dice.randrange(8)
        return bytes(whole)

    def _cut(self, message: bytes) -> bytes:
        """Lose its end: it runs into the next one."""
        return message[: self._dice.randrange(len(message) + 1)]

    def _key(self, message: bytes) -> bytes:
        """Spell a header's name otherwise."""
        lines = self._lines(message)
        at = self._dice.randrange(len(lines))
        key, _, value = lines[at].partition(b": ")
        odd: Sequence[bytes] = (key.lower(), key + b" ", b"Dest" + key, b" " + key, b"", key[::-1])
        lines[at] = self._dice.choice(odd) + self._dice.choice((b": ", b":", b"")) + value
        return b"\r\n".join(lines) + END

    def _torn(self, message: bytes) -> bytes:
        """Put something into the middle of it."""
        at = self._dice.randrange(len(message) + 1)
        inside: Sequence[bytes] = (b"\r\n", END, b"\n", b"\r", self._other())
        return message[:at] + self._dice.choice(inside) + message[at:]

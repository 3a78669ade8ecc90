"""Made-up calls as AMI tells them: as many as a test wants, each with its own names.

A call is a list of steps, each the raw messages of one moment; played to the end it leaves
nothing. Messages are without their final blank line.
"""

from collections.abc import Callable, Iterator

EPOCH = 1000000000

_STATES = {0: "Down", 4: "Ring", 5: "Ringing", 6: "Up"}

Step = list[bytes]


class Caller:
    """One channel, as its header block shows it."""

    def __init__(
        self, number: int, name: str, *, linkedid: str = "", caller: str = "", half: str = ""
    ) -> None:
        self.uniqueid = f"{EPOCH + number // 1000}.{number}"
        self.name = f"{name}-{number:08x}{half}"
        self.linkedid = linkedid or self.uniqueid
        self.caller = caller
        self.state = 0
        self.exten = ""

    def headers(self, prefix: str = "") -> str:
        """Return the header block, its lines complete."""
        return (
            f"{prefix}Channel: {self.name}\r\n{prefix}ChannelState: {self.state}\r\n"
            f"{prefix}ChannelStateDesc: {_STATES[self.state]}\r\n"
            f"{prefix}CallerIDNum: {self.caller or '<unknown>'}\r\n"
            f"{prefix}CallerIDName: <unknown>\r\n"
            f"{prefix}ConnectedLineNum: <unknown>\r\n{prefix}ConnectedLineName: <unknown>\r\n"
            f"{prefix}Language: en\r\n{prefix}AccountCode: \r\n{prefix}Context: cust\r\n"
            f"{prefix}Exten: {self.exten}\r\n{prefix}Priority: 1\r\n"
            f"{prefix}Uniqueid: {self.uniqueid}\r\n{prefix}Linkedid: {self.linkedid}\r\n"
        )

    def event(self, name: str, *more: str, privilege: str = "call") -> bytes:
        """Return an event of this channel."""
        text = f"Event: {name}\r\nPrivilege: {privilege},all\r\n{self.headers()}"
        return (text + "".join(f"{line}\r\n" for line in more)).removesuffix("\r\n").encode()

    def turn(self, state: int) -> bytes:
        """Return the Newstate to `state`."""
        self.state = state
        return self.event("Newstate")

    def varset(self, name: str, value: str) -> bytes:
        """Return the VarSet of a variable."""
        return self.event("VarSet", f"Variable: {name}", f"Value: {value}", privilege="dialplan")

    def hangup(self) -> bytes:
        """Return the Hangup."""
        return self.event("Hangup", "Cause: 16", "Cause-txt: Normal Clearing")


class Room:
    """One bridge."""

    def __init__(self, number: int, kind: str = "basic") -> None:
        self.uniqueid = f"00000000-0000-4000-8000-{number:012x}"
        self.kind = kind
        self.members: list[Caller] = []

    def _event(self, name: str, *more: str) -> bytes:
        return "\r\n".join(
            (
                f"Event: {name}",
                "Privilege: call,all",
                f"BridgeUniqueid: {self.uniqueid}",
                f"BridgeType: {self.kind}",
                "BridgeTechnology: simple_bridge",
                "BridgeCreator: <unknown>",
                "BridgeName: <unknown>",
                f"BridgeNumChannels: {len(self.members)}",
                "BridgeVideoSourceMode: none",
                *more,
            )
        ).encode()

    def create(self) -> bytes:
        return self._event("BridgeCreate")

    def destroy(self) -> bytes:
        return self._event("BridgeDestroy")

    def enter(self, channel: Caller, *, linkedid: str = "") -> bytes:
        """Return the BridgeEnter; the linkedid is from now on that of all."""
        self.members.append(channel)
        for member in self.members:
            member.linkedid = linkedid or channel.linkedid
        return self._event("BridgeEnter", channel.headers().removesuffix("\r\n"))

    def leave(self, channel: Caller) -> bytes:
        self.members.remove(channel)
        return self._event("BridgeLeave", channel.headers().removesuffix("\r\n"))


def dial(event: str, caller: Caller, dest: Caller, status: str = "") -> bytes:
    """Return a DialBegin, DialState or DialEnd."""
    last = f"DialStatus: {status}" if status else "DialString: x"
    head = f"Event: {event}\r\nPrivilege: call,all\r\n"
    return (head + caller.headers() + dest.headers("Dest") + last).encode()


def simple(number: int) -> Iterator[Step]:
    """One calls another, they talk; held and recorded meanwhile."""
    a, b, room = Caller(4 * number, "PJSIP/a", caller="101"), None, Room(number)
    a.exten = "102"
    yield [a.event("Newchannel"), a.turn(4), a.varset("__CUSTOMER", str(number % 7 + 1))]
    b = Caller(4 * number + 1, "PJSIP/b", linkedid=a.linkedid, caller="102")
    yield [b.event("Newchannel"), dial("DialBegin", a, b), b.turn(5)]
    yield [dial("DialState", a, b, "RINGING"), b.turn(6), dial("DialEnd", a, b, "ANSWER")]
    yield [a.turn(6), room.create(), room.enter(a), room.enter(b)]
    yield [
        a.varset("BRIDGEPEER", b.name),
        a.varset("BRIDGEPVTCALLID", f"call-{number}"),
        a.varset("MIXMONITOR_FILENAME", f"/{number}.wav"),
        a.event("MixMonitorStart"),
        b.event("Hold"),
        b.event("Unhold"),
    ]
    yield [room.leave(b), room.leave(a), room.destroy(), b.hangup(), a.hangup()]


def through_local(number: int) -> Iterator[Step]:
    """A call through a Local channel that stays: four channels in two bridges."""
    a, near, far = (
        Caller(4 * number, "PJSIP/a", caller="101"),
        Room(2 * number),
        Room(2 * number + 1),
    )
    one = Caller(4 * number + 1, "Local/102@x", linkedid=a.linkedid)
    two = Caller(4 * number + 2, "Local/102@x", caller="101")
    one.name, two.name = f"Local/102@x-{number:08x};1", f"Local/102@x-{number:08x};2"
    b = Caller(4 * number + 3, "PJSIP/b", linkedid=two.linkedid, caller="102")
    yield [a.event("Newchannel"), a.turn(4)]
    yield [one.event("Newchannel"), two.event("Newchannel"), dial("DialBegin", a, one)]
    yield [b.event("Newchannel"), dial("DialBegin", two, b), b.turn(5)]
    yield [b.turn(6), dial("DialEnd", two, b, "ANSWER"), two.turn(6), far.create()]
    yield [far.enter(two), far.enter(b), one.turn(6), dial("DialEnd", a, one, "ANSWER")]
    yield [a.turn(6), near.create(), near.enter(a), near.enter(one)]
    yield [far.leave(b), b.hangup(), far.leave(two), far.destroy(), near.leave(one)]
    yield [two.hangup(), one.hangup(), near.leave(a), near.destroy(), a.hangup()]


def unanswered(number: int) -> Iterator[Step]:
    """A ring group of two that nobody answers; the second hears of it by its Hangup only."""
    a = Caller(4 * number, "PJSIP/a", caller="101")
    b = Caller(4 * number + 1, "PJSIP/b", linkedid=a.linkedid, caller="102")
    c = Caller(4 * number + 2, "PJSIP/c", linkedid=a.linkedid, caller="103")
    yield [a.event("Newchannel"), a.turn(4)]
    yield [b.event("Newchannel"), c.event("Newchannel")]
    yield [dial("DialBegin", a, b), dial("DialBegin", a, c), b.turn(5), c.turn(5)]
    yield [b.hangup(), dial("DialEnd", a, c, "CANCEL"), c.hangup(), a.event("HangupRequest")]
    yield [a.hangup(), a.event("NewCallerid")]


def joined(number: int) -> Iterator[Step]:
    """Two calls become one, with an id of somebody's choice: a transfer by bridge swap."""
    a = Caller(4 * number, "PJSIP/a", caller="101")
    a.uniqueid = a.linkedid = f"click-{number}"
    b = Caller(4 * number + 1, "PJSIP/b", caller="102")
    c = Caller(4 * number + 2, "PJSIP/c", caller="103")
    first, second = Room(2 * number), Room(2 * number + 1)
    yield [a.event("Newchannel"), b.event("Newchannel"), c.event("Newchannel")]
    yield [first.create(), first.enter(a), first.enter(b, linkedid=a.linkedid)]
    yield [second.create(), second.enter(c), first.leave(b), second.enter(b)]
    yield [first.leave(a), second.enter(a), first.destroy(), c.event("Hold")]
    yield [second.leave(c), c.hangup(), second.leave(b), second.leave(a)]
    yield [second.destroy(), a.hangup(), b.hangup()]


KINDS: tuple[Callable[[int], Iterator[Step]], ...] = (simple, through_local, unanswered, joined)


def calls(count: int, *, at_once: int, first: int = 0) -> Iterator[Step]:
    """Give the steps of `count` calls of every kind, `at_once` of them side by side."""
    running: list[Iterator[Step]] = []
    number, last = first, first + count
    while running or number < last:
        while len(running) < at_once and number < last:
            running.append(KINDS[number % len(KINDS)](number))
            number += 1
        still: list[Iterator[Step]] = []
        for one in running:
            step = next(one, None)
            if step is not None:
                yield step
                still.append(one)
        running = still

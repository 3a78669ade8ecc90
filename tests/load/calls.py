"""Recorded calls as forms to fill in: as many calls of each as one likes, with fresh names.

A form is cheap to fill in (some microseconds for a moment of a call), so that one process can
be ten busy machines. What a machine answers about a call when it is asked is a form, too, made
by the pretended Asterisk's own `Answers` after each moment.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from callstate.ami.capture import load_capture
from callstate.ami.decode import Message
from callstate.ami.playback.answers import About, Action, Answers
from callstate.ami.playback.script import Script, Step
from callstate.ami.playback.state import PlayedState
from tests.captures import FIXTURES
from tests.streams import END

CAPTURE = "asterisk-22/mixed-traffic"

# Events of one call within so long are one moment; a recorded pause is no longer than that.
_MOMENT_SECONDS = 0.02
_PAUSE_SECONDS = 1.0

_ID = re.compile(rb"^\w*(?:Uniqueid|UniqueId|Linkedid): ([^\r\n ]+)\r?$", re.MULTILINE)
_NUMBERED = re.compile(rb"\d{9,11}\.\d+$")
_BRIDGE = re.compile(rb"^BridgeUniqueid: ([^\r\n]+)", re.MULTILINE)
_SUFFIX = re.compile(rb"^\w*Channel: [^\r\n]+(-[0-9a-f]{8})(?:;[12])?\r?$", re.MULTILINE)
_ENDS = (b"Event: BridgeLeave\r\n", b"Event: Hangup\r\n", b"Event: HangupRequest\r\n")
_NONE = {b"none", b"<unknown>"}


class Moment(NamedTuple):
    """What is sent at once, so long after the moment before, and what is so from then on.

    `legs` are up then; halves of Local channels are none. `channels`, `status` and `bridges`
    are the items of lists; `members` has, for each bridge, the items of its own.
    """

    pause: float
    chunk: bytes
    messages: int
    legs: int
    channels: tuple[bytes, ...]
    status: tuple[bytes, ...]
    bridges: tuple[bytes, ...]
    members: tuple[tuple[bytes, ...], ...]


class Form(NamedTuple):
    """One recorded call. After the moment number `talk` it stays as it is for a while.

    `numbered`, `suffixes` and `uuids` are its names to fill in; `channels` and `bridges` those
    of its uniqueids and bridges.
    """

    moments: tuple[Moment, ...]
    talk: int
    numbered: tuple[bytes, ...]
    suffixes: tuple[bytes, ...]
    uuids: tuple[bytes, ...]

    @property
    def messages(self) -> int:
        """How many messages the whole call is."""
        return sum(moment.messages for moment in self.moments)

    @property
    def leg_seconds(self) -> float:
        """How long its legs are up, all together, if nobody talks."""
        after = (moment.pause for moment in self.moments[1:])
        return sum(moment.legs * pause for moment, pause in zip(self.moments, after, strict=False))

    def names(self, number: int, epoch: int) -> dict[bytes, bytes]:
        """Return fresh names for the call with this number on its machine."""
        names = {b"stamp": b""}
        for count, key in enumerate(self.numbered):
            names[key] = b"%d.%d" % (epoch, 100 * number + count)
        for count, key in enumerate(self.suffixes):
            names[key] = b"-%08x" % (100 * number + count)
        for count, key in enumerate(self.uuids):
            names[key] = b"%08x-0000-4000-8000-%012x" % (count, number)
        return names


def forms(wanted: str, capture: str = CAPTURE) -> list[Form]:
    """Return the recorded calls that have a talk in them and leave nothing.

    `wanted` are the variables that Status is asked for, as the action has them.
    """
    steps = Script(load_capture(FIXTURES / capture)).steps
    found = [_form(call, wanted) for call in _calls(steps)]
    return [form for form in found if form is not None]


def _calls(steps: list[Step]) -> Iterator[list[Step]]:
    """Part the events by the calls that they belong to: those of channels that ever meet."""
    leader: dict[bytes, bytes] = {}

    def find(name: bytes) -> bytes:
        while (above := leader.setdefault(name, name)) != name:
            name = above
        return name

    for step in steps:
        ids = [name for name in _ID.findall(step.raw) if name not in _NONE]
        for name in ids[1:]:
            leader[find(name)] = find(ids[0])
    calls: dict[bytes, list[Step]] = {}
    for step in steps:
        first = next((name for name in _ID.findall(step.raw) if name not in _NONE), None)
        if first is not None:
            calls.setdefault(find(first), []).append(step)
    yield from calls.values()


def _form(call: list[Step], wanted: str) -> Form | None:
    """Return the form of a call, None if it is not of the kind that is wanted."""
    last_enter = max(
        (at for at, step in enumerate(call) if step.raw.startswith(b"Event: BridgeEnter\r\n")),
        default=0,
    )
    ends = (at for at, step in enumerate(call) if at > last_enter and step.raw.startswith(_ENDS))
    end = next(ends, 0)
    if not last_enter or not end or not call[0].raw.startswith(b"Event: Newchannel\r\n"):
        return None
    text = b"\r\n".join(step.raw for step in call)
    blanks = _Blanks(text)
    state = PlayedState()
    answers = Answers(state, about=About(), clock=lambda: 0.0)

    def ask(name: str, **more: str) -> list[bytes]:
        said = {"action": name, "actionid": "ACTION", "variables": wanted} | more
        return answers.answer(Action(said))

    moments: list[Moment] = []
    talk, second = 0, call[0].second
    for at, some in _moments(call, end):
        for step in some:
            state.apply(Message(step.raw).headers(), 0.0)
        pause = min(some[0].second - second, _PAUSE_SECONDS)
        moments.append(_moment(some, pause, blanks, ask))
        second = some[0].second
        if at < end:
            talk = len(moments) - 1
    if state.channels or state.bridges or moments[talk].legs < 2:
        return None
    return Form(tuple(moments), talk, blanks.numbered, blanks.suffixes, blanks.uuids)


def _moments(call: list[Step], end: int) -> Iterator[tuple[int, list[Step]]]:
    """Give the steps of each moment, and the place of the first; a new one begins at `end`."""
    begin = 0
    for at, step in enumerate(call):
        if at and (at == end or step.second - call[begin].second > _MOMENT_SECONDS):
            yield begin, call[begin:at]
            begin = at
    yield begin, call[begin:]


def _moment(
    some: list[Step], pause: float, blanks: "_Blanks", ask: Callable[..., list[bytes]]
) -> Moment:
    """Return the moment of the steps `some`, which `ask` knows of already."""

    def items(name: str, **more: str) -> tuple[bytes, ...]:
        _, *found, _ = ask(name, **more)
        return tuple(map(blanks.of_item, found))

    channels, bridges = items("CoreShowChannels"), ask("BridgeList")[1:-1]
    names = [Message(raw).get("BridgeUniqueid") for raw in bridges]
    return Moment(
        pause=pause,
        chunk=b"".join(blanks.of_event(step.raw) for step in some),
        messages=len(some),
        legs=sum(b"\r\nChannel: Local/" not in item for item in channels),
        channels=channels,
        status=items("Status"),
        bridges=items("BridgeList"),
        members=tuple(items("BridgeInfo", bridgeuniqueid=name) for name in names),
    )


class _Blanks:
    """Puts blanks where a call's own names are."""

    def __init__(self, text: bytes) -> None:
        # Some begin with the machine's own name.
        ids = [_NUMBERED.search(name) for name in set(_ID.findall(text))]
        bridges = sorted(set(_BRIDGE.findall(text)))
        numbered = sorted({match[0] for match in ids if match is not None}, key=_age)
        suffixes = sorted(set(_SUFFIX.findall(text)))
        self._keys = {
            **{name: b"n%d" % at for at, name in enumerate(numbered)},
            **{name: b"s%d" % at for at, name in enumerate(suffixes)},
            **{name: b"u%d" % at for at, name in enumerate(bridges)},
        }
        self.numbered = tuple(self._keys[name] for name in numbered)
        self.suffixes = tuple(self._keys[name] for name in suffixes)
        self.uuids = tuple(self._keys[name] for name in bridges)
        names = sorted(self._keys, key=len, reverse=True)
        self._pattern = re.compile(b"|".join(map(re.escape, names)) + rb"(?![\w.-])")

    def of_event(self, raw: bytes) -> bytes:
        """Return the form of an event, which has a blank for its time as well."""
        head, _, rest = raw.partition(b"\r\n")
        first, _, others = rest.partition(b"\r\n")
        lines = [line for line in others.split(b"\r\n") if not line.startswith(b"Timestamp: ")]
        text = self._of(b"\r\n".join((head, first, b"Timestamp: @stamp@", *lines)))
        return text.replace(b"@stamp@", b"%(stamp)b") + END

    def of_item(self, raw: bytes) -> bytes:
        """Return the form of a list's item, which has one for the ActionID and its age."""
        text = self._of(raw)
        for said, blank in (
            (b"ActionID: ACTION", b"ActionID: %(action)b"),
            (b"\r\nSeconds: 0\r\n", b"\r\nSeconds: %(seconds)d\r\n"),
            (b"\r\nDuration: 00:00:00\r\n", b"\r\nDuration: 00:00:%(seconds)d\r\n"),
        ):
            text = text.replace(said, blank)
        return text + END

    def _of(self, raw: bytes) -> bytes:
        return self._pattern.sub(
            lambda match: b"%%(%b)b" % self._keys[match[0]], raw.replace(b"%", b"%%")
        )


def _age(name: bytes) -> tuple[int, int]:
    epoch, _, number = name.partition(b".")
    return int(epoch), int(number)

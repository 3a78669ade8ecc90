"""One busy machine: so many legs up, so many events a second, calls coming and going steadily.

It answers for all of them when it is asked, as of the place in the stream of its answer.
"""

import asyncio
import heapq
import json
import time
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import BinaryIO, NamedTuple

from callstate.ami.playback.answers import About, Action, Answers, error, success
from callstate.ami.playback.client import Client
from callstate.ami.playback.script import to_raw
from callstate.ami.playback.state import PlayedState
from tests.load.calls import Form
from tests.streams import BANNER, END

USERNAME, SECRET = "callstate", "load"
# A client that is so far behind is given up.
_WRITE_LIMIT = 1 << 30


class Pace(NamedTuple):
    """How busy a machine is: calls that begin in a second, and how long each talks."""

    calls: float
    talk: float


def pace_of(chosen: list[Form], *, legs: float, events: float) -> Pace:
    """Return the pace that keeps so many legs up and sends so many events a second.

    As many are up as begin in a second, times the seconds that they stay.
    """
    calls = events * len(chosen) / sum(form.messages for form in chosen)
    talking = sum(form.moments[form.talk].legs for form in chosen) / len(chosen)
    otherwise = sum(form.leg_seconds for form in chosen) / len(chosen)
    return Pace(calls, max(0.1, (legs / calls - otherwise) / talking))


class Call:
    """A call that is up: how far it is, and when each of its moments was."""

    __slots__ = ("begun", "form", "names", "stamps")

    def __init__(self, form: Form, number: int, begun: float) -> None:
        self.form = form
        self.begun = begun
        self.names = form.names(number, int(begun))
        self.stamps: list[bytes] = []

    @property
    def bridges(self) -> list[bytes]:
        """The names of all its bridges, those to come included."""
        return [self.names[key] for key in self.form.uuids]

    def go_on(self, stamp: bytes) -> bytes:
        """Return the bytes of the next moment."""
        chunk = self.form.moments[len(self.stamps)].chunk
        self.stamps.append(stamp)
        self.names[b"stamp"] = stamp
        return chunk % self.names

    def so_far(self) -> Iterator[bytes]:
        """Give the bytes of all moments so far."""
        for moment, stamp in zip(self.form.moments, self.stamps, strict=False):
            yield moment.chunk % (self.names | {b"stamp": stamp})

    def shown(self, items: Iterable[bytes], action_id: bytes, now: float) -> list[bytes]:
        """Return items of a list about it, without their ends."""
        age = int(now - self.begun)
        named = self.names | {b"action": action_id}
        return [(item % {**named, b"seconds": age}).removesuffix(END) for item in items]


class Machine:
    """One machine; the `Host` of its clients. `sent` are the events that were sent to them."""

    username, secret = USERNAME, SECRET
    refuses_logins = False
    offers_challenge = True
    write_limit = _WRITE_LIMIT
    login_delay = 1.0

    def __init__(self, chosen: list[Form], pace: Pace, *, wanted: str, record: Path | None) -> None:
        self.about = About(started=time.time() - 1e6)
        self.sent = 0
        self.behind = 0
        self.first_login = 0.0
        self._forms, self._pace, self._wanted = chosen, pace, wanted
        self._record = record
        self._clients: list[_Client] = []
        self._numbers = count()
        self._due: list[tuple[float, int, Call]] = []
        self._by_bridge: dict[bytes, Call] = {}
        self._next_call = 0.0
        self._others = Answers(PlayedState(), about=self.about, clock=time.time)

    async def listen(self) -> int:
        """Listen; return the port."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(self._client, "127.0.0.1", 0)
        return int(server.sockets[0].getsockname()[1])

    def fill(self, now: float) -> None:
        """Let calls begin so long ago that as many are up as always will be."""
        self._next_call = now - self._pace.talk - 30.0
        self.go_on(now)

    def go_on(self, now: float) -> None:
        """Let happen, and tell, what is due."""
        while self._next_call <= now:
            number = next(self._numbers)
            call = Call(self._forms[number % len(self._forms)], number, self._next_call)
            heapq.heappush(self._due, (self._next_call, number, call))
            self._by_bridge |= dict.fromkeys(call.bridges, call)
            self._next_call += 1 / self._pace.calls
        told, messages = [], 0
        stamp = b"%.6f" % now
        while self._due[0][0] <= now:
            due, number, call = self._due[0]
            messages += call.form.moments[len(call.stamps)].messages
            told.append(call.go_on(stamp))
            at = len(call.stamps)
            if at == len(call.form.moments):
                heapq.heappop(self._due)
                for bridge in call.bridges:
                    del self._by_bridge[bridge]
                continue
            rest = self._pace.talk if at - 1 == call.form.talk else 0.0
            due += call.form.moments[at].pause + rest
            heapq.heapreplace(self._due, (due, number, call))
        self._tell(b"".join(told), messages)

    def now(self) -> float:
        """Return the unix time."""
        return time.time()

    def challenge(self) -> str:
        """Return a challenge; nobody here has to be kept out."""
        return "42"

    def emit(self, raw: bytes) -> None:
        """Send an event to everybody."""
        self._tell(raw + END, 1)

    def carry_out(self, action: Action) -> tuple[list[bytes], bytes | None]:
        """Return the answer to `action`, and the event that it causes, if any."""
        answer = self._answer(action)
        self.sent += sum(raw.startswith(b"Event: ") for raw in answer)
        return answer, self._others.marker(action)

    @property
    def up(self) -> list[Call]:
        """The calls that are up, the oldest first."""
        known = (call for _, _, call in self._due if call.stamps)
        return sorted(known, key=lambda call: call.begun)

    def write_down(self, folder: Path, number: int) -> None:
        """Write what is up, as the machine with this number.

        `up` are the bytes of the calls that are, from their beginning; `list` is what it answers
        when it is asked for its channels; `older` are those from before the first login.
        """
        up = self.up
        data = b"".join(chunk for call in up for chunk in call.so_far())
        (folder / f"up-{number}.ami").write_bytes(BANNER + data)
        listed = self._answer(Action({"action": "CoreShowChannels", "actionid": "1"}))
        data = b"".join(raw + END for raw in listed)
        (folder / f"list-{number}.ami").write_bytes(BANNER + data)
        older = [
            call.names[key].decode()
            for call in up
            if call.begun < self.first_login + 1
            for key in call.form.numbered
        ]
        (folder / f"older-{number}.json").write_text(json.dumps(older), encoding="utf-8")

    def _answer(self, action: Action) -> list[bytes]:
        match action.name:
            case "coreshowchannels":
                return self._list(action, "CoreShowChannels", "channels")
            case "status" if action.get("Variables") == self._wanted:
                return self._list(action, "Status", "status")
            case "bridgelist":
                return self._list(action, "BridgeList", "bridges")
            case "bridgeinfo":
                return self._bridge(action)
            case "ping" | "getvar":
                return self._others.answer(action)
            case _:
                return [error(action, "Not to be had here")]

    def _list(self, action: Action, name: str, kind: str) -> list[bytes]:
        action_id, now = action.get("ActionID").encode(), time.time()
        items: list[bytes] = []
        for call in self.up:
            moment = call.form.moments[len(call.stamps) - 1]
            items += call.shown(getattr(moment, kind), action_id, now)
        return _whole(action, name, items)

    def _bridge(self, action: Action) -> list[bytes]:
        wanted = action.get("BridgeUniqueid").encode()
        call = self._by_bridge.get(wanted)
        moment = call.form.moments[len(call.stamps) - 1] if call and call.stamps else None
        if call is not None and moment is not None:
            bridges = call.shown(moment.bridges, b"", 0.0)
            for bridge, members in zip(bridges, moment.members, strict=True):
                _, found, rest = bridge.partition(b"\r\nBridgeUniqueid: " + wanted)
                if found:
                    items = call.shown(members, action.get("ActionID").encode(), time.time())
                    return _whole(action, "BridgeInfo", items, found.lstrip() + rest)
        return [error(action, "Specified BridgeUniqueid not found")]

    def _tell(self, data: bytes, messages: int) -> None:
        for client in self._clients:
            if client.logged_in:
                client.write(data)
                self.sent += messages
                self.behind = max(self.behind, client.behind)

    def logged_in(self) -> None:
        """Take note that somebody did: he was told that the machine is up."""
        self.sent += 1
        self.first_login = self.first_login or time.time()

    def _client(self) -> "_Client":
        return _Client(self, self._joined, self._record)

    def _joined(self, client: Client, is_there: bool) -> None:
        assert isinstance(client, _Client)
        (self._clients.append if is_there else self._clients.remove)(client)


class _Client(Client):
    """A client whose every byte is written down, if that is wanted."""

    def __init__(self, machine: Machine, joined: object, record: Path | None) -> None:
        super().__init__(machine, machine._joined)
        self._machine = machine
        self._file: BinaryIO | None = None if record is None else record.open("wb")

    @property
    def behind(self) -> int:
        """How many bytes it has not taken yet."""
        transport = self._transport
        return 0 if transport is None else transport.get_write_buffer_size()

    def write(self, data: bytes) -> None:
        if self._file is not None:
            self._file.write(data)
        if b"\r\nMessage: Authentication accepted" in data[:300]:
            self._machine.logged_in()
        super().write(data)

    def connection_lost(self, error: Exception | None) -> None:
        if self._file is not None:
            self._file.close()
        super().connection_lost(error)


def _whole(action: Action, name: str, items: list[bytes], more: bytes = b"") -> list[bytes]:
    text = ("Message", "A list will follow")
    head = [("Event", f"{name}Complete"), *action.id_header, ("EventList", "Complete")]
    complete = to_raw([*head, ("ListItems", str(len(items)))])
    start = success(action, ("EventList", "start"), text)
    return [start, *items, complete + (b"\r\n" + more if more else b"")]

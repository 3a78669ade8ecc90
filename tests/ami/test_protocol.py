"""The protocol on one link: framing, correlation, and what its end leaves behind."""

import asyncio
from typing import Any

import pytest
from panoramisk.actions import Action

from callstate.ami.decode import END, messages
from callstate.ami.errors import ActionTimedOut, ConnectionLost, InvalidAction
from callstate.ami.protocol import PIECE_BYTES, AmiProtocol
from tests.ami.doubles import BANNER


class RecordingTransport(asyncio.Transport):
    """Keeps what is written; an abort is carried out at once."""

    def __init__(self, protocol: AmiProtocol) -> None:
        super().__init__({"peername": ("192.0.2.1", 5038)})
        self._protocol = protocol
        self.written = b""
        self.reads = True
        self.aborted = 0

    def write(self, data: Any) -> None:
        self.written += data

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True

    def abort(self) -> None:
        self.aborted += 1
        self._protocol.connection_lost(None)


class Link:
    """A protocol on a recording transport, and what it passed on."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        loop = asyncio.get_running_loop()
        self.protocol = AmiProtocol(
            lambda whole, _at: self.received.extend(messages(whole)), clock=lambda: 1.0, loop=loop
        )
        self.transport = RecordingTransport(self.protocol)
        self.protocol.connection_made(self.transport)
        self.protocol.data_received(BANNER)

    def send(self, **headers: Any) -> "asyncio.Future[Any]":
        return self.protocol.send(Action(headers))

    def answer(self, *lines: str) -> None:
        self.protocol.data_received("\r\n".join(lines).encode() + END)


async def results(future: "asyncio.Future[Any]") -> list[dict[str, Any]]:
    return [dict(message) for message in await future]


async def test_an_action_is_written_as_it_is_meant() -> None:
    link = Link()
    link.send(Action="Status", ActionID="7", Variable=["a=1", "b=Zoë"])
    lines = link.transport.written.decode().split("\r\n")
    assert sorted(lines[:-2]) == [
        "Action: Status",
        "ActionID: 7",
        "Variable: a=1",
        "Variable: b=Zoë",
    ]
    assert lines[-2:] == ["", ""]


async def test_bytes_that_were_not_utf8_go_back_as_they_came() -> None:
    link = Link()
    link.send(Action="Status", Channel="caf\udce9")
    assert b"Channel: caf\xe9\r\n" in link.transport.written


@pytest.mark.parametrize(
    "headers",
    [
        {"Channel": "x\r\nAction: Originate"},
        {"Channel": "x\n"},
        {"Channel": "\r"},
        {"Variable": ["a=1", "b=\n"]},
        {"Ch\r\nannel": "x"},
        {"Action: x": "y"},
        {"Channel": "x" * 1020},
        {"Variable": ["x"] * 130},
    ],
)
async def test_a_header_that_would_be_read_as_something_else_is_refused(
    headers: dict[str, Any],
) -> None:
    link = Link()
    with pytest.raises(InvalidAction):
        link.send(Action="Status", **headers)
    assert link.transport.written == b""
    assert link.protocol.pending == 0


async def test_responses_find_their_actions() -> None:
    link = Link()
    one, two = link.send(Action="Ping", ActionID="1"), link.send(Action="Ping", ActionID="2")
    link.answer("Response: Error", "ActionID: 1", "Message: no")
    link.answer("Response: Success", "ActionID: 2", "Ping: Pong")
    [first], [second] = await results(one), await results(two)
    assert (first["Response"], second["Response"]) == ("Error", "Success")
    assert link.protocol.pending == 0
    assert len(link.received) == 2


@pytest.mark.parametrize("headers", [("EventList: start",), ()])
async def test_an_action_that_was_passed_over_will_not_be_answered(
    headers: tuple[str, ...],
) -> None:
    """Else it is waited for as long as others, pings say, are answered."""
    link = Link()
    actions = [link.send(Action=f"A{number}", ActionID=f"{number}") for number in range(4)]
    link.answer("Response: Success", "ActionID: 0", "EventList: start")
    link.answer("Response: Success", "ActionID: 2", *headers)
    for lost in actions[:2]:
        with pytest.raises(ActionTimedOut, match=r"no answer to A[01], but to A2"):
            await lost
    assert actions[2].done() == (not headers)
    assert not actions[3].done()
    link.answer("Response: Success", "ActionID: 1")
    assert link.protocol.pending == (2 if headers else 1)


@pytest.mark.parametrize(
    "start", ["EventList: start", "EventList: Start", "Message: Channel status will follow"]
)
@pytest.mark.parametrize("complete", ["EventList: Complete", "EventList: cancelled", "Items: 1"])
async def test_a_list_is_over_at_its_completion(start: str, complete: str) -> None:
    link = Link()
    future = link.send(Action="Status", ActionID="1")
    link.answer("Response: Success", "ActionID: 1", start)
    link.answer("Event: Status", "Uniqueid: 1.1", "ActionID: 1")
    link.answer("Event: StatusComplete", "ActionID: 2", "EventList: Complete")
    link.answer("Event: StatusComplete", "EventList: Complete")
    assert not future.done()
    link.answer("Event: StatusComplete", "ActionID: 1", complete)
    response, completion = await results(future)
    assert (response["Response"], completion["Event"]) == ("Success", "StatusComplete")
    assert len(link.received) == 5, "items are passed on, not collected"


async def test_a_list_answered_by_an_error_is_over() -> None:
    link = Link()
    future = link.send(Action="Status", ActionID="1")
    link.answer("Response: Error", "ActionID: 1", "Message: No such channel")
    [response] = await results(future)
    assert response["Message"] == "No such channel"


async def test_what_nobody_asked_for_is_passed_on() -> None:
    link = Link()
    link.send(Action="Status", ActionID="1")
    link.answer("Response: Success", "ActionID: other", "EventList: start")
    link.answer("Event: OriginateResponse", "ActionID: 1", "Response: Success")
    link.answer("Event: StatusComplete", "ActionID: 1", "EventList: Complete")
    assert link.protocol.pending == 1, "an event is no response, and no end of what never began"
    assert len(link.received) == 3


async def test_an_answer_that_came_too_late_is_passed_on() -> None:
    link = Link()
    action = Action({"Action": "Ping", "ActionID": "1"})
    future = link.protocol.send(action)
    link.protocol.forget(action)
    assert future.cancelled()
    link.answer("Response: Success", "ActionID: 1")
    assert link.protocol.pending == 0
    assert len(link.received) == 1


async def test_an_action_id_is_used_once_at_a_time() -> None:
    link = Link()
    link.send(Action="Ping", ActionID="1")
    with pytest.raises(InvalidAction, match="already"):
        link.send(Action="Ping", ActionID="1")


async def test_a_character_split_between_two_reads_survives() -> None:
    link = Link()
    data = "Event: A\r\nCallerIDName: Zoë\r\n\r\n".encode()
    for byte in data:
        link.protocol.data_received(bytes([byte]))
    assert link.received == [data.removesuffix(END)]


async def test_an_empty_last_header_survives() -> None:
    link = Link()
    future = link.send(Action="Getvar", ActionID="1", Variable="x")
    link.answer("Response: Success", "ActionID: 1", "Variable: x", "Value: ")
    [response] = await results(future)
    assert response["Value"] == ""


async def test_everything_that_waits_fails_when_the_link_ends() -> None:
    link = Link()
    futures = [link.send(Action="Ping") for _ in range(3)]
    link.protocol.connection_lost(OSError("reset by peer"))
    outcomes = await asyncio.gather(*futures, return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["lost: reset by peer"] * 3
    assert await link.protocol.wait_lost() == "lost: reset by peer"
    assert link.protocol.pending == 0
    with pytest.raises(ConnectionLost, match="reset by peer"):
        link.send(Action="Ping")


async def test_the_first_reason_counts_and_nothing_follows_an_abort() -> None:
    link = Link()
    future = link.send(Action="Ping")
    link.protocol.abort("corrupt")
    link.protocol.abort("again")
    link.answer("Event: Late")
    with pytest.raises(ConnectionLost, match="corrupt"):
        await future
    assert link.received == []
    assert link.transport.aborted == 1
    assert not link.protocol.is_open
    assert await link.protocol.wait_lost() == "corrupt"


async def test_the_end_of_the_stream_ends_the_link() -> None:
    link = Link()
    link.protocol.eof_received()
    assert await link.protocol.wait_lost() == "closed by the machine"


async def test_a_link_given_up_before_it_was_there_is_closed_when_it_comes() -> None:
    received: list[bytes] = []
    protocol = AmiProtocol(
        lambda whole, _at: received.extend(messages(whole)),
        clock=lambda: 1.0,
        loop=asyncio.get_running_loop(),
    )
    with pytest.raises(ConnectionLost, match="not connected"):
        protocol.send(Action({"Action": "Ping"}))
    assert protocol.peer == ""
    protocol.abort("stopped")
    assert await protocol.wait_lost() == "stopped", "there is nothing to wait for"
    with pytest.raises(ConnectionLost):
        await protocol.greeted
    transport = RecordingTransport(protocol)
    protocol.connection_made(transport)
    assert transport.aborted == 1


async def test_the_banner_is_a_greeting() -> None:
    link = Link()
    assert await link.protocol.greeted == "11.0.0"
    assert link.protocol.peer == "192.0.2.1"


async def test_what_is_no_banner_ends_the_link() -> None:
    link = Link()
    other = AmiProtocol(lambda _raw, _at: None, clock=lambda: 1.0, loop=asyncio.get_running_loop())
    other.connection_made(link.transport)
    other.data_received(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    with pytest.raises(ConnectionLost, match="no banner"):
        await other.greeted


async def test_what_came_at_once_is_taken_in_by_pieces_with_turns_for_others_between() -> None:
    link = Link()
    messages = [b"Event: X\r\nNumber: %d" % number for number in range(5000)]
    link.protocol.data_received(b"".join(message + END for message in messages))
    taken = len(link.received)
    assert 0 < taken < len(messages)
    assert link.transport.reads is False, "no more is read before this is through"
    link.protocol.data_received(b"Event: Last" + END)
    while len(link.received) <= len(messages):
        await asyncio.sleep(0)
        assert len(link.received) - taken <= PIECE_BYTES // len(messages[0]), "one piece a turn"
        taken = len(link.received)
    assert link.received == [*messages, b"Event: Last"]
    assert vars(link.transport)["reads"]


async def test_a_machine_that_goes_on_talking_is_listened_to_now_and_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("callstate.ami.protocol.GATHER_SECONDS", 0.001)
    link = Link()
    link.protocol.data_received(b"Event: A" + END)
    assert link.received == [b"Event: A"], "what is there is taken in at once"
    assert not vars(link.transport)["reads"]
    async with asyncio.timeout(10):
        while not vars(link.transport)["reads"]:  # noqa: ASYNC110  # it tells nobody
            await asyncio.sleep(0.001)


async def test_who_waits_for_an_answer_reads_on() -> None:
    link = Link()
    link.transport.resume_reading()
    answer = link.send(Action="Ping", ActionID="1")
    link.protocol.data_received(b"Event: A" + END)
    assert vars(link.transport)["reads"]
    answer.cancel()


async def test_a_link_that_ended_meanwhile_is_not_read_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callstate.ami.protocol.GATHER_SECONDS", 0.0)
    link = Link()
    link.protocol.data_received(b"Event: A" + END)
    link.protocol.abort("enough")
    for _ in range(10):
        await asyncio.sleep(0.001)
    assert not vars(link.transport)["reads"]


async def test_of_a_link_that_ended_nothing_more_is_taken_in() -> None:
    link = Link()
    link.protocol.data_received((b"Event: X" + END) * 10_000)
    taken = len(link.received)
    link.protocol.abort("enough")
    for _ in range(100):
        await asyncio.sleep(0)
    assert len(link.received) == taken

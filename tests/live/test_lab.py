"""The lab itself works: both releases start, calls are made, marks are true."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.live.lab.ami import SECRET, frame
from tests.live.lab.lab import Mark
from tests.live.lab.server import Server
from tests.live.lab.sip import Ua
from tests.live.live import LiveLab

pytestmark = pytest.mark.live


@asynccontextmanager
async def _watcher(port: int) -> AsyncIterator[list[bytes]]:
    """A client that logs in over and over, as callstate does, and keeps what it reads."""
    pieces: list[bytes] = []

    async def watch() -> None:
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.1)
                continue
            login = [("Action", "Login"), ("Username", "lab"), ("Secret", SECRET)]
            writer.write(frame(login))
            try:
                while piece := await reader.read(65536):
                    pieces.append(piece)
            except OSError:
                pass
            finally:
                writer.close()

    task = asyncio.create_task(watch())
    try:
        yield pieces
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_scenario_runs_and_its_marks_arrive(server: Server) -> None:
    marks: list[Mark] = []

    async def on_mark(mark: Mark) -> None:
        marks.append(mark)

    async with LiveLab(server) as lab, _watcher(lab.port) as pieces:
        await lab.run_scenario("inbound_answered", on_mark=on_mark)

    assert [mark.label for mark in marks] == ["ringing", "answered", "ended"]
    assert [len(mark.channels) for mark in marks] == [2, 2, 0]
    assert [len(mark.bridges) for mark in marks] == [0, 1, 0]
    assert all(mark.quiet for mark in marks)
    assert b"Event: Newchannel" in b"".join(pieces)


async def test_a_broken_connection_is_the_watchers_own(server: Server) -> None:
    conns: list[int | None] = []

    async def on_mark(mark: Mark) -> None:
        conns.append(mark.conn)

    async with LiveLab(server) as lab, _watcher(lab.port):
        await lab.run_scenario("reconnect", on_mark=on_mark)

    assert conns == [1, None, 2, 2, 2]


async def test_a_request_of_no_call_is_answered_and_leaves_nothing_open(
    unused_port: int, recwarn: pytest.WarningsRecorder
) -> None:
    """As the BYE of a call that the scenario before left, said again on a busy host."""
    sender, sent = await asyncio.get_running_loop().create_datagram_endpoint(
        _Answers, local_addr=("127.0.0.1", 0)
    )
    agent = Ua(sip=sender.get_extra_info("sockname")[1], port=unused_port)
    await agent.start()
    bye = "BYE sip:x@127.0.0.1 SIP/2.0\r\nCall-ID: gone@lab\r\nCSeq: 2 BYE\r\nTo: <sip:x>\r\n\r\n"
    sender.sendto(bye.encode(), ("127.0.0.1", unused_port))
    assert (await asyncio.wait_for(sent.answers.get(), 20)).startswith(b"SIP/2.0 481 ")
    agent.stop()
    sender.close()
    await asyncio.sleep(0)  # transports close their sockets in the loop's next round
    assert not recwarn.list


class _Answers(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.answers: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.answers.put_nowait(data)

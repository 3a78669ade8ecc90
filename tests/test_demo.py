"""The demo: two machines that play, a configuration that fits them, lines to try that work."""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from callstate import demo
from callstate.ami.capture import CaptureError
from callstate.daemon import Daemon
from tests.captures import FIXTURES


async def test_what_the_guide_shows_comes_from_both_machines() -> None:
    said: list[str] = []

    async with demo.machines(FIXTURES, 0) as config:
        daemon = Daemon(config)
        running = asyncio.create_task(daemon.run())
        async with asyncio.timeout(30):
            await demo.guide(daemon.state, lambda: daemon.port, said.append)
        assert {leg.machine for leg in daemon.state.store} == {1, 2}
        daemon.stop()
        await running

    shown = "\n".join(said)
    assert shown.count("curl 'http://127.0.0.1:") == 4
    assert shown.count('"code": "200"') == 4
    assert '"uniqueid"' in shown
    assert '"snumber_display"' in shown


async def test_a_missing_recording_is_named(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="mixed-traffic"):
        async with demo.machines(tmp_path, 0):
            raise AssertionError("there is nothing to play")


async def test_a_taken_port_is_not_insisted_on() -> None:
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    taken = server.sockets[0].getsockname()[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "_PORT", taken)
        with suppress(asyncio.CancelledError):
            async with demo.machines(FIXTURES, None) as config:
                assert config.http.port == 0
    server.close()
    await server.wait_closed()

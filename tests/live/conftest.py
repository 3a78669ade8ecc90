"""Real Asterisk servers for the live tests: made when they are missing, some for each release.

What a live test needs and does not find is a failure, never a skip: whoever asks for live
tests wants to know. Ports begin at `$LIVE_SLOT` (see `Server`), for two runs on one host.
"""

import itertools
import os
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.live.exact import Tally
from tests.live.lab.server import HERE, Server, lab_folder

# Ports of the live tests lie apart from those of a lab that someone has running.
FIRST_SLOT = int(os.environ.get("LIVE_SLOT", "300"))

RELEASES = ("22", "16")

# So many servers of each release run calls at the same time.
LANES = 3

TALLY = pytest.StashKey[Tally]()

StartServer = Callable[..., Server]
Fleet = list[Server]


def pytest_configure(config: pytest.Config) -> None:
    config.stash[TALLY] = Tally()


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    lines = list(config.stash[TALLY].lines())
    if lines:
        terminalreporter.section("callstate against Asterisk")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def tally(request: pytest.FixtureRequest) -> Tally:
    """What is printed at the end."""
    return request.config.stash[TALLY]


def _is_debian() -> bool:
    release = Path("/etc/os-release")
    words = release.read_text(encoding="utf-8").lower() if release.exists() else ""
    return "debian" in words


@pytest.fixture(scope="session")
def lab_roots() -> None:
    """Make the root folders of both releases, unless they are there."""
    if os.getuid() != 0 or not _is_debian():
        pytest.fail("live tests need root on Debian: they run Asterisk in a root folder", False)
    for release in RELEASES:
        if (lab_folder() / f"root{release}" / ".asterisk-done").exists():
            continue
        done = subprocess.run(
            [HERE / "setup", release], check=False, capture_output=True, text=True
        )
        if done.returncode:
            pytest.fail(f"lab/setup {release} failed:\n{done.stderr[-4000:]}", False)


@pytest.fixture(scope="session")
def start_server(lab_roots: None) -> Iterator[StartServer]:
    """Give a function that starts a server (see `Server`), or returns the one like it.

    All of them are stopped at the end. `lane` tells apart servers that are otherwise alike.
    """
    servers: dict[tuple[object, ...], Server] = {}
    slots = itertools.count(FIRST_SLOT)

    def start(
        release: str = "22",
        *,
        lane: int = 0,
        systemname: str = "",
        channelvars: bool = True,
        timestamps: bool = False,
        conf: Path | None = None,
    ) -> Server:
        key = (release, lane, systemname, channelvars, timestamps, conf)
        server = servers.get(key)
        if server is None:
            server = servers[key] = Server(
                release=release,
                slot=next(slots),
                systemname=systemname,
                channelvars=channelvars,
                timestamps=timestamps,
                conf=conf,
            )
            server.stop()  # left by a run that was killed
            server.start()
        return server

    yield start
    with ThreadPoolExecutor() as pool:
        list(pool.map(Server.stop, servers.values()))


@pytest.fixture(params=RELEASES)
def server(request: pytest.FixtureRequest, start_server: StartServer) -> Server:
    """An Asterisk of each release in turn, kept for the whole run."""
    return start_server(request.param)


@pytest.fixture(scope="session")
def fleet(start_server: StartServer) -> Fleet:
    """All lanes of both releases: lane 0 of each, lane 1 of each, and so on."""
    with ThreadPoolExecutor() as pool:
        starts = [
            pool.submit(start_server, release, lane=lane)
            for lane in range(LANES)
            for release in RELEASES
        ]
        return [start.result() for start in starts]

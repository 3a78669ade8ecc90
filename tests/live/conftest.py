"""Real Asterisk servers for the live tests: made when they are missing, one for each release.

What a live test needs and does not find is a failure, never a skip: whoever asks for live
tests wants to know.
"""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.live.lab.server import HERE, Server, lab_folder

# Ports of the live tests lie apart from those of a lab that someone has running.
FIRST_SLOT = 300

StartServer = Callable[..., Server]


def _is_debian() -> bool:
    release = Path("/etc/os-release")
    words = release.read_text(encoding="utf-8").lower() if release.exists() else ""
    return "debian" in words


@pytest.fixture(scope="session")
def lab_roots() -> None:
    """Make the root folders of both releases, unless they are there."""
    if os.getuid() != 0 or not _is_debian():
        pytest.fail("live tests need root on Debian: they run Asterisk in a root folder", False)
    for release in ("22", "16"):
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

    All of them are stopped at the end. `fresh=True` starts another in any case, on ports
    of its own: for two machines at once.
    """
    servers: dict[tuple[object, ...], Server] = {}

    def start(
        release: str = "22",
        *,
        systemname: str = "",
        channelvars: bool = True,
        fresh: bool = False,
    ) -> Server:
        key = (release, systemname, channelvars, len(servers) if fresh else -1)
        if key not in servers:
            server = Server(
                release=release,
                slot=FIRST_SLOT + len(servers),
                systemname=systemname,
                channelvars=channelvars,
            )
            server.start()
            servers[key] = server
        return servers[key]

    yield start
    for server in servers.values():
        server.stop()


@pytest.fixture(params=["22", "16"])
def server(request: pytest.FixtureRequest, start_server: StartServer) -> Server:
    """An Asterisk of each release in turn, kept for the whole run."""
    return start_server(request.param)

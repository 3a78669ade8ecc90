"""The demo: two pretended machines that play recorded calls, and lines of `curl` to try.

Everything but the machines is the real thing: the daemon connects to them over TCP, logs
in, and asks for lists, as it does with any Asterisk.
"""

import asyncio
import json
import socket
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

from callstate import config as configuration
from callstate.ami.capture import Capture, load_capture
from callstate.ami.playback import Playback
from callstate.config import Config
from callstate.core.state import CallState
from callstate.web.auth import hash_password

FIXTURES = Path(__file__).parent.parent / "fixtures"

_PASSWORD = "demo"  # noqa: S105  # printed for everybody to try
_PORT = 8080
_LIST = "/api/json/calls/active/list"

# What each machine plays, over and over: every line is a strand of calls of its own.
_LANES = {
    "asterisk-22": (
        ("mixed-traffic",),
        ("inbound-answered", "hold", "blind-transfer-ami", "attended-transfer-refer"),
        ("queue-sip-members", "recording-dialplan", "conference", "parking-ami"),
    ),
    "asterisk-16": (
        ("mixed-traffic",),
        ("forward-local-n", "ring-group-direct", "outbound-early-media", "pickup-group"),
    ),
}

_CONFIG = """
account_code_is_customer = false

[http]
port = {port}

[directory]
file = "directory.toml"
reload_seconds = 0

[[machine]]
id = 1
name = "east"
port = {ports[0]}
username = "callstate"
secret = "callstate"

[[machine]]
id = 2
name = "west"
port = {ports[1]}
username = "callstate"
secret = "callstate"

[variables]
callid = "cs_callid"
scustomer = "cs_scustomer"
stype = "cs_stype"
snumber = "cs_snumber"
ctype = "cs_ctype"
cnumber = "cs_cnumber"
dcustomer = "cs_dcustomer"
dtype = "cs_dtype"
dnumber = "cs_dnumber"
peer = "cs_peer"
billing_peer = "cs_billing_peer"
ingroup = "cs_ingroup"
outgroup = "cs_outgroup"
overmax = "cs_overmax"

[peers]
carrier-a = 1
carrier-b = 2

[groups]
in-17 = 117
in-23 = 123
out-17 = 217
out-23 = 223

[[endpoint]]
pattern = "PJSIP/carrier-a-*"
type = "external"
peer = 1

[[endpoint]]
pattern = "PJSIP/carrier-b-*"
type = "external"
peer = 2
"""

_DIRECTORY = """
[[customer]]
id = 1
name = "Demo Telecom"

[[customer]]
id = 17
parent = 1
name = "Example Ltd"

[[customer]]
id = 23
parent = 1
name = "Other Inc"

[[role]]
name = "administrator"
privileges = ["telephone line reports", "panel"]

[[user]]
name = "operator"
customer = 1
role = "administrator"
password_hash = "{hash}"

[[user]]
name = "example"
customer = 17
role = "administrator"
password_hash = "{hash}"
"""

_LINE = """
[[line]]
name = "c{customer}-{number}"
customer = {customer}
number = "{number}"
"""

_QUESTIONS = (
    ("How many legs are up, on both machines", "operator", {"customer": "system", "count": "1"}),
    (
        "The two youngest of them",
        "operator",
        {"customer": "system", "descending": "1", "limit": "2"},
    ),
    ("How many customer 17 sees of its own", "example", {"count": "1"}),
    ("One of its calls from outside", "example", {"direction": "in", "names": "1", "limit": "1"}),
)


@asynccontextmanager
async def machines(fixtures: Path, port: int | None) -> AsyncIterator[Config]:
    """Run the two machines inside, and give the configuration of a daemon that watches them.

    `port` is the HTTP port; None means the usual one, or any if that is taken.

    Raises:
        CaptureError: a recording is not in the folder `fixtures`.
    """
    east, west = (
        [[_capture(fixtures, release, name) for name in lane] for lane in lanes]
        for release, lanes in _LANES.items()
    )
    async with Playback(east) as first, Playback(west) as second, asyncio.TaskGroup() as group:
        playing = [group.create_task(machine.play()) for machine in (first, second)]
        with tempfile.TemporaryDirectory(prefix="callstate-demo-") as folder:
            yield _configure(Path(folder), port, (first.port, second.port))
        for task in playing:
            task.cancel()


async def guide(state: CallState, port: Callable[[], int], say: Callable[[str], None]) -> None:
    """Once the daemon answers, show what to ask it and what it says."""
    wanted = len(_LANES)
    while not state.ready or len({leg.machine for leg in state.store}) < wanted:  # noqa: ASYNC110
        await asyncio.sleep(0.1)  # the state tells nobody but who looks
    base = f"http://127.0.0.1:{port()}"
    say(f"callstate answers on {base}, from two machines that play recorded calls.\n")
    url = base
    for title, user, more in _QUESTIONS:
        query = urlencode({"auth_username": user, "auth_password": _PASSWORD, **more})
        url = f"{base}{_LIST}?{query}"
        say(f"# {title}:\ncurl '{url}'\n{await asyncio.to_thread(_fetch, url)}\n")
    say(f"# It changes all the time:\nwatch -n1 \"curl -s '{url}'\"\n")
    say(f"Also: {base}/readyz {base}/metrics {base}/openapi.json; Ctrl-C ends it.")


def _fetch(url: str) -> str:
    with urlopen(url, timeout=10) as answer:  # noqa: S310  # our own address
        return json.dumps(json.load(answer), ensure_ascii=False)


def _capture(fixtures: Path, release: str, name: str) -> Capture:
    return load_capture(fixtures / release / name)


def _configure(folder: Path, port: int | None, ports: tuple[int, int]) -> Config:
    lines = "".join(
        _LINE.format(customer=customer, number=number)
        for customer in (17, 23)
        for number in range(101, 107)
    )
    directory = _DIRECTORY.format(hash=hash_password(_PASSWORD)) + lines
    (folder / "directory.toml").write_text(directory, encoding="utf-8")
    path = folder / "config.toml"
    wanted = port if port is not None else _free(_PORT)
    path.write_text(_CONFIG.format(port=wanted, ports=ports), encoding="utf-8")
    return configuration.load(path)


def _free(port: int) -> int:
    """Return `port` if nobody listens on it, else 0, which means any."""
    with socket.socket() as probe:
        return 0 if probe.connect_ex(("127.0.0.1", port)) == 0 else port

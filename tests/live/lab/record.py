"""Record the manager stream of a scenario, with Asterisk's own account beside it.

    python -m tests.live.lab.record list
    python -m tests.live.lab.record run SCENARIO --out DIR [--release 22] [--params JSON] ...
    python -m tests.live.lab.record batch PLAN.json --out DIR [--only NAME,NAME]

Each scenario gets a server of its own and a folder of its own; `fixtures/README.md`
explains the files. A plan is a list of objects: `name`, `scenario`, `seed`, `params`,
`systemname`, `channelvars`, `timestamps`, `user`, `gzip`, `limit`.
"""

import argparse
import asyncio
import dataclasses
import gzip
import json
import shutil
import sys
import time
import traceback
from pathlib import Path
from typing import Any, TextIO

from tests.live.lab import scenarios  # noqa: F401  # importing it registers them
from tests.live.lab.ami import SECRET, Headers, Message, frame
from tests.live.lab.lab import SCENARIOS, Lab, Mark
from tests.live.lab.server import Server

GZIP_ABOVE = 48 * 1024


class Recorder(asyncio.Protocol):
    """The recorded connection: keeps every byte from the server, in order."""

    def __init__(self, lab: "RecordingLab", n: int) -> None:
        self._lab = lab
        self.n = n
        self._log = (lab.folder / self.name("ami", "log")).open("wb")
        self._timing = (lab.folder / self.name("timing", "tsv")).open("w")
        self.received = 0
        self.last = time.monotonic()
        self.first = asyncio.Event()
        self.closed = asyncio.Event()

    def name(self, stem: str, suffix: str) -> str:
        return f"{stem}.{suffix}" if self.n == 1 else f"{stem}-{self.n}.{suffix}"

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self.last = time.monotonic()
        self._timing.write(f"{self.received}\t{self.last - self._lab.t0:.6f}\n")
        self._log.write(data)
        self.received += len(data)
        self.first.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()

    def send(self, headers: Headers) -> None:
        self._lab.note(f"rec{self.n}", headers)
        self._transport.write(frame(headers))

    def abort(self) -> None:
        self._transport.abort()

    def finish(self) -> None:
        self._transport.close()
        self._log.close()
        self._timing.close()


class RecordingLab(Lab):
    """A lab that writes down what it sees."""

    def __init__(self, server: Server, plan: dict[str, Any], folder: Path) -> None:
        self.scenario = SCENARIOS[plan["scenario"]]
        super().__init__(server, seed=plan.get("seed", 1), media=self.scenario.media)
        self.p = plan.get("params", {})
        self.plan = plan
        self.folder = folder
        self.recorders: list[Recorder] = []
        self.marks: list[Mark] = []
        self.settings: Message = {}
        self._actions: TextIO = (folder / "actions.tsv").open("w")

    async def open(self) -> None:
        await super().open()
        self.settings, _ = await self.ctl.action([("Action", "CoreSettings")])
        await asyncio.sleep(0.3)
        self.t0 = time.monotonic()

    async def connect(self) -> None:
        n = len(self.recorders) + 1
        recorder = Recorder(self, n)
        loop = asyncio.get_running_loop()
        end = time.monotonic() + 20
        while True:
            try:
                await loop.create_connection(lambda: recorder, "127.0.0.1", self.server.ami_port)
                break
            except OSError:
                if time.monotonic() > end:
                    raise
                await asyncio.sleep(0.05)
        self.rec = recorder
        self.recorders.append(recorder)
        await asyncio.wait_for(recorder.first.wait(), 10)
        user = ("Username", self.plan.get("user", "lab"))
        login = [("Action", "Login"), ("ActionID", f"login-{n}"), user]
        recorder.send([*login, ("Secret", SECRET), ("Events", "on")])

    async def mark(self, mark: Mark) -> None:
        self.marks.append(mark)

    def note(self, who: str, headers: Headers) -> None:
        safe = [(key, "***" if key.lower() == "secret" else value) for key, value in headers]
        at = time.monotonic() - self.t0
        self._actions.write(f"{at:.6f}\t{who}\t{json.dumps(safe, ensure_ascii=False)}\n")

    def finish(self) -> None:
        """Close everything and write `truth.json` and `meta.json`."""
        for recorder in self.recorders:
            recorder.finish()
        self._actions.close()
        self.close()
        truth = [dataclasses.asdict(mark) for mark in self.marks]
        self._write("truth.json", truth)
        self._write("meta.json", self._meta())
        if self.plan.get("gzip", True):
            _compress(self.folder)

    def _meta(self) -> dict[str, Any]:
        shown = ("label", "t", "conn", "offset", "quiet", "expect")
        return {
            "release": self.server.release,
            "asterisk": self.settings.get("AsteriskVersion"),
            "ami": self.settings.get("AMIversion"),
            "scenario": self.plan["scenario"],
            "name": self.plan["name"],
            "description": self.scenario.description,
            "seed": self.plan.get("seed", 1),
            "params": self.p,
            "systemname": self.server.systemname,
            "channelvars_in_manager_conf": self.server.channelvars,
            "timestampevents": self.server.timestamps,
            "ami_user": self.plan.get("user", "lab"),
            "connections": [
                {"log": recorder.name("ami", "log"), "bytes": recorder.received}
                for recorder in self.recorders
            ],
            "checkpoints": [{key: getattr(mark, key) for key in shown} for mark in self.marks],
        }

    def _write(self, name: str, value: object) -> None:
        text = json.dumps(value, indent=1, ensure_ascii=False)
        (self.folder / name).write_bytes(text.encode("utf-8", "surrogateescape"))


def _compress(folder: Path) -> None:
    """Gzip the large files, without name and time, so that the same bytes give the same file."""
    for path in sorted(folder.iterdir()):
        if path.stat().st_size > GZIP_ABOVE:
            packed = gzip.compress(path.read_bytes(), mtime=0)
            path.with_name(f"{path.name}.gz").write_bytes(packed)
            path.unlink()


async def _record(lab: RecordingLab) -> bool:
    await lab.open()
    try:
        if not lab.scenario.late:
            await lab.connect()
            await lab.quiet()
        await asyncio.wait_for(lab.scenario.run(lab), lab.plan.get("limit", 300))
    except Exception:
        traceback.print_exc()
        return False
    else:
        return True
    finally:
        await asyncio.sleep(0.2)
        lab.finish()


def _one(plan: dict[str, Any], out: Path, release: str, slot: int) -> bool:
    """Record one plan; one that fails leaves no capture behind."""
    folder = out / plan["name"]
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    server = Server(
        release=release,
        slot=slot,
        systemname=plan.get("systemname", ""),
        channelvars=plan.get("channelvars", True),
        timestamps=plan.get("timestamps", False),
    )
    server.start()
    try:
        lab = RecordingLab(server, plan, folder)
        done = asyncio.run(_record(lab))
    finally:
        server.stop()
    quiet = sum(mark.quiet for mark in lab.marks)
    print(
        f"{'ok  ' if done else 'FAIL'} {plan['name']}: {quiet}/{len(lab.marks)} quiet", flush=True
    )
    if not done:
        shutil.rmtree(folder)
    return done


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list")
    for name in ("run", "batch"):
        command = commands.add_parser(name)
        command.add_argument("what")
        command.add_argument("--out", type=Path, required=True)
        command.add_argument("--release", default="22")
        command.add_argument("--slot", type=int, default=0, help="shifts all ports")
        if name == "batch":
            command.add_argument("--only", default="")
            continue
        command.add_argument("--name")
        command.add_argument("--seed", type=int, default=1)
        command.add_argument("--params", type=json.loads, default={})
        command.add_argument("--systemname", default="")
        command.add_argument("--no-channelvars", dest="channelvars", action="store_false")
        command.add_argument("--timestamps", action="store_true")
        command.add_argument("--user", default="lab")
    return parser.parse_args()


def main() -> int:
    """Run the command line; 1 when a recording failed."""
    arguments = _arguments()
    if arguments.command == "list":
        for name, known in SCENARIOS.items():
            print(f"{name:20} {known.description}")
        return 0
    if arguments.command == "run":
        wanted = {"scenario": arguments.what, **vars(arguments)}
        wanted["name"] = arguments.name or arguments.what
        plans = [wanted]
    else:
        only = set(filter(None, arguments.only.split(",")))
        plans = json.loads(Path(arguments.what).read_text(encoding="utf-8"))
        plans = [plan for plan in plans if not only or plan["name"] in only]
    results = [_one(plan, arguments.out, arguments.release, arguments.slot) for plan in plans]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())

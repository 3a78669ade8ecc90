"""The command line: run, check, demo, replay, hash-password.

Exit codes: 0 done; 2 the configuration, a file or the command line cannot be used (one
line on standard error says which key, file or option); 1 anything else: a bug, or a stop that
took too long. A second TERM or INT ends it by that signal.
"""

import argparse
import asyncio
import getpass
import os
import sys
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

try:
    import uvloop
except ImportError:  # not on every platform
    _new_loop = asyncio.new_event_loop
else:
    _new_loop = uvloop.new_event_loop

from callstate import build, collector, demo, logs, replay
from callstate import config as configuration
from callstate.ami.capture import CaptureError
from callstate.core.directory import Directory
from callstate.core.errors import ConfigError
from callstate.core.state import CallState
from callstate.daemon import Daemon, build_state
from callstate.directory.file import DirectoryFile
from callstate.directory.source import Source, open_source
from callstate.notify import Notifier
from callstate.web.auth import hash_password
from callstate.web.certificate import load as load_certificate

EXIT_USAGE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    parsed = _parser().parse_args(arguments)
    try:
        return int(parsed.command(parsed))
    except (ConfigError, CaptureError, replay.BadMark) as error:
        print(f"callstate: {error}", file=sys.stderr)  # noqa: T201  # it is a command line
        return EXIT_USAGE
    except KeyboardInterrupt:
        return 1
    except BrokenPipeError:
        # Whoever read us has seen enough; nothing more can be written, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _run(parsed: argparse.Namespace) -> int:
    config = _load(parsed.config)
    logs.setup(config.logs.level, config.logs.format)
    _run_loop(_serve(config, partial(_load, parsed.config)))
    return 0


async def _serve(config: configuration.Config, reread: Callable[[], configuration.Config]) -> None:
    collector.configure()
    tending = asyncio.create_task(collector.tend())
    try:
        await Daemon(config, reread=reread, notifier=Notifier()).run()
    finally:
        tending.cancel()


def _check(parsed: argparse.Namespace) -> int:
    config = _load(parsed.config)
    source = open_source(config.directory)
    directory = asyncio.run(_directory_of(source))
    http = config.http
    secured = "TLS" if http.tls_certificate_file else "no TLS"
    if http.tls_certificate_file:
        load_certificate(http.tls_certificate_file, http.tls_key_file)
    for host in http.hosts:
        _say(f"http      {host}:{http.port}, {secured}")
    if http.unix_socket:
        _say(f"http      {http.unix_socket}")
    for machine in config.machine:
        tls = "TLS" if machine.tls else "no TLS"
        name = f" {machine.name}" if machine.name else ""
        where = f"{machine.host}:{machine.port}"
        _say(f"machine   {machine.id}{name}: {where} as {machine.username}, {tls}")
    _say(f"endpoint  {len(config.endpoint)} rules")
    for field, variable in config.variables.items():
        _say(f"variable  {field} from {variable}")
    _say(f"directory {source.where}: {len(directory.users)} users, {len(directory.lines)} lines")
    return 0


async def _directory_of(source: Source) -> Directory:
    return await source.load()


def _demo(parsed: argparse.Namespace) -> int:
    fixtures = demo.FIXTURES if parsed.fixtures is None else parsed.fixtures
    if not fixtures.is_dir():
        problem = "there are no recordings here; they are the folder fixtures of a checkout"
        raise ConfigError("--fixtures", problem)
    logs.setup("warning", "auto")
    _run_loop(_show(fixtures, parsed.port))
    return 0


async def _show(fixtures: Path, port: int | None) -> None:
    async with demo.machines(fixtures, port) as config:
        daemon = Daemon(config)
        async with asyncio.TaskGroup() as group:
            guide = group.create_task(demo.guide(daemon.state, lambda: daemon.port, _say))
            await daemon.run()
            guide.cancel()


def _replay(parsed: argparse.Namespace) -> int:
    state, variables = CallState(), None
    if parsed.config is not None:
        config = configuration.load(parsed.config, secrets=False)
        state = build_state(config)
        # A recording is looked at without its platform's database.
        if config.directory.file and Path(config.directory.file).exists():
            state.use_directory(DirectoryFile(Path(config.directory.file)).load())
        variables = replay.variables_of(config.variables.values())
    marks = [replay.parse_mark(text, len(parsed.path)) for text in parsed.at]
    for line in replay.lines(
        parsed.path,
        state,
        machine=parsed.machine,
        marks=marks,
        mirror=parsed.mirror,
        variables=variables,
    ):
        sys.stdout.buffer.write(line + b"\n")
        sys.stdout.buffer.flush()
    return 0


def _hash_password(_parsed: argparse.Namespace) -> int:
    if sys.stdin.isatty():
        password = getpass.getpass("Password: ")
        if getpass.getpass("Again: ") != password:
            raise ConfigError("password", "the two are not the same")
    else:
        password = sys.stdin.readline().rstrip("\n")
    if not password:
        raise ConfigError("password", "must not be empty")
    _say(hash_password(password))
    return 0


def _load(path: Path | None) -> configuration.Config:
    if path is None:
        path = Path(os.environ.get("CALLSTATE_CONFIG") or configuration.DEFAULT_PATH)
    return configuration.load(path)


def _run_loop(main: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=_new_loop) as runner:
        runner.run(main)


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201  # it is a command line


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="callstate", description="Live call state from Asterisk.")
    parser.add_argument(
        "--version", action="version", version=f"{version('callstate')} ({build.kind()})"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    config_help = f"default: $CALLSTATE_CONFIG, else {configuration.DEFAULT_PATH}"

    run = commands.add_parser("run", help="run the daemon")
    run.add_argument("--config", type=Path, metavar="FILE", help=config_help)
    run.set_defaults(command=_run)

    check = commands.add_parser("check", help="say what the configuration means, or what is wrong")
    check.add_argument("--config", type=Path, metavar="FILE", help=config_help)
    check.set_defaults(command=_check)

    show = commands.add_parser("demo", help="serve the calls of two recorded machines")
    show.add_argument("--fixtures", type=Path, metavar="DIR", help="folder of recordings")
    show.add_argument("--port", type=int, help="HTTP port, default 8080 or a free one")
    show.set_defaults(command=_demo)

    play = commands.add_parser("replay", help="say what recorded AMI bytes lead to")
    play.add_argument("path", nargs="+", metavar="PATH", help="a recording, .gz too, - for stdin")
    play.add_argument("--config", type=Path, metavar="FILE", help="variables and endpoint rules")
    play.add_argument("--machine", type=int, default=1, metavar="ID")
    play.add_argument("--at", action="append", default=[], metavar="[K:]OFFSET")
    play.add_argument("--mirror", action="store_true", help="the mirror instead of rows")
    play.set_defaults(command=_replay)

    hashing = commands.add_parser("hash-password", help="hash a password read from stdin")
    hashing.set_defaults(command=_hash_password)
    return parser

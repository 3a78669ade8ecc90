"""The composition root: builds the parts, starts them, stops them. Only the CLI imports it.

Start: state, web up (not ready), directory, connections, first sync of every machine or
the time limit, ready. Stop: not ready, web down once its requests are through, connections
closed. The certificate of HTTP and the directory are read again on SIGHUP, the
directory on a period as well.
"""

import asyncio
import logging
import signal
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from importlib.metadata import version

from msgspec.structs import asdict

from callstate.ami.connection import AmiConnection
from callstate.ami.session import Session
from callstate.config import Config
from callstate.core.derive import Rules
from callstate.core.inference import Endpoint
from callstate.core.state import CallState
from callstate.directory.source import open_source
from callstate.directory.watch import DirectoryWatch
from callstate.metrics import HttpCounts, MachineCounts, Metrics
from callstate.web.app import build_app
from callstate.web.auth import Authenticator
from callstate.web.server import Server

logger = logging.getLogger(__name__)

# How often the daemon looks whether something became due: readiness, stale legs.
_TICK_SECONDS = 0.1

# A bug that ends a task at once must not fill the log.
_RESTART_SECONDS = 5.0


class Daemon:
    """One running callstate. `run` is its whole life; `stop` ends it.

    `port` is the HTTP port it listens on, once `run` has come so far.
    """

    def __init__(self, config: Config, *, clock: Callable[[], float] = time.time) -> None:
        """Build everything that needs no event loop.

        Raises:
            ConfigError: the directory's source cannot be used.
        """
        self._config = config
        self._clock = clock
        self._source = open_source(config.directory)
        self.state = build_state(config)
        for machine in config.machine:
            self.state.add_machine(machine.id, machine.name)
        self._stopping = asyncio.Event()
        self._mirrored: list[tuple[int, Session, AmiConnection]] = []
        self._server: Server | None = None

    @property
    def port(self) -> int:
        """The HTTP port that is listened on."""
        return self._config.http.port if self._server is None else self._server.port

    def stop(self) -> None:
        """Ask `run` to return."""
        self._stopping.set()

    async def run(self) -> None:
        """Serve until stopped by `stop`, SIGTERM or SIGINT.

        Raises:
            ConfigError: the address cannot be listened on, or the directory is wrong.
        """
        watch = DirectoryWatch(self._source.load, self.state, clock=self._clock)
        authenticator = Authenticator(
            lambda: self.state.directory.users,
            clock=time.monotonic,
            remember_seconds=self._config.http.remember_seconds,
        )
        metrics = Metrics(
            self.state, version=version("callstate"), counts=self._counts, http=self._http_counts
        )
        http = self._config.http
        app = build_app(self.state, authenticator, metrics, http=http, clock=self._clock)
        self._server = Server(app, http)
        reload = asyncio.Event()
        try:
            await self._server.start()
            hang_up = partial(self._reload, self._server, reload)
            with _Signals(
                {signal.SIGHUP: hang_up, signal.SIGTERM: self.stop, signal.SIGINT: self.stop}
            ):
                await self._mirror(self._server, watch, reload)
        finally:
            authenticator.close()
        logger.info("stopped")

    def _reload(self, server: Server, directory: asyncio.Event) -> None:
        """Read again what may change without a restart."""
        server.reload_certificate()
        directory.set()

    async def _mirror(self, server: Server, watch: DirectoryWatch, reload: asyncio.Event) -> None:
        """Follow the machines, once there is a directory, until `stop`; then stop the server."""
        try:
            await self._wait_for(watch)
        except BaseException:
            await server.stop()
            raise
        seconds = self._config.directory.reload_seconds
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(_keep_running(connection.run), name=f"ami:{machine}")
                for machine, connection in self._connections()
            ]
            tasks.append(group.create_task(_keep_running(self._watch_time), name="time"))
            watching = partial(watch.run, reload, seconds=seconds)
            tasks.append(group.create_task(_keep_running(watching), name="directory"))
            await self._stopping.wait()
            logger.info("stopping")
            self.state.ready = False
            await server.stop()
            for task in tasks:
                task.cancel()

    async def _wait_for(self, watch: DirectoryWatch) -> None:
        """Return when there is a directory, or `stop` was called.

        Raises:
            ConfigError: the directory is wrong.
        """
        tasks = [asyncio.create_task(each) for each in (watch.wait(), self._stopping.wait())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()

    def _connections(self) -> Iterable[tuple[int, AmiConnection]]:
        config = self._config
        for machine in config.machine:
            session = Session(
                machine.id,
                self.state,
                sync=config.sync,
                variables=config.variables.values(),
                clock=self._clock,
            )
            connection = AmiConnection(
                machine, config.ami, sink=session, session=session.run, clock=self._clock
            )
            self._mirrored.append((machine.id, session, connection))
            yield machine.id, connection

    async def _watch_time(self) -> None:
        """Say when the daemon is ready, and stop serving what is stale for too long."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._config.sync.first_sync_seconds
        while True:
            if not self.state.ready:
                statuses = self.state.statuses()
                if all(status.in_step for status in statuses) or loop.time() > deadline:
                    self.state.ready = True
                    waiting = [status.machine for status in statuses if not status.in_step]
                    logger.info("ready", extra={"out_of_step": waiting})
            for machine in self.state.expire(self._clock(), self._config.sync.stale_seconds):
                logger.warning("legs withdrawn", extra={"machine": machine})
            await asyncio.sleep(_TICK_SECONDS)

    def _counts(self) -> Sequence[MachineCounts]:
        return [
            MachineCounts(
                machine=machine,
                events=session.measures.events(),
                ignored=session.ignored | connection.dropped,
                attempts=connection.attempts,
                added_legs=self.state.sync_of(machine).missed,
                removed_legs=self.state.sync_of(machine).reaped,
                syncs=session.measures.sync_seconds,
                applied=session.measures.apply_seconds,
                lag=session.measures.lag_seconds,
            )
            for machine, session, connection in self._mirrored
        ]

    def _http_counts(self) -> HttpCounts:
        if self._server is None:
            return HttpCounts()
        return HttpCounts(open=self._server.door.open, ended=self._server.door.ended)


def build_state(config: Config) -> CallState:
    """Return an empty state that follows the configuration's rules; without machines."""
    return CallState(
        rules=Rules(variables=config.variables, peers=config.peers, groups=config.groups),
        endpoints=tuple(Endpoint(**asdict(rule)) for rule in config.endpoint),
        account_code_is_customer=config.account_code_is_customer,
    )


async def _keep_running(run: Callable[[], Awaitable[None]]) -> None:
    """Run a task that should never end; begin it anew when a bug of ours ends it."""
    while True:
        try:
            await run()
        except Exception:  # one task's bug must not take the others down
            task = asyncio.current_task()
            name = "" if task is None else task.get_name()
            logger.exception("task failed", extra={"task": name})
        await asyncio.sleep(_RESTART_SECONDS)


class _Signals:
    """Handlers that are in place for the time of a `with` block, in a loop that has signals."""

    def __init__(self, handlers: dict[signal.Signals, Callable[[], None]]) -> None:
        self._handlers = handlers
        self._placed: list[signal.Signals] = []

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        for number, handler in self._handlers.items():
            try:
                loop.add_signal_handler(number, handler)
            except (NotImplementedError, RuntimeError, ValueError):
                return  # not the main thread: whoever runs us there calls `stop`
            self._placed.append(number)

    def __exit__(self, *_error: object) -> None:
        loop = asyncio.get_running_loop()
        for number in self._placed:
            loop.remove_signal_handler(number)

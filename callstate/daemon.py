"""The composition root: builds the parts, starts them, stops them. Only the CLI imports it.

1. Start: configuration, state, web up (not ready), directory, connections, first sync of every
   machine or the time limit, ready.
2. HUP: the configuration is read again and compared, then certificate and directory are read.
   What did not change is not touched; a mistake in the configuration leaves everything as it was.
3. Stop: not ready, web down once its requests are through or their time is over, connections
   closed.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import TypedDict

from msgspec.structs import asdict

from callstate import build, logs
from callstate.config import Config
from callstate.core.derive import Rules
from callstate.core.directory import SourceState
from callstate.core.errors import ConfigError
from callstate.core.inference import Endpoint
from callstate.core.state import CallState
from callstate.directory.source import Source, open_source
from callstate.directory.watch import DirectoryWatch
from callstate.machines import Machines
from callstate.metrics import HttpCounts, Metrics
from callstate.notify import Notifier
from callstate.reload import in_force
from callstate.signals import Signals
from callstate.tasks import keep_running
from callstate.web.app import build_app
from callstate.web.auth import Authenticator
from callstate.web.server import Server

logger = logging.getLogger(__name__)

# How often the daemon looks whether something became due: readiness, stale legs.
_TICK_SECONDS = 0.1

# How often a start says that it goes on, and how long the supervisor waits for the next time.
_BEAT_SECONDS, _PATIENCE_SECONDS = 10.0, 60.0

# What may come after the requests of a stop had their time twice, to end and to be cut off.
_CLOSING_SECONDS = 3.0


class LegRules(TypedDict):
    """What the configuration says about legs, as the state takes it."""

    rules: Rules
    endpoints: tuple[Endpoint, ...]
    account_code_is_customer: bool


class Daemon:
    """One running callstate. `run` is its whole life; `stop` ends it.

    `reread` gives the configuration as it is written now, for a reload; None: it stays as it is.
    `port` is the HTTP port it listens on, once `run` has come so far.
    """

    def __init__(
        self,
        config: Config,
        *,
        reread: Callable[[], Config] | None = None,
        notifier: Notifier | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Build everything that needs no event loop.

        Raises:
            ConfigError: the directory's source cannot be used.
        """
        self._config = config
        self._reread = reread
        self._notifier = Notifier({}) if notifier is None else notifier
        self._clock = clock
        source = open_source(config.directory)
        self.state = build_state(config)
        self._machines = Machines(config, self.state, clock=clock)
        self._watch = DirectoryWatch(
            source.load, self.state, seconds=config.directory.reload_seconds, clock=clock
        )
        self._authenticator = Authenticator(
            lambda: self.state.directory.users,
            clock=time.monotonic,
            remember_seconds=config.http.remember_seconds,
        )
        self._stopping = asyncio.Event()
        self._reload_asked = asyncio.Event()
        self._has_directory = False
        self._server: Server | None = None

    @property
    def port(self) -> int:
        """The HTTP port that is listened on."""
        return self._config.http.port if self._server is None else self._server.port

    def stop(self) -> None:
        """Ask `run` to return."""
        self._stopping.set()

    def reload(self) -> None:
        """Ask for the configuration and the directory to be read again."""
        self._reload_asked.set()

    async def run(self) -> None:
        """Serve until stopped by `stop`, SIGTERM or SIGINT.

        Raises:
            ConfigError: the address cannot be listened on, or the directory is wrong.
        """
        http, stop_seconds = self._config.http, self._config.stop_seconds
        release = version("callstate")
        logger.info("starting", extra={"version": release, "build": build.kind()})
        metrics = Metrics(
            self.state,
            version=release,
            counts=self._machines.counts,
            http=self._http_counts,
        )
        app = build_app(self.state, self._authenticator, metrics, http=http, clock=self._clock)
        server = Server(app, http, stop_seconds=stop_seconds)
        signals = Signals(
            stop=self.stop,
            reload=self.reload,
            limit_seconds=2 * stop_seconds + _CLOSING_SECONDS,
        )
        try:
            with signals:
                await server.start()
                self._server = server
                await self._live(server)
        finally:
            self._authenticator.close()
        logger.info("stopped")

    async def _live(self, server: Server) -> None:
        """Follow the machines, once there is a directory, until `stop`; then stop the server."""
        refused: ConfigError | None = None
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(keep_running(run), name=name)
                for name, run in (("beat", self._beat), ("reload", self._reload_when_asked))
            ]
            try:
                await self._wait_for_directory()
            except ConfigError as error:
                refused = error
            if self._has_directory:
                self._machines.start(group)
                tasks.append(group.create_task(keep_running(self._watch_time), name="time"))
                tasks.append(group.create_task(keep_running(self._watch.run), name="directory"))
                await self._stopping.wait()
            await self._end(server)
            for task in tasks:
                task.cancel()
        if refused is not None:
            raise refused

    async def _end(self, server: Server) -> None:
        logger.info("stopping")
        self._notifier.stopping()
        self._notifier.status("stopping")
        self.state.ready = False
        await server.stop()
        self._machines.stop()

    async def _wait_for_directory(self) -> None:
        """Return when there is a directory, or `stop` was called.

        Raises:
            ConfigError: the directory is wrong.
        """
        self._notifier.status("starting: waiting for the directory")
        tasks = [asyncio.create_task(each) for each in (self._watch.wait(), self._stopping.wait())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()
        self._has_directory = tasks[0] in done

    # While it runs

    async def _beat(self) -> None:
        """Tell the supervisor that the loop turns, twice in the time that it allows for that."""
        watchdog = self._notifier.watchdog_seconds
        pause = _BEAT_SECONDS if watchdog is None else min(watchdog / 2, _BEAT_SECONDS)
        while True:
            self._notifier.starting(_PATIENCE_SECONDS)
            if watchdog is not None:
                self._notifier.alive()
            await asyncio.sleep(pause)

    async def _watch_time(self) -> None:
        """Say when the daemon is ready, and stop serving what is stale for too long."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        while not self._stopping.is_set():
            waiting = [each.machine for each in self.state.statuses() if not each.in_step]
            is_late = loop.time() > started + self._config.sync.first_sync_seconds
            if not self.state.ready and (not waiting or is_late):
                self.state.ready = True
                logger.info("ready", extra={"out_of_step": waiting})
                self._notifier.ready()
            self._notifier.status(self._standing(waiting))
            for machine in self.state.expire(self._clock(), self._config.sync.stale_seconds):
                logger.warning("legs withdrawn", extra={"machine": machine})
            await asyncio.sleep(_TICK_SECONDS)

    def _standing(self, waiting: list[int]) -> str:
        """Return in one line how it is, for whoever asks the supervisor."""
        number = len(self._config.machine)
        text = f"{number - len(waiting)} of {number} machines in step"
        if waiting:
            text += f", not {', '.join(map(str, waiting))}"
        if self.state.source.state is not SourceState.ACCEPTED:
            text += f"; directory {self.state.source.state}"
        return text if self.state.ready else f"starting: {text}"

    def _http_counts(self) -> HttpCounts:
        if self._server is None:
            return HttpCounts()
        return HttpCounts(open=self._server.door.open, ended=self._server.door.ended)

    # Reload

    async def _reload_when_asked(self) -> None:
        while True:
            await self._reload_asked.wait()
            self._reload_asked.clear()
            self._notifier.reloading()
            try:
                await self._reload()
            finally:
                self._notifier.reloaded()

    async def _reload(self) -> None:
        """Put in force what the configuration and the directory say now, as far as it is right."""
        if self._reread is not None:
            try:
                config = await asyncio.to_thread(self._reread)
                source = open_source(config.directory)
            except ConfigError as error:
                problem = {"key": error.key, "problem": error.problem}
                logger.error("configuration refused, nothing changed", extra=problem)
                return
            await self._use(config, source)
        if self._server is not None:
            self._server.reload_certificate()
        # Whoever waits for the first directory finds the new source by himself.
        if self._has_directory:
            await self._watch.reload()

    async def _use(self, config: Config, source: Source) -> None:
        old = self._config
        config, keys = in_force(old, config)
        self._config = config
        for key in keys:
            logger.warning("needs a restart, stays as it was", extra={"key": key})
        if config.logs != old.logs:
            logs.setup(config.logs.level, config.logs.format)
        self._authenticator.remember_seconds = config.http.remember_seconds
        if _rules(config) != _rules(old):
            self.state.use_rules(**_rules(config))
        if config.directory != old.directory:
            self._watch.use(source.load, seconds=config.directory.reload_seconds)
        changes = await self._machines.use(config)
        logger.info("configuration reloaded", extra=asdict(changes))


def build_state(config: Config) -> CallState:
    """Return an empty state that follows the configuration's rules; without machines."""
    return CallState(**_rules(config))


def _rules(config: Config) -> LegRules:
    """Return what the configuration says about legs."""
    return {
        "rules": Rules(variables=config.variables, peers=config.peers, groups=config.groups),
        "endpoints": tuple(Endpoint(**asdict(rule)) for rule in config.endpoint),
        "account_code_is_customer": config.account_code_is_customer,
    }

"""The listening sockets around the application: started and stopped by the daemon."""

import asyncio
import logging
import socket

from aiohttp import web

from callstate.config import Http
from callstate.core.errors import ConfigError
from callstate.web.certificate import Certificate
from callstate.web.connection import Connection
from callstate.web.door import DOOR
from callstate.web.listening import allow_files, bind, bind_unix, unbind_unix
from callstate.web.shortcuts import SHORTCUTS
from callstate.web.tls import TlsListener

logger = logging.getLogger(__name__)


class Server:
    """Serves one application, made by `build_app`, where `http` says.

    Running requests have `stop_seconds` to end once it stops; then they are cut off.
    `door` knows how many connections are open, and which limits ended others.
    """

    def __init__(self, app: web.Application, http: Http, *, stop_seconds: float = 5.0) -> None:
        self._http = http
        self.door = app[DOOR]
        self._shortcuts = app[SHORTCUTS]
        self._runner = web.AppRunner(app, shutdown_timeout=stop_seconds)
        self._plain: list[asyncio.Server] = []
        self._tls: list[TlsListener] = []
        self._certificate: Certificate | None = None
        self._port = http.port

    @property
    def port(self) -> int:
        """The port that it listens on; the configured one until it started."""
        return self._port

    async def start(self) -> None:
        """Listen.

        Raises:
            ConfigError: an address cannot be listened on, or a file of TLS cannot be used.
        """
        http = self._http
        allow_files(http.limits.connections)
        if http.tls_certificate_file:
            self._certificate = Certificate(http.tls_certificate_file, http.tls_key_file)
        await self._runner.setup()
        try:
            for host in http.hosts:
                for listening in await bind(host, http.port):
                    await self._listen(listening)
            if http.unix_socket:
                await self._listen_plain(bind_unix(http.unix_socket))
                logger.info("listening", extra={"path": http.unix_socket})
        except ConfigError:
            await self._close()
            raise

    async def stop(self) -> None:
        """Stop accepting, let running requests end for a while, close."""
        await self._close()
        if self._http.unix_socket:
            unbind_unix(self._http.unix_socket)
        logger.info("stopped listening")

    def reload_certificate(self) -> None:
        """Read the certificate again, if there is one; new connections meet what it is now.

        When it cannot be used, the last good one stays, and the log says why.
        """
        if self._certificate is None:
            return
        try:
            self._certificate.reload()
        except ConfigError as error:
            problem = {"key": error.key, "problem": error.problem}
            logger.error("certificate refused, the last good one stays", extra=problem)
        else:
            logger.info("certificate loaded")

    async def _listen(self, listening: socket.socket) -> None:
        host, port = listening.getsockname()[:2]
        if not self._plain and not self._tls:
            self._port = port
        if self._certificate is None:
            await self._listen_plain(listening)
        else:
            self._tls.append(
                TlsListener(
                    listening,
                    self._make,
                    door=self.door,
                    context=self._certificate.context,
                    handshake_seconds=self._http.limits.head_seconds,
                )
            )
        tls = self._certificate is not None
        logger.info("listening", extra={"host": host, "port": port, "tls": tls})

    async def _listen_plain(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        unix = listening.family is socket.AF_UNIX
        serve = loop.create_unix_server if unix else loop.create_server
        self._plain.append(await serve(self._make, sock=listening))

    def _make(self, guest: str | None = None) -> Connection:
        assert self._runner.server is not None, "set up"
        return Connection(
            self._runner.server,
            door=self.door,
            limits=self._http.limits,
            shortcuts=self._shortcuts,
            guest=guest,
        )

    async def _close(self) -> None:
        for server in self._plain:
            server.close()
        for listener in self._tls:
            await listener.stop()
        await self._runner.cleanup()

"""The listening socket around the application: started and stopped by the daemon."""

import logging
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong

from callstate.core.errors import ConfigError
from callstate.web import rows
from callstate.web.answers import Answer, phrase

# Longer than the second or minute between two polls, so that pollers keep their connection.
KEEPALIVE_SECONDS = 75.0
# Running requests have so long to end once the daemon stops.
SHUTDOWN_SECONDS = 5.0

logger = logging.getLogger(__name__)


# What a client sent is not what HTTP or the client's own headers say, or it went away.
_NOT_OURS = (HttpProcessingError, web.RequestPayloadError, ConnectionError)

_NO_HTTP = "The request cannot be read as HTTP."
_TOO_LONG = "The request line or a header is too long; send parameters in a POST body."


class _Discretion(logging.Filter):
    """Drops what aiohttp says of bytes that are no HTTP: it quotes them, passwords included,
    and whoever sends them could fill the log."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not record.exc_info or not isinstance(record.exc_info[1], _NOT_OURS)


class _Protocol(web.RequestHandler):
    """One connection. What is no HTTP is refused in the envelope: aiohttp would quote it."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return the answer to what never became a request, or what the middleware let pass."""
        super().handle_error(request, status, exc, message)
        text = phrase(status) if status != 400 else _NO_HTTP
        if isinstance(exc, LineTooLong):
            text = _TOO_LONG
        answer = Answer(rows.refusal(status, message=text), code=status, status=status)
        answer.force_close()
        return answer


class _Listening(web.Server):
    """What makes a protocol for each connection."""

    def __call__(self) -> web.RequestHandler:
        protocol = super().__call__()
        protocol.__class__ = _Protocol  # aiohttp has no setting for it
        return protocol


_protocol_logger = logging.getLogger(f"{__name__}.protocol")
_protocol_logger.addFilter(_Discretion())

HTTP_SETTINGS: dict[str, Any] = {
    "access_log": None,  # it writes query strings; `outcome` has one that does not
    "logger": _protocol_logger,
    "keepalive_timeout": KEEPALIVE_SECONDS,
    "auto_decompress": False,  # a small body must not become a large one
}


class Server:
    """Serves one application at one address."""

    def __init__(self, app: web.Application, *, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._runner = web.AppRunner(app, shutdown_timeout=SHUTDOWN_SECONDS, **HTTP_SETTINGS)

    @property
    def port(self) -> int:
        """The port that it listens on; the configured one until it started."""
        addresses = self._runner.addresses
        return int(addresses[0][1]) if addresses else self._port

    async def start(self) -> None:
        """Listen.

        Raises:
            ConfigError: when the address cannot be listened on.
        """
        await self._runner.setup()
        assert self._runner.server is not None, "set up"
        self._runner.server.__class__ = _Listening
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError as error:
            await self._runner.cleanup()
            problem = f"{self._host}:{self._port} cannot be listened on: {error.strerror}"
            raise ConfigError("http", problem) from None
        logger.info("listening", extra={"host": self._host, "port": self.port})

    async def stop(self) -> None:
        """Stop accepting, let running requests end for a while, close."""
        await self._runner.cleanup()
        logger.info("stopped listening")

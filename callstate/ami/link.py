"""One link to a machine: connect, prove who we are, ask and be answered.

The secret goes over the wire as an answer to a challenge. It is sent in plain only to a
server that has no challenge, and then only over TLS or to the machine itself.
"""

import asyncio
import hashlib
import ipaddress
import logging
import ssl
from collections.abc import Iterable
from typing import Any

from panoramisk.actions import Action
from panoramisk.manager import Manager

from callstate.ami.errors import ActionTimedOut, ConnectionLost, LoginRefused, PermissionDenied
from callstate.ami.protocol import AmiProtocol, Clock, Receiver
from callstate.ami.response import Response, from_panoramisk
from callstate.config import Ami, Machine

logger = logging.getLogger(__name__)


class Link:
    """A link from before it is connected until it is closed; never used again after that.

    `ami` may be exchanged: what begins after that has the new patience.
    """

    def __init__(
        self,
        machine: Machine,
        ami: Ami,
        receiver: Receiver,
        *,
        clock: Clock,
    ) -> None:
        loop = asyncio.get_running_loop()
        self._machine = machine
        self.ami = ami
        self._login: Any = None
        self.protocol = AmiProtocol(receiver, clock=clock, loop=loop)
        # Only its send_action is used: its own connect and reconnect cannot be stopped.
        self._manager: Any = Manager(protocol_factory=self._protocol, loop=loop, log=logger)
        self._manager.protocol = self.protocol

    @property
    def is_logged_in(self) -> bool:
        """True from the very message on that says so."""
        if self._login is None or not self._login.future.done():
            return False
        future = self._login.future
        if future.cancelled() or future.exception() is not None:
            return False
        return from_panoramisk(future.result()).success

    async def connect(self) -> None:
        """Connect and wait for the banner.

        Raises:
            ConnectionLost: with the reason.
        """
        machine, seconds = self._machine, self.ami.connect_seconds
        try:
            async with asyncio.timeout(seconds):
                # In a thread: it reads the system's certificates.
                context = await asyncio.to_thread(_tls_context, machine) if machine.tls else None
                await asyncio.get_running_loop().create_connection(
                    self._manager.config["protocol_factory"],
                    machine.host,
                    machine.port,
                    ssl=context,
                )
                await self.protocol.greeted
        except TimeoutError:
            raise ConnectionLost(f"no manager within {seconds:g} s") from None
        except (OSError, UnicodeError) as error:
            raise ConnectionLost(f"cannot connect: {error}") from None

    async def log_in(self) -> None:
        """Log in, with all events on.

        Raises:
            LoginRefused: a human has to do something.
            AmiError: for every other reason.
        """
        machine = self._machine
        answer = await self.ask("Challenge", [("AuthType", "MD5")])
        challenge = answer.get("Challenge")
        if answer.success and challenge:
            proof = [("AuthType", "MD5"), ("Key", _digest(challenge, machine.secret))]
        elif machine.tls or _is_loopback(self.protocol.peer):
            proof = [("Secret", machine.secret)]
        else:
            said = self._without_secret(answer.message)
            raise LoginRefused(f"no challenge, and no TLS for a plain secret: {said}")
        headers = [("Username", machine.username), *proof, ("Events", "on")]
        self._login = _to_action("Login", headers)
        answer = await self._ask(self._login)
        if not answer.success:
            raise LoginRefused(f"login refused: {self._without_secret(answer.message)}")

    async def ask(self, name: str, headers: Iterable[tuple[str, str]] = ()) -> Response:
        """Send an action and return its response; see `AmiConnection.send`."""
        return await self._ask(_to_action(name, headers))

    async def close(self, reason: str) -> None:
        """End the link and return when its socket is closed."""
        self.protocol.abort(reason)
        await self.protocol.wait_lost()

    async def _ask(self, action: Any) -> Response:
        protocol, loop, seconds = (
            self.protocol,
            asyncio.get_running_loop(),
            self.ami.action_seconds,
        )
        name, sent = action["Action"], loop.time()
        future: asyncio.Future[Any] = self._manager.send_action(action)
        try:
            while not future.done():
                left = max(sent, protocol.answered) + seconds - loop.time()
                if left <= 0:
                    raise ActionTimedOut(f"no answer to {name} within {seconds:g} s")
                await asyncio.wait([future], timeout=left)
            response = from_panoramisk(future.result())
        finally:
            protocol.forget(action)
        message = response.message.lower()
        if not response.success and message == "permission denied":
            raise PermissionDenied(f"permission denied for the action {name}")
        if not response.success and "shutting down" in message:
            raise ConnectionLost(self._without_secret(response.message))
        return response

    def _without_secret(self, said: str) -> str:
        """Return what the server `said`: whatever is there may say what it was sent."""
        secret = self._machine.secret
        return said.replace(secret, "***") if secret else said

    def _protocol(self) -> AmiProtocol:
        return self.protocol


def _to_action(name: str, headers: Iterable[tuple[str, str]]) -> Any:
    collected: dict[str, list[str]] = {}
    for key, value in headers:
        collected.setdefault(key, []).append(value)
    single = {key: values[0] if len(values) == 1 else values for key, values in collected.items()}
    return Action({"Action": name, **single})


def _digest(challenge: str, secret: str) -> str:
    text = (challenge + secret).encode("utf-8", "surrogateescape")
    # MD5 is what the protocol has.
    return hashlib.md5(text, usedforsecurity=False).hexdigest()


def _tls_context(machine: Machine) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=machine.tls_ca_file or None)
    if not machine.tls_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False

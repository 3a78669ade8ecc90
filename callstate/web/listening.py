"""Listening sockets: at addresses and at a path, each an error of its own when it cannot be had."""

import asyncio
import errno
import os
import resource
import socket
import stat
from contextlib import suppress

from callstate.core.errors import ConfigError

_BACKLOG = 128
# Whoever may enter the folder may connect, as anybody on the host may to a port of loopback.
_MODE = 0o666
# Beside clients there are machines, the directory, logs, libraries.
_OTHER_FILES = 200


async def bind(host: str, port: int) -> list[socket.socket]:
    """Return sockets that listen at `host`: one, or several when it is a name of several.

    Raises:
        ConfigError: it cannot be listened on.
    """
    listening: list[socket.socket] = []
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        for family, _, _, _, address in dict.fromkeys(found):
            listening.append(socket.create_server(address, family=family, backlog=_BACKLOG))
            listening[-1].setblocking(False)
    except (OSError, UnicodeError) as error:
        for each in listening:
            each.close()
        raise ConfigError("http", _refusal(f"{host}:{port}", error)) from None
    return listening


def bind_unix(path: str) -> socket.socket:
    """Return a socket that listens at `path`; one that nobody listens on any more is replaced.

    Raises:
        ConfigError: it cannot be listened on.
    """
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _clear(path)
        listening.bind(path)
        os.chmod(path, _MODE)
        listening.listen(_BACKLOG)
        listening.setblocking(False)
    except (OSError, ValueError) as error:
        listening.close()
        raise ConfigError("http.unix_socket", _refusal(path, error)) from None
    return listening


def unbind_unix(path: str) -> None:
    """Remove the socket at `path`, if it is still there."""
    with suppress(FileNotFoundError):
        os.unlink(path)


def allow_files(connections: int) -> None:
    """Let the process have so many connections, and what else it needs, open at once.

    Raises:
        ConfigError: it may not.
    """
    needed = connections + _OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        problem = f"{connections} need {needed} open files, and the process may have {hard}"
        raise ConfigError("http.limits.connections", problem)
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def _clear(path: str) -> None:
    """Remove the socket at `path` unless somebody listens on it."""
    try:
        is_socket = stat.S_ISSOCK(os.stat(path).st_mode)
    except FileNotFoundError:
        return
    if not is_socket:
        raise FileExistsError(errno.EEXIST, path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
        else:
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


def _refusal(where: str, error: Exception) -> str:
    reason: object = error
    if isinstance(error, OSError):
        # Python adds the address to its text; a name that is not found has no such number.
        number = error.errno or 0
        reason = os.strerror(number) if number in errno.errorcode else error.strerror or error
    return f"{where} cannot be listened on: {reason}"

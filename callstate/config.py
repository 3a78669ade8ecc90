"""The configuration: one TOML file as frozen Structs, with the secrets from `secrets`.

`load` is the only way in. Whatever is wrong (an unknown key, a wrong type, a missing
secret, an unreadable file) is one `ConfigError` that names the key. The environment
overrides secrets only; no secret is ever part of an error or of a `repr`.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from callstate.core.errors import ConfigError
from callstate.secrets import find_secret, has_line_break

DEFAULT_PATH = Path("/etc/callstate/config.toml")

Port = Annotated[int, Meta(ge=0, le=65535)]
# A day at most: nobody means more, and TOML has `inf`.
Seconds = Annotated[float, Meta(gt=0, le=86400)]
Count = Annotated[int, Meta(ge=0)]
Id = Annotated[int, Meta(gt=0)]

# The fields of a leg that a platform's dialplan may set, see `Variables`.
VARIABLE_FIELDS = (
    "callid",
    "scustomer",
    "stype",
    "snumber",
    "cnumber",
    "ctype",
    "dcustomer",
    "dtype",
    "dnumber",
    "peer",
    "billing_peer",
    "ingroup",
    "outgroup",
    "overmax",
    "callerid_internal",
    "callerid_external",
    "callername_internal",
    "callername_external",
    "spresent",
    "sip_callid",
)


class Struct(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One table of the file; an unknown key in it is an error."""


class Http(Struct, frozen=True, kw_only=True):
    """Where the API listens; port 0 takes a free one. A verified credential is remembered for
    `remember_seconds`, or until the directory changes its user; 0 verifies every request."""

    host: str = "127.0.0.1"
    port: Port = 8080
    remember_seconds: Annotated[float, Meta(ge=0, le=86400)] = 300.0


class Logs(Struct, frozen=True, kw_only=True):
    """`format` is `text`, `json`, or `auto`: text on a terminal, JSON otherwise."""

    level: str = "info"
    format: str = "auto"


class DirectorySource(Struct, frozen=True, kw_only=True):
    """Where customers, users, roles, lines and names come from; a relative `file` is
    relative to the configuration's folder. 0 `reload_seconds` reads it only on SIGHUP."""

    file: str = "directory.toml"
    reload_seconds: Annotated[float, Meta(ge=0, le=86400)] = 60.0


class Sync(Struct, frozen=True, kw_only=True):
    """How the mirror is kept in step; all in seconds.

    `audit_seconds` lies between two comparisons with Asterisk's own list;
    `stale_seconds` is how long the legs of an unreachable machine are served (as
    stale); `first_sync_seconds` is how long a start waits for the machines.
    """

    audit_seconds: Seconds = 60.0
    stale_seconds: Seconds = 60.0
    first_sync_seconds: Seconds = 30.0


class Ami(Struct, frozen=True, kw_only=True):
    """Patience on the manager connections; all in seconds.

    `silence_seconds` without a byte (pings included) means a dead link;
    the wait before a new attempt grows from `retry_seconds` to `retry_limit_seconds`.
    """

    connect_seconds: Seconds = 5.0
    action_seconds: Seconds = 10.0
    ping_seconds: Seconds = 5.0
    silence_seconds: Seconds = 15.0
    retry_seconds: Seconds = 0.5
    retry_limit_seconds: Seconds = 30.0


class Machine(Struct, frozen=True, kw_only=True):
    """One Asterisk server. `id` is the API's `machine`.

    Relative files are relative to the configuration's folder.
    """

    id: Id
    name: str = ""
    host: str = "127.0.0.1"
    port: Port = 5038
    username: str
    secret: str = ""
    secret_file: str = ""
    tls: bool = False
    tls_ca_file: str = ""
    tls_verify: bool = True

    def __repr__(self) -> str:
        return f"Machine(id={self.id!r}, host={self.host!r}, port={self.port!r})"


class Endpoint(Struct, frozen=True, kw_only=True):
    """What the channels are whose name matches `pattern` (`*` and `?` as in a shell).

    The first rule that matches counts. `number` empty means the channel's own number.
    """

    pattern: str
    type: str
    customer: Count = 0
    peer: Count = 0
    billing_peer: Count = 0
    ingroup: Count = 0
    outgroup: Count = 0
    number: str = ""


class Config(Struct, frozen=True, kw_only=True):
    """All of it. `variables` maps a field of the answer to the channel variable that holds it.

    `peers` and `groups` give the ids of names that such variables hold instead of a number.
    """

    http: Http = Http()
    logs: Logs = Logs()
    directory: DirectorySource = DirectorySource()
    sync: Sync = Sync()
    ami: Ami = Ami()
    machine: tuple[Machine, ...] = ()
    endpoint: tuple[Endpoint, ...] = ()
    variables: dict[str, str] = {}
    peers: dict[str, Count] = {}
    groups: dict[str, Count] = {}
    account_code_is_customer: bool = False


def load(
    path: Path, environment: Mapping[str, str] = os.environ, *, secrets: bool = True
) -> Config:
    """Return the configuration in the file at `path`; its secrets, if they are needed, filled in.

    Raises:
        ConfigError: naming the key, or the file when it cannot be read at all.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(str(path), f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(str(path), "is not UTF-8") from None
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(path), f"is not TOML: {error}") from None
    config = parse(raw)
    machines = config.machine
    if secrets:
        machines = tuple(
            _completed(index, machine, path.parent, environment)
            for index, machine in enumerate(config.machine)
        )
    directory_file = str(path.parent / config.directory.file)
    return msgspec.structs.replace(
        config,
        machine=machines,
        directory=msgspec.structs.replace(config.directory, file=directory_file),
    )


def parse(raw: Mapping[str, Any]) -> Config:
    """Return the checked configuration of a parsed TOML document; secrets stay as they are.

    Raises:
        ConfigError: naming the key.
    """
    try:
        config = msgspec.convert(dict(raw), Config)
    except msgspec.ValidationError as error:
        raise _explain(str(error)) from None
    _check(config)
    return config


def _check(config: Config) -> None:
    """Check what the types cannot say."""
    if config.logs.level not in ("debug", "info", "warning", "error"):
        raise ConfigError("logs.level", "must be debug, info, warning or error")
    if config.logs.format not in ("auto", "text", "json"):
        raise ConfigError("logs.format", "must be auto, text or json")
    if config.ami.silence_seconds <= config.ami.ping_seconds:
        raise ConfigError("ami.silence_seconds", "must be longer than ami.ping_seconds")
    if config.ami.retry_limit_seconds < config.ami.retry_seconds:
        raise ConfigError("ami.retry_limit_seconds", "must not be shorter than ami.retry_seconds")
    _check_machines(config.machine)
    _check_variables(config.variables)
    for index, endpoint in enumerate(config.endpoint):
        for key in ("pattern", "type"):
            if not getattr(endpoint, key):
                raise ConfigError(f"endpoint[{index}].{key}", "must not be empty")


def _check_machines(machines: tuple[Machine, ...]) -> None:
    if not machines:
        raise ConfigError("machine", "at least one [[machine]] is needed")
    ids: set[int] = set()
    for index, machine in enumerate(machines):
        key = f"machine[{index}]"
        if machine.id in ids:
            raise ConfigError(f"{key}.id", f"{machine.id} is used twice")
        ids.add(machine.id)
        if machine.secret and machine.secret_file:
            raise ConfigError(f"{key}.secret_file", "secret is given as well")
        if not machine.host:
            raise ConfigError(f"{key}.host", "must not be empty")
        if not machine.username or has_line_break(machine.username):
            raise ConfigError(f"{key}.username", "must be one line of text")


def _check_variables(variables: Mapping[str, str]) -> None:
    for field, variable in variables.items():
        if field not in VARIABLE_FIELDS:
            known = ", ".join(VARIABLE_FIELDS)
            raise ConfigError(f"variables.{field}", f"is no field; known are {known}")
        if not variable or variable.strip() != variable or "(" in variable:
            raise ConfigError(f"variables.{field}", "must be the name of a plain variable")


def _completed(
    index: int, machine: Machine, folder: Path, environment: Mapping[str, str]
) -> Machine:
    """Return `machine` with its secret, and its files found from `folder`."""
    secret = find_secret(
        machine.id,
        key=f"machine[{index}].secret",
        written=machine.secret,
        file=folder / machine.secret_file if machine.secret_file else None,
        environment=environment,
    )
    ca_file = str(folder / machine.tls_ca_file) if machine.tls_ca_file else ""
    return msgspec.structs.replace(machine, secret=secret, tls_ca_file=ca_file)


def _explain(message: str) -> ConfigError:
    """Turn a text of msgspec's into an error that begins with the key."""
    problem, _, place = message.partition(" - at ")
    # In a table of names msgspec writes [...] for the name.
    key = place.strip("`").removeprefix("$").removeprefix(".").replace("[...]", ".*")
    for pattern, verdict in _STRUCTURE.items():
        if name := re.search(pattern, problem):
            return ConfigError(f"{key}.{name[1]}".lstrip("."), verdict)
    for theirs, ours in _WORDS.items():
        problem = problem.replace(theirs, ours)
    return ConfigError(key or "configuration", problem)


_STRUCTURE = {
    r"unknown field `([^`]*)`": "is not a known key",
    r"missing required field `([^`]*)`": "is missing",
}
_WORDS = {
    "Expected": "must be",
    ", got": ", not",
    "`object`": "a table",
    "`array`": "a list",
    "`": "",
}

"""The configuration: one TOML file as the Structs of `schema`, with the secrets from `secrets`.

`load` is the only way in. Whatever is wrong (an unknown key, a wrong type, a missing
secret, an unreadable file) is one `ConfigError` that names the key. The environment
overrides secrets only; no secret is ever part of an error or of a `repr`.
"""

import ipaddress
import os
import re
import ssl
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from callstate.core.errors import ConfigError
from callstate.schema import VARIABLE_FIELDS as VARIABLE_FIELDS
from callstate.schema import Ami as Ami
from callstate.schema import Config as Config
from callstate.schema import DirectorySource as DirectorySource
from callstate.schema import DirectorySql as DirectorySql
from callstate.schema import Endpoint as Endpoint
from callstate.schema import Http as Http
from callstate.schema import HttpLimits as HttpLimits
from callstate.schema import Logs as Logs
from callstate.schema import Machine as Machine
from callstate.schema import Sync as Sync
from callstate.secrets import find_secret, has_line_break

DEFAULT_PATH = Path("/etc/callstate/config.toml")
DIRECTORY_FILE = "directory.toml"

# As browsers send it: scheme, host and, unless it is the scheme's own, port; no path.
_ORIGIN = r"https?://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]+)?"


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
    machines, directory = config.machine, config.directory
    if secrets:
        machines = tuple(
            _completed(index, machine, path.parent, environment)
            for index, machine in enumerate(config.machine)
        )
        directory = _with_url(directory, path.parent, environment)
    return msgspec.structs.replace(
        config,
        http=_with_files(config.http, path.parent),
        machine=machines,
        directory=_with_file(directory, path.parent),
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
    _check_http(config.http)
    _check_machines(config.machine)
    _check_directory(config.directory)
    _check_variables(config.variables)
    for index, endpoint in enumerate(config.endpoint):
        for key in ("pattern", "type"):
            if not getattr(endpoint, key):
                raise ConfigError(f"endpoint[{index}].{key}", "must not be empty")


def _check_http(http: Http) -> None:
    if not http.hosts and not http.unix_socket:
        raise ConfigError("http.host", "must not be empty without http.unix_socket")
    if "" in http.hosts:
        raise ConfigError("http.host", "must not be empty; 0.0.0.0 is every address")
    if http.tls_key_file and not http.tls_certificate_file:
        raise ConfigError("http.tls_key_file", "there is no http.tls_certificate_file")
    for index, network in enumerate(http.trusted_proxies):
        if network != "unix" and not _is_network(network):
            problem = "must be a network as 10.0.0.0/8, an address, or unix"
            raise ConfigError(f"http.trusted_proxies[{index}]", problem)
    for index, origin in enumerate(http.cors_origins):
        if origin == "*" and len(http.cors_origins) > 1:
            raise ConfigError("http.cors_origins", "must be * alone, or origins without *")
        if origin != "*" and not re.fullmatch(_ORIGIN, origin):
            problem = "must be * or an origin as https://wall.example.com, in small letters"
            raise ConfigError(f"http.cors_origins[{index}]", problem)


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


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


def _check_directory(directory: DirectorySource) -> None:
    if directory.url and directory.url_file:
        raise ConfigError("directory.url_file", "url is given as well")


def _check_variables(variables: Mapping[str, str]) -> None:
    for field, variable in variables.items():
        if field not in VARIABLE_FIELDS:
            known = ", ".join(VARIABLE_FIELDS)
            raise ConfigError(f"variables.{field}", f"is no field; known are {known}")
        if not variable or variable.strip() != variable or "(" in variable:
            raise ConfigError(f"variables.{field}", "must be the name of a plain variable")


def _with_files(http: Http, folder: Path) -> Http:
    """Return `http` with its files found from `folder`."""
    names = ("unix_socket", "tls_certificate_file", "tls_key_file")
    files = {name: str(folder / path) for name in names if (path := getattr(http, name))}
    return msgspec.structs.replace(http, **files)


def _completed(
    index: int, machine: Machine, folder: Path, environment: Mapping[str, str]
) -> Machine:
    """Return `machine` with its secret, and its files found from `folder`."""
    secret = find_secret(
        f"machine[{index}].secret",
        variable=f"CALLSTATE_MACHINE_{machine.id}_SECRET",
        credential=f"machine-{machine.id}",
        written=machine.secret,
        file=folder / machine.secret_file if machine.secret_file else None,
        environment=environment,
    )
    ca_file = str(folder / machine.tls_ca_file) if machine.tls_ca_file else ""
    if ca_file:
        _check_authorities(f"machine[{index}].tls_ca_file", ca_file)
    return msgspec.structs.replace(machine, secret=secret, tls_ca_file=ca_file)


def _check_authorities(key: str, file: str) -> None:
    """Check that certificates can be read from `file`: a connection would try again for ever."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
    except ssl.SSLError:
        raise ConfigError(key, f"{file} holds no PEM certificate") from None
    except OSError as error:
        raise ConfigError(key, f"{file} cannot be read: {error.strerror}") from None
    except ValueError:  # a null character
        raise ConfigError(key, "is no name of a file") from None


def _with_url(
    directory: DirectorySource, folder: Path, environment: Mapping[str, str]
) -> DirectorySource:
    """Return `directory` with the url of its database, if it is one."""
    wants_database = directory.sql != DirectorySql()
    url = find_secret(
        "directory.url",
        variable="CALLSTATE_DIRECTORY_URL",
        credential="directory-url",
        written=directory.url,
        file=folder / directory.url_file if directory.url_file else None,
        environment=environment,
        needed=wants_database or bool(directory.url_file),
    )
    if url and directory.file:
        raise ConfigError("directory.file", "a database's url is given as well")
    if url and not directory.sql.customers:
        raise ConfigError("directory.sql.customers", "is missing: a database needs its SELECT")
    return msgspec.structs.replace(directory, url=url)


def _with_file(directory: DirectorySource, folder: Path) -> DirectorySource:
    """Return `directory` with the whole path of its file, unless it is a database."""
    if directory.url or directory.url_file or directory.sql != DirectorySql():
        return directory
    return msgspec.structs.replace(directory, file=str(folder / (directory.file or DIRECTORY_FILE)))


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
    " | array`": " or a list",
    "`array`": "a list",
    "`": "",
}

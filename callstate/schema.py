"""What a configuration is: its tables as frozen Structs, with their defaults.

`config` reads one. No secret is ever part of a `repr`.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

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


class HttpLimits(Struct, frozen=True, kw_only=True):
    """What clients may take of the daemon; beyond it they are refused or cut off.

    `connections` are all that may be open, `connections_per_client` those of one address. A
    request's line and headers have `head_bytes` and, from the first byte, `head_seconds`; its
    body `body_bytes` and `body_seconds`. An open connection may idle for `idle_seconds`. Who
    reads nothing of his answer for `reader_seconds`, or not all of it in `answer_seconds`, gets
    no more.
    """

    connections: Annotated[int, Meta(ge=1, le=1_000_000)] = 1000
    connections_per_client: Annotated[int, Meta(ge=1, le=1_000_000)] = 100
    head_bytes: Annotated[int, Meta(ge=1024, le=1 << 20)] = 16384
    head_seconds: Seconds = 10.0
    body_bytes: Annotated[int, Meta(ge=1024, le=1 << 24)] = 65536
    body_seconds: Seconds = 10.0
    idle_seconds: Seconds = 75.0
    reader_seconds: Seconds = 30.0
    answer_seconds: Seconds = 300.0


class Http(Struct, frozen=True, kw_only=True):
    """Where the API listens, and for whom.

    `host` is an address or several; port 0 takes a free one. `unix_socket` is the path of a
    socket to listen on beside. With `tls_certificate_file` the addresses speak TLS only; its key
    is in `tls_key_file`, or in the same file. `trusted_proxies` are networks whose
    `X-Forwarded-For` is believed, and `unix`. `cors_origins` are the sites whose scripts may read
    the answers, or `*`. A verified credential is remembered for `remember_seconds`, or until the
    directory changes its user; 0 verifies every request. Relative files are relative to the
    configuration's folder.
    """

    host: str | tuple[str, ...] = "127.0.0.1"
    port: Port = 8080
    unix_socket: str = ""
    tls_certificate_file: str = ""
    tls_key_file: str = ""
    trusted_proxies: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    remember_seconds: Annotated[float, Meta(ge=0, le=86400)] = 300.0
    limits: HttpLimits = HttpLimits()

    @property
    def hosts(self) -> tuple[str, ...]:
        """Every address, also when `host` is only one."""
        return (self.host,) if isinstance(self.host, str) else self.host


class Logs(Struct, frozen=True, kw_only=True):
    """`format` is `text`, `json`, or `auto`: text on a terminal, JSON otherwise."""

    level: str = "info"
    format: str = "auto"


class DirectorySql(Struct, frozen=True, kw_only=True):
    """One SELECT for each table of a directory; one that is empty has no rows.

    `timeout_seconds` is what connecting and reading them all may take.
    """

    timeout_seconds: Seconds = 10.0
    customers: str = ""
    roles: str = ""
    users: str = ""
    lines: str = ""
    names: str = ""


class DirectorySource(Struct, frozen=True, kw_only=True):
    """Where customers, users, roles, lines and names come from: a file, or a database.

    Relative files are relative to the configuration's folder; `file` is `directory.toml` when
    there is no `url`. 0 `reload_seconds` reads it only on SIGHUP.
    """

    file: str = ""
    url: str = ""
    url_file: str = ""
    reload_seconds: Annotated[float, Meta(ge=0, le=86400)] = 60.0
    sql: DirectorySql = DirectorySql()

    def __repr__(self) -> str:
        return f"DirectorySource(file={self.file!r}, reload_seconds={self.reload_seconds!r})"


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
    `stop_seconds` is how long a stop waits for requests that are being answered.
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
    stop_seconds: Seconds = 5.0

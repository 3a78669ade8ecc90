"""Requests judged: what may be asked, by whom, and over which legs.

1. Ambiguous or unreadable: 400, whoever asks. 2. Who asks: 401, 429. 3. What his role
forbids: 402. 4. What else is wrong: 400, all of it at once. So a stranger learns nothing
of parameters, and no request is read in two ways.

A poller sends the very same request every second. Once admitted, it is known again by a
keyed hash of its query string, for as long as its credentials are remembered and the
directory stays; the password is not kept.
"""

import hashlib
import secrets
from collections.abc import Callable, Mapping

import msgspec

from callstate.core.access import Principal, Scope
from callstate.core.directory import Directory, principal_of
from callstate.core.errors import BadParameter
from callstate.core.query import Query
from callstate.core.state import CallState
from callstate.web import form
from callstate.web.auth import Authenticator
from callstate.web.errors import BadParameters
from callstate.web.params import Asked, Kind, in_order, parse
from callstate.web.rows import Encoder

# Some 2 kB each, at most 10: more than the pollers of a large platform.
KNOWN = 10_000
# Larger requests and scopes are judged each time, so that they do not fill the memory.
_KNOWN_LENGTH = 1000
_KNOWN_CUSTOMERS = 64

Authorize = Callable[[Directory, Principal, Asked], Scope]
"""What a user may see of what he asked for; raises NotAllowed or BadParameter."""


class Admitted(msgspec.Struct, frozen=True, gc=False):
    """A query that may be run, and when its credentials must be looked at again.

    `key` is what the request is known by, empty when it is judged each time.
    """

    query: Query
    scope: Scope
    until: float
    key: bytes = b""


class Admission:
    """The judge of one endpoint, whose parameters are `kinds`.

    Invariant: every known request was admitted under the directory in force.
    """

    def __init__(
        self,
        state: CallState,
        authenticator: Authenticator,
        *,
        kinds: Mapping[str, Kind],
        authorize: Authorize,
        size: int = KNOWN,
    ) -> None:
        self._state = state
        self._authenticator = authenticator
        self._kinds = kinds
        self._authorize = authorize
        self._size = size
        self._hash = hashlib.blake2b(key=secrets.token_bytes(32), digest_size=16)
        self._known: dict[bytes, Admitted] = {}
        self._directory = state.directory

    def __len__(self) -> int:
        return len(self._known)

    def recall(self, query: str) -> Admitted | None:
        """Return what a request without a body, with this query string, was admitted to."""
        return self._recall(self._key(query))

    def stands(self, admitted: Admitted) -> bool:
        """Tell whether the request that was admitted to `admitted` still would be. O(1)."""
        return self._recall(admitted.key) is admitted

    async def admit(
        self, query: str, *, body: bytes = b"", content_type: str = "", address: str = ""
    ) -> Admitted:
        """Judge a request from `address`.

        Raises:
            BadParameters: it is ambiguous, or something is wrong with it.
            AuthenticationFailed: for every reason alike.
            TooManyAttempts: the name or the address must wait first.
            NotAllowed: the role does not allow it.
        """
        given = form.read(query, names=self._kinds, body=body, content_type=content_type)
        asked = parse(given, self._kinds)
        verified = await self._authenticator.authenticate(asked.credentials, address)
        directory = self._state.directory
        scope = self._scope(directory, principal_of(directory, verified.user), asked)
        if body or not self._may_know(query, scope):
            return Admitted(asked.query, scope, verified.until)
        return self._remember(Admitted(asked.query, scope, verified.until, self._key(query)))

    def _scope(self, directory: Directory, who: Principal, asked: Asked) -> Scope:
        """Return the scope, once nothing is wrong; what is forbidden goes before that."""
        errors = list(asked.errors)
        try:
            scope = self._authorize(directory, who, asked)
        except BadParameter as error:
            errors.append(error)
        if errors:
            raise BadParameters(in_order(errors))
        return scope

    def _recall(self, key: bytes) -> Admitted | None:
        if self._directory is not self._state.directory:
            self._known.clear()
            self._directory = self._state.directory
        admitted = self._known.get(key)
        if admitted is not None and self._authenticator.clock() >= admitted.until:
            del self._known[key]
            return None
        return admitted

    def _may_know(self, query: str, scope: Scope) -> bool:
        is_large = scope.customers is not None and len(scope.customers) > _KNOWN_CUSTOMERS
        is_now = self._directory is self._state.directory
        return is_now and not is_large and len(query) <= _KNOWN_LENGTH

    def _remember(self, admitted: Admitted) -> Admitted:
        while len(self._known) >= self._size:
            del self._known[next(iter(self._known))]
        self._known[admitted.key] = admitted
        return admitted

    def _key(self, query: str) -> bytes:
        hashed = self._hash.copy()
        hashed.update(query.encode("utf-8", "surrogatepass"))
        return hashed.digest()


class Asking(msgspec.Struct, frozen=True, gc=False):
    """What was admitted, who judges it, and how its rows are written."""

    admission: Admission
    admitted: Admitted
    encode: Encoder

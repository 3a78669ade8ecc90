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

# Some 2 kB each, at most 10: more than the pollers of a large platform.
KNOWN = 10_000
# Larger requests and scopes are judged each time, so that they do not fill the memory.
_KNOWN_LENGTH = 1000
_KNOWN_CUSTOMERS = 64

Authorize = Callable[[Directory, Principal, Asked], Scope]
"""What a user may see of what he asked for; raises NotAllowed or BadParameter."""


class Admitted(msgspec.Struct, frozen=True, gc=False):
    """A query that may be run, and when its credentials must be looked at again."""

    query: Query
    scope: Scope
    until: float


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
        if self._directory is not self._state.directory:
            self._known.clear()
            self._directory = self._state.directory
        key = self._key(query)
        admitted = self._known.get(key)
        if admitted is not None and self._authenticator.clock() >= admitted.until:
            del self._known[key]
            return None
        return admitted

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
        admitted = Admitted(asked.query, scope, verified.until)
        if not body:
            self._remember(query, admitted)
        return admitted

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

    def _remember(self, query: str, admitted: Admitted) -> None:
        customers = admitted.scope.customers
        is_large = customers is not None and len(customers) > _KNOWN_CUSTOMERS
        if is_large or len(query) > _KNOWN_LENGTH or self._directory is not self._state.directory:
            return
        while len(self._known) >= self._size:
            del self._known[next(iter(self._known))]
        self._known[self._key(query)] = admitted

    def _key(self, query: str) -> bytes:
        hashed = self._hash.copy()
        hashed.update(query.encode("utf-8", "surrogatepass"))
        return hashed.digest()

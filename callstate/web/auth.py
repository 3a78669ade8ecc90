"""Who asks: credentials verified against the directory, and remembered for a while.

1. A credential verified not long ago costs one keyed hash. The hash covers the stored
   password hash too, so a change in the directory forgets it by itself.
2. Everything else costs one argon2id verification, in threads of its own, whether the user
   exists or not; the answer is the same for every reason.
3. Who fails often must wait (see `throttle`). A credential once verified never has to,
   not even when it is time to verify it again: whoever guesses at a poller's name does
   not disturb the poller.

Passwords stay in the arguments of these functions: no error, log or repr holds one.
"""

import asyncio
import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from callstate.core.access import User
from callstate.core.errors import AuthenticationFailed
from callstate.web.errors import TooManyAttempts
from callstate.web.params import Credentials
from callstate.web.throttle import Throttle

REMEMBER_SECONDS = 300.0
# Each verification takes 64 MiB and tens of milliseconds of up to four cores.
VERIFICATIONS = 2
# So many requests may wait for theirs; further ones are told to come back.
WAITING = 1000
# Some 150 bytes each; pollers are users, and a user has few passwords.
REMEMBERED = 10_000

_KIND = "$argon2id$"


class Verified(NamedTuple):
    """A user whose password was right, and until when that need not be asked again."""

    user: User
    until: float


class Authenticator:
    """Knows whether a user's password is his.

    `users` gives the directory's users of now; `remember_seconds` may be changed, for what is
    verified from then on. Invariant: at most `remembered` credentials
    are kept, as keyed hashes under a key of this process.
    """

    def __init__(
        self,
        users: Callable[[], Mapping[str, User]],
        *,
        clock: Callable[[], float],
        remember_seconds: float = REMEMBER_SECONDS,
        remembered: int = REMEMBERED,
        waiting: int = WAITING,
        hasher: PasswordHasher | None = None,
    ) -> None:
        self._users = users
        self.clock = clock
        self.remember_seconds = remember_seconds
        self._remembered = remembered
        self._waiting = waiting
        self._hasher = hasher or PasswordHasher()
        self._nobody = self._hasher.hash(secrets.token_hex())
        self._key = secrets.token_bytes(32)
        # Until when each counts. One whose time is over stays: it is still known to be right.
        self._verified: OrderedDict[bytes, float] = OrderedDict()
        self._throttle = Throttle(clock)
        self._turns = asyncio.Semaphore(VERIFICATIONS)
        self._in_line = 0
        self._threads = ThreadPoolExecutor(VERIFICATIONS, thread_name_prefix="argon2")

    async def authenticate(self, credentials: Credentials, address: str) -> Verified:
        """Return the user whom `credentials`, sent from `address`, belong to.

        Raises:
            AuthenticationFailed: for every reason alike.
            TooManyAttempts: when this name or address must wait first.
        """
        if not credentials.username or not credentials.password:
            raise AuthenticationFailed
        user = self._user(credentials)
        until = self._until(credentials, user)
        if user is not None and self.clock() < until:
            return Verified(user, until)
        if until > 0:
            return await self._verify(credentials)
        name = self._keyed(credentials.username)
        self._throttle.check(name, address)
        if self._in_line >= self._waiting:
            raise TooManyAttempts(1.0)
        self._in_line += 1
        try:
            return await self._verify(credentials, (name, address))
        finally:
            self._in_line -= 1

    def close(self) -> None:
        """Let the threads end; nothing can be verified any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _verify(
        self, credentials: Credentials, attempt: tuple[bytes, str] | None = None
    ) -> Verified:
        """Verify when it is its turn; an `attempt` (name, address) is paid for."""
        async with self._turns:
            user = self._user(credentials)
            until = self._until(credentials, user)
            if user is not None and self.clock() < until:
                return Verified(user, until)  # the same credentials were ahead in the line
            if attempt is not None:
                self._throttle.check(*attempt)
                self._throttle.take(*attempt)
            stored = self._nobody if user is None else user.password_hash
            matches = await asyncio.get_running_loop().run_in_executor(
                self._threads, self._matches, stored, _bytes(credentials.password)
            )
            # The directory may have changed meanwhile.
            current = self._user(credentials)
            if not matches or user is None or current is None or current.password_hash != stored:
                raise AuthenticationFailed
            if attempt is not None:
                self._throttle.give(*attempt)
            return Verified(current, self._remember(credentials, current))

    def _matches(self, stored: str, password: bytes) -> bool:
        """Tell whether `stored` is the hash of `password`; slow, runs in a thread."""
        try:
            return self._hasher.verify(stored, password)
        except VerifyMismatchError:
            return False
        except (VerificationError, InvalidHashError):
            # A broken hash is refused at once, which would tell that the user exists.
            return stored != self._nobody and self._matches(self._nobody, password)

    def _user(self, credentials: Credentials) -> User | None:
        """Return the user of that name, if a password can be his at all."""
        user = self._users().get(credentials.username)
        if user is None or user.disabled or not user.password_hash.startswith(_KIND):
            return None
        return user

    def _until(self, credentials: Credentials, user: User | None) -> float:
        """Return until when these are remembered, past or not; 0 if they never were right."""
        return 0.0 if user is None else self._verified.get(self._digest(credentials, user), 0.0)

    def _remember(self, credentials: Credentials, user: User) -> float:
        """Keep that these were right; return until when that counts."""
        digest = self._digest(credentials, user)
        self._verified.pop(digest, None)
        while len(self._verified) >= self._remembered:
            self._verified.popitem(last=False)
        until = self._verified[digest] = self.clock() + self.remember_seconds
        return until

    def _digest(self, credentials: Credentials, user: User) -> bytes:
        # Lengths first: no two triples give one text.
        name, password, stored = credentials.username, credentials.password, user.password_hash
        return self._keyed(f"{len(name)},{len(password)},{name}{password}{stored}")

    def _keyed(self, text: str) -> bytes:
        return hashlib.blake2b(_bytes(text), key=self._key, digest_size=16).digest()


def hash_password(password: str) -> str:
    """Return the argon2id hash of `password`, as a directory keeps it.

    Raises:
        ValueError: when `password` is empty, which nobody can log in with.
    """
    if not password:
        raise ValueError("an empty password cannot be used")
    return PasswordHasher().hash(password)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")

"""How failed attempts slow down those who make them, and nobody else.

Three allowances, each of which refills with time:
1. an address has some failures, whatever the names;
2. a name has a few failures, whatever the addresses;
3. beyond these, a name may still be tried by an address that did not just fail with it, so
   that guessing somebody's password from elsewhere does not lock him out.

An attempt is paid for before it is made, and given back when it succeeds: many at once get
no further than one after another. All tables are bounded; the oldest entry goes first.
"""

import ipaddress
from collections import OrderedDict
from collections.abc import Callable, Hashable

from callstate.web.errors import TooManyAttempts

# A mistyping person notices nothing; a guesser gets 8 640 attempts a day at one name, and as
# many more as he has thousands of addresses.
NAME_FAILURES, NAME_SECONDS = 5, 10.0
# Many users may sit behind one address.
ADDRESS_FAILURES, ADDRESS_SECONDS = 30, 2.0
PAIR_FAILURES, PAIR_SECONDS = 1, 300.0
# Some 200 bytes an entry.
TABLE_SIZE = 10_000


class Allowance:
    """So many failures for each key, one of which comes back every `seconds`.

    One number a key: the time at which all its failures have come back. Invariant: at most
    `size` keys.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        failures: int,
        seconds: float,
        size: int = TABLE_SIZE,
    ) -> None:
        self._clock = clock
        self._seconds = seconds
        self._slack = (failures - 1) * seconds
        self._size = size
        self._whole_at: OrderedDict[Hashable, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._whole_at)

    def wait(self, key: Hashable) -> float:
        """Return the seconds until `key` may fail again, 0 when it may now."""
        whole_at = self._whole_at.get(key)
        return 0.0 if whole_at is None else max(0.0, whole_at - self._clock() - self._slack)

    def take(self, key: Hashable) -> None:
        """Count a failure of `key`."""
        whole_at = max(self._whole_at.pop(key, 0.0), self._clock()) + self._seconds
        while len(self._whole_at) >= self._size:
            self._whole_at.popitem(last=False)
        self._whole_at[key] = whole_at

    def give(self, key: Hashable) -> None:
        """Take back one failure of `key`."""
        whole_at = self._whole_at.get(key)
        if whole_at is None:
            return
        if whole_at - self._seconds <= self._clock():
            del self._whole_at[key]
        else:
            self._whole_at[key] = whole_at - self._seconds


class Throttle:
    """Who may try credentials now."""

    def __init__(self, clock: Callable[[], float], *, size: int = TABLE_SIZE) -> None:
        self._names = Allowance(clock, failures=NAME_FAILURES, seconds=NAME_SECONDS, size=size)
        self._addresses = Allowance(
            clock, failures=ADDRESS_FAILURES, seconds=ADDRESS_SECONDS, size=size
        )
        self._pairs = Allowance(clock, failures=PAIR_FAILURES, seconds=PAIR_SECONDS, size=size)

    def check(self, name: Hashable, address: str) -> None:
        """Return when `name` may be tried from `address`.

        Raises:
            TooManyAttempts: when it may not yet.
        """
        network = network_of(address)
        name_wait = min(self._names.wait(name), self._pairs.wait((name, network)))
        wait = max(self._addresses.wait(network), name_wait)
        if wait > 0:
            raise TooManyAttempts(wait)

    def take(self, name: Hashable, address: str) -> None:
        """Pay for an attempt, as if it failed."""
        network = network_of(address)
        self._names.take(name)
        self._addresses.take(network)
        self._pairs.take((name, network))

    def give(self, name: Hashable, address: str) -> None:
        """Give back what an attempt cost that succeeded."""
        network = network_of(address)
        self._names.give(name)
        self._addresses.give(network)
        self._pairs.give((name, network))


def network_of(address: str) -> str:
    """Return what one client has for itself: an IPv4 address, or 64 bits of an IPv6 one.

    >>> network_of("2001:db8:1:2:3:4:5:6"), network_of("::ffff:192.0.2.1")
    ('2001:db8:1:2::', '192.0.2.1')
    """
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Address(int(parsed) >> 64 << 64))

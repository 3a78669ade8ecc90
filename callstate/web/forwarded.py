"""Who asks when proxies stand between: `X-Forwarded-For`, as far as it is believed.

Each proxy appends the address that it was connected from. Only what a trusted one appended
is known; what stands left of that, anybody can have written. So the client is the rightmost
address that is not a trusted proxy's.
"""

import ipaddress
from collections.abc import Iterable, Sequence

# The entry of the Unix socket in a list of trusted networks; its peers have no address.
UNIX = "unix"
# Nobody has more proxies of his own; a list of addresses must not cost milliseconds.
HOPS = 20

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Proxies:
    """The proxies that are believed: those in the networks `trusted`."""

    def __init__(self, trusted: Iterable[str] = ()) -> None:
        trusted = tuple(trusted)
        self._networks = [ipaddress.ip_network(each) for each in trusted if each != UNIX]
        self._trusts_unix = UNIX in trusted

    def trusts(self, address: str) -> bool:
        """Tell whether `address` is a trusted proxy's; "" is the Unix socket's."""
        if not address:
            return self._trusts_unix
        parsed = _parse(address)
        return parsed is not None and any(parsed in network for network in self._networks)

    def client_of(self, address: str, forwarded: Sequence[str]) -> str:
        """Return whose request it is that came from `address` with these `X-Forwarded-For`.

        What is no address there ends the search: the client is then the proxy that wrote it.
        """
        if not forwarded or not self.trusts(address):
            return address
        for hop in reversed(",".join(forwarded).rsplit(",", HOPS)[-HOPS:]):
            parsed = _parse(_without_port(hop.strip()))
            if parsed is None:
                break
            address = str(parsed)
            if not self.trusts(address):
                break
        return address


def _parse(text: str) -> _Address | None:
    """Return the address in `text`, an IPv4 one also when it is written as IPv6."""
    try:
        parsed = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return mapped or parsed


def _without_port(hop: str) -> str:
    """Return the address of `192.0.2.1:4711` or `[2001:db8::1]:4711`; some proxies add ports."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop

"""Whose request it is when proxies stand between."""

import pytest

from callstate.web.forwarded import HOPS, Proxies

TRUSTED = ("10.0.0.0/8", "2001:db8:1::/48", "192.0.2.7")
PROXY = "10.0.0.1"


@pytest.mark.parametrize(
    ("address", "forwarded", "client"),
    [
        # Nobody stands between, or nobody who is believed.
        (PROXY, [], PROXY),
        ("192.0.2.1", ["198.51.100.1"], "192.0.2.1"),
        ("unknown", ["198.51.100.1"], "unknown"),
        ("", ["198.51.100.1"], ""),
        # The rightmost that is no proxy of ours; what is left of it, anybody can have written.
        (PROXY, ["198.51.100.1"], "198.51.100.1"),
        (PROXY, ["203.0.113.9, 198.51.100.1"], "198.51.100.1"),
        (PROXY, ["198.51.100.1, 10.0.0.2 ,192.0.2.7"], "198.51.100.1"),
        (PROXY, ["203.0.113.9", "198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("2001:db8:1::5", ["2001:db8:2::9"], "2001:db8:2::9"),
        ("::ffff:10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        (PROXY, ["::ffff:198.51.100.1"], "198.51.100.1"),
        # Ours only: the one that is farthest away.
        (PROXY, ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        # With ports.
        (PROXY, ["198.51.100.1:4711"], "198.51.100.1"),
        (PROXY, ["[2001:db8:2::9]:4711"], "2001:db8:2::9"),
        (PROXY, ["[2001:db8:2::9]"], "2001:db8:2::9"),
        # What is no address ends the search at whoever wrote it.
        (PROXY, [""], PROXY),
        (PROXY, ["unknown"], PROXY),
        (PROXY, ["198.51.100.1, unknown, 10.0.0.2"], "10.0.0.2"),
        (PROXY, ["198.51.100.1, "], PROXY),
        (PROXY, [",,,"], PROXY),
        (PROXY, ["1.2.3.4.5", "\x00", "[::", "::1]", "300.1.1.1", "\udcff"], PROXY),
        (PROXY, ["9" * 8000], PROXY),
    ],
)
def test_the_client_is_the_last_whom_no_proxy_of_ours_vouches_for(
    address: str, forwarded: list[str], client: str
) -> None:
    assert Proxies(TRUSTED).client_of(address, forwarded) == client


def test_the_unix_socket_is_a_proxy_if_it_is_said_to_be() -> None:
    assert Proxies(["unix"]).client_of("", ["198.51.100.1"]) == "198.51.100.1"
    assert Proxies(["unix"]).client_of("192.0.2.1", ["198.51.100.1"]) == "192.0.2.1"
    assert not Proxies(TRUSTED).trusts("")


def test_only_so_many_are_looked_at() -> None:
    hops = ["198.51.100.1"] + [f"10.0.0.{number}" for number in range(2 * HOPS)]
    assert Proxies(TRUSTED).client_of(PROXY, [", ".join(hops)]) == f"10.0.0.{HOPS}"

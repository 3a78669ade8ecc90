"""Listening sockets, and why one cannot be had."""

import resource
import socket
from pathlib import Path

import pytest

from callstate.core.errors import ConfigError
from callstate.web.listening import allow_files, bind, bind_unix, unbind_unix

HAS_IPV6 = Path("/proc/net/if_inet6").exists() and "lo" in Path("/proc/net/if_inet6").read_text()


async def test_an_address_of_each_kind_can_be_listened_at() -> None:
    hosts = ["127.0.0.1", "0.0.0.0", *(["::1", "::"] if HAS_IPV6 else [])]
    for host in hosts:
        [listening] = await bind(host, 0)
        with listening:
            assert listening.getsockname()[0] == host
            with socket.create_connection((listening.getsockname()[0], listening.getsockname()[1])):
                pass


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("192.0.2.1", "Cannot assign requested address"),
        ("no-such-host.invalid", ""),
        ("a" * 64 + ".example", ""),
    ],
)
async def test_an_address_that_cannot_be_had_says_why(host: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        await bind(host, 8080)
    assert caught.value.key == "http"
    assert caught.value.problem.startswith(f"{host}:8080 cannot be listened on: {reason}")


def test_a_path_can_be_listened_at_by_one(tmp_path: Path) -> None:
    path = str(tmp_path / "http.sock")
    with bind_unix(path):
        assert Path(path).stat().st_mode & 0o777 == 0o666
        with pytest.raises(ConfigError, match="cannot be listened on: Address already in use"):
            bind_unix(path)
    # The one who left it behind is gone.
    with bind_unix(path), socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
    unbind_unix(path)
    unbind_unix(path)
    assert not Path(path).exists()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("file", "File exists"),
        ("no/http.sock", "No such file or directory"),
        ("x" * 200, "path too long"),
    ],
)
def test_a_path_that_cannot_be_had_says_why(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "file").write_text("precious")
    with pytest.raises(ConfigError, match=reason) as caught:
        bind_unix(str(tmp_path / name))
    assert caught.value.key == "http.unix_socket"
    assert (tmp_path / "file").read_text() == "precious"


def test_files_are_allowed_as_far_as_the_system_lets_us(monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = (1024, 4096)
    monkeypatch.setattr(resource, "getrlimit", lambda _which: allowed)
    raised: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "setrlimit", lambda _which, limits: raised.append(limits))
    allow_files(100)
    assert raised == []
    allow_files(1000)
    assert raised == [(1200, 4096)]
    with pytest.raises(ConfigError, match=r"need 10200 open files, and the process may have 4096"):
        allow_files(10_000)
    allowed = (1024, resource.RLIM_INFINITY)
    allow_files(10_000)
    assert raised[-1] == (10_200, resource.RLIM_INFINITY)
    allowed = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    allow_files(1_000_000)
    assert len(raised) == 2

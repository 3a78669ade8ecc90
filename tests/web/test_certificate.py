"""The server's certificate: every fault is one line that names the key and the file."""

import ssl
from pathlib import Path

import pytest

from callstate.core.errors import ConfigError
from callstate.web.certificate import Certificate, load
from tests.certificates import make_certificate


@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_a_certificate_and_its_key_are_taken_from_one_file_or_two(
    tmp_path: Path, kind: str
) -> None:
    certificate, key = make_certificate(tmp_path, key=kind)
    context = load(str(certificate), str(key))
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    both = tmp_path / "both.pem"
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    load(str(both))


FAULTS = {
    "no certificate": ("none.pem", "server.key", "certificate", "cannot be read: No such file"),
    "no key": ("server.pem", "none.key", "key", "cannot be read: No such file"),
    "another key": ("server.pem", "other.key", "key", "other.key is not the key of the cert"),
    "no PEM": ("text", "server.key", "certificate", "text holds no PEM certificate"),
    "a key for a certificate": ("server.key", "server.key", "certificate", "holds no PEM cert"),
    "a certificate for a key": ("server.pem", "server.pem", "key", "holds no PEM key"),
    "no key in the same file": ("server.pem", "", "key", "server.pem holds no PEM key"),
    "a passphrase": ("server.pem", "locked.key", "key", "or one with a passphrase"),
    "a folder": (".", "server.key", "certificate", "cannot be read: Is a directory"),
    "a null character": ("server\0.pem", "server.key", "certificate", "is no name of a file"),
}
LOCKED = """-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgxhM3j5WLyOAICCAAw
-----END ENCRYPTED PRIVATE KEY-----
"""


@pytest.mark.parametrize(("certificate", "key", "blamed", "problem"), FAULTS.values(), ids=FAULTS)
def test_a_fault_names_its_key_and_its_file(
    tmp_path: Path, certificate: str, key: str, blamed: str, problem: str
) -> None:
    make_certificate(tmp_path)
    make_certificate(tmp_path, stem="other")
    (tmp_path / "text").write_text("hello")
    (tmp_path / "locked.key").write_text(LOCKED)
    with pytest.raises(ConfigError, match=problem) as caught:
        load(str(tmp_path / certificate), str(tmp_path / key) if key else "")
    assert caught.value.key == f"http.tls_{blamed}_file"


def test_what_cannot_be_loaded_again_raises_and_leaves_the_old(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    held = Certificate(str(certificate), str(key))
    before = held._latest
    key.unlink()
    with pytest.raises(ConfigError):
        held.reload()
    assert held._latest is before
    make_certificate(tmp_path)
    held.reload()
    assert held._latest is not before

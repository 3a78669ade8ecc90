"""The server's certificate: checked when it is read, and read again without a restart."""

import ssl
from pathlib import Path

from callstate.core.errors import ConfigError

_CERTIFICATE, _KEY = "http.tls_certificate_file", "http.tls_key_file"


class Certificate:
    """A certificate with its key, and the `context` in which clients meet the latest one."""

    def __init__(self, certificate_file: str, key_file: str = "") -> None:
        """Read the files; without `key_file` the certificate's file holds the key too.

        Raises:
            ConfigError: one of them cannot be used.
        """
        self._files = (certificate_file, key_file)
        self._latest = self.context = load(*self._files)
        # A handshake takes the context that is the latest at its begin: whole, or not at all.
        self.context.sni_callback = self._choose

    def reload(self) -> None:
        """Read the files again, for connections to come; when they cannot be used, keep the old.

        Raises:
            ConfigError: one of them cannot be used.
        """
        self._latest = load(*self._files)

    def _choose(
        self, handshake: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext
    ) -> None:
        handshake.context = self._latest


def load(certificate_file: str, key_file: str = "") -> ssl.SSLContext:
    """Return a server's context for TLS 1.2 and later.

    Raises:
        ConfigError: a file cannot be read, is no certificate or key, or the two do not match.
    """
    _check_readable(_CERTIFICATE, certificate_file)
    if key_file:
        _check_readable(_KEY, key_file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(certificate_file)
    except ssl.SSLError:
        raise ConfigError(_CERTIFICATE, f"{certificate_file} holds no PEM certificate") from None
    try:
        # A passphrase would be asked for on the terminal, which nobody sees.
        context.load_cert_chain(certificate_file, key_file or None, password="")
    except ssl.SSLError as error:
        raise ConfigError(_KEY, _what_is_wrong(error, key_file or certificate_file)) from None
    return context


def _check_readable(key: str, file: str) -> None:
    try:
        with Path(file).open("rb"):
            pass
    except OSError as error:
        raise ConfigError(key, f"{file} cannot be read: {error.strerror}") from None
    except ValueError:  # a null character
        raise ConfigError(key, "is no name of a file") from None


def _what_is_wrong(error: ssl.SSLError, file: str) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return f"{file} is not the key of the certificate"
    return f"{file} holds no PEM key, or one with a passphrase"

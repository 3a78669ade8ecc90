"""Secrets, from where secrets live: environment, files, systemd's credentials.

No error, and no `repr`, ever holds one.
"""

from collections.abc import Mapping
from pathlib import Path

from callstate.core.errors import ConfigError


def find_secret(
    key: str,
    *,
    variable: str,
    credential: str,
    written: str,
    file: Path | None,
    environment: Mapping[str, str],
    needed: bool = True,
) -> str:
    """Return a secret: the first of the environment's `variable`, `file`, systemd's
    `credential`, and what is `written` in the configuration at `key`; empty if there is none.

    Raises:
        ConfigError: there is none although it is `needed`, or it cannot be read or used.
    """
    secret = environment.get(variable, "")
    if not secret and file is not None:
        secret = _read(f"{key}_file", file)
    credentials = environment.get("CREDENTIALS_DIRECTORY", "")
    if not secret and credentials:
        path = Path(credentials) / credential
        if path.exists():
            secret = _read(key, path)
    secret = secret or written
    if needed and not secret:
        name = key.rpartition(".")[2]
        raise ConfigError(key, f"is missing: set it, {name}_file, or {variable}")
    if has_line_break(secret):
        raise ConfigError(key, "must not contain a line break")
    return secret


def has_line_break(text: str) -> bool:
    """Tell whether `text` would end a header on the manager connection and begin another."""
    return "\r" in text or "\n" in text


def _read(key: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise ConfigError(key, f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(key, f"{path} is not UTF-8") from None
    except ValueError:  # a null character
        raise ConfigError(key, "is no name of a file") from None

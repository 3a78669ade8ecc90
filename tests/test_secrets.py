"""Where a secret comes from, in which order, and what is said when it cannot."""

from pathlib import Path

import pytest

from callstate.core.errors import ConfigError
from callstate.secrets import find_secret

VARIABLE = "CALLSTATE_MACHINE_3_SECRET"
KEY = "machine[0].secret"


def _find(
    *, written: str = "", file: Path | None = None, environment: dict[str, str] | None = None
) -> str:
    return find_secret(
        KEY,
        variable=VARIABLE,
        credential="machine-3",
        written=written,
        file=file,
        environment=environment or {},
    )


def _file(folder: Path, text: str) -> Path:
    path = folder / "machine-3"
    path.write_bytes(text.encode("latin-1"))
    return path


def test_it_may_be_written_in_the_configuration() -> None:
    assert _find(written="here") == "here"


def test_the_environment_goes_before_all(tmp_path: Path) -> None:
    environment = {VARIABLE: "there", "CREDENTIALS_DIRECTORY": str(tmp_path)}
    _file(tmp_path, "not this")
    assert _find(written="nor this", file=tmp_path / "none", environment=environment) == "there"


def test_the_environment_of_another_machine_does_not_count() -> None:
    assert _find(written="here", environment={"CALLSTATE_MACHINE_33_SECRET": "x"}) == "here"


def test_a_file_ends_with_its_line(tmp_path: Path) -> None:
    assert _find(file=_file(tmp_path, "from a file \r\n")) == "from a file "


def test_a_credential_of_systemd_goes_before_what_is_written(tmp_path: Path) -> None:
    _file(tmp_path, "from systemd\n")
    environment = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert _find(written="not this", environment=environment) == "from systemd"


def test_a_credential_need_not_be_there(tmp_path: Path) -> None:
    assert _find(written="here", environment={"CREDENTIALS_DIRECTORY": str(tmp_path)}) == "here"


def test_a_missing_secret_says_how_to_give_one() -> None:
    with pytest.raises(ConfigError) as caught:
        _find()
    assert str(caught.value) == f"{KEY}: is missing: set it, secret_file, or {VARIABLE}"


def test_one_that_is_not_needed_may_be_missing() -> None:
    none: dict[str, str] = {}
    found = find_secret(
        KEY, variable="X", credential="x", written="", file=None, environment=none, needed=False
    )
    assert found == ""


def test_an_empty_file_is_no_secret(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is missing"):
        _find(file=_file(tmp_path, "\n"))


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("none", "cannot be read: No such file or directory"),
        (".", "cannot be read: Is a directory"),
        ("machine-3", "is not UTF-8"),
        ("a\0b", "is no name of a file"),
    ],
)
def test_a_file_that_is_no_use_is_named(tmp_path: Path, name: str, problem: str) -> None:
    _file(tmp_path, "\xff")
    with pytest.raises(ConfigError) as caught:
        _find(file=tmp_path / name)
    assert caught.value.key == f"{KEY}_file"
    assert caught.value.problem.endswith(problem)


@pytest.mark.parametrize("line_break", ["\r", "\n", "\r\n"])
def test_it_cannot_smuggle_in_a_header(line_break: str) -> None:
    with pytest.raises(ConfigError, match="must not contain a line break") as caught:
        _find(environment={VARIABLE: f"a{line_break}Action: Originate"})
    assert "Originate" not in str(caught.value)

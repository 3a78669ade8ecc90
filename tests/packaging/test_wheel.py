"""The package as its user gets it: built, looked into, installed elsewhere, and run there."""

import signal
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

from tests.packaging.wheels import ROOT, names, run, tracked

pytestmark = pytest.mark.packaging

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

# More than the code and the documents weigh, less than one of them with the recordings.
SIZE_LIMIT = 1_000_000

DIRECTORY = """
[[customer]]
id = 1
[[role]]
name = "operator"
[[user]]
name = "wallboard"
customer = 1
role = "operator"
"""


def _metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return Parser().parsestr(archive.read(name).decode())


def test_the_wheel_holds_the_package_and_what_an_operator_needs_and_nothing_else(
    wheel: Path,
) -> None:
    version = PROJECT["version"]
    info, data = f"callstate-{version}.dist-info/", f"callstate-{version}.data/data/"
    files = names(wheel)
    code = {name for name in files if not name.startswith((info, data))}
    assert code == tracked("callstate")
    assert "callstate/py.typed" in code
    shared = {
        name.removeprefix(f"{data}share/callstate/") for name in files if name.startswith(data)
    }
    beside = ("README.md", "CHANGELOG.md", "config.example.toml")
    assert shared == tracked("deploy", "docs", *beside)
    assert f"{info}licenses/LICENSE" in files
    assert wheel.stat().st_size < SIZE_LIMIT


def test_the_source_archive_holds_no_recordings_and_no_tests(built: Path) -> None:
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        tops = {name.split("/")[1] for name in archive.getnames() if "/" in name}
    assert {"callstate", "deploy", "docs", "LICENSE", "README.md", "pyproject.toml"} <= tops
    assert not tops & {"fixtures", "tests", ".venv", "dist"}
    assert path.stat().st_size < SIZE_LIMIT


def test_the_metadata_is_whole(wheel: Path) -> None:
    metadata = _metadata(wheel)
    assert metadata["Name"] == "callstate"
    assert metadata["Version"] == PROJECT["version"]
    assert metadata["Summary"] == PROJECT["description"]
    assert metadata["License-Expression"] == "MIT"
    assert metadata["License-File"] == "LICENSE"
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert metadata.get_payload() == (ROOT / "README.md").read_text(encoding="utf-8")
    classifiers = metadata.get_all("Classifier") or []
    assert "Typing :: Typed" in classifiers
    assert [name for name in classifiers if name.startswith("License ::")] == []
    assert set(metadata.get_all("Provides-Extra") or []) == {"sqlite", "postgresql", "mysql"}


def test_the_program_runs_without_the_checkout(installed: Path) -> None:
    program = installed / "bin/callstate"
    where = run(
        *(installed / "bin/python", "-c", "import callstate; print(callstate.__file__)"),
        cwd=installed,
    )
    assert Path(where.strip()).is_relative_to(installed)
    assert run(program, "--version", cwd=installed) == f"{PROJECT['version']} (pure)\n"
    assert run(installed / "bin/python", "-m", "callstate", "--version", cwd=installed)


def test_the_example_that_comes_along_is_understood(installed: Path, tmp_path: Path) -> None:
    example = installed / "share/callstate/config.example.toml"
    config = tmp_path / "config.toml"
    config.write_bytes(example.read_bytes())
    (tmp_path / "machine-1.secret").write_text("a-secret\n", encoding="utf-8")
    (tmp_path / "directory.toml").write_text(DIRECTORY, encoding="utf-8")
    said = run(installed / "bin/callstate", "check", "--config", config, cwd=tmp_path)
    assert "machine   1: 127.0.0.1:5038 as callstate, no TLS" in said
    assert "1 users, 0 lines" in said
    assert "a-secret" not in said


def test_types_are_found_by_who_imports_it(installed: Path, tmp_path: Path) -> None:
    user = tmp_path / "user.py"
    user.write_text("from callstate.core.model import LegKey\nreveal_type(LegKey)\n", "utf-8")
    command = ("--strict", "--python-executable", installed / "bin/python", user)
    said = run(sys.executable, "-m", "mypy", *command, cwd=tmp_path)
    assert "LegKey" in said


def test_the_demo_says_that_the_recordings_are_elsewhere(installed: Path, tmp_path: Path) -> None:
    said = run(installed / "bin/callstate", "demo", code=2, cwd=tmp_path)
    assert said.splitlines() == [
        "callstate: --fixtures: there are no recordings here; they are the folder fixtures of"
        " a checkout"
    ]


@pytest.fixture
def demo(installed: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    options = ("--port", "0", "--fixtures", str(ROOT / "fixtures"))
    command = [str(installed / "bin/callstate"), "demo", *options]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_the_demo_plays_the_recordings_of_a_checkout(demo: subprocess.Popen[str]) -> None:
    assert demo.stdout is not None
    for line in demo.stdout:
        if line.startswith("Also: "):
            break
        assert '"code": "4' not in line
    else:
        pytest.fail("it ended before it had said everything")
    demo.send_signal(signal.SIGTERM)
    assert demo.wait(30) == 0

"""The container file: by a linter, and against what it names. No engine builds it here.

It was built by hand: see `results`.
"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from callstate.config import DEFAULT_PATH

pytestmark = pytest.mark.packaging

ROOT = Path(__file__).parents[2]
CONTAINERFILE = ROOT / "deploy/container/Containerfile"

Instruction = tuple[str, str]


@pytest.fixture(scope="module")
def stages() -> list[list[Instruction]]:
    """Give the instructions of each stage, the lines of one put together."""
    text = CONTAINERFILE.read_text(encoding="utf-8")
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    stages: list[list[Instruction]] = [[]]
    for line in text.splitlines():
        name, _, value = " ".join(line.split()).partition(" ")
        if name == "FROM":
            stages.append([])
        if name:
            stages[-1].append((name, value))
    return stages


def _values(stage: list[Instruction], name: str) -> list[str]:
    return [value for instruction, value in stage if instruction == name]


def test_the_linter_has_nothing_to_say() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    assert linter.exists(), "there is no hadolint; it comes with the development environment"
    done = subprocess.run([linter, CONTAINERFILE], check=False, capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("", 0)


def test_what_it_copies_is_what_the_package_is_built_of(stages: list[list[Instruction]]) -> None:
    _, build, _ = stages
    copied = {name for value in _values(build, "COPY") for name in value.split()[:-1]}
    assert [name for name in copied if not (ROOT / name).exists()] == []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    hook, shared = wheel["hooks"]["custom"]["path"], wheel["shared-data"]
    needed = {"callstate", "pyproject.toml", hook, *project["project"]["license-files"], *shared}
    assert copied == needed


def test_its_extras_are_those_of_the_package(stages: list[list[Instruction]]) -> None:
    _, build, _ = stages
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (extras,) = (value for value in _values(build, "ARG") if value.startswith("EXTRAS="))
    assert set(re.findall(r"\w+", extras.partition("=")[2])) == set(
        project["optional-dependencies"]
    )


def test_the_last_stage_holds_only_the_environment_and_is_not_root(
    stages: list[list[Instruction]],
) -> None:
    last = stages[-1]
    assert _values(last, "COPY") == ["--from=build /opt/callstate /opt/callstate"]
    (user,) = _values(last, "USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    (command,) = _values(last, "CMD")
    assert command == f'["run", "--config", "{DEFAULT_PATH}"]'


def test_the_health_check_is_a_program_that_runs(stages: list[list[Instruction]]) -> None:
    (check,) = _values(stages[-1], "HEALTHCHECK")
    found = re.search(r'"-c", "(.*)"\]$', check)
    assert found is not None
    compile(found[1], "health check", "exec")
    (url,) = _values(stages[-1], "ENV")
    assert url.endswith(":8080/healthz")


def test_no_secret_is_built_in() -> None:
    text = CONTAINERFILE.read_text(encoding="utf-8").lower()
    assert [word for word in ("password", "secret", "token") if word in text] == []

"""The compiled wheel: what is in it, that it answers as the pure one, and what is built without it.

Only how it is built differs: everything else about it is in `test_wheel`.
"""

import re
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest

from hatch_build import CHOICE, MODULES, SUFFIX
from tests.captures import FIXTURES
from tests.packaging.wheels import COMPILED, ROOT, build, install, names, run, tracked, wheel_in

pytestmark = pytest.mark.packaging

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
VERSION = PYPROJECT["project"]["version"]
BINARIES = {name.replace(".", "/") + SUFFIX for name in MODULES}

# Two megabytes of machine code, and the pure wheel.
SIZE_LIMIT = 3_000_000

RECORDINGS = [
    f"asterisk-{release}/{name}"
    for release in (16, 22)
    for name in ("mixed-traffic", "attended-transfer-ami", "queue-sip-members", "parking-ami")
]

# What makes compiling impossible: no compiler, one that is not there, one that finds no headers.
BROKEN = {
    "no compiler": {"PATH": "/nonexistent", "CC": "gcc"},
    "a wrong compiler": {"CC": "/nonexistent/cc"},
    "no headers": {"CFLAGS": "-nostdinc"},
}
each_broken = pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the compiled wheel, built from the source archive as at an operator's."""
    folder = tmp_path_factory.mktemp("dist")
    said = build(folder, "--no-isolation", environment=COMPILED)
    assert f"callstate: compiled, {len(MODULES)} modules" in said
    return wheel_in(folder)


@pytest.fixture(scope="module")
def fast(compiled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a new environment with the compiled wheel."""
    return install(compiled, tmp_path_factory.mktemp("opt") / "callstate")


def test_it_holds_the_compiled_modules_beside_their_sources_and_nothing_else(
    compiled: Path,
) -> None:
    code = {name for name in names(compiled) if name.startswith("callstate/")}
    assert code == tracked("callstate") | BINARIES
    assert compiled.stat().st_size < SIZE_LIMIT


def test_it_is_for_this_platform_and_python_only(compiled: Path, wheel: Path) -> None:
    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    platform = re.sub(r"[^a-z0-9]", "_", sysconfig.get_platform())
    assert compiled.name == f"callstate-{VERSION}-{python}-{python}-{platform}.whl"
    assert wheel.name == f"callstate-{VERSION}-py3-none-any.whl"
    with zipfile.ZipFile(compiled) as archive:
        about = archive.read(f"callstate-{VERSION}.dist-info/WHEEL").decode()
    assert "Root-Is-Purelib: false" in about


def test_it_runs_compiled_and_says_so(fast: Path) -> None:
    assert run(fast / "bin/callstate", "--version", cwd=fast) == f"{VERSION} (compiled)\n"
    code = f"import {', '.join(MODULES)}, sys; [print(sys.modules[n].__file__) for n in {MODULES}]"
    files = run(fast / "bin/python", "-c", code, cwd=fast).split()
    assert len(files) == len(MODULES)
    assert all(Path(file).is_relative_to(fast) and file.endswith(SUFFIX) for file in files)


@pytest.mark.parametrize("form", [(), ("--mirror",)], ids=["rows", "mirror"])
@pytest.mark.parametrize("recording", RECORDINGS)
def test_both_builds_answer_the_same_to_the_byte(
    installed: Path, fast: Path, recording: str, form: tuple[str, ...]
) -> None:
    path = FIXTURES / recording / "ami.log.gz"
    pure, compiled = (
        run(folder / "bin/callstate", "replay", path, *form, cwd=folder)
        for folder in (installed, fast)
    )
    assert pure
    assert pure == compiled


@each_broken
def test_where_it_cannot_be_compiled_it_is_pure_and_the_build_says_why(
    tmp_path: Path, broken: dict[str, str]
) -> None:
    said = build(tmp_path, "--wheel", "--no-isolation", environment=broken)
    assert "no C compiler, or no headers of Python" in said
    assert "callstate: NOT COMPILED" in said
    made = wheel_in(tmp_path)
    assert made.name.endswith("-py3-none-any.whl")
    assert {name for name in names(made) if name.startswith("callstate/")} == tracked("callstate")


@each_broken
def test_where_it_must_be_compiled_and_cannot_the_build_fails_and_says_why(
    tmp_path: Path, broken: dict[str, str]
) -> None:
    environment = COMPILED | broken
    said = build(tmp_path, "--wheel", "--no-isolation", code=1, environment=environment)
    assert "no C compiler, or no headers of Python" in said
    assert "cannot be compiled, as CALLSTATE_BUILD=compiled wants" in said
    assert list(tmp_path.iterdir()) == []


def test_a_choice_that_is_none_is_refused(tmp_path: Path) -> None:
    said = build(tmp_path, "--wheel", "--no-isolation", code=1, environment={CHOICE: "fast"})
    assert "CALLSTATE_BUILD must be pure or compiled, not 'fast'" in said


def test_an_editable_installation_is_pure_and_needs_no_compiler(tmp_path: Path) -> None:
    code = f"from hatchling.build import build_editable; build_editable({str(tmp_path)!r})"
    run(sys.executable, "-c", code, environment=COMPILED | BROKEN["a wrong compiler"])
    assert wheel_in(tmp_path).name.endswith("-py3-none-any.whl")


def test_building_leaves_nothing_in_the_checkout(compiled: Path) -> None:
    del compiled
    made = {".c", ".o", ".so"}
    assert [path for path in (ROOT / "callstate").rglob("*") if path.suffix in made] == []


def test_a_checkout_compiles_with_what_a_build_would_bring() -> None:
    assert PYPROJECT["dependency-groups"]["compile"] == PYPROJECT["build-system"]["requires"]

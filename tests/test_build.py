"""Which build runs, what says so, and that these tests run on the one that was asked for."""

import importlib
import importlib.util
import os
import subprocess
import sys
from importlib.machinery import ExtensionFileLoader, ModuleSpec, SourceFileLoader
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import pytest

from callstate import build
from hatch_build import CHOICE, MODULES

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "callstate"
IS_COMPILED = os.environ.get(CHOICE) == "compiled"


def _has_source(name: str) -> bool:
    return ROOT.joinpath(*name.split(".")).with_suffix(".py").exists()


@pytest.mark.parametrize("name", [name for name in MODULES if IS_COMPILED or _has_source(name)])
def test_a_module_is_from_the_build_that_was_asked_for(name: str) -> None:
    spec = importlib.import_module(name).__spec__
    assert spec is not None
    assert spec.origin is not None
    assert isinstance(spec.loader, ExtensionFileLoader if IS_COMPILED else SourceFileLoader)
    home = ROOT / "build/compiled/callstate" if IS_COMPILED else ROOT / "callstate"
    assert Path(spec.origin).is_relative_to(home)


def test_what_is_not_python_is_in_the_compiled_build_alone() -> None:
    names = [name for name in MODULES if not _has_source(name)]
    assert names
    found = [name for name in names if importlib.util.find_spec(name) is not None]
    assert found == (names if IS_COMPILED else [])


def test_it_says_so() -> None:
    importlib.import_module(MODULES[0])
    assert build.kind() == ("compiled" if IS_COMPILED else "pure")


def test_what_is_written_for_the_compiler_is_compiled() -> None:
    assert len(set(MODULES)) == len(MODULES)
    paths = {ROOT.joinpath(*name.split(".")) for name in MODULES}
    texts = [path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.p[yx][xd]")]
    for path in PACKAGE.rglob("*.p[yx][xd]"):
        # A .pxd of no module is C that others take in.
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        is_taken_in = any(f"from {name} cimport" in text for text in texts)
        assert path.with_suffix("") in paths or (path.suffix == ".pxd" and is_taken_in), path


def test_who_checks_types_finds_every_compiled_module() -> None:
    paths = [ROOT.joinpath(*name.split(".")) for name in MODULES]
    kinds = (".py", ".pyi")
    assert [p for p in paths if not any(p.with_suffix(kind).exists() for kind in kinds)] == []


def test_the_processes_that_tests_start_run_the_same() -> None:
    command = [sys.executable, "-m", "callstate", "--version"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert said == f"{version('callstate')} ({build.kind()})\n"


def test_one_compiled_module_of_ours_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("callstate.")]:
        monkeypatch.delitem(sys.modules, name)
    assert build.kind() == "pure"
    for name in ("elsewhere.x", "callstate.x"):
        module = ModuleType(name)
        module.__spec__ = ModuleSpec(name, ExtensionFileLoader(name, "x.so"))
        monkeypatch.setitem(sys.modules, name, module)
        assert build.kind() == ("compiled" if name.startswith("callstate") else "pure")

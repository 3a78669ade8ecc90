"""Wheels, built from here and installed elsewhere."""

import os
import subprocess
import sys
import venv
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from hatch_build import CHOICE

ROOT = Path(__file__).parents[2]

NOTHING: Mapping[str, str] = MappingProxyType({})
PURE = {CHOICE: "pure"}
COMPILED = {CHOICE: "compiled"}


def run(
    *command: object,
    code: int = 0,
    cwd: Path = ROOT,
    environment: Mapping[str, str] = NOTHING,
) -> str:
    """Run a command, and return what it wrote on both its outputs."""
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": "", CHOICE: "", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout
    return done.stdout


def build(
    folder: Path, *options: str, code: int = 0, environment: Mapping[str, str] = NOTHING
) -> str:
    """Build into `folder`, and return what was said meanwhile.

    Without options that is the source archive, and the wheel out of it.
    """
    command = (sys.executable, "-m", "build", *options, "--outdir", folder, ROOT)
    return run(*command, code=code, environment=environment)


def wheel_in(folder: Path) -> Path:
    """Return the one wheel there."""
    (path,) = folder.glob("*.whl")
    return path


def install(wheel: Path, folder: Path) -> Path:
    """Make an environment in `folder` with the wheel and what it needs; return `folder`."""
    venv.create(folder, with_pip=True)
    run(folder / "bin/python", "-m", "pip", "install", "--quiet", wheel, cwd=folder)
    return folder


def names(wheel: Path) -> set[str]:
    """Return the paths of the files in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if not name.endswith("/")}


def tracked(*folders: str) -> set[str]:
    """Return what git tracks of some folders."""
    found = run("git", "ls-files", *folders).split()
    assert found, f"git tracks nothing in {folders}"
    return set(found)

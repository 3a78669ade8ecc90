"""Builds the package: compiled by Cython where there is a C compiler, of Python alone elsewhere.

`MODULES` are compiled, each from its own `.py` or, where there is one, `.pyx`, with the `.pxd`
beside it. Sources stay beside what was made of them. Nothing is written into the source tree.

* As hatchling's hook, for a wheel: `CALLSTATE_BUILD=pure` never compiles, `=compiled` fails where
  it cannot; without it, what cannot be compiled goes in as Python, and the output says why.
  An editable installation is always Python alone.
* As a program, `python hatch_build.py`: a compiled copy of the package in `build/compiled`, for
  tests and benchmarks. Only what changed is compiled again.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

from Cython.Build import cythonize
from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from setuptools import Distribution, Extension
from setuptools.errors import CompileError, LinkError

# In the order of the code map.
MODULES = (
    "callstate.ami.known",
    "callstate.ami.blocks",
    "callstate.ami.fast_places",
    "callstate.ami.fast_blocks",
    "callstate.ami.fast_glance",
    "callstate.ami.translate",
    "callstate.ami.intake",
    "callstate.core.channel",
    "callstate.core.bridging",
    "callstate.core.dialling",
    "callstate.core.calls",
    "callstate.core.registry",
    "callstate.core.mirror",
    "callstate.core.sync",
    "callstate.core.paths",
    "callstate.core.fetch",
    "callstate.core.direction",
    "callstate.core.inference",
    "callstate.core.derive",
    "callstate.core.index",
    "callstate.core.store",
    "callstate.core.state",
)

# Types come from .pxd files alone. From annotations, a float would become a C double, so that a
# whole number comes out with a point, and a dict would refuse what merely behaves like one. None
# where mypy knows better is an AttributeError in both builds.
DIRECTIVES = {"language_level": "3", "annotation_typing": False, "nonecheck": True}
# -O3 takes a third longer and gains nothing here; debug information is several times the size, for
# nobody; warnings about C that Cython wrote are for Cython's authors.
COMPILER_OPTIONS = ["-O2", "-g0", "-w"]

CHOICE = "CALLSTATE_BUILD"
CHOICES = ("", "pure", "compiled")

ROOT = Path(__file__).parent
BUILD = Path("build")
SUFFIX: str = sysconfig.get_config_var("EXT_SUFFIX")


class CompiledModules(BuildHookInterface[BuilderConfig]):
    """Adds the compiled modules to a wheel."""

    _folder: tempfile.TemporaryDirectory[str] | None = None

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and say in `build_data` what goes into the wheel beside the sources."""
        choice = os.environ.get(CHOICE, "")
        if choice not in CHOICES:
            self.app.abort(f"{CHOICE} must be pure or compiled, not {choice!r}")
        if version == "editable" or choice == "pure":
            return
        # Gone with this object, at the latest when the process ends.
        self._folder = tempfile.TemporaryDirectory(prefix="callstate-")
        built = Path(self._folder.name)
        done = subprocess.run(  # noqa: S603  # it is this file
            [sys.executable, "hatch_build.py", built],
            cwd=self.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode == 0:
            build_data["pure_python"] = False
            build_data["infer_tag"] = True
            for name in MODULES:
                build_data["force_include"][str(built / "lib" / _binary(name))] = _binary(name)
            self.app.display_info(f"callstate: compiled, {len(MODULES)} modules")
            return
        self.app.display_error(done.stdout)
        if choice == "compiled":
            self.app.abort(f"callstate: cannot be compiled, as {CHOICE}=compiled wants; see above")
        self.app.display_warning(
            "callstate: NOT COMPILED, see above. What is built is pure Python: the same, slower."
        )

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was compiled, once it is in the wheel."""
        del version, build_data, artifact_path
        if self._folder is not None:
            self._folder.cleanup()


def compile_modules(folder: Path) -> None:
    """Compile `MODULES` into `folder`/lib, what changed since the last time.

    The current folder has to be the root of the sources. Exits with a message where there is no
    compiler; what else goes wrong is raised as it comes.
    """
    _probe(folder)
    jobs = os.cpu_count() or 1
    extensions = [
        Extension(name, [str(_source(name))], extra_compile_args=COMPILER_OPTIONS)
        for name in MODULES
    ]
    translated = cythonize(  # type: ignore[no-untyped-call]  # it has none
        extensions,
        build_dir=str(folder / "c"),
        nthreads=jobs,
        compiler_directives=DIRECTIVES,
        quiet=True,
    )
    _build(translated, folder, jobs)


def lay_out(folder: Path) -> None:
    """Make `folder`/compiled a copy of the package, with what is compiled in it."""
    target = folder / "compiled"
    shutil.rmtree(target, ignore_errors=True)
    ignored = shutil.ignore_patterns("__pycache__", "*.so")
    shutil.copytree("callstate", target / "callstate", ignore=ignored)
    for name in MODULES:
        shutil.copy2(folder / "lib" / _binary(name), target / _binary(name))


def _source(name: str) -> Path:
    path = Path(*name.split("."))
    cython = path.with_suffix(".pyx")
    return cython if cython.exists() else path.with_suffix(".py")


def _binary(name: str) -> str:
    return name.replace(".", "/") + SUFFIX


def _probe(folder: Path) -> None:
    """Exit unless there are a compiler, a linker and Python's headers."""
    source = folder / "probe.c"
    source.write_text(
        "#include <Python.h>\nPyMODINIT_FUNC PyInit_probe(void) { return NULL; }\n",
        encoding="utf-8",
    )
    try:
        _build([Extension("probe", [str(source)])], folder, 1)
    except (CompileError, LinkError) as error:
        sys.exit(
            f"no C compiler, or no headers of Python {sysconfig.get_python_version()}"
            f" (Debian: gcc libc6-dev python3-dev): {error}"
        )


def _build(extensions: list[Any], folder: Path, jobs: int) -> None:
    command = Distribution({"ext_modules": extensions}).get_command_obj("build_ext")
    command.build_lib = str(folder / "lib")
    command.build_temp = str(folder / "temp")
    command.parallel = jobs
    command.ensure_finalized()
    command.run()


def _begin(folder: Path) -> None:
    """Empty `folder` unless what it holds was made in the very same way."""
    recipe = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    way = "\n".join([recipe, version_of("cython"), sys.version, os.environ.get("CFLAGS", "")])
    note = folder / "way"
    if not note.exists() or note.read_text(encoding="utf-8") != way:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        note.write_text(way, encoding="utf-8")


def main() -> None:
    """Compile into the folder that is named, or lay out a compiled copy in `build`."""
    os.chdir(ROOT)
    if sys.argv[1:]:
        compile_modules(Path(sys.argv[1]))
        return
    _begin(BUILD)
    compile_modules(BUILD)
    lay_out(BUILD)


if __name__ == "__main__":
    main()

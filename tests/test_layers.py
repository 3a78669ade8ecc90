"""The rules of the architecture, read from the source: who imports whom, how long things get."""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "callstate"

# What each layer may import of ours, beside itself.
OURS = {
    "core": set[str](),
    "ami": {"callstate.core", "callstate.config"},
    "directory": {"callstate.core", "callstate.config"},
    "web": {"callstate.core", "callstate.config"},
    "config": {"callstate.core", "callstate.schema", "callstate.secrets"},
    "schema": set[str](),
    "secrets": {"callstate.core"},
    "logs": set[str](),
}
# The one layer that may touch a library, for those that are confined to one.
HOME = {"panoramisk": "ami", "aiohttp": "web", "sqlalchemy": "directory"}
CORE_LIBRARIES = {"sortedcontainers", "msgspec"}
# What Cython's own files may name besides: its declarations of C and of Python's C functions.
CYTHON = {"cpython", "cython", "libc"}
# The composition: each of these is imported by those named only.
IMPORTERS = {"callstate.daemon": {"callstate.cli"}, "callstate.cli": {"callstate.__main__"}}

# The standard library as far as it does I/O, reads a clock, rolls dice or runs things at once.
# fmt: off
IMPURE = {
    "_thread", "asyncio", "builtins", "concurrent", "datetime", "fileinput", "ftplib",
    "getpass", "glob", "gzip", "http", "io", "locale", "logging", "mmap", "multiprocessing",
    "os", "pathlib", "pickle", "platform", "posix", "queue", "random", "sched", "secrets", "select",
    "selectors", "shutil", "signal", "smtplib", "socket", "socketserver", "sqlite3", "ssl",
    "subprocess", "sys", "syslog", "tempfile", "threading", "time", "urllib", "uuid", "warnings",
}
# fmt: on
IMPURE_BUILTINS = {"open", "print", "input", "breakpoint"}

VAGUE_NAMES = {"utils", "helpers", "common", "base", "manager", "misc"}
MODULE_LINES = 300
FUNCTION_LINES = 40
# Over budget on purpose: "path" or "path:function" -> the reason.
OVER_BUDGET = {
    "callstate/ami/fast_glance.pyx": "C calls within one module only are without a cost",
}


@dataclass(frozen=True)
class Module:
    """One module of the package, parsed."""

    path: Path
    name: str
    tree: ast.Module

    @property
    def layer(self) -> str:
        """The first name below the package: a folder, or the module itself."""
        return self.name.partition(".")[2].partition(".")[0]

    def imports(self) -> Iterator[tuple[str, int]]:
        """What it imports, as dotted names with their lines; `from a import b` gives `a.b`."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((alias.name, node.lineno) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                source = "." * node.level + (node.module or "")
                yield from ((f"{source}.{alias.name}", node.lineno) for alias in node.names)


def _read(path: Path) -> Module:
    parts = path.relative_to(ROOT).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    text = path.read_text(encoding="utf-8")
    return Module(path, name, ast.parse(text) if path.suffix == ".py" else _cython_imports(text))


def _cython_imports(text: str) -> ast.Module:
    """Return what a `.pyx` or `.pxd` imports, as Python says it, and nothing else of it."""
    statement = r"^\s*((?:from\s+\S+\s+)?c?import\b(?:\s*\([^)]*\)|[^\n]*))"
    found = re.findall(statement, text, re.MULTILINE)
    return ast.parse("\n".join(re.sub(r"\bcimport\b", "import", each) for each in found))


MODULES = [_read(path) for path in sorted(PACKAGE.rglob("*.py"))]

CYTHON_MODULES = [_read(path) for path in sorted(PACKAGE.rglob("*.p[yx][xd]"))]


def _is_in(name: str, packages: set[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def _import_faults(module: Module) -> Iterator[str]:
    for name, line in module.imports():
        top = name.partition(".")[0]
        where = f"{module.name}:{line}"
        if name.startswith("."):
            yield f"{where}: {name} is a relative import"
        elif top == "callstate":
            own = {f"callstate.{module.layer}"}
            if module.layer in OURS and not _is_in(name, OURS[module.layer] | own):
                yield f"{where}: {module.layer} must not import {name}"
            yield from (
                f"{where}: only {', '.join(importers)} may import {target}"
                for target, importers in IMPORTERS.items()
                if _is_in(name, {target}) and module.name not in importers
            )
        elif HOME.get(top, module.layer) != module.layer:
            yield f"{where}: {top} is for callstate.{HOME[top]} only"
        elif module.layer == "core":
            is_pure = top in sys.stdlib_module_names and top not in IMPURE
            is_cython = top in CYTHON and module.path.suffix in {".pyx", ".pxd"}
            if not is_pure and not is_cython and top not in CORE_LIBRARIES:
                yield f"{where}: core is pure and must not import {top}"


def _form_faults(module: Module) -> Iterator[str]:
    for node in ast.walk(module.tree):
        where = f"{module.name}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from (
                f"{where}: import inside {node.name}"
                for inner in ast.walk(node)
                if isinstance(inner, ast.Import | ast.ImportFrom)
            )
        if isinstance(node, ast.Name) and node.id == "TYPE_CHECKING":
            yield f"{where}: TYPE_CHECKING"
        if module.layer == "core" and isinstance(node, ast.AsyncFunctionDef | ast.Await):
            yield f"{where}: core has nothing to wait for"
        if module.layer == "core" and isinstance(node, ast.Call):
            called = getattr(node.func, "id", "")
            if called in IMPURE_BUILTINS:
                yield f"{where}: core is pure and must not call {called}"


def _lengths(module: Module) -> Iterator[tuple[str, int, int]]:
    """Give (what, lines, budget) for the module and each function in it."""
    path = str(module.path.relative_to(ROOT))
    yield path, len(module.path.read_text(encoding="utf-8").splitlines()), MODULE_LINES
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            yield f"{path}:{node.name}", lines, FUNCTION_LINES


each_module = pytest.mark.parametrize("module", MODULES, ids=[module.name for module in MODULES])


@each_module
def test_imports_follow_the_layers(module: Module) -> None:
    assert list(_import_faults(module)) == []


@each_module
def test_imports_stand_at_the_top_and_mean_the_same_to_everyone(module: Module) -> None:
    assert list(_form_faults(module)) == []


@each_module
def test_every_module_says_what_is_in_it(module: Module) -> None:
    assert ast.get_docstring(module.tree)


@each_module
def test_names_say_something(module: Module) -> None:
    assert not VAGUE_NAMES & set(module.name.split("."))


@each_module
def test_modules_and_functions_keep_their_budgets(module: Module) -> None:
    over = [
        f"{what}: {lines} lines, {budget} allowed"
        for what, lines, budget in _lengths(module)
        if lines > budget and what not in OVER_BUDGET
    ]
    assert over == []


def test_what_is_written_in_cython_follows_the_layers_too() -> None:
    assert [fault for module in CYTHON_MODULES for fault in _import_faults(module)] == []
    sizes = [next(_lengths(module)) for module in CYTHON_MODULES]
    over = [path for path, lines, most in sizes if lines > most]
    assert [path for path in over if path not in OVER_BUDGET] == []


@pytest.mark.parametrize(
    ("source", "is_allowed"),
    [
        ("from libc.string cimport memchr, memcmp", True),
        ("cimport cython\nfrom callstate.core.model cimport Leg", True),
        ("cdef f():\n    pass\nfrom callstate.ami.blocks cimport Block", False),
        ("from callstate.web cimport (\n    rows,\n)", False),
        ("cimport posix.unistd", False),
    ],
)
def test_an_import_of_cython_is_seen(source: str, is_allowed: bool) -> None:
    module = Module(PACKAGE / "core/x.pyx", "callstate.core.x", _cython_imports(source))
    assert (not list(_import_faults(module))) == is_allowed


def test_no_exception_outlives_its_need() -> None:
    every = MODULES + CYTHON_MODULES
    over = {what for module in every for what, lines, most in _lengths(module) if lines > most}
    assert set(OVER_BUDGET) <= over


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("callstate.core.x", "import asyncio"),
        ("callstate.core.x", "from os import environ"),
        ("callstate.core.x", "import aiohttp"),
        ("callstate.core.x", "from callstate.config import Config"),
        ("callstate.core.x", "from callstate import ami"),
        ("callstate.ami.x", "from callstate.web import app"),
        ("callstate.web.x", "from callstate import ami"),
        ("callstate.web.x", "import panoramisk.manager"),
        ("callstate.directory.x", "from aiohttp import web"),
        ("callstate.logs", "from callstate import daemon"),
        ("callstate.metrics", "from callstate.daemon import run"),
        ("callstate.web.x", "from . import app"),
    ],
)
def test_a_forbidden_import_is_seen(name: str, source: str) -> None:
    assert list(_import_faults(Module(PACKAGE, name, ast.parse(source))))


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("callstate.ami.x", "def f():\n    import json"),
        ("callstate.ami.x", "from typing import TYPE_CHECKING\nif TYPE_CHECKING: pass"),
        ("callstate.core.x", "async def f(): pass"),
        ("callstate.core.x", "def f(): print(1)"),
    ],
)
def test_a_forbidden_form_is_seen(name: str, source: str) -> None:
    assert list(_form_faults(Module(PACKAGE, name, ast.parse(source))))

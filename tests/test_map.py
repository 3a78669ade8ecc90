"""Every module has its test module at the same place, and no test module is an orphan."""

from pathlib import Path

ROOT = Path(__file__).parent.parent

# Test modules about the whole rather than about one module, and what they are about.
CROSS_CUTTING = {
    "core/test_laws.py": "the laws of the mirror",
    "test_captures.py": "the fixtures",
    "test_docs.py": "the documents against the tables in the code",
    "test_layers.py": "the dependency rule",
    "test_lifecycle.py": "the life of a process: start, reload, stop",
    "test_map.py": "this map",
    "test_monitoring.py": "what is deployed beside it: dashboard and alerts",
    "test_security.py": "the threat model against the limits and tests that there are",
    "test_words.py": "words that have no place here",
    "core/test_tenancy.py": "that nobody is answered by what he may not see",
    "web/test_contract.py": "the contract with clients, row by row",
    "web/test_fuzz.py": "requests of every kind, and bytes that are none",
    "web/test_tenancy.py": "the same over HTTP",
    "web/test_wild.py": "clients as they were written for other systems",
}
# Folders of tests that mirror no package: whole captures, faults of the wire, wrong input, many
# calls, a daemon under load, real Asterisk, timings, the package and what is deployed with it.
OWN_FOLDERS = {"replay", "faults", "fuzz", "soak", "load", "live", "bench", "packaging"}
# Modules without behaviour of their own: what they hold is tested through those who use it.
UNTESTED = {"__init__.py", "__main__.py"}


def _modules() -> set[Path]:
    package = ROOT / "callstate"
    paths = (path.relative_to(package) for path in package.rglob("*.py"))
    return {path for path in paths if path.name not in UNTESTED}


def _test_modules() -> set[Path]:
    tests = ROOT / "tests"
    paths = (path.relative_to(tests) for path in tests.rglob("test_*.py"))
    return {path for path in paths if path.parts[0] not in OWN_FOLDERS}


def test_every_module_has_its_tests() -> None:
    wanted = {path.with_name(f"test_{path.name}") for path in _modules()}
    assert sorted(map(str, wanted - _test_modules())) == []


def test_no_test_module_is_an_orphan() -> None:
    known = {path.with_name(f"test_{path.name}") for path in _modules()}
    orphans = _test_modules() - known - {Path(name) for name in CROSS_CUTTING}
    assert sorted(map(str, orphans)) == []

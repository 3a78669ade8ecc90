"""docs/security.md says what the code does: its limits are those in force, its tests are there."""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import msgspec
import pytest

from callstate.schema import Config

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs/security.md").read_text(encoding="utf-8")


def _rows(heading: str) -> list[list[str]]:
    section = TEXT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


CONFIGURED = {row[0].strip("`"): float(row[1]) for row in _rows("Limits that are configured")}
FIXED = [(row[0].strip("`"), float(row[1])) for row in _rows("Limits that are not")]


def _settings(table: msgspec.Struct, prefix: str = "") -> Iterator[tuple[str, object]]:
    for name in table.__struct_fields__:
        value = getattr(table, name)
        if isinstance(value, msgspec.Struct):
            yield from _settings(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def test_every_limit_of_the_configuration_is_told_with_its_default() -> None:
    limits = {
        key: float(value)
        for key, value in _settings(Config())
        if isinstance(value, int | float) and not isinstance(value, bool) and key != "http.port"
    }
    assert limits == CONFIGURED


@pytest.mark.parametrize(("name", "value"), FIXED, ids=[name for name, _ in FIXED])
def test_a_limit_of_the_code_is_what_it_is_told_to_be(name: str, value: float) -> None:
    module, _, constant = name.partition(".")
    assert getattr(import_module(f"callstate.{module.replace('/', '.')}"), constant) == value


def test_every_test_that_is_named_is_there() -> None:
    named = set(re.findall(r"`(tests/[\w/]+\.py)`", TEXT))
    assert len(named) > 20
    assert {name for name in named if not (ROOT / name).exists()} == set()

"""The configuration's tables: the example shows all of them, and no secret is in a `repr`."""

import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from callstate.config import parse
from callstate.core.model import Leg
from callstate.schema import VARIABLE_FIELDS, Config, DirectorySource, Endpoint, Machine

EXAMPLE = Path(__file__).parent.parent / "config.example.toml"
EXAMPLES_ONLY = {"machine", "endpoint", "variables", "peers", "groups"}


def _uncommented() -> dict[str, Any]:
    text = EXAMPLE.read_text(encoding="utf-8")
    return tomllib.loads(re.sub(r"^#(?=[\w\[])", "", text, flags=re.MULTILINE))


def _defaults(struct: type[msgspec.Struct]) -> dict[str, Any]:
    fields = msgspec.structs.fields(struct)
    return {field.name: field.default for field in fields if not field.required}


def test_the_example_shows_every_key_at_its_default() -> None:
    shown = {key: value for key, value in _uncommented().items() if key not in EXAMPLES_ONLY}
    defaults = {key: value for key, value in _defaults(Config).items() if key not in EXAMPLES_ONLY}
    assert shown == msgspec.json.decode(msgspec.json.encode(defaults))


@pytest.mark.parametrize(("key", "struct"), [("machine", Machine), ("endpoint", Endpoint)])
def test_the_example_shows_every_key_of_a_repeated_table(
    key: str, struct: type[msgspec.Struct]
) -> None:
    (shown,) = _uncommented()[key]
    assert shown.keys() == {field.name for field in msgspec.structs.fields(struct)}
    real = {"id", "username", "host", "secret_file"}
    optional = _defaults(struct)
    assert {name: shown[name] for name in optional.keys() - real} == {
        name: optional[name] for name in optional.keys() - real
    }


def test_the_example_shows_every_variable_in_the_order_of_the_documentation() -> None:
    assert tuple(_uncommented()["variables"]) == VARIABLE_FIELDS


def test_the_uncommented_example_is_valid() -> None:
    config = parse(_uncommented())
    assert config.peers == {"carrier-a": 1}
    assert config.endpoint[0].type == "external"


def test_every_variable_field_is_a_field_of_a_leg() -> None:
    assert set(VARIABLE_FIELDS) <= {field.name for field in msgspec.structs.fields(Leg)}


def test_no_secret_is_in_a_repr() -> None:
    machine = Machine(id=1, username="callstate", secret="hunter2")
    directory = DirectorySource(url="postgresql://callstate:hunter2@db/pbx")
    assert "hunter2" not in repr(Config(machine=(machine,), directory=directory))
    assert "hunter2" not in f"{machine!r}{directory!r}"

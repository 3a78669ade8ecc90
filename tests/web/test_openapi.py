"""The OpenAPI document against the tables and against real answers."""

import json
from typing import Any

import pytest

from callstate.web import openapi
from callstate.web.app import LIST_PATH, PANEL_PATH
from callstate.web.outcome import _CODES
from callstate.web.params import PANEL_PARAMS, PARAMS, parse
from callstate.web.rows import FIELDS, NAME_FIELDS, PANEL_FIELDS

DOCUMENT: Any = json.loads(openapi.DOCUMENT_BYTES)
SCHEMAS = DOCUMENT["components"]["schemas"]
TYPES = {"integer": int, "string": str}


def references(node: Any) -> list[str]:
    """Return every `$ref` below `node`."""
    if isinstance(node, list):
        return [found for each in node for found in references(each)]
    if not isinstance(node, dict):
        return []
    own = [node["$ref"]] if "$ref" in node else []
    return own + references(list(node.values()))


def test_it_is_the_document_served() -> None:
    assert openapi.document() == DOCUMENT
    assert DOCUMENT["openapi"] == "3.1.0"
    assert DOCUMENT["info"]["version"]


def test_every_reference_leads_somewhere() -> None:
    assert {reference.rpartition("/")[2] for reference in references(DOCUMENT)} <= set(SCHEMAS)


@pytest.mark.parametrize(("path", "params"), [(LIST_PATH, PARAMS), (PANEL_PATH, PANEL_PARAMS)])
def test_the_parameters_are_those_of_the_table(path: str, params: Any) -> None:
    names = [param.name for param in params]
    described = DOCUMENT["paths"][path]
    assert [each["name"] for each in described["get"]["parameters"]] == names
    for body in described["post"]["requestBody"]["content"].values():
        assert list(body["schema"]["properties"]) == names


@pytest.mark.parametrize("path", [LIST_PATH, PANEL_PATH])
def test_only_credentials_are_required_and_all_is_explained(path: str) -> None:
    parameters = DOCUMENT["paths"][path]["get"]["parameters"]
    required = [each["name"] for each in parameters if each["required"]]
    assert required == ["auth_username", "auth_password"]
    assert all(each["description"].endswith(".") for each in parameters)


def test_every_value_that_it_lists_is_accepted() -> None:
    for each in DOCUMENT["paths"][LIST_PATH]["get"]["parameters"]:
        for value in each["schema"].get("enum", []):
            assert not parse({each["name"]: value}).errors


def test_defaults_are_those_of_the_table() -> None:
    for each, param in zip(DOCUMENT["paths"][LIST_PATH]["get"]["parameters"], PARAMS, strict=True):
        assert str(each["schema"].get("default", "")) == param.default


@pytest.mark.parametrize(
    ("schema", "always", "sometimes"),
    [("Row", FIELDS, NAME_FIELDS), ("PanelRow", PANEL_FIELDS, ())],
)
def test_the_rows_are_those_of_the_table(schema: str, always: Any, sometimes: Any) -> None:
    properties = SCHEMAS[schema]["properties"]
    assert list(properties) == [field.name for field in (*always, *sometimes)]
    assert SCHEMAS[schema]["required"] == [field.name for field in always]
    for field in (*always, *sometimes):
        assert TYPES[properties[field.name]["type"]].__name__ == field.type
        assert properties[field.name]["description"] == field.help


def test_every_code_is_explained() -> None:
    responses = DOCUMENT["paths"][LIST_PATH]["get"]["responses"]
    for code in _CODES.values():
        assert str(code) in responses or f"`{code}`" in responses["200"]["description"]


async def test_a_real_answer_is_as_described(client: Any, password: str) -> None:
    given = {"auth_username": "alice", "auth_password": password, "names": "1"}
    async with client.post(LIST_PATH, data=given) as response:
        body = await response.json()
    for row in body["data"]:
        assert set(row) == set(SCHEMAS["Row"]["properties"])
        for name, value in row.items():
            assert type(value) is TYPES[SCHEMAS["Row"]["properties"][name]["type"]]

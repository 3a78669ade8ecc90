"""The OpenAPI 3.1 document of the API, made from the tables of parameters and fields."""

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import msgspec

from callstate.web.params import (
    DIRECTIONS,
    MATCHES,
    PANEL_PARAMS,
    PARAMS,
    SORTS,
    Kind,
    Param,
)
from callstate.web.rows import FIELDS, NAME_FIELDS, PANEL_FIELDS, Field

_SCHEMAS: dict[Kind, dict[str, Any]] = {
    Kind.TEXT: {"type": "string"},
    Kind.SECRET: {"type": "string", "format": "password"},
    Kind.FLAG: {"type": "string", "enum": ["0", "1"]},
    Kind.MATCH: {"type": "string", "enum": list(MATCHES)},
    Kind.DIRECTION: {"type": "string", "enum": ["", *DIRECTIONS]},
    Kind.SORT: {"type": "string", "enum": list(SORTS)},
    Kind.MACHINES: {"type": "string", "pattern": r"^( *-?[0-9]+ *(, *-?[0-9]+ *)*)?$"},
    Kind.LIMIT: {"type": "integer", "minimum": 0},
    Kind.CUSTOMER: {"type": "string", "pattern": "^([0-9]+|all|system)?$"},
    Kind.CUSTOMER_ID: {"type": "string", "pattern": "^[0-9]*$"},
}
_TYPES = {"int": "integer", "str": "string"}
_CODES = {
    "200": "Success, also without rows.",
    "400": "A parameter is wrong; `key` names it.",
    "401": "The credentials are not valid.",
    "402": "The role does not allow it.",
}
_STATUSES = {
    "404": "No such path.",
    "405": "No such method here.",
    "408": "The body did not arrive in time.",
    "413": "The body is too large.",
    "417": "Nothing but `100-continue` can be expected.",
    "429": "Too many failed attempts; see Retry-After.",
    "500": "A fault of the server.",
    "503": "The calls are not known yet; see Retry-After.",
}


def document() -> dict[str, Any]:
    """Return the document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "callstate",
            "version": _version(),
            "description": "The calls that are up right now, as the Enswitch API tells them.",
        },
        "paths": {
            "/api/json/calls/active/list": _path(
                "List the legs of active calls.", PARAMS, "ListAnswer"
            ),
            "/api/json/calls/active/list/panel": _path(
                "List the legs of a customer for a panel.", PANEL_PARAMS, "PanelAnswer"
            ),
        },
        "components": {
            "schemas": {
                "Row": _row(FIELDS, NAME_FIELDS),
                "PanelRow": _row(PANEL_FIELDS),
                "Count": {
                    "type": "object",
                    "properties": {"count": {"type": "integer", "minimum": 0}},
                    "required": ["count"],
                },
                "ListAnswer": _envelope([_rows("Row"), _reference("Count")]),
                "PanelAnswer": _envelope([_rows("PanelRow")]),
                "Refusal": _envelope([]),
            }
        },
    }


def _path(summary: str, params: Iterable[Param], answer: str) -> dict[str, Any]:
    """Return what GET and POST on one path take and give."""
    params = tuple(params)
    form = {
        "type": "object",
        "properties": {each.name: _schema(each) | {"description": each.help} for each in params},
    }
    responses = {"200": _response(f"What the API decides. {_codes()}", answer)} | {
        status: _response(meaning, "Refusal") for status, meaning in _STATUSES.items()
    }
    return {
        "get": {
            "summary": summary,
            "parameters": [
                {
                    "name": each.name,
                    "in": "query",
                    "required": each.required,
                    "description": each.help,
                    "schema": _schema(each),
                }
                for each in params
            ],
            "responses": responses,
        },
        "post": {
            "summary": summary,
            "requestBody": {
                "content": {
                    kind: {"schema": form}
                    for kind in ("application/x-www-form-urlencoded", "application/json")
                }
            },
            "responses": responses,
        },
    }


def _schema(param: Param) -> dict[str, Any]:
    schema = _SCHEMAS[param.kind]
    if not param.default:
        return schema
    is_number = schema["type"] == "integer"
    return schema | {"default": int(param.default) if is_number else param.default}


def _codes() -> str:
    return " ".join(f"`{code}`: {meaning}" for code, meaning in _CODES.items())


def _response(description: str, schema: str) -> dict[str, Any]:
    content = {"application/json": {"schema": _reference(schema)}}
    return {"description": description, "content": content}


def _reference(schema: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{schema}"}


def _rows(schema: str) -> dict[str, Any]:
    return {"type": "array", "items": _reference(schema)}


def _row(fields: tuple[Field, ...], sometimes: tuple[Field, ...] = ()) -> dict[str, Any]:
    """Return the schema of a row that always has `fields`."""
    return {
        "type": "object",
        "properties": {
            each.name: {"type": _TYPES[each.type], "description": each.help}
            for each in (*fields, *sometimes)
        },
        "required": [each.name for each in fields],
        "additionalProperties": False,
    }


def _envelope(data: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the schema of an answer; without `data`, of one that has none."""
    entry = {name: {"type": "string"} for name in ("code", "key", "message")}
    properties: dict[str, Any] = {
        "responses": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "object", "properties": entry, "required": list(entry)},
        }
    }
    if data:
        properties["data"] = data[0] if len(data) == 1 else {"oneOf": data}
    return {"type": "object", "properties": properties, "required": ["responses"]}


def _version() -> str:
    try:
        return version("callstate")
    except PackageNotFoundError:  # run from a checkout
        return "0"


DOCUMENT_BYTES = msgspec.json.encode(document())

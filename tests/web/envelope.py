"""The one assertion that every answer passes, and what tests read from an answer."""

import json
from collections.abc import Callable, Mapping
from typing import Any

JSON = "application/json; charset=utf-8"

Ask = Callable[..., Any]
"""A fixture that sends a request and gives what came back."""


def envelope(text: str, headers: Mapping[str, str], status: int) -> Any:
    """Assert that an answer is one of ours; return its body."""
    assert headers["Content-Type"] == JSON
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert not any(name.startswith("Access-Control-") for name in headers)
    body = json.loads(text)
    codes = {entry["code"] for entry in body["responses"]}
    assert all(list(entry) == ["code", "key", "message"] for entry in body["responses"])
    assert all(isinstance(text, str) for entry in body["responses"] for text in entry.values())
    assert all(entry["message"] for entry in body["responses"])
    assert len(codes) == 1
    code = codes.pop()
    assert status == (200 if code in ("200", "400", "401", "402") else int(code))
    assert list(body) == (["responses", "data"] if code == "200" else ["responses"])
    return body


def code_of(body: Any) -> str:
    return str(body["responses"][0]["code"])


def keys_of(body: Any) -> list[str]:
    return [entry["key"] for entry in body["responses"]]


def ids_of(body: Any) -> tuple[str, ...]:
    assert code_of(body) == "200"
    return tuple(row["uniqueid"] for row in body["data"])

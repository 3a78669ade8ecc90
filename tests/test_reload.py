"""What of another configuration can come into force at once."""

from typing import Any

import pytest

from callstate.config import Config, parse
from callstate.reload import in_force

MACHINE = {"id": 1, "username": "callstate", "secret": "x"}


def _config(**tables: Any) -> Config:
    return parse({"machine": [MACHINE], **tables})


OLD = _config()


@pytest.mark.parametrize(
    "new",
    [
        _config(http={"remember_seconds": 7}),
        _config(logs={"level": "debug", "format": "text"}),
        _config(directory={"file": "other.toml", "reload_seconds": 1}),
        _config(sync={"audit_seconds": 1}, ami={"ping_seconds": 1}),
        _config(machine=[MACHINE | {"id": 2}]),
        _config(endpoint=[{"pattern": "*", "type": "external"}], account_code_is_customer=True),
        _config(variables={"callid": "X"}, peers={"a": 1}, groups={"b": 2}),
        OLD,
    ],
)
def test_these_come_into_force_at_once(new: Config) -> None:
    assert in_force(OLD, new) == (new, [])


def test_what_needs_a_restart_stays_and_is_named() -> None:
    new = _config(
        stop_seconds=1,
        http={
            "host": "0.0.0.0",
            "port": 1,
            "remember_seconds": 7,
            "limits": {"connections": 5},
        },
        sync={"audit_seconds": 1},
    )
    config, keys = in_force(OLD, new)
    assert keys == ["stop_seconds", "http.host", "http.port", "http.limits.connections"]
    assert config == _config(http={"remember_seconds": 7}, sync={"audit_seconds": 1})


def test_it_is_named_again_until_the_restart() -> None:
    new = _config(http={"port": 1})
    config, _ = in_force(OLD, new)
    assert in_force(config, new)[1] == ["http.port"]
    assert in_force(config, OLD)[1] == []

"""What has to be shown in the end: what follows from the bytes, and what the machines say."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from callstate.ami.decode import Decoder, Message
from callstate.config import Config
from callstate.core import query
from callstate.core.access import Scope
from callstate.core.mirror import VARIABLES
from callstate.daemon import build_state
from callstate.replay import Replay
from callstate.web.rows import encode_rows

_OF_ANY = ("machine", "uniqueid", "callid", "channel")

Row = dict[str, Any]


def differences(folder: Path, settings: Config, rows: list[Row]) -> Iterator[str]:
    """Give what is not as it follows from the bytes, or as the machine says itself.

    `folder` has what the machines wrote down: `up` with the bytes of the calls that are up,
    `sent`, if they recorded it, with all that was sent.
    """
    found = {(row["machine"], row["uniqueid"]): row for row in rows}
    listed: set[tuple[int, str]] = set()
    for machine in settings.machine:
        number = machine.id
        older = set(json.loads((folder / f"older-{number}.json").read_text(encoding="utf-8")))
        listed |= {(number, each) for each in _listed(folder / f"list-{number}.ami")}
        for path in (folder / f"up-{number}.ami", folder / f"sent-{number}.ami"):
            if not path.exists():
                continue
            wanted = {(number, row["uniqueid"]): row for row in _replayed(settings, number, path)}
            shown = {key: row for key, row in found.items() if key[0] == number}
            for key in sorted(wanted.keys() | shown.keys()):
                one, two = (_comparable(rows.get(key, {}), older) for rows in (wanted, shown))
                if one != two:
                    yield f"{key} by {path.stem}: {_what_differs(one, two)}"
    for key in sorted(listed ^ found.keys()):
        yield f"{key} is {'up, and not shown' if key in listed else 'shown, and not up'}"


def _replayed(settings: Config, number: int, path: Path) -> list[Row]:
    state = build_state(settings)
    state.add_machine(number)
    replay = Replay(state, number, frozenset({*settings.variables.values(), *VARIABLES}))
    replay.open()
    data = path.read_bytes()
    for start in range(0, len(data), 1 << 16):
        replay.feed(data[start : start + (1 << 16)])
    state.released(number, time.time())
    rows: list[Row] = json.loads(
        encode_rows(query.run(state.store, query.Query(), Scope(customers=None)))
    )
    return rows


def _comparable(row: Row, older: set[str]) -> Row:
    """Return what must be the same of a leg.

    Of one that was up before the daemon came, lists do not tell all: when it was answered, who
    dialled it, whether it is on hold. In a long run there is none in the end.
    """
    if row.get("uniqueid", "").rpartition("-")[2] not in older:
        return row
    return {name: row[name] for name in _OF_ANY}


def _what_differs(one: Row, two: Row) -> str:
    return ", ".join(
        f"{name} {two.get(name)!r}, not {one.get(name)!r}"
        for name in sorted(one.keys() | two.keys())
        if one.get(name) != two.get(name)
    )


def _listed(path: Path) -> list[str]:
    """Return who is up by a machine's own list; the halves of Local channels are no legs."""
    items = (
        Message(raw)
        for raw in Decoder().feed(path.read_bytes())
        if raw.startswith(b"Event: CoreShowChannel\r\n")
    )
    return [item.get("Uniqueid") for item in items if not item.get("Channel").startswith("Local/")]

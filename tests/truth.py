"""Asterisk's own answers at a checkpoint: what a mirror must hold, and AMI's lists made of them."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tests.captures import Checkpoint, Item
from tests.streams import END

# What a channel is called here, and in Asterisk's answer.
FIELDS = {
    "channel": "Channel",
    "state": "ChannelState",
    "linkedid": "Linkedid",
    "caller_number": "CallerIDNum",
    "caller_name": "CallerIDName",
    "connected_number": "ConnectedLineNum",
    "connected_name": "ConnectedLineName",
    "account_code": "AccountCode",
    "context": "Context",
    "exten": "Exten",
    "priority": "Priority",
}
ESCAPED = {"caller_name", "connected_name"}
# No event of the class `call` says that these changed (docs/exactness.md).
NEEDS_DIALPLAN = {"context", "exten", "priority"}

_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def differences(
    mirror: Mapping[str, Any],
    checkpoint: Checkpoint,
    *,
    least: bool = False,
    either: bool = False,
) -> list[str]:
    """Return in what `mirror` is not what Asterisk said.

    `least`: as far as it can be known without the class `dialplan`. `either`: a variable
    may also be as Status has it; after a masquerade Asterisk's two answers are not the same.
    """
    channels = {channel["uniqueid"]: channel for channel in mirror["channels"]}
    truth = {item["Uniqueid"]: item for item in checkpoint.channels}
    found = [f"ghost {channels[one]['channel']}" for one in channels.keys() - truth.keys()]
    found += [f"missed {truth[one]['Channel']}" for one in truth.keys() - channels.keys()]
    live = {item["Uniqueid"]: item for item in checkpoint.status if either}
    for uniqueid in truth.keys() & channels.keys():
        mine, true, second = channels[uniqueid], truth[uniqueid], live.get(uniqueid, {})
        found += _field_differences(mine, true, least=least)
        found += [] if least else _chan_variable_differences(mine, true, second)
    for item in checkpoint.status:
        if item["Uniqueid"] in channels and not least:
            found += _variable_differences(channels[item["Uniqueid"]], item)
    found += _bridge_differences(mirror, checkpoint)
    if channels.keys() == truth.keys():
        calls, true_calls = _calls(channels.values()), _true_calls(checkpoint)
        found += [f"calls {calls}, not {true_calls}"] if calls != true_calls else []
    return found


def _field_differences(mine: Mapping[str, Any], truth: Item, *, least: bool) -> Iterator[str]:
    for field, header in FIELDS.items():
        if least and field in NEEDS_DIALPLAN:
            continue
        true = "" if truth[header] == "<unknown>" else truth[header]
        if field in ESCAPED:
            true = unescape(true)
        if str(mine[field]) != true:
            yield f"{truth['Channel']} {field} {mine[field]!r}, not {true!r}"


def _chan_variable_differences(mine: Mapping[str, Any], truth: Item, live: Item) -> Iterator[str]:
    second = in_effect(live)
    for name, value in pairs(truth, "ChanVariable"):
        have = mine["variables"].get(name, "")
        if have not in {unescape(value), second.get(name)}:
            yield f"{truth['Channel']} variable {name} {have!r}, not {value!r}"


def _variable_differences(mine: Mapping[str, Any], status: Item) -> Iterator[str]:
    """Give the platform's variables that only Status shows: those that `channelvars` leaves out."""
    shown = {name for name, _ in pairs(status, "ChanVariable")}
    for name, value in in_effect(status).items():
        is_ours = name.startswith("cs_") or name in {"CUSTOMER", "MIXMONITOR_FILENAME"}
        if is_ours and name not in shown and mine["variables"].get(name, "") != value:
            have = mine["variables"].get(name)
            yield f"{status['Channel']} variable {name} {have!r}, not {value!r}"


def _bridge_differences(mirror: Mapping[str, Any], checkpoint: Checkpoint) -> Iterator[str]:
    truth = {
        one["bridge"]["BridgeUniqueid"]: {member["Uniqueid"] for member in one["members"]}
        for one in checkpoint.bridges
    }
    mine = {one["bridge"]: set(one["members"]) for one in mirror["bridges"]}
    if mine != truth:
        yield f"bridges {mine}, not {truth}"
    where = {member: bridge for bridge, members in truth.items() for member in members}
    for channel in mirror["channels"]:
        if channel["bridge"] != where.get(channel["uniqueid"], ""):
            yield f"{channel['channel']} in bridge {channel['bridge']!r}"
    types = {
        one["bridge"]["BridgeUniqueid"]: one["bridge"]["BridgeType"] for one in checkpoint.bridges
    }
    for one in mirror["bridges"]:
        if one["bridge"] in types and one["type"] != types[one["bridge"]]:
            yield f"bridge {one['bridge']} is {one['type']}"


def _calls(channels: Iterable[Mapping[str, Any]]) -> list[list[str]]:
    by_callid: dict[str, list[str]] = defaultdict(list)
    for channel in channels:
        by_callid[channel["callid"]].append(channel["uniqueid"])
    return sorted(map(sorted, by_callid.values()))


def _true_calls(checkpoint: Checkpoint) -> list[list[str]]:
    """Return who is in a call with whom: linkedids, Local pairs and bridges that make a call."""
    edges: dict[tuple[str, str], set[str]] = defaultdict(set)
    for item in checkpoint.channels:
        uniqueid, name = item["Uniqueid"], item["Channel"]
        edges["linkedid", item["Linkedid"]].add(uniqueid)
        if name.startswith("Local/"):
            edges["pair", name[:-2]].add(uniqueid)
    for one in checkpoint.bridges:
        bridge = one["bridge"]
        kind, technology = bridge["BridgeType"], bridge["BridgeTechnology"]
        if kind == "basic" or (kind == "stasis" and technology != "holding_bridge"):
            edges["bridge", bridge["BridgeUniqueid"]] = {m["Uniqueid"] for m in one["members"]}
    calls: list[set[str]] = []
    for members in edges.values():
        touched = [call for call in calls if call & members]
        calls = [call for call in calls if not call & members]
        calls.append(members.union(*touched))
    return sorted(sorted(call) for call in calls if call)


def lists(checkpoint: Checkpoint, *, variables: Iterable[str] = ()) -> bytes:
    """Return the bytes of the lists of a sync, as Asterisk would answer at `checkpoint`."""
    names = list(variables)
    status = [_asked(item, names) for item in checkpoint.status]
    answer = _list("Status", status, id_last=True)
    answer += _list("CoreShowChannels", checkpoint.channels)
    answer += _list("BridgeList", [one["bridge"] for one in checkpoint.bridges])
    for one in checkpoint.bridges:
        complete = [(key, value) for key, value in one["bridge"].items() if key != "Event"]
        answer += _list("BridgeInfo", one["members"], more=complete)
    return answer


def _asked(item: Item, names: list[str]) -> Item:
    values = in_effect(item)
    told = [f"{name}={values.get(name, '(null)')}" for name in names]
    return {**{k: v for k, v in item.items() if k != "Variable"}, "Variable": told}


_numbers = iter(range(1, 1 << 62))


def _list(
    name: str,
    items: list[Item],
    *,
    more: Iterable[tuple[str, str]] = (),
    id_last: bool = False,
) -> bytes:
    action_id = ("ActionID", f"list/{next(_numbers)}")
    start = [("Response", "Success"), action_id, ("EventList", "start")]
    complete = [("EventList", "Complete"), ("ListItems", str(len(items)))]
    parts = [start]
    for item in items:
        event, *headers = flat(item)
        parts.append([event, *headers, action_id] if id_last else [event, action_id, *headers])
    parts.append([("Event", f"{name}Complete"), action_id, *complete, *more])
    return b"".join(message(part) for part in parts)


def flat(item: Item) -> list[tuple[str, str]]:
    """Return the headers of an item, a repeated one as often as it came."""
    return [
        (key, one)
        for key, value in item.items()
        for one in (value if isinstance(value, list) else [value])
    ]


def message(headers: Iterable[tuple[str, str]]) -> bytes:
    """Return the bytes of the message with these headers."""
    text = "\r\n".join(f"{key}: {value}" for key, value in headers)
    return text.encode("utf-8", "surrogateescape") + END


def pairs(item: Item, key: str) -> Iterator[tuple[str, str]]:
    """Give name and value of each header `key: name=value`."""
    values = item.get(key, [])
    for one in values if isinstance(values, list) else [values]:
        name, _, value = one.partition("=")
        yield name, value


def in_effect(status: Item) -> dict[str, str]:
    """Return a channel's variables; of one that is listed twice, the first hides the other."""
    variables: dict[str, str] = {}
    for name, value in pairs(status, "Variable"):
        variables.setdefault(name, value)
    return variables


def unescape(text: str) -> str:
    """Undo ast_escape_c_alloc."""
    return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), text, flags=re.DOTALL)

"""The headers of one raw message, read one by one: bytes into values. Pure, never raises.

Escapes are undone only where Asterisk escapes: caller's and connected name, values of
ChanVariable and VarSet (ast_escape_c_alloc; main/manager_channels.c, pbx_variables.c).
`<unknown>` is empty.
"""

import re
from functools import lru_cache

from callstate.ami.shared import shared
from callstate.ami.twins import value
from callstate.core.channel import APPLICATIONS
from callstate.core.events import Bridge, ChannelSnapshot

UNKNOWN = "<unknown>"

# The standard block from 13.5 on, without the variables (main/manager_channels.c).
_USUAL = re.compile(
    "Channel: ([^\r]*)\r\n"
    "ChannelState: ([0-9]{1,9})\r\n"
    "ChannelStateDesc: [^\r]*\r\n"
    "CallerIDNum: ([^\r]*)\r\n"
    "CallerIDName: ([^\r]*)\r\n"
    "ConnectedLineNum: ([^\r]*)\r\n"
    "ConnectedLineName: ([^\r]*)\r\n"
    "Language: [^\r]*\r\n"
    "AccountCode: ([^\r]*)\r\n"
    "Context: ([^\r]*)\r\n"
    "Exten: ([^\r]*)\r\n"
    "Priority: ([0-9]{1,9})\r\n"
    "Uniqueid: ([^\r]*)\r\n"
    "Linkedid: ([^\r]+)(?:\r\nTenantid: [^\r]*)?"
)

# A bridge's headers as they are sent (main/manager_bridges.c).
_BRIDGE = re.compile(
    rb"\r\nBridgeUniqueid: ([^\r]*)\r\n"
    rb"BridgeType: ([^\r]*)\r\n"
    rb"BridgeTechnology: ([^\r]*)\r\n"
    rb"BridgeCreator: [^\r]*\r\n"
    rb"BridgeName: ([^\r]*)\r\n"
    rb"BridgeNumChannels: ([^\r]*)"
)

# Different `name=value` that are remembered: 200 B each. Most are said again and again.
_PAIRS = 16_384
# The same of all the variables of a block, a few kB each: those of a new channel are all unset.
_TAILS = 1_024

TELLING = frozenset(name.encode() for name in APPLICATIONS)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def snapshot(block: bytes) -> ChannelSnapshot:
    """Return the values of a standard header block, in whatever order they come."""
    fields: dict[str, str] = {}
    shown: list[tuple[str, str]] = []
    for line in block.decode("utf-8", "surrogateescape").split("\r\n"):
        key, _, value = line.partition(": ")
        if key == "ChanVariable":
            shown.append(pair(value))
        else:
            fields.setdefault(key, "" if value == UNKNOWN else value)
    get = fields.get
    uniqueid = get("Uniqueid", "")
    return ChannelSnapshot(
        uniqueid=uniqueid,
        # Releases before 13.5 have no Linkedid: each channel is its own.
        linkedid=get("Linkedid", "") or uniqueid,
        channel=get("Channel", ""),
        channel_state=number(get("ChannelState", "").encode("utf-8", "surrogateescape"), 0)
        & 0xFFFF,
        caller_number=get("CallerIDNum", ""),
        caller_name=unescape(get("CallerIDName", "")),
        connected_number=get("ConnectedLineNum", ""),
        connected_name=unescape(get("ConnectedLineName", "")),
        account_code=get("AccountCode", "") or get("Accountcode", ""),
        context=get("Context", ""),
        exten=get("Exten", ""),
        priority=number(get("Priority", "").encode("utf-8", "surrogateescape"), 0),
        variables=tuple(shown),
    )


def usual_snapshot(head: bytes, shown: tuple[tuple[str, str], ...]) -> ChannelSnapshot | None:
    """Return the values of a block without its variables, if its headers are the usual ones.

    That is those of releases from 13.5 on in their order, with no prefix: by position they
    cost a third of reading them by their names. `shown` are the variables' values. Texts that
    the legs of a call share, or all calls, are kept once (`shared`).
    """
    match = _USUAL.fullmatch(head.decode("utf-8", "surrogateescape"))
    if match is None:
        return None
    (
        channel,
        state,
        caller_number,
        caller_name,
        connected_number,
        connected_name,
        account_code,
        context,
        exten,
        priority,
        uniqueid,
        linkedid,
    ) = match.groups()
    return ChannelSnapshot(
        uniqueid=shared(uniqueid),
        linkedid=shared(linkedid),
        channel=channel,
        # The mute bit is beside the state (AST_STATE_MUTE).
        channel_state=int(state) & 0xFFFF,
        caller_number="" if caller_number == UNKNOWN else shared(caller_number),
        caller_name=_name(caller_name),
        connected_number="" if connected_number == UNKNOWN else shared(connected_number),
        connected_name=_name(connected_name),
        account_code="" if account_code == UNKNOWN else account_code,
        context="" if context == UNKNOWN else shared(context),
        exten="" if exten == UNKNOWN else shared(exten),
        priority=int(priority),
        variables=shown,
    )


@lru_cache(maxsize=_TAILS)
def usual_variables(tail: bytes) -> tuple[tuple[str, str], ...] | None:
    """Return the variables in `tail`, if it holds nothing but ChanVariable headers."""
    lines = tail.decode("utf-8", "surrogateescape").split("\r\nChanVariable: ")
    shown = tuple(map(pair, lines[1:]))
    return None if lines[0] or "\r" in "".join(lines) else shown


@lru_cache(maxsize=_PAIRS)
def pair(text: str) -> tuple[str, str]:
    """Return name and value of a ChanVariable header."""
    name, _, value = text.partition("=")
    return name, unescape(value)


def _name(text: str) -> str:
    return "" if text == UNKNOWN else shared(unescape(text))


def bridge(raw: bytes) -> Bridge | None:
    """Return the values of the bridge headers, None if there are none."""
    usual = _BRIDGE.search(raw)
    if usual is not None:
        uniqueid, kind, technology, name, members = usual.groups()
    else:
        uniqueid, kind = value(raw, b"BridgeUniqueid"), value(raw, b"BridgeType")
        technology, name = value(raw, b"BridgeTechnology"), value(raw, b"BridgeName")
        members = value(raw, b"BridgeNumChannels")
    if not uniqueid:
        return None
    return Bridge(
        bridge_uniqueid=text(uniqueid),
        bridge_type=text(kind),
        technology=text(technology),
        num_channels=number(members, 0),
        name=known_text(name),
    )


def application(raw: bytes, data_key: bytes) -> str:
    """Return what the channel runs; with its arguments, if that tells where a caller is."""
    running = value(raw, b"Application")
    if running not in TELLING:
        return text(running)
    return text(b"%b(%b)" % (running, value(raw, data_key)))


def number(value: bytes, default: int) -> int:
    """Return the whole number in `value`, or `default` if it holds none."""
    # Longer than any number of Asterisk's is no number of Asterisk's.
    return int(value) if value.isdigit() and len(value) < 19 else default


def duration(value: bytes) -> int:
    """Return the seconds in `HH:MM:SS`."""
    seconds = 0
    for part in value.split(b":"):
        seconds = seconds * 60 + number(part, 0)
    return seconds


def text(value: bytes) -> str:
    """Return `value` as text; bytes that are not UTF-8 survive as surrogates."""
    return value.decode("utf-8", "surrogateescape")


def known_text(value: bytes) -> str:
    """Return `value` as text, empty if Asterisk says that it is unknown."""
    decoded = text(value)
    return "" if decoded == UNKNOWN else shared(decoded)


def unescape(text: str) -> str:
    """Undo ast_escape_c_alloc."""
    if "\\" not in text:
        return text
    return _ESCAPE.sub(lambda match: _ESCAPES.get(match[1], match[1]), text)

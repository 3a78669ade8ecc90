"""What the pretended Asterisk answers to an action, at this instant.

Framing, order of headers and place of the ActionID are those of Asterisk 22 and 16. An
answer is a list of messages: nothing may come between them.
"""

import time
from collections.abc import Callable, Iterable

import msgspec

from callstate.ami.playback.script import to_raw
from callstate.ami.playback.state import Headers, PlayedBridge, PlayedChannel, PlayedState

# A marker: Getvar of this function sets a variable, and tells everybody so.
_SET = "SET("
_GLOBAL_VARIABLE = [("Event", "VarSet"), ("Privilege", "dialplan,all"), ("Channel", "none")]


class Action(msgspec.Struct, frozen=True):
    """An action as it was received: its headers by their lower-case name, the first of each."""

    headers: dict[str, str]

    def get(self, key: str) -> str:
        """Return the value of the header `key`, empty if it was not sent."""
        return self.headers.get(key.lower(), "")

    @property
    def name(self) -> str:
        """The action's name in lower case."""
        return self.get("Action").lower()

    @property
    def id_header(self) -> Headers:
        """The ActionID as the answer repeats it: not at all if it was not sent."""
        action_id = self.get("ActionID")
        return [("ActionID", action_id)] if action_id else []


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What the pretended Asterisk says of itself."""

    ami: str = "11.0.0"
    asterisk: str = "22.10.1"
    systemname: str = ""
    started: float = 0.0


def success(action: Action, *headers: tuple[str, str]) -> bytes:
    """Return the response that all went well, with these headers."""
    return to_raw([("Response", "Success"), *action.id_header, *headers])


def error(action: Action, message: str) -> bytes:
    """Return the response that it did not, and why."""
    return to_raw([("Response", "Error"), *action.id_header, ("Message", message)])


class Answers:
    """The answers to what can be asked of the state; `about` may change at a restart."""

    def __init__(self, state: PlayedState, *, about: About, clock: Callable[[], float]) -> None:
        self._state = state
        self._clock = clock
        self.about = about
        self._by_name: dict[str, Callable[[Action], list[bytes]]] = {
            "bridgeinfo": self._bridge_info,
            "bridgelist": self._bridge_list,
            "coresettings": self._core_settings,
            "coreshowchannels": self._core_show_channels,
            "corestatus": self._core_status,
            "getvar": self._getvar,
            "ping": self._ping,
            "status": self._status,
        }

    def answer(self, action: Action) -> list[bytes]:
        """Return the messages that answer `action`."""
        ask = self._by_name.get(action.name)
        if ask is not None:
            return ask(action)
        text = f"Invalid/unknown command: {action.get('Action')}."
        return [error(action, f"{text} Use Action: ListCommands to show available commands.")]

    def marker(self, action: Action) -> bytes | None:
        """Return the event that a Getvar of `SET(name=value)` causes, None for any other."""
        variable = action.get("Variable")
        if action.name != "getvar" or not variable.startswith(_SET) or action.get("Channel"):
            return None
        name, _, value = variable[len(_SET) : -1].partition("=")
        told = [("Uniqueid", "none"), ("Variable", name), ("Value", value)]
        return to_raw([*_GLOBAL_VARIABLE, *told])

    def _ping(self, action: Action) -> list[bytes]:
        return [success(action, ("Ping", "Pong"), ("Timestamp", f"{self._clock():.6f}"))]

    def _core_settings(self, action: Action) -> list[bytes]:
        about = self.about
        return [
            success(
                action,
                ("AMIversion", about.ami),
                ("AsteriskVersion", about.asterisk),
                ("SystemName", about.systemname),
                ("CoreMaxCalls", "0"),
                ("CoreMaxLoadAvg", "0.000000"),
                ("CoreRunUser", ""),
                ("CoreRunGroup", ""),
                ("CoreMaxFilehandles", "0"),
                ("CoreRealTimeEnabled", "No"),
                ("CoreCDRenabled", "Yes"),
                ("CoreHTTPenabled", "No"),
            )
        ]

    def _core_status(self, action: Action) -> list[bytes]:
        started = time.localtime(self.about.started)
        date, clock = time.strftime("%Y-%m-%d", started), time.strftime("%H:%M:%S", started)
        return [
            success(
                action,
                ("CoreStartupDate", date),
                ("CoreStartupTime", clock),
                ("CoreReloadDate", date),
                ("CoreReloadTime", clock),
                ("CoreCurrentCalls", str(len(self._state.channels))),
                ("CoreProcessedCalls", str(self._state.ended)),
            )
        ]

    def _core_show_channels(self, action: Action) -> list[bytes]:
        items = [self._core_show_channel(action, one) for one in self._state.channels.values()]
        return _list(action, "CoreShowChannels", "Channels will follow", items)

    def _core_show_channel(self, action: Action, channel: PlayedChannel) -> bytes:
        seconds = self._age(channel)
        duration = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
        return to_raw(
            [
                ("Event", "CoreShowChannel"),
                *action.id_header,
                *channel.headers(),
                ("Application", channel.application),
                ("ApplicationData", channel.data),
                ("Duration", duration),
                ("BridgeId", channel.bridge),
            ]
        )

    def _status(self, action: Action) -> list[bytes]:
        channels = list(self._state.channels.values())
        if action.get("Channel"):
            channels = [one for one in channels if one.name == action.get("Channel")]
            if not channels:
                return [error(action, "No such channel")]
        items = [self._status_item(action, one) for one in channels]
        more = [("Items", str(len(items)))]
        return _list(action, "Status", "Channel status will follow", items, more)

    def _status_item(self, action: Action, channel: PlayedChannel) -> bytes:
        block = channel.block
        return to_raw(
            [
                ("Event", "Status"),
                ("Privilege", "Call"),
                *channel.headers(),
                ("Type", channel.name.partition("/")[0]),
                ("DNID", ""),
                ("EffectiveConnectedLineNum", block.get("ConnectedLineNum", "")),
                ("EffectiveConnectedLineName", block.get("ConnectedLineName", "")),
                ("TimeToHangup", "0"),
                ("BridgeID", channel.bridge),
                ("Application", channel.application),
                ("Data", channel.data),
                ("Nativeformats", "(alaw)"),
                ("Readformat", "alaw"),
                ("Readtrans", ""),
                ("Writeformat", "alaw"),
                ("Writetrans", ""),
                ("Callgroup", "0"),
                ("Pickupgroup", "0"),
                ("Seconds", str(self._age(channel))),
                *(("Variable", f"{name}={value}") for name, value in _variables(action, channel)),
                *action.id_header,
            ]
        )

    def _bridge_list(self, action: Action) -> list[bytes]:
        items = [
            to_raw([("Event", "BridgeListItem"), *action.id_header, *bridge.headers])
            for bridge in self._state.bridges.values()
        ]
        return _list(action, "BridgeList", "Bridge listing will follow", items)

    def _bridge_info(self, action: Action) -> list[bytes]:
        if not action.get("BridgeUniqueid"):
            return [error(action, "BridgeUniqueid must be provided")]
        bridge = self._state.bridges.get(action.get("BridgeUniqueid"))
        if bridge is None:
            return [error(action, "Specified BridgeUniqueid not found")]
        items = self._members(action, bridge)
        text = "Bridge channel listing will follow"
        return _list(action, "BridgeInfo", text, items, bridge.headers)

    def _members(self, action: Action, bridge: PlayedBridge) -> list[bytes]:
        return [
            to_raw([("Event", "BridgeInfoChannel"), *action.id_header, *channel.headers()])
            for channel in self._state.members(bridge)
        ]

    def _getvar(self, action: Action) -> list[bytes]:
        variable, name, value = action.get("Variable"), action.get("Channel"), ""
        if not variable:
            return [error(action, "No variable specified")]
        if name:
            channel = self._state.by_name(name)
            if channel is None:
                return [error(action, "No such channel")]
            value = channel.variables.get(variable, "")
        return [success(action, ("Variable", variable), ("Value", value))]

    def _age(self, channel: PlayedChannel) -> int:
        return max(0, int(self._clock() - channel.created))


def _list(
    action: Action,
    name: str,
    message: str,
    items: list[bytes],
    more: Iterable[tuple[str, str]] = (),
) -> list[bytes]:
    complete = [
        ("Event", f"{name}Complete"),
        *action.id_header,
        ("EventList", "Complete"),
        ("ListItems", str(len(items))),
        *more,
    ]
    start = success(action, ("EventList", "start"), ("Message", message))
    return [start, *items, to_raw(complete)]


def _variables(action: Action, channel: PlayedChannel) -> list[tuple[str, str]]:
    if action.get("AllVariables").lower() in {"true", "yes", "1", "on"}:
        return list(channel.variables.items())
    names = [name for name in action.get("Variables").split(",") if name]
    return [(name, channel.variables.get(name, "(null)")) for name in names]

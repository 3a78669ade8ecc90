"""Calls made for a test: channels by short names, and what happens to them as events."""

from typing import Any

from callstate.core import events as ev
from callstate.core.channel import Channel
from callstate.core.mirror import Mirror
from callstate.core.registry import Registry
from tests.core.shown import AT, bridge, snapshot

UP, RING, RINGING, DOWN = 6, 4, 5, 0


class Scene:
    """A mirror, and its channels by the name up to the last dash: `PJSIP/a`, `Local/x;1`."""

    def __init__(self) -> None:
        self.mirror = Mirror()
        self._shown: dict[str, ev.ChannelSnapshot] = {}

    @property
    def registry(self) -> Registry:
        return self.mirror.registry

    def __getitem__(self, name: str) -> Channel:
        return self.registry.channels[self._shown[name].uniqueid]

    def apply(self, *events: ev.Event) -> None:
        for event in events:
            self.mirror.apply(event)
        self.registry.check()

    def new(self, name: str, *, by: str = "", state: int = RING, **fields: Any) -> Channel:
        """Make a channel; `by` is who had it made."""
        number = len(self._shown) + 1
        uniqueid = fields.pop("uniqueid", f"1000000000.{number}")
        prefix, half = (name[:-2], name[-2:]) if name.startswith("Local/") else (name, "")
        linkedid = self[by].linkedid if by else uniqueid
        values: dict[str, Any] = {"linkedid": linkedid, "channel_state": state, **fields}
        values["channel"] = f"{prefix}-{'c' if half else number}{half}"
        self._shown[name] = snapshot(uniqueid, **values)
        self.apply(ev.Newchannel(AT, self._shown[name]))
        return self[name]

    def local(self, name: str, *, by: str = "", exten: str = "s") -> None:
        """Make both halves of a Local channel, `name` without them."""
        self.new(f"{name};1", by=by, state=DOWN, exten=exten)
        self.new(f"{name};2", by=f"{name};1", exten=exten)

    def show(self, name: str, *, application: str | None = None, **fields: Any) -> None:
        """Show other values of a channel, with what it runs now."""
        values = {
            key: getattr(self._shown[name], key) for key in ev.ChannelSnapshot.__struct_fields__
        }
        values |= {"linkedid": self[name].linkedid, **fields}
        self._shown[name] = ev.ChannelSnapshot(**values)
        self.apply(ev.ChannelUpdate(AT, self._shown[name], True, application))

    def dial(self, caller: str, dest: str, heard: str = "", string: str = "") -> None:
        """`caller` (none: an originated call) dials `dest`, and hears `heard` of it."""
        self.apply(ev.DialBegin(AT, self._shown.get(caller), self._shown[dest], string))
        if heard:
            self.hear(caller, dest, heard)

    def hear(self, caller: str, dest: str, heard: str) -> None:
        """`caller` hears `heard` of `dest`."""
        self.apply(ev.DialState(AT, self._shown[caller], self._shown[dest], heard))

    def answer(self, caller: str, dest: str) -> None:
        """`dest`, which was dialled by `caller`, is up."""
        self.show(dest, channel_state=UP)
        self.apply(ev.DialEnd(AT, self._shown[caller], self._shown[dest], "ANSWER"))

    def talk(self, *names: str, into: str = "b1", kind: str = "basic", **fields: Any) -> None:
        """Bring channels, up from now on, into one bridge."""
        for name in names:
            self.show(name, channel_state=UP)
            self.apply(ev.BridgeEnter(AT, bridge(into, kind, **fields), self._shown[name]))

    def part(self, name: str, *, from_: str = "b1") -> None:
        """Take a channel out of a bridge."""
        self.apply(ev.BridgeLeave(AT, bridge(from_), self._shown[name]))

    def hang_up(self, *names: str) -> None:
        """End channels."""
        for name in names:
            shown = self._shown[name]
            self.apply(ev.Hangup(AT, shown.uniqueid, shown.channel))

    def happen(self, kind: Any, name: str, *values: Any) -> None:
        """Apply an event of `kind` that shows the channel and has `values` beside it."""
        self.apply(kind(AT, self._shown[name], *values))

    def call(self, caller: str, dest: str, number: str = "101", *, talking: bool = False) -> None:
        """`caller` dials `number` and rings `dest`, or talks to it."""
        self.new(caller, exten=number)
        self.new(dest, by=caller, state=RINGING, exten=number)
        self.dial(caller, dest, "RINGING")
        if talking:
            self.answer(caller, dest)
            self.show(dest, exten="")
            self.talk(caller, dest)

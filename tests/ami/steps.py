"""What dialplans send, step by step and of several channels, and what a wire may make of it.

Every choice comes from `dice`: the same seed gives the same bytes.
"""

from random import Random

from callstate.ami.decode import END
from tests.ami.test_translate import Header, block, event

# Variables that matter to a platform, as a configuration would name them: V is shown, X is not.
VARIABLES = frozenset({"V", "X", "BRIDGEPEER", "BRIDGEPVTCALLID"})
VALUES = ("", "1", "2", "a\\nb", "a\nV=1", "PJSIP/a-1")

# What a message may be torn at, or get into it.
SCRAPS = (
    *(b"\r\n", END, b"\r", b"\n", b"\x00", b"\xff", b"", b"_", b"=", b"Event: VarSet\r\n"),
    *(b"\r\nEvent: X", b"\r\nResponse: X", b"\r\nTimestamp: ", b"SystemName: x\r\n", b"x" * 15),
    *(b"\r\nChannel: PJSIP/a-1", b"\r\nUniqueid: 1.1", b"\r\nChanVariable: V=", b"\r\nVariable: V"),
    *(b"\r\nValue: ", b"\r\nPriority: 1234567890", b"\r\nExten: ", b"\r\nApplication: Queue"),
)


class Dialplans:
    """Some channels that move on in the dialplan."""

    def __init__(self, dice: Random) -> None:
        self._dice = dice
        self._channels = [
            ({"Channel": f"PJSIP/a-{number}", "Exten": "s"}, f"1.{number}", {"V": "", "W": "1"})
            for number in range(dice.choice((1, 2)))
        ]
        self._timed = dice.random() < 0.5
        self._system = dice.choice(("", "", "pbx"))

    def messages(self, count: int) -> list[bytes]:
        """Return so many messages, after those with which the channels begin."""
        begin = [
            event("Newchannel", *block(uniqueid, *_shown(shown), **changed))
            for changed, uniqueid, shown in self._channels
        ]
        return begin + [self._message() for _ in range(count)]

    def wrong(self, count: int) -> bytes:
        """Return a stream of so many messages, some of which are wrong."""
        dice = self._dice
        rate = dice.choice((0.02, 0.1, 0.3))
        sent: list[bytes] = []
        for raw in self.messages(count):
            changed = self._changed(raw) if dice.random() < rate else raw
            sent += [changed, END if dice.random() > rate / 10 else dice.choice(SCRAPS)]
        return b"".join(sent)

    def _message(self) -> bytes:
        dice = self._dice
        changed, uniqueid, shown = dice.choice(self._channels)
        if dice.random() < 0.3:
            changed["Priority"] = str(dice.randrange(1, 9))
        if dice.random() < 0.1:
            changed["Exten"] = dice.choice(("s", "h", "102", "<unknown>", ""))
        if dice.random() < 0.02:
            changed["ChannelState"] = dice.choice("456")
        roll = dice.random()
        if roll < 0.6:
            name, value = dice.choice(("V", "W", "_V", "X", "y", "BRIDGEPEER")), dice.choice(VALUES)
            if name.lstrip("_") in shown and dice.random() < 0.8:
                shown[name.lstrip("_")] = value
            more: list[Header] = [("Variable", name), ("Value", value)]
            return self._raw("VarSet", block(uniqueid, *_shown(shown), *more, **changed))
        if roll < 0.9:
            application = dice.choice(("NoOp", "NoOp", "Set", "Dial", "Queue", "Queu", "Ringing"))
            more = [("Extension", changed["Exten"]), ("Application", application), ("AppData", "x")]
            return self._raw("Newexten", block(uniqueid, *_shown(shown), *more, **changed))
        name = dice.choice(("Newstate", "Hold", "NewConnectedLine", "Newchannel", "Hangup", "X"))
        return self._raw(name, block(uniqueid, *_shown(shown), **changed))

    def _raw(self, name: str, headers: list[Header]) -> bytes:
        dice = self._dice
        timed = self._timed if dice.random() < 0.95 else not self._timed
        raw = event(name, *headers, timed=timed).replace(b"call,all", b"dialplan,all", 1)
        if self._system:
            raw = raw.replace(b"\r\nChannel: ", b"\r\nSystemName: pbx\r\nChannel: ", 1)
        return raw

    def _changed(self, raw: bytes) -> bytes:
        dice = self._dice
        at = dice.randrange(len(raw) + 1)
        lines = raw.split(b"\r\n")
        line = dice.randrange(len(lines))
        match dice.randrange(6):
            case 0:
                return raw[:at] + dice.choice(SCRAPS) + raw[at:]
            case 1:
                return raw[:at] + raw[at + dice.randrange(60) :]
            case 2:
                return raw[:at]
            case 3:
                del lines[line]
            case 4:
                lines.insert(line, dice.choice(lines))
            case _:
                lines[line] = lines[line].partition(b" ")[0] + b" " + dice.choice(SCRAPS)
        return b"\r\n".join(lines)


def _shown(variables: dict[str, str]) -> list[Header]:
    return [("ChanVariable", f"{name}={value}") for name, value in variables.items()]

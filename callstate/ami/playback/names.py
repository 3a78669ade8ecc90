"""Fresh names for each round of a script: uniqueids, channel names, bridges.

Asterisk never gives a uniqueid out twice; neither does a script that is played again. A
name is replaced wherever it stands, in any header: `cs_callid=1795479751.4` follows its
channel.
"""

import re
from functools import cache
from random import Random
from uuid import UUID

from callstate.ami.playback.script import Script

_NUMBERED = rb"(?<![\d.])\d{9,11}\.\d+"
_UUID = rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
# What Asterisk puts behind a channel's name to tell it from others.
_SUFFIX = rb"(?<=[\w@/])-[0-9a-f]{8}(?![\w-])"

_ID_HEADER = re.compile(
    rb"^(?!\w*Bridge)\w*(?:Uniqueid|UniqueId|Linkedid): ([^\r\n]+)\r?$", re.MULTILINE
)
_SUFFIX_HEADER = re.compile(rb"^\w*Channel: [^\r\n]+(-[0-9a-f]{8})(?:;[12])?\r?$", re.MULTILINE)
_NUMBERED_ID = re.compile(rb"(?:^|-)((\d{9,11})\.(\d+))(?:;[12])?$")
_HALF = re.compile(rb";[12]$")


class Numbers:
    """What a pretended Asterisk has given out so far."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._counter = 0
        self._suffix = 0
        self._round = 0

    def fresh(self, script: Script, *, now: float, pace: float) -> "Renaming":
        """Return new names for one round of `script` that begins `now`.

        `pace` is how many seconds pass in the round for each that was recorded.
        """
        self._round += 1
        ids, suffixes = _known(script)
        numbered = {match[1]: match for match in map(_NUMBERED_ID.search, ids) if match}
        custom = {_HALF.sub(b"", one) for one in ids if not _NUMBERED_ID.search(one)}
        names: dict[bytes, bytes] = {one: b"%s-%d" % (one, self._round) for one in custom}
        origin = _origin(script, min((int(one[2]) for one in numbered.values()), default=0))
        by_age = sorted(numbered, key=lambda one: (int(numbered[one][2]), int(numbered[one][3])))
        for name in by_age:
            epoch = int(now + (int(numbered[name][2]) - origin) * pace)
            names[name] = b"%d.%d" % (epoch, self._counter)
            self._counter += 1
        names |= {suffix: b"-%08x" % (self._suffix + int(suffix[1:], 16)) for suffix in suffixes}
        self._suffix += max((int(suffix[1:], 16) + 1 for suffix in suffixes), default=0)
        return Renaming(names, custom=custom, ids=ids, random=self._random)


class Renaming:
    """The names of one round; `uniqueids` are those of all its channels."""

    def __init__(
        self, names: dict[bytes, bytes], *, custom: set[bytes], ids: set[bytes], random: Random
    ) -> None:
        self._names = names
        self._random = random
        # The longest first: of two that begin alike, the regular expression takes the first.
        assigned = sorted(custom, key=len, reverse=True)
        patterns = [rb"(?<!\w)" + re.escape(name) + rb"(?!\w)" for name in assigned]
        self._pattern = re.compile(b"|".join([*patterns, _NUMBERED, _UUID, _SUFFIX]))
        self.uniqueids = frozenset(self(one).decode("utf-8", "surrogateescape") for one in ids)

    def __call__(self, raw: bytes) -> bytes:
        """Return `raw` with the names of this round."""
        return self._pattern.sub(self._fresh, raw)

    def _fresh(self, match: re.Match[bytes]) -> bytes:
        old = match[0]
        new = self._names.get(old)
        if new is None:
            new = self._names[old] = self._uuid() if re.fullmatch(_UUID, old) else old
        return new

    def _uuid(self) -> bytes:
        return str(UUID(int=self._random.getrandbits(128), version=4)).encode()


@cache
def _known(script: Script) -> tuple[set[bytes], set[bytes]]:
    """Return the uniqueids and the suffixes of channels in `script`; it is long, and stays."""
    text = b"\r\n".join(step.raw for step in script.steps)
    ids = set(_ID_HEADER.findall(text)) - {b"none", b"<unknown>"}
    return ids, set(_SUFFIX_HEADER.findall(text))


def _origin(script: Script, default: int) -> float:
    """Return the unix time of the script's beginning, as far as its uniqueids tell."""
    for step in script.steps:
        if step.raw.startswith(b"Event: Newchannel\r\n") and step.second > 0:
            match = re.search(rb"\r\nUniqueid: (?:[^\r]*-)?(\d{9,11})\.\d+", step.raw)
            if match is not None:
                return int(match[1]) - step.second
    return default

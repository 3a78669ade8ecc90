"""What `manager.conf` leaves out, by name and by pattern, against what callstate reads."""

import gzip
import re
from pathlib import Path

import pytest

from callstate.ami.translate import Translator

pytestmark = pytest.mark.packaging

ROOT = Path(__file__).parents[2]
MANAGER = (ROOT / "deploy/asterisk/manager.conf").read_text(encoding="utf-8")

NAMES = re.findall(r"^eventfilter\(action\(exclude\),name\((\w+)\)\) =$", MANAGER, re.MULTILINE)
(PATTERN,) = re.findall(r"^;eventfilter = !(.+)$", MANAGER, re.MULTILINE)


def test_the_pattern_leaves_out_what_the_names_do() -> None:
    assert NAMES
    assert [name for name in NAMES if not re.search(PATTERN, f"Event: {name}\r\n")] == []


@pytest.mark.parametrize("release", ["asterisk-22", "asterisk-16"])
def test_nothing_that_callstate_takes_in_is_left_out(release: str) -> None:
    left_out = re.compile(PATTERN.encode())
    taken, seen = set(), set()
    for name in ("mixed-traffic", "queue-sip-members", "parking-ami", "conference"):
        translator = Translator()
        with gzip.open(ROOT / "fixtures" / release / name / "ami.log.gz") as stream:
            messages = stream.read().split(b"\r\n\r\n")
        for message in messages:
            if left_out.match(message):
                seen.add(message.partition(b"\r\n")[0])
                event = translator.translate(message, 0.0)
                if event is not None:
                    taken.add(type(event).__name__)
    assert seen
    assert taken == set()

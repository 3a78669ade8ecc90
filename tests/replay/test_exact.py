"""The floor: at each checkpoint of each capture the mirror is what Asterisk itself said.

Twice: with every event, and with the least that a manager account may let through. What
no stream can carry is in docs/exactness.md; nothing else is excused.
"""

from collections.abc import Callable, Iterator
from functools import partial
from random import Random

import pytest

from callstate.ami.decode import Decoder
from tests.captures import Capture, Checkpoint, all_captures
from tests.streams import Player, messages, reached
from tests.truth import differences, lists

# (capture, label): the connection was told nothing then, and has nothing to know it from.
DEAF = {
    ("asterisk-16/event-mask", "events off"),
    ("asterisk-22/event-mask", "events off"),
}
EVERY_CAPTURE = pytest.mark.captures("*")


def _faults(capture: Capture, *, least: bool) -> list[str]:
    found: list[str] = []
    for player, checkpoint, rest in reached(capture, least=least):
        differing = differences(player.mirror, checkpoint, least=least)
        for message in rest:
            player.feed(message)
            if differing:
                differing = differences(player.mirror, checkpoint, least=least)
        player.state.check()
        if (capture.name, checkpoint.label) not in DEAF:
            found += [f"{checkpoint.label}: {difference}" for difference in differing]
    return found


@EVERY_CAPTURE
def test_every_checkpoint_is_what_asterisk_said(capture: Capture) -> None:
    assert _faults(capture, least=False) == []


@EVERY_CAPTURE
def test_every_checkpoint_is_so_without_variables_and_extensions(capture: Capture) -> None:
    assert _faults(capture, least=True) == []


@pytest.mark.captures("*/event-mask")
def test_a_stream_that_was_off_is_in_step_again_after_its_lists(capture: Capture) -> None:
    checked = 0
    for player, checkpoint, _ in reached(capture):
        player.feed(lists(checkpoint))
        assert differences(player.mirror, checkpoint) == []
        player.state.check()
        checked += 1
    assert checked == len(capture.checkpoints)


def test_the_checkpoints_are_many_and_not_empty() -> None:
    """The test above would pass on captures without checkpoints, or without channels."""
    checkpoints = [one for capture in all_captures() for one in capture.checkpoints]
    assert len(checkpoints) > 550
    assert sum(len(one.channels) for one in checkpoints) > 1500
    assert sum(len(one.bridges) for one in checkpoints) > 400
    assert sum(one.quiet for one in checkpoints) > 550


def test_a_comparison_sees_what_differs() -> None:
    """Each field, each relation: what the comparison would let pass, the mirror could get wrong."""
    capture = next(one for one in all_captures() if one.name == "asterisk-22/forward-local-n")
    player, checkpoint = next(
        (player, one) for player, one, _ in reached(capture) if len(one.bridges) == 2
    )
    assert differences(player.mirror, checkpoint) == []
    for spoiled in _spoiled(player, checkpoint):
        assert differences(spoiled, checkpoint) != []


def test_bytes_are_cut_into_the_same_messages_wherever_they_come_apart(capture: Capture) -> None:
    log = capture.log()
    whole = [one for one in (message[:-4].strip(b"\r\n") for message in messages(log)[1:]) if one]
    assert Decoder().feed(log) == whole
    for seed in range(3):
        decoder = Decoder()
        decoded = [raw for piece in _pieces(log, seed=seed) for raw in decoder.feed(piece)]
        assert decoded == whole


@pytest.mark.captures("*/pickup-group", "*/queue-local-n", "*/restart-now", "*/reconnect")
def test_the_end_is_the_same_wherever_the_bytes_come_apart(capture: Capture) -> None:
    whole = _end(capture, lambda log: [log])
    assert _end(capture, messages) == whole
    for seed in range(3):
        assert _end(capture, partial(_pieces, seed=seed)) == whole


@pytest.mark.captures("*/click-to-call-refused", "asterisk-22/internal")
def test_the_end_is_the_same_byte_by_byte(capture: Capture) -> None:
    whole = _end(capture, lambda log: [log])
    assert _end(capture, lambda log: [log[at : at + 1] for at in range(len(log))]) == whole


def _end(capture: Capture, cut: Callable[[bytes], list[bytes]]) -> list[object]:
    """Return every checkpoint's mirror, and all that is known at the end, of a log cut so."""
    player = Player()
    seen: list[object] = []
    for conn in range(1, capture.connections + 1):
        player.open()
        offset = 0
        offsets = {one.offset for one in capture.checkpoints if one.conn == conn}
        for piece in cut(capture.log(conn)):
            start = 0
            for mark in sorted(o for o in offsets if o and offset < o <= offset + len(piece)):
                player.feed(piece[start : mark - offset])
                start = mark - offset
                seen.append((mark, player.mirror, sorted(map(repr, player.state.store))))
            player.feed(piece[start:])
            offset += len(piece)
    player.state.check()
    return [*seen, player.mirror, sorted(map(repr, player.state.store))]


def _pieces(log: bytes, *, seed: int) -> list[bytes]:
    """Cut `log` at random, often within a few bytes, sometimes in tens of messages."""
    random = Random(seed)
    pieces, at = [], 0
    while at < len(log):
        size = random.choice((1, 2, 3, 5, 1460, 4096, 65536))
        pieces.append(log[at : at + size])
        at += size
    return pieces


def _spoiled(player: Player, checkpoint: Checkpoint) -> Iterator[dict[str, object]]:
    """Give mirrors in each of which one thing is wrong."""
    first = checkpoint.channels[0]["Uniqueid"]
    for field in ("channel", "state", "linkedid", "callid", "bridge", "caller_number", "exten",
                  "caller_name", "connected_number", "connected_name", "account_code", "context",
                  "priority", "variables"):  # fmt: skip
        mirror = player.mirror
        channel = next(one for one in _channels(mirror) if one["uniqueid"] == first)
        channel[field] = {} if field == "variables" else "wrong"
        yield mirror
    mirror = player.mirror
    del _channels(mirror)[0]
    yield mirror
    mirror = player.mirror
    _channels(mirror).append(_channels(mirror)[0] | {"uniqueid": "ghost"})
    yield mirror
    yield player.mirror | {"bridges": []}


def _channels(mirror: dict[str, object]) -> list[dict[str, object]]:
    channels = mirror["channels"]
    assert isinstance(channels, list)
    return channels

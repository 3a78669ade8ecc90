"""The records of a mirror: by id and by name, not after their Hangup, and what they carry on."""

from callstate.core import events as ev
from callstate.core.mirror import Mirror
from callstate.core.registry import TOMBSTONE_SECONDS, Registry
from tests.core.scene import RING, UP, Scene
from tests.core.shown import AT, snapshot


def test_a_channel_is_found_by_its_name_of_now() -> None:
    scene = Scene()
    channel = scene.new("PJSIP/a")
    old = channel.channel
    scene.registry.rename(channel, "PJSIP/new-1")
    assert scene.registry.get(old) is None
    assert scene.registry.get("PJSIP/new-1") is channel


def test_a_list_does_not_take_a_rename_back_but_corrects_a_wrong_name() -> None:
    scene = Scene()
    channel = scene.new("PJSIP/a")
    old = channel.channel
    scene.registry.rename(channel, "PJSIP/new-1")
    scene.registry.rename(channel, old, listed=True)
    assert channel.channel == "PJSIP/new-1"
    scene.registry.rename(channel, "PJSIP/true-1", listed=True)
    assert channel.channel == "PJSIP/true-1"


def test_a_live_channel_is_made_unless_it_was_hung_up() -> None:
    registry = Registry()
    shown = snapshot("1000000000.1")
    assert registry.live(shown, AT) is registry.channels["1000000000.1"]
    registry.bury("1000000000.1")
    assert registry.live(shown, AT) is None
    assert "1000000000.1" in registry._tombstones
    registry.revive("1000000000.1")
    assert registry.live(shown, AT) is not None


def test_a_known_channel_is_never_made() -> None:
    registry = Registry()
    assert registry.known(snapshot("1000000000.1"), AT) is None
    assert registry.known(None, AT) is None
    assert registry.channels == {}


def test_tombstones_go_when_their_time_is_over() -> None:
    registry = Registry()
    registry.now = 1000.0
    for number in range(3):
        registry.bury(f"1.{number}")
    registry.now += TOMBSTONE_SECONDS + 1
    registry.bury("2.1")
    registry.bury("2.2")
    assert "1.0" not in registry._tombstones
    assert "1.2" not in registry._tombstones
    assert "2.1" in registry._tombstones


def test_what_a_list_does_not_show_is_gone_with_all_that_points_to_it() -> None:
    scene = Scene()
    scene.new("PJSIP/a")
    scene.new("PJSIP/b", by="PJSIP/a")
    scene.dial("PJSIP/a", "PJSIP/b", "RINGING")
    assert scene.registry.retain(["1000000000.1"]) == ["1000000000.2"]
    assert scene["PJSIP/a"].dialling == {}
    assert scene["PJSIP/a"].dialled == set()
    scene.registry.check()


def test_a_new_connection_takes_over_what_no_list_tells() -> None:
    scene = Scene()
    scene.new("PJSIP/a")
    scene.new("PJSIP/b", by="PJSIP/a")
    scene.dial("PJSIP/a", "PJSIP/b")
    scene.answer("PJSIP/a", "PJSIP/b")
    before = scene["PJSIP/b"]
    before.holding = True

    after = Mirror(carried=scene.registry)
    for name in ("PJSIP/b", "PJSIP/a"):
        shown = snapshot(scene[name].uniqueid, channel_state=UP)
        after.apply(ev.CoreShowChannel(AT + 50, shown, "list", 60, "AppDial"))

    carried = after.registry.channels[before.uniqueid]
    assert carried.answered == before.answered
    assert carried.holding
    assert carried.dialled_by == "1000000000.1"
    assert after.registry.channels["1000000000.1"].dialled == {before.uniqueid}
    after.registry.check()
    after.registry.complete()
    assert after.registry._carried is None


def test_a_variable_that_was_set_is_newer_than_a_block_that_still_shows_the_old_value() -> None:
    registry = Registry()
    channel = registry.live(snapshot("1.1", variables=(("v", ""),)), AT)
    assert channel is not None
    registry.set_variable(channel, "v", "new")
    registry.live(snapshot("1.1", variables=(("v", ""),), exten="9"), AT)
    assert channel.variables["v"] == "new"
    registry.live(snapshot("1.1", variables=(("v", "newer"),)), AT)
    assert channel.variables["v"] == "newer"


def test_nothing_changes_when_nothing_differs() -> None:
    scene = Scene()
    channel = scene.new("PJSIP/a", state=RING)
    scene.registry.changed.clear()
    scene.registry.set(channel, "holding", False)
    scene.registry.set_variable(channel, "v", "1")
    scene.registry.changed.clear()
    scene.registry.set_variable(channel, "v", "1")
    scene.registry.rename(channel, channel.channel)
    scene.registry.relink(channel, channel.linkedid)
    assert scene.registry.changed == set()

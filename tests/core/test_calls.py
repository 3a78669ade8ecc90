"""What is one call: the same linkedid, two halves of a Local channel, one bridge that talks."""

from callstate.core import events as ev
from tests.core.scene import Scene
from tests.core.shown import AT, snapshot


def _callids(scene: Scene, *names: str) -> list[str]:
    calls = [scene[name].call for name in names]
    assert all(call is not None for call in calls)
    return [call.callid for call in calls if call is not None]


def test_a_channel_alone_is_a_call_of_its_own() -> None:
    scene = Scene()
    scene.new("PJSIP/a")
    scene.new("PJSIP/b")
    first, second = _callids(scene, "PJSIP/a", "PJSIP/b")
    assert first == "1000000000.1"
    assert second == "1000000000.2"


def test_who_is_made_for_a_call_belongs_to_it() -> None:
    scene = Scene()
    scene.new("PJSIP/a")
    scene.new("PJSIP/b", by="PJSIP/a")
    assert _callids(scene, "PJSIP/a", "PJSIP/b") == ["1000000000.1"] * 2


def test_both_halves_of_a_local_channel_are_one_call_whatever_their_linkedids() -> None:
    scene = Scene()
    scene.new("PJSIP/a")
    scene.local("Local/x", by="PJSIP/a")
    scene.new("PJSIP/b")
    scene.show("Local/x;2", linkedid="1000000000.4")
    assert len(set(_callids(scene, "PJSIP/a", "Local/x;1", "Local/x;2"))) == 1


def test_a_call_through_a_local_channel_falls_apart_when_it_hangs_up() -> None:
    scene = Scene()
    scene.new("PJSIP/a")
    scene.new("PJSIP/b")
    scene.local("Local/x")
    scene.talk("PJSIP/a", "Local/x;1", into="left")
    scene.talk("PJSIP/b", "Local/x;2", into="right")
    assert len(set(_callids(scene, "PJSIP/a", "PJSIP/b"))) == 1

    scene.hang_up("Local/x;1", "Local/x;2")

    # Their bridges joined each of them with a half, and a linkedid stays.
    assert _callids(scene, "PJSIP/a") == [scene["PJSIP/a"].linkedid]
    scene.registry.check()


def test_a_bridge_that_talks_joins_its_members() -> None:
    scene = Scene()
    scene.new("PJSIP/a")
    scene.new("PJSIP/b")
    scene.talk("PJSIP/a", "PJSIP/b")
    assert _callids(scene, "PJSIP/a", "PJSIP/b") == ["1000000000.1"] * 2


def test_a_conference_joins_nobody() -> None:
    scene = Scene()
    scene.new("PJSIP/a")
    scene.new("PJSIP/b")
    scene.talk("PJSIP/a", "PJSIP/b", kind="base")
    assert _callids(scene, "PJSIP/a", "PJSIP/b") == ["1000000000.1", "1000000000.2"]


def test_the_callid_outlives_the_oldest_channel() -> None:
    scene = Scene()
    scene.new("PJSIP/a")
    scene.new("PJSIP/b", by="PJSIP/a")
    scene.hang_up("PJSIP/a")
    assert _callids(scene, "PJSIP/b") == ["1000000000.1"]


def test_an_id_that_somebody_chose_is_as_old_as_its_channel() -> None:
    scene = Scene()
    scene.new("PJSIP/a", uniqueid="2000000000.1")
    scene.new("PJSIP/b", uniqueid="click-1")
    calls = scene.registry.calls
    assert calls.is_older("click-1", "2000000000.1")
    assert not calls.is_older("2000000000.1", "click-1")


def test_nothing_is_remembered_of_calls_that_are_over() -> None:
    scene = Scene()
    scene.new("PJSIP/a", uniqueid="click-1")
    scene.local("Local/x", by="PJSIP/a")
    scene.hang_up("PJSIP/a", "Local/x;1", "Local/x;2")
    calls = scene.registry.calls
    assert not calls._by_linkedid
    assert not calls._by_pair
    assert not calls._births
    assert calls.having("click-1") == {}


def test_the_other_half_is_found_as_long_as_it_is_there() -> None:
    scene = Scene()
    scene.local("Local/x")
    calls = scene.registry.calls
    one, two = scene["Local/x;1"], scene["Local/x;2"]
    assert calls.other_half(one) is two
    assert calls.other_half(two) is one
    scene.hang_up("Local/x;2")
    assert calls.other_half(one) is None


def test_a_renamed_half_belongs_to_the_other_pair() -> None:
    scene = Scene()
    scene.local("Local/x")
    one = scene["Local/x;1"]
    scene.registry.rename(one, "PJSIP/else-1")
    scene.registry.settle()
    assert scene.registry.calls.other_half(one) is None
    scene.registry.rename(one, "Local/x-c;1")
    scene.registry.settle()
    assert scene.registry.calls.other_half(one) is scene["Local/x;2"]
    scene.registry.check()


def test_who_follows_with_the_same_uniqueid_takes_the_place_in_the_call() -> None:
    scene = Scene()
    scene.new("PJSIP/a")
    again = snapshot("1000000000.2", linkedid="1000000000.1", channel="PJSIP/b-2")
    scene.apply(ev.Newchannel(AT, again))
    # All before anybody asks who is in a call.
    scene.mirror.apply(ev.Hangup(AT, again.uniqueid, again.channel))
    scene.mirror.apply(ev.Newchannel(AT, again))
    scene.registry.check()
    call = scene["PJSIP/a"].call
    assert call is not None
    assert scene.registry.channels[again.uniqueid] in call.members


def test_who_follows_stays_when_others_of_the_old_call_go_before_anybody_asks() -> None:
    scene = Scene()
    for number in (1, 3):
        scene.new(f"PJSIP/{number}", by="PJSIP/1" if number > 1 else "")
    again = snapshot("1000000000.2", linkedid="1000000000.2", channel="PJSIP/3-2")
    other = scene["PJSIP/1"].uniqueid
    scene.mirror.apply(ev.Hangup(AT, again.uniqueid, again.channel))
    scene.mirror.apply(ev.Newchannel(AT, again))
    scene.mirror.apply(ev.Hangup(AT, other, ""))
    scene.registry.check()
    call = scene.registry.channels[again.uniqueid].call
    assert call is not None
    assert call.callid == again.uniqueid

"""Who began a call, who talks to whom, and what rings."""

from callstate.core.paths import dialled_ends, rings, talkers, way_to
from tests.core.scene import DOWN, RINGING, UP, Scene


def origins(scene: Scene, *names: str) -> list[str]:
    """Return for each channel the name of the one that began its call."""
    return [_short(way_to(scene[name], scene.registry).origin.channel) for name in names]


def _short(channel: str) -> str:
    name, _, end = channel.rpartition("-")
    return name + end[1:] if name.startswith("Local/") else name


def test_the_caller_began_the_call() -> None:
    scene = Scene()
    scene.call("PJSIP/a", "PJSIP/b")
    assert origins(scene, "PJSIP/a", "PJSIP/b") == ["PJSIP/a", "PJSIP/a"]
    scene.talk("PJSIP/a", "PJSIP/b")
    assert origins(scene, "PJSIP/a", "PJSIP/b") == ["PJSIP/a", "PJSIP/a"]
    assert [one.channel for one in talkers(scene["PJSIP/a"], scene.registry)] == ["PJSIP/b-2"]


def test_a_leg_whose_dial_is_yet_to_come_belongs_to_who_had_it_made() -> None:
    scene = Scene()
    scene.new("PJSIP/a")
    scene.new("PJSIP/b", by="PJSIP/a", state=DOWN)
    assert origins(scene, "PJSIP/b") == ["PJSIP/a"]
    scene.hang_up("PJSIP/a")
    assert origins(scene, "PJSIP/b") == ["PJSIP/b"]


def test_a_leg_that_a_local_channel_had_made_is_nobodys_yet() -> None:
    scene = Scene()
    scene.local("Local/x")
    scene.new("PJSIP/b", by="Local/x;2")
    assert origins(scene, "PJSIP/b") == ["PJSIP/b"]


def _forwarded(talking: bool) -> Scene:
    scene = Scene()
    scene.new("PJSIP/a", exten="110")
    scene.local("Local/x", by="PJSIP/a", exten="102")
    scene.dial("PJSIP/a", "Local/x;1")
    scene.new("PJSIP/b", by="Local/x;2", state=RINGING, exten="102")
    scene.dial("Local/x;2", "PJSIP/b", "RINGING")
    if talking:
        scene.talk("Local/x;2", "PJSIP/b")
        scene.talk("PJSIP/a", "Local/x;1", into="b2")
    return scene


def test_a_forward_leads_through_its_local_channel() -> None:
    for talking in (False, True):
        scene = _forwarded(talking)
        way = way_to(scene["PJSIP/b"], scene.registry)
        assert way.origin is scene["PJSIP/a"]
        assert way.between == [scene["Local/x;2"], scene["Local/x;1"]]
        assert rings(scene["PJSIP/a"], scene.registry)
    names = [one.channel for one in talkers(scene["PJSIP/a"], scene.registry)]
    assert names == ["PJSIP/b-4"]


def test_when_half_of_a_local_channel_is_gone_the_way_ends_there() -> None:
    scene = _forwarded(talking=False)
    scene.hang_up("Local/x;1")
    assert origins(scene, "PJSIP/b") == ["PJSIP/b"]
    assert way_to(scene["PJSIP/b"], scene.registry).between == []


def test_an_optimised_local_channel_leaves_the_two_as_they_were() -> None:
    scene = _forwarded(talking=True)
    scene.part("PJSIP/a", from_="b2")
    scene.talk("PJSIP/a")
    scene.hang_up("Local/x;2", "Local/x;1")
    assert origins(scene, "PJSIP/a", "PJSIP/b") == ["PJSIP/a", "PJSIP/a"]


def _clicked() -> Scene:
    """Originate of a Local channel: it rings the first phone, then dials the number."""
    scene = Scene()
    scene.local("Local/x", exten="101")
    scene.dial("", "Local/x;1")
    scene.new("PJSIP/a", by="Local/x;2", state=RINGING, exten="101")
    scene.dial("Local/x;2", "PJSIP/a", "RINGING")
    return scene


def test_the_first_phone_of_a_click_to_call_began_it() -> None:
    scene = _clicked()
    assert origins(scene, "PJSIP/a") == ["PJSIP/a"]
    scene.talk("PJSIP/a", "Local/x;2")
    scene.new("PJSIP/b", by="Local/x;1", state=RINGING, exten="104")
    scene.dial("Local/x;1", "PJSIP/b", "RINGING")
    assert origins(scene, "PJSIP/a", "PJSIP/b") == ["PJSIP/a", "PJSIP/a"]
    scene.talk("PJSIP/b", "Local/x;1", into="b2")
    assert origins(scene, "PJSIP/a", "PJSIP/b") == ["PJSIP/a", "PJSIP/a"]
    scene.part("PJSIP/a")
    scene.talk("PJSIP/a", into="b2")
    scene.hang_up("Local/x;1", "Local/x;2")
    assert origins(scene, "PJSIP/a", "PJSIP/b") == ["PJSIP/a", "PJSIP/a"]


def test_a_first_phone_behind_a_forward_began_it_as_well() -> None:
    scene = Scene()
    scene.local("Local/x")
    scene.local("Local/y", by="Local/x;2")
    scene.dial("Local/x;2", "Local/y;1")
    scene.new("PJSIP/a", by="Local/y;2", state=UP)
    scene.dial("Local/y;2", "PJSIP/a")
    scene.new("PJSIP/b", by="Local/x;1")
    scene.dial("Local/x;1", "PJSIP/b")
    assert origins(scene, "PJSIP/a", "PJSIP/b") == ["PJSIP/a", "PJSIP/a"]


def _consulting() -> Scene:
    """`a` talks to `b`, who holds `a` and rings `c` to transfer `a` there."""
    scene = Scene()
    scene.call("PJSIP/a", "PJSIP/b", talking=True)
    scene.local("Local/x", by="PJSIP/b", exten="103")
    scene.part("PJSIP/b")
    scene.talk("Local/x;1", "PJSIP/b", into="b2")
    scene.new("PJSIP/c", by="Local/x;2", state=RINGING, exten="103")
    scene.dial("Local/x;2", "PJSIP/c", "RINGING")
    return scene


def test_who_consults_is_the_source_of_who_is_asked() -> None:
    scene = _consulting()
    everybody = ("PJSIP/a", "PJSIP/b", "PJSIP/c")
    assert origins(scene, *everybody) == ["PJSIP/a", "PJSIP/a", "PJSIP/b"]
    scene.talk("Local/x;2", "PJSIP/c", into="b3")
    assert origins(scene, *everybody) == ["PJSIP/a", "PJSIP/a", "PJSIP/b"]


def test_after_the_transfer_the_caller_is_the_source_again() -> None:
    scene = _consulting()
    scene.talk("Local/x;2", "PJSIP/c", into="b3")
    scene.part("Local/x;1", from_="b2")
    scene.talk("Local/x;1")
    scene.hang_up("PJSIP/b")
    assert origins(scene, "PJSIP/a", "PJSIP/c") == ["PJSIP/a", "PJSIP/a"]
    scene.part("PJSIP/a")
    scene.talk("PJSIP/a", into="b3")
    scene.hang_up("Local/x;1", "Local/x;2")
    assert origins(scene, "PJSIP/a", "PJSIP/c") == ["PJSIP/a", "PJSIP/a"]


def test_when_the_caller_transfers_the_older_of_those_left_is_the_source() -> None:
    scene = Scene()
    scene.call("PJSIP/a", "PJSIP/b", talking=True)
    scene.call("PJSIP/a2", "PJSIP/c", talking=True)
    scene.part("PJSIP/c")
    scene.talk("PJSIP/c", "PJSIP/b", into="b3")
    scene.hang_up("PJSIP/a", "PJSIP/a2")
    assert origins(scene, "PJSIP/b", "PJSIP/c") == ["PJSIP/b", "PJSIP/b"]


def test_who_fetches_a_parked_call_is_reached_by_it() -> None:
    scene = Scene()
    scene.new("PJSIP/a")
    scene.new("PJSIP/b")
    scene.talk("PJSIP/b", "PJSIP/a")
    assert origins(scene, "PJSIP/a", "PJSIP/b") == ["PJSIP/a", "PJSIP/a"]


def test_who_talks_to_another_caller_is_no_longer_its_diallers() -> None:
    scene = Scene()
    scene.call("PJSIP/a", "PJSIP/b", talking=True)
    scene.new("PJSIP/d")
    scene.part("PJSIP/b")
    scene.talk("PJSIP/b", "PJSIP/d", into="b2")
    assert origins(scene, "PJSIP/a", "PJSIP/b") == ["PJSIP/a", "PJSIP/d"]


def test_who_picks_up_is_dialled_by_the_caller() -> None:
    scene = Scene()
    scene.call("PJSIP/a", "PJSIP/b")
    scene.new("PJSIP/c", exten="*8")
    scene.answer("PJSIP/a", "PJSIP/c")
    scene.hang_up("PJSIP/b")
    assert origins(scene, "PJSIP/c") == ["PJSIP/a"]


def test_a_ring_of_local_channels_is_walked_once() -> None:
    scene = Scene()
    scene.local("Local/x")
    scene.local("Local/y")
    scene.dial("Local/x;2", "Local/y;1")
    scene.dial("Local/y;2", "Local/x;1")
    scene.new("PJSIP/a")
    scene.dial("Local/x;2", "PJSIP/a")
    assert origins(scene, "PJSIP/a") == ["PJSIP/a"]
    assert not rings(scene["PJSIP/a"], scene.registry)
    scene.talk("Local/x;1", "Local/x;2", "PJSIP/a")
    assert not list(talkers(scene["PJSIP/a"], scene.registry))


def test_a_leg_rings_as_itself_as_heard_by_its_dialler_and_for_its_caller() -> None:
    scene = Scene()
    scene.new("PJSIP/a")
    scene.new("PJSIP/b", by="PJSIP/a", state=DOWN)
    scene.dial("PJSIP/a", "PJSIP/b", "PROCEEDING")
    both = (scene["PJSIP/a"], scene["PJSIP/b"])
    assert not any(rings(one, scene.registry) for one in both)
    scene.hear("PJSIP/a", "PJSIP/b", "PROGRESS")
    assert all(rings(one, scene.registry) for one in both)
    scene.hear("PJSIP/a", "PJSIP/b", "PROCEEDING")
    scene.show("PJSIP/b", channel_state=RINGING)
    assert all(rings(one, scene.registry) for one in both)


def test_who_hears_ringing_from_the_dialplan_rings() -> None:
    scene = Scene()
    caller = scene.new("PJSIP/a")
    assert not rings(caller, scene.registry)
    scene.show("PJSIP/a", application="Ringing()")
    scene.show("PJSIP/a", application="Wait")
    assert rings(caller, scene.registry)


def test_a_dialled_local_channel_without_its_other_half_rings_for_nobody() -> None:
    scene = _forwarded(talking=False)
    scene.hang_up("Local/x;2")
    assert not rings(scene["PJSIP/a"], scene.registry)


def test_half_a_local_channel_is_nobody_to_talk_to_and_nobody_dialled() -> None:
    scene = Scene()
    scene.new("PJSIP/a")
    scene.local("Local/x", by="PJSIP/a")
    scene.dial("PJSIP/a", "Local/x;1")
    scene.talk("PJSIP/a", "Local/x;1")
    scene.hang_up("Local/x;2")
    assert talkers(scene["PJSIP/a"], scene.registry) == []
    assert list(dialled_ends(scene["PJSIP/a"], scene.registry)) == []

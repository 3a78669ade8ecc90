"""Bridges and their members: in one at a time, and out of those that are gone."""

from tests.core.scene import Scene
from tests.core.shown import bridge


def _members(scene: Scene, uniqueid: str = "b1") -> list[str]:
    record = scene.registry.bridges.get(uniqueid)
    return [] if record is None else sorted(record.members)


def _two() -> Scene:
    scene = Scene()
    scene.new("PJSIP/a")
    scene.new("PJSIP/b")
    return scene


def test_entering_a_bridge_leaves_the_other() -> None:
    scene = _two()
    scene.talk("PJSIP/a", into="b1")
    scene.talk("PJSIP/a", into="b2")
    assert _members(scene, "b1") == []
    assert _members(scene, "b2") == ["1000000000.1"]


def test_a_removed_bridge_has_no_members() -> None:
    scene = _two()
    scene.talk("PJSIP/a", "PJSIP/b")
    scene.registry.bridging.remove("b1")
    scene.registry.bridging.remove("b1")
    scene.registry.settle()
    assert scene["PJSIP/a"].bridge is None
    assert scene.registry.bridges == {}
    scene.registry.check()


def test_the_members_are_those_that_were_listed_and_are_there() -> None:
    scene = _two()
    scene.talk("PJSIP/a")
    members = ["1000000000.2", "1000000000.99"]
    scene.registry.bridging.set_members(bridge("b1"), members, scene.registry.channels)
    scene.registry.settle()
    assert _members(scene) == ["1000000000.2"]
    assert scene["PJSIP/a"].bridge is None
    scene.registry.check()


def test_bridges_that_were_not_listed_are_gone() -> None:
    scene = _two()
    scene.talk("PJSIP/a", into="b1")
    scene.talk("PJSIP/b", into="b2")
    scene.registry.bridging.retain(["b2", "b9"])
    scene.registry.settle()
    assert list(scene.registry.bridges) == ["b2"]
    scene.registry.check()


def test_a_bridge_that_turns_into_another_kind_makes_a_call_or_none() -> None:
    scene = _two()
    scene.talk("PJSIP/a", "PJSIP/b", kind="stasis", technology="holding_bridge")
    assert scene["PJSIP/a"].call is not scene["PJSIP/b"].call
    record = scene.registry.bridges["b1"]
    scene.registry.changed.clear()
    scene.registry.bridging.update(record, bridge("b1", "stasis", technology="softmix"))
    scene.registry.settle()
    assert scene["PJSIP/a"].call is scene["PJSIP/b"].call
    assert scene.registry.changed == {"1000000000.1", "1000000000.2"}


def test_leaving_without_being_in_a_bridge_is_nothing() -> None:
    scene = _two()
    scene.registry.changed.clear()
    scene.registry.bridging.leave(scene["PJSIP/a"])
    assert scene.registry.changed == set()

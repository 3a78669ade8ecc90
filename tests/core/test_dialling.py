"""Who dialled whom: at both ends the same, whoever of them is there."""

from tests.core.scene import Scene
from tests.core.shown import AT, snapshot


def test_only_the_last_dialler_goes_on_dialling() -> None:
    scene = Scene()
    scene.new("PJSIP/a")
    scene.new("PJSIP/b")
    scene.new("PJSIP/c", by="PJSIP/a")
    scene.dial("PJSIP/a", "PJSIP/c", "RINGING")
    scene.dial("PJSIP/b", "PJSIP/c")
    assert scene["PJSIP/a"].dialling == {}
    assert scene["PJSIP/c"].dialled_by == "1000000000.2"


def test_who_is_dialled_outlives_its_dialler_and_names_it_on() -> None:
    scene = Scene()
    scene.new("PJSIP/a")
    scene.new("PJSIP/b", by="PJSIP/a")
    scene.dial("PJSIP/a", "PJSIP/b")
    caller = scene["PJSIP/a"].uniqueid
    scene.registry.changed.clear()
    scene.registry.remove(caller)
    assert scene["PJSIP/b"].uniqueid in scene.registry.changed
    assert scene["PJSIP/b"].dialled_by == caller
    scene.registry.check()


def test_a_dialler_that_is_seen_late_knows_whom_it_dialled() -> None:
    scene = Scene()
    dest = scene.new("PJSIP/b")
    scene.registry.dialling.set_dialler(dest, "1000000000.9")
    scene.registry.check()
    dialler = scene.registry.live(snapshot("1000000000.9"), AT)
    assert dialler is not None
    assert dialler.dialled == {dest.uniqueid}
    scene.registry.check()


def test_what_is_heard_and_its_end_change_the_caller_once() -> None:
    scene = Scene()
    caller, dest = scene.new("PJSIP/a"), scene.new("PJSIP/b", by="PJSIP/a")
    dialling, changed = scene.registry.dialling, scene.registry.changed
    dialling.hear(caller, dest, "RINGING")
    changed.clear()
    dialling.hear(caller, dest, "RINGING")
    assert changed == set()
    dialling.end(caller, dest.uniqueid)
    assert changed == {caller.uniqueid}
    changed.clear()
    dialling.end(caller, dest.uniqueid)
    assert changed == set()
    assert caller.dialled == {dest.uniqueid}, "dialled by it, though not any more"

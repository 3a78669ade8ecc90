"""Dashboard and alerts: they speak of metrics that there are, and Prometheus understands them."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.scrape import labels_by_metric, metrics_in, scrape

ROOT = Path(__file__).parent.parent
PROMETHEUS = ROOT / "deploy/prometheus"
RULES = PROMETHEUS / "callstate.rules.yml"
RULE_TESTS = PROMETHEUS / "callstate.test.yml"
DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy/grafana/callstate.json").read_bytes())
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
EXPRESSIONS = [
    target["expr"] for panel in PANELS if panel["type"] != "row" for target in panel["targets"]
]
VARIABLES = DASHBOARD["templating"]["list"]


def _alerts(text: str) -> list[str]:
    return re.findall(r"^\s*- alert: (\w+)$", text, flags=re.MULTILINE)


def _labels_in(text: str) -> set[str]:
    """Return the labels that are matched in braces or grouped by."""
    matched = re.findall(r"[{,]\s*(\w+)\s*=~?\"", text)
    grouped = re.findall(r"(?:by|on) \(([^)]*)\)", text)
    return {*matched, *(name.strip() for names in grouped for name in names.split(","))}


def _promtool(*arguments: str, text: str = "") -> str:
    done = subprocess.run(
        ["promtool", *arguments], input=text, capture_output=True, text=True, check=False
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said


def test_alerts_speak_of_metrics_that_there_are() -> None:
    named = metrics_in(RULES.read_text(encoding="utf-8")) - {"callstate_rules"}
    assert named
    assert named <= set(labels_by_metric())


def test_alerts_are_explained_to_the_operator_and_no_others() -> None:
    operation = (ROOT / "docs/operation.md").read_text(encoding="utf-8")
    explained = re.findall(r"^\| `(Callstate\w+)` \|", operation, flags=re.MULTILINE)
    assert explained == _alerts(RULES.read_text(encoding="utf-8"))


def test_every_alert_is_seen_to_fire_and_not_to_fire() -> None:
    text = RULE_TESTS.read_text(encoding="utf-8")
    names = set(_alerts(RULES.read_text(encoding="utf-8")))
    fires = set(re.findall(r"alertname: (\w+)\n\s+exp_alerts:", text))
    assert fires == names
    assert set(re.findall(r"alertname: (\w+)\}", text)) == names


def test_labels_of_alerts_and_dashboard_are_those_of_the_metrics() -> None:
    known = {label for labels in labels_by_metric().values() for label in labels}
    known |= {"instance", "job", "le"}
    for text in (RULES.read_text(encoding="utf-8"), *EXPRESSIONS):
        assert _labels_in(text) <= known


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_the_dashboard_speaks_of_metrics_that_there_are(expression: str) -> None:
    named = metrics_in(expression)
    assert named
    assert named <= set(labels_by_metric())


def test_the_dashboard_or_an_alert_has_every_metric() -> None:
    used = metrics_in(" ".join([*EXPRESSIONS, RULES.read_text(encoding="utf-8")]))
    unused = set(labels_by_metric()) - used
    # What no graph is needed for: addresses are no memory, and the other is in every rate.
    assert unused == {
        "callstate_ami_up",
        "process_start_time_seconds",
        "process_virtual_memory_bytes",
    }


def test_the_dashboards_variables_are_those_that_it_uses() -> None:
    text = json.dumps(PANELS)
    used = set(re.findall(r"\$\{?([a-z]\w*)", text))
    assert used == {variable["name"] for variable in VARIABLES}


def test_the_dashboards_panels_have_their_own_places() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    taken: set[tuple[int, int]] = set()
    for panel in PANELS:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells


@pytest.mark.promtool
def test_prometheus_reads_the_alerts() -> None:
    said = _promtool("check", "rules", str(RULES))
    assert f"{len(_alerts(RULES.read_text(encoding='utf-8')))} rules found" in said


@pytest.mark.promtool
def test_alerts_fire_when_they_should() -> None:
    assert "SUCCESS" in _promtool("test", "rules", str(RULE_TESTS))


@pytest.mark.promtool
def test_prometheus_understands_what_the_dashboard_asks(tmp_path: Path) -> None:
    queries = [expression.replace("$__rate_interval", "5m") for expression in EXPRESSIONS]
    rules = [{"record": f"panel:{n}", "expr": query} for n, query in enumerate(queries)]
    path = tmp_path / "panels.yml"  # JSON is YAML
    path.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}), encoding="utf-8")
    assert f"{len(rules)} rules found" in _promtool("check", "rules", str(path))


@pytest.mark.promtool
def test_prometheus_has_nothing_to_say_against_the_metrics() -> None:
    assert _promtool("check", "metrics", text=scrape()) == ""

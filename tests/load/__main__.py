"""The command of `make load`: runs a plan, says what was found, and writes it down."""

import argparse
import asyncio
import datetime
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.load.processes import ROOT, Plan, Sample
from tests.load.run import Result, run

RESULTS = Path(__file__).parent / "results"


def text_of(result: Result) -> str:
    """Return the result as a page for people."""
    plan = result.plan
    verdict = "right" if result.is_right else "WRONG"
    today = datetime.datetime.now(datetime.UTC).date()
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        check=False,
        text=True,
    ).stdout.strip()
    lines = [
        f"# Load, {today}",
        "",
        f"callstate {commit}, Python {platform.python_version()}, {platform.machine()}.",
        "",
        f"{plan.machines} machines with {plan.legs} legs and {plan.events} events/s each, "
        f"{plan.clients} clients of whom {plan.bad} read slowly or vanish, {plan.seconds:g} s: "
        f"{verdict}.",
        "",
        f"* events sent {result.sent}, of those not counted {result.lost}",
        f"* legs at the end {result.legs}, differences from the truth {len(result.differences)}",
        f"* AMI lag: 99 % at most {result.lag_p99_ms:g} ms",
        f"* most bytes that waited to be read: {result.behind_bytes}",
        "",
        "| question | answers | median ms | p99 ms | longest ms |",
        "|---|---|---|---|---|",
        *(f"| {kind} | {n} | {a:.1f} | {b:.1f} | {c:.1f} |" for kind, n, a, b, c in result.times),
        "",
        "| s | legs | MB | processor s |",
        "|---|---|---|---|",
        *(
            f"| {each.seconds:g} | {each.legs} | {each.megabytes:g} | {each.cpu_seconds:.1f} |"
            for each in _thinned(result)
        ),
        "",
        *(f"* {what}" for what in (*result.differences, *result.wrong)),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _thinned(result: Result) -> list[Sample]:
    step = max(1, len(result.samples) // 30)
    return [*result.samples[::step]]


def main(arguments: list[str] | None = None) -> int:
    """Run what the arguments say; return the exit code."""
    usual = Plan()
    parser = argparse.ArgumentParser(prog="tests.load", description=__doc__)
    parser.add_argument("--machines", type=int, default=usual.machines)
    parser.add_argument("--legs", type=int, default=usual.legs, help="of each machine")
    parser.add_argument("--events", type=int, default=usual.events, help="of each, in a second")
    parser.add_argument("--clients", type=int, default=usual.clients)
    parser.add_argument("--bad", type=int, default=usual.bad, help="who read slowly or vanish")
    parser.add_argument("--seconds", type=float, default=usual.seconds)
    parser.add_argument("--record", action="store_true", help="replay every byte (short runs)")
    parser.add_argument("--save", action="store_true", help="keep the page beside the scripts")
    given = vars(parser.parse_args(arguments))
    save = given.pop("save")
    with tempfile.TemporaryDirectory(prefix="callstate-load-") as folder:
        result = asyncio.run(run(Plan(**given), Path(folder)))
    text = text_of(result)
    print(text)  # noqa: T201
    if save:
        RESULTS.mkdir(exist_ok=True)
        today = datetime.datetime.now(datetime.UTC).date()
        (RESULTS / f"{today}.md").write_text(text, encoding="utf-8")
    return 0 if result.is_right else 1


if __name__ == "__main__":
    sys.exit(main())

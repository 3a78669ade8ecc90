"""The systemd unit, judged by systemd's own tools, and against what the program says of itself."""

import configparser
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from callstate.cli import EXIT_USAGE
from callstate.config import DEFAULT_PATH

pytestmark = pytest.mark.packaging

ROOT = Path(__file__).parents[2]
SYSTEMD = ROOT / "deploy/systemd"
UNIT = SYSTEMD / "callstate.service"
OPERATION = (ROOT / "docs/operation.md").read_text(encoding="utf-8")

# Of 10; with its network and its sockets, which it needs, it cannot be much below 1.
EXPOSURE_LIMIT = 1.5


class _Options(configparser.RawConfigParser):
    def optionxform(self, optionstr: str) -> str:
        return optionstr


@pytest.fixture(scope="module")
def unit() -> configparser.RawConfigParser:
    parser = _Options(strict=False, delimiters=("=",), comment_prefixes=("#",))
    parser.read(UNIT, encoding="utf-8")
    return parser


def _systemd(tool: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    path = shutil.which(tool)
    assert path is not None, f"there is no {tool}: install Debian's package systemd"
    return subprocess.run([path, *map(str, arguments)], check=False, capture_output=True, text=True)


def test_systemd_understands_every_line(tmp_path: Path) -> None:
    # The program is somewhere else here than on the machine that runs it.
    program = shutil.which("true")
    copy = tmp_path / UNIT.name
    text = UNIT.read_text(encoding="utf-8")
    copy.write_text(text.replace("/opt/callstate/bin/callstate", str(program)), encoding="utf-8")
    done = _systemd("systemd-analyze", "verify", "--man=no", copy)
    said = [line for line in (done.stdout + done.stderr).splitlines() if UNIT.name in line]
    assert said == []
    assert done.returncode == 0, done.stderr


def test_a_mistake_would_be_seen(tmp_path: Path) -> None:
    copy = tmp_path / UNIT.name
    text = UNIT.read_text(encoding="utf-8").replace("ProtectClock=yes", "ProtectClok=yes")
    copy.write_text(text, encoding="utf-8")
    done = _systemd("systemd-analyze", "verify", "--man=no", copy)
    assert "ProtectClok" in done.stdout + done.stderr


def test_the_service_is_locked_in() -> None:
    done = _systemd("systemd-analyze", "security", "--offline=yes", "--json=short", UNIT)
    rows = json.loads(done.stdout)
    open_doors = {row["name"]: row["exposure"] for row in rows if row["exposure"]}
    overall = _systemd("systemd-analyze", "security", "--offline=yes", UNIT)
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", overall.stdout)
    assert found is not None, overall.stdout
    assert float(found[1]) <= EXPOSURE_LIMIT, open_doors
    assert f"at most {EXPOSURE_LIMIT} of 10" in OPERATION


def test_the_user_is_made_and_has_no_shell(tmp_path: Path) -> None:
    folder = tmp_path / "etc/sysusers.d"
    folder.mkdir(parents=True)
    shutil.copy(SYSTEMD / "callstate.sysusers.conf", folder / "callstate.conf")
    done = _systemd("systemd-sysusers", f"--root={tmp_path}")
    assert done.returncode == 0, done.stderr
    (line,) = (tmp_path / "etc/passwd").read_text(encoding="utf-8").splitlines()
    name, _, _, _, _, _, shell = line.split(":")
    assert name == "callstate"
    assert shell.endswith("nologin")


def test_it_runs_the_program_as_the_documents_say(unit: configparser.RawConfigParser) -> None:
    service = unit["Service"]
    assert service["ExecStart"] == f"/opt/callstate/bin/callstate run --config {DEFAULT_PATH}"
    assert service["User"] == service["Group"] == "callstate"
    assert service["RestartPreventExitStatus"] == str(EXIT_USAGE)
    document = unit["Unit"]["Documentation"].removeprefix("file:/opt/callstate/share/callstate/")
    assert (ROOT / document).is_file()


def test_the_files_that_the_documents_install_are_there() -> None:
    named = set(re.findall(r"(?<![(\[/])\bdeploy/[\w./-]+\w", OPERATION))
    assert {"deploy/systemd/callstate.service", "deploy/asterisk/manager.conf"} <= named
    assert [name for name in named if not (ROOT / name).exists()] == []

"""The command line, as somebody types it: what it prints, and its exit codes."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from callstate import cli
from tests.captures import FIXTURES
from tests.certificates import make_certificate

CONFIG = """
[http]
port = 0

[[machine]]
id = 3
name = "east"
host = "192.0.2.7"
username = "callstate"
secret = "very-secret"

[variables]
callid = "X_CALLID"
"""
DIRECTORY = """
[[customer]]
id = 1
name = "Root"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "directory.toml").write_text(DIRECTORY)
    path = tmp_path / "config.toml"
    path.write_text(CONFIG)
    return path


def _run(*words: object, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "callstate", *map(str, words)],
        check=False,
        capture_output=True,
        text=True,
        input=stdin,
    )


def test_check_looks_at_the_certificate(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = 'port = 0\nunix_socket = "x.sock"\ntls_certificate_file = "server.pem"\n'
    config.write_text(CONFIG.replace("port = 0", keys + 'tls_key_file = "server.key"'))
    assert cli.main(["check", "--config", str(config)]) == 2
    problem = capsys.readouterr().err
    assert problem.startswith("callstate: http.tls_certificate_file: ")
    assert "server.pem cannot be read: No such file or directory" in problem
    make_certificate(tmp_path)
    assert cli.main(["check", "--config", str(config)]) == 0
    said = capsys.readouterr().out
    assert "http      127.0.0.1:0, TLS" in said
    assert f"http      {tmp_path}/x.sock" in said


def test_a_demo_without_recordings_says_where_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["demo", "--fixtures", str(tmp_path / "none")]) == 2
    problem = capsys.readouterr().err
    assert problem.startswith("callstate: --fixtures: there are no recordings here")
    assert len(problem.splitlines()) == 1


def test_check_says_what_it_understood(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "--config", str(config)]) == 0

    said = capsys.readouterr().out
    assert "http      127.0.0.1:0, no TLS" in said
    assert "machine   3 east: 192.0.2.7:5038 as callstate, no TLS" in said
    assert "variable  callid from X_CALLID" in said
    assert "0 users, 0 lines" in said
    assert "very-secret" not in said


@pytest.mark.parametrize(
    "mistake",
    [
        ("username", "usernane", "machine[0].usernane: is not a known key"),
        ("id = 3", 'id = "3"', "machine[0].id: must be int, not str"),
        ('secret = "very-secret"', "", "machine[0].secret: is missing"),
        ("callid =", "call =", "variables.call: is no field"),
    ],
)
@pytest.mark.parametrize("command", ["run", "check"])
def test_a_mistake_is_one_line_that_names_the_key(
    config: Path, capsys: pytest.CaptureFixture[str], command: str, mistake: tuple[str, str, str]
) -> None:
    replace, by, said = mistake
    config.write_text(CONFIG.replace(replace, by))

    assert cli.main([command, "--config", str(config)]) == 2

    error = capsys.readouterr().err
    assert error.startswith(f"callstate: {said}")
    assert error.count("\n") == 1


def test_a_file_that_is_not_there_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "none.toml"

    assert cli.main(["check", "--config", str(missing)]) == 2

    assert capsys.readouterr().err == (
        f"callstate: {missing}: cannot be read: No such file or directory\n"
    )


def test_the_path_comes_from_the_environment(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CALLSTATE_CONFIG", str(config))

    assert cli.main(["check"]) == 0

    assert "machine   3" in capsys.readouterr().out


def test_a_directory_that_is_refused_is_named(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (config.parent / "directory.toml").write_text(DIRECTORY + '[[customer]]\nid = 1\nname = "x"\n')

    assert cli.main(["run", "--config", str(config)]) == 2

    *_logs, error = capsys.readouterr().err.splitlines()
    assert error.startswith("callstate: ")
    assert error.endswith("customer[1]: is there twice")


def test_replay_prints_a_line_for_each_mark_and_the_end() -> None:
    path = FIXTURES / "asterisk-22" / "hold" / "ami.log.gz"

    done = _run("replay", path, "--at", "60000", "--at", "1:0", "--machine", "4", "--mirror")

    assert done.returncode == 0, done.stderr
    printed = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["offset"] for line in printed[:2]] == [0, 60000]
    assert len(printed) == 3
    assert set(printed[0]) == {"path", "offset", "channels", "bridges"}


def test_replay_reads_standard_input(config: Path) -> None:
    stream = (
        "Asterisk Call Manager/11.0.0\r\n"
        "Event: Newchannel\r\nChannel: PJSIP/a-1\r\nChannelState: 4\r\n"
        "CallerIDNum: 101\r\nUniqueid: 1795479320.0\r\nLinkedid: 1795479320.0\r\n\r\n"
        "Event: VarSet\r\nChannel: PJSIP/a-1\r\nChannelState: 4\r\n"
        "Uniqueid: 1795479320.0\r\nLinkedid: 1795479320.0\r\n"
        'Variable: __X_CALLID\r\nValue: "it is"\r\n\r\n'
    )

    done = _run("replay", "-", "--config", config, stdin=stream)

    assert done.returncode == 0, done.stderr
    (line,) = map(json.loads, done.stdout.splitlines())
    (row,) = line["rows"]
    assert row["callid"] == '"it is"'
    assert row["start"] == 1795479320


@pytest.mark.parametrize("mark", ["x", "2:5", "-3"])
def test_a_mark_that_is_none_is_named(capsys: pytest.CaptureFixture[str], mark: str) -> None:
    assert cli.main(["replay", "some.log", f"--at={mark}"]) == 2

    assert capsys.readouterr().err.startswith(f"callstate: --at {mark}: ")


def test_a_recording_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["replay", "/nowhere/ami.log"]) == 2

    error = capsys.readouterr().err
    assert "/nowhere/ami.log" in error
    assert error.count("\n") == 1


def test_a_hash_is_made_of_the_password_on_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("sesame\n"))

    assert cli.main(["hash-password"]) == 0

    printed = capsys.readouterr().out
    assert printed.startswith("$argon2id$")
    assert "sesame" not in printed


def test_an_empty_password_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))

    assert cli.main(["hash-password"]) == 2

    assert capsys.readouterr().err == "callstate: password: must not be empty\n"


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_password_typed_twice_must_be_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = iter(["sesame", "semolina"])
    monkeypatch.setattr("sys.stdin", _Terminal())
    monkeypatch.setattr("getpass.getpass", lambda _prompt: next(answers))

    assert cli.main(["hash-password"]) == 2

    assert "semolina" not in capsys.readouterr().err


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    path = FIXTURES / "asterisk-22" / "hold" / "ami.log.gz"
    marks = " ".join(f"--at {offset}" for offset in range(0, 90_000, 100))
    command = f"{sys.executable} -m callstate replay {path} {marks} --mirror | head -n 1"

    done = subprocess.run(command, shell=True, check=False, capture_output=True, text=True)

    assert done.stderr == ""
    assert done.stdout.count("\n") == 1


def test_a_command_is_needed() -> None:
    assert _run().returncode == 2

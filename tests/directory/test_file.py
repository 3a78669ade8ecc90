"""The directory's file."""

from pathlib import Path

import pytest

from callstate.core.errors import ConfigError, DirectoryError
from callstate.directory.file import DirectoryFile, parse

GOOD = """
[[customer]]
id = 1
name = "Owner"

[[customer]]
id = 17
parent = 1

[[role]]
name = "reports"
privileges = ["telephone line reports", "user"]
system_wide = true

[[line]]
name = "c17-101"
customer = 17
number = "101"

[[user]]
name = "alice"
password_hash = "$argon2id$hunter2"
customer = 17
role = "reports"
lines = ["c17-101"]

[[user]]
name = "dave"
customer = 17
role = "reports"
disabled = true

[[name]]
number = "101"
name = "Reception"
customer = 17
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "directory.toml"
    path.write_text(GOOD, encoding="utf-8")
    return path


def problem_of(text: str) -> tuple[str, str]:
    with pytest.raises(DirectoryError) as caught:
        parse(text)
    assert "hunter2" not in f"{caught.value} {caught.value!r}"
    return caught.value.key, caught.value.problem


def test_every_table_is_read(path: Path) -> None:
    directory = DirectoryFile(path).load()
    assert set(directory.users) == {"alice", "dave"}
    assert directory.users["alice"].password_hash == "$argon2id$hunter2"
    assert directory.users["alice"].lines == ("c17-101",)
    assert directory.users["dave"].disabled
    assert directory.users["dave"].password_hash == ""
    assert directory.roles["reports"].privileges == {"telephone line reports", "user"}
    assert directory.roles["reports"].system_wide
    assert directory.lines["c17-101"].channel == "PJSIP/c17-101"
    assert directory.names[17, "101"] == "Reception"
    assert directory.customers.root == 1


def test_the_same_text_is_the_same_directory(path: Path) -> None:
    file = DirectoryFile(path)
    first = file.load()
    path.write_text(GOOD, encoding="utf-8")
    assert file.load() is first
    path.write_text(GOOD.replace("Reception", "Desk"), encoding="utf-8")
    assert file.load().names[17, "101"] == "Desk"


def test_an_error_does_not_forget_the_last_good_text(path: Path) -> None:
    file = DirectoryFile(path)
    first = file.load()
    path.write_text("[[", encoding="utf-8")
    with pytest.raises(DirectoryError):
        file.load()
    path.write_text(GOOD, encoding="utf-8")
    assert file.load() is first


@pytest.mark.parametrize(
    ("old", "new", "key", "problem"),
    [
        ("disabled = true", "disabeld = true", "user[dave].disabeld", "is not a known key"),
        ('name = "dave"\ncustomer = 17', 'name = "dave"', "user[dave].customer", "is missing"),
        ("disabled = true", "disabled = 1", "user[dave].disabled", "must be bool, not int"),
        ('"$argon2id$hunter2"', "5", "user[alice].password_hash", "must be str, not int"),
        ('name = "dave"\n', "", "user[1].name", "is missing"),
        ("parent = 1", 'parent = "1"', "customer[17].parent", "must be int, not str"),
        ('"user"]', "7]", "role[reports].privileges[1]", "must be str, not int"),
        ("[[name]]", "[[names]]", "names", "is not a known key"),
        ("[[name]]", "[name]", "name", "must be tables, each headed [[name]]"),
    ],
)
def test_an_error_names_the_row(old: str, new: str, key: str, problem: str) -> None:
    assert old in GOOD
    said = problem_of(GOOD.replace(old, new, 1))
    assert said[0] == key
    assert said[1].startswith(problem)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('role = "reports"', 'role = "none"', "user[alice].role"),
        ("parent = 1", "parent = 9", "customer[17].parent"),
        ('lines = ["c17-101"]', 'lines = ["x"]', "user[alice].lines"),
    ],
)
def test_rows_that_do_not_fit_are_refused(old: str, new: str, key: str) -> None:
    assert problem_of(GOOD.replace(old, new, 1))[0] == key


def test_a_row_that_is_no_table_is_named_by_its_place() -> None:
    assert problem_of("customer = [1]")[0] == "customer[0]"


@pytest.mark.parametrize("text", ["[[", "customer = [" * 3000, "a = 1\na = 2"])
def test_what_is_no_toml_is_said_to_be_none(text: str) -> None:
    key, problem = problem_of(text)
    assert key == ""
    assert problem.startswith("is not TOML")


def test_every_error_names_the_file(path: Path) -> None:
    file = DirectoryFile(path)
    path.write_text(GOOD.replace("parent = 1", "parent = 9"), encoding="utf-8")
    with pytest.raises(DirectoryError) as caught:
        file.load()
    assert caught.value.key == f"{path}: customer[17].parent"
    path.write_text("[[", encoding="utf-8")
    with pytest.raises(DirectoryError) as caught:
        file.load()
    assert caught.value.key == str(path)
    path.write_bytes(b"\xff")
    with pytest.raises(DirectoryError, match="is not UTF-8"):
        file.load()
    path.unlink()
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        file.load()

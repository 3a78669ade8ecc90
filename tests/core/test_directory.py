"""A directory is checked as a whole: what does not fit is refused by the name of its row."""

from typing import Any

import msgspec
import pytest

from callstate.core.access import Line, Principal, Role, User
from callstate.core.directory import (
    CustomerRow,
    Directory,
    LineRow,
    NameRow,
    RoleRow,
    UserRow,
    build,
    principal_of,
)
from callstate.core.errors import DirectoryError

CUSTOMERS = [
    CustomerRow(id=1, name="Owner"),
    CustomerRow(id=17, parent=1),
    CustomerRow(id=18, parent=17),
    CustomerRow(id=19, parent=1),
]
ROLES = [RoleRow(name="agent", privileges=frozenset({"user", "something of the platform"}))]
LINES = [
    LineRow(name="c17-101", customer=17),
    LineRow(name="c17-102", customer=17, number="102", channel="SIP/desk"),
    LineRow(name="c18-102", customer=18, number="102"),
]
ALICE = UserRow(
    name="alice", customer=17, role="agent", password_hash="$argon2id$", lines=("c17-102",)
)


def make_directory(**rows: Any) -> Directory:
    defaults: dict[str, Any] = {"customers": CUSTOMERS, "roles": ROLES, "lines": LINES}
    return build(**(defaults | rows))


def test_a_directory_knows_everybody_by_name() -> None:
    directory = make_directory(users=[ALICE])
    assert directory.customers.root == 1
    assert directory.roles == {
        "agent": Role(name="agent", privileges=frozenset({"user", "something of the platform"}))
    }
    assert directory.users == {
        "alice": User(
            name="alice",
            customer=17,
            role="agent",
            password_hash="$argon2id$",
            lines=("c17-102",),
        )
    }
    assert directory.lines["c17-101"] == Line(
        name="c17-101", customer=17, number="c17-101", channel="PJSIP/c17-101"
    )


def test_a_directory_does_not_change() -> None:
    directory = make_directory(users=[ALICE])
    with pytest.raises(TypeError):
        directory.users["bob"] = directory.users["alice"]  # type: ignore[index]  # the point


def test_a_directory_of_nobody_has_the_system_owner() -> None:
    directory = Directory.empty()
    assert directory.customers.root == 1
    assert not directory.users


@pytest.mark.parametrize(
    ("channel", "line"),
    [
        ("PJSIP/c17-101-0000002a", "c17-101"),
        ("SIP/desk-0000002a", "c17-102"),
        ("PJSIP/c18-102-1", "c18-102"),
        ("PJSIP/c17-102-0000002a", None),
        ("PJSIP/c17-0000002a", None),
        ("Local/c17-101@internal-0000002a;1", None),
        ("PJSIP/c17-101", None),
        ("none", None),
        ("", None),
    ],
)
def test_a_channel_belongs_to_the_line_its_name_begins_with(channel: str, line: str | None) -> None:
    found = make_directory().line_of(channel)
    assert (found.name if found else None) == line


def test_a_principal_has_his_role_and_his_lines() -> None:
    directory = make_directory(users=[ALICE])
    assert principal_of(directory, directory.users["alice"]) == Principal(
        name="alice",
        customer=17,
        role=directory.roles["agent"],
        lines=frozenset({(17, "102")}),
    )


def changed(**fields: Any) -> list[UserRow]:
    return [msgspec.structs.replace(ALICE, **fields)]


@pytest.mark.parametrize(
    ("rows", "key", "problem"),
    [
        ({"customers": []}, "customer", "system owner"),
        ({"roles": [*ROLES, *ROLES]}, "role[agent]", "twice"),
        ({"roles": [RoleRow(name="")]}, "role.name", "empty"),
        ({"lines": [*LINES, LINES[0]]}, "line[c17-101]", "twice"),
        ({"lines": [LineRow(name="", customer=17)]}, "line.name", "empty"),
        ({"lines": [LineRow(name="x", customer=99)]}, "line[x].customer", "no customer 99"),
        (
            {"lines": [*LINES, LineRow(name="x", customer=17, number="102")]},
            "line[x].number",
            "c17-102",
        ),
        (
            {"lines": [*LINES, LineRow(name="x", customer=17, channel="SIP/desk")]},
            "line[x].channel",
            "c17-102",
        ),
        (
            {"lines": [*LINES, LineRow(name="x", customer=18, channel="PJSIP/c17-101")]},
            "line[x].channel",
            "c17-101",
        ),
        ({"users": [ALICE, ALICE]}, "user[alice]", "twice"),
        ({"users": changed(name="")}, "user.name", "empty"),
        ({"users": changed(customer=99)}, "user[alice].customer", "no customer 99"),
        ({"users": changed(role="boss")}, "user[alice].role", "no role boss"),
        ({"users": changed(lines=("x",))}, "user[alice].lines", "no line x"),
        (
            {"users": changed(customer=18, lines=("c17-101",))},
            "user[alice].lines",
            "another customer",
        ),
        ({"names": [NameRow(number="", name="x")]}, "name[0/].number", "empty"),
        ({"names": [NameRow(number="1", name="x")] * 2}, "name[0/1]", "twice"),
        (
            {"names": [NameRow(customer=99, number="1", name="x")]},
            "name[99/1].customer",
            "no customer 99",
        ),
    ],
)
def test_a_row_that_does_not_fit_is_named(rows: dict[str, Any], key: str, problem: str) -> None:
    with pytest.raises(DirectoryError, match=problem) as caught:
        make_directory(**rows)
    assert caught.value.key == key


def test_a_user_may_have_a_line_of_a_customer_below_his_own() -> None:
    directory = make_directory(users=changed(lines=("c18-102",)))
    principal = principal_of(directory, directory.users["alice"])
    assert principal.lines == {(18, "102")}


@pytest.mark.parametrize("row", [CustomerRow, UserRow, RoleRow, LineRow, NameRow])
def test_a_row_with_an_unknown_field_is_refused(row: type[msgspec.Struct]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"nmae": "x"}, row)


def test_rows_come_from_plain_tables() -> None:
    role = msgspec.convert({"name": "agent", "privileges": ["user", "panel"]}, RoleRow)
    assert role == RoleRow(name="agent", privileges=frozenset({"user", "panel"}))
    user = msgspec.convert(
        {"name": "alice", "customer": 17, "role": "agent", "lines": ["c17-102"]}, UserRow
    )
    assert user == msgspec.structs.replace(ALICE, password_hash="")


def test_no_repr_shows_a_hash() -> None:
    directory = make_directory(users=[ALICE])
    assert "argon2" not in repr(ALICE) + repr(directory)

"""The directory: customers, users, roles, lines and the names of numbers, checked as a whole.

A `Directory` never changes; a new one takes its place in one assignment, so that no query
sees half of it. Its sources (a file, SQL) only fetch rows; `build` here checks them.

A row is named in errors by what it is known by: `customer[17]`, `user[alice]`,
`name[17/200]`. Privileges are not checked against a list: a platform's roles have many that
are no business of ours, and one that we do not know opens nothing.
"""

import enum
from collections.abc import Iterable, Mapping
from types import MappingProxyType

import msgspec

from callstate.core.access import Line, Principal, Role, User
from callstate.core.customers import CustomerRow as CustomerRow
from callstate.core.customers import CustomerTree
from callstate.core.errors import DirectoryError


class UserRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One user as a source gives him. An empty `password_hash` matches no password."""

    name: str
    customer: int
    role: str
    password_hash: str = ""
    disabled: bool = False
    lines: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"UserRow(name={self.name!r}, customer={self.customer!r}, role={self.role!r})"


class RoleRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One role as a source gives it."""

    name: str
    privileges: frozenset[str] = frozenset()
    system_wide: bool = False


class LineRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One telephone line: `number` is its name unless given, `channel` is `PJSIP/<name>`."""

    name: str
    customer: int
    number: str = ""
    channel: str = ""


class NameRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a customer calls a number; `customer` 0: what everybody calls it."""

    number: str
    name: str
    customer: int = 0


class Directory(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is known about who is who. Made by `build` only."""

    customers: CustomerTree
    roles: Mapping[str, Role]
    lines: Mapping[str, Line]
    users: Mapping[str, User]
    lines_by_channel: Mapping[str, Line]
    """By what the names of the line's channels begin with."""
    names: Mapping[tuple[int, str], str]
    """By (customer, number); customer 0 is everybody."""

    @classmethod
    def empty(cls) -> "Directory":
        """Return a directory of nobody: only customer 1, the system owner."""
        return build(customers=[CustomerRow(id=1)])

    def line_of(self, channel: str) -> Line | None:
        """Return the line that a channel of this name belongs to. O(1).

        A channel is named `<prefix>-<its own part>`; the line's `channel` is the prefix.
        """
        return self.lines_by_channel.get(channel.rpartition("-")[0])


class SourceState(enum.StrEnum):
    """How the last attempt to read the directory ended."""

    WAITING = "waiting"  # there was none yet
    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"


class SourceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Where the directory in force stands.

    `loaded_at` is the unix time of the last read that was accepted; None while there was none,
    so that there is no directory but an empty one.
    """

    state: SourceState = SourceState.WAITING
    loaded_at: float | None = None


def build(
    *,
    customers: Iterable[CustomerRow],
    roles: Iterable[RoleRow] = (),
    lines: Iterable[LineRow] = (),
    users: Iterable[UserRow] = (),
    names: Iterable[NameRow] = (),
) -> Directory:
    """Return the directory that the rows make.

    Raises:
        DirectoryError: naming the first row that does not fit.
    """
    tree = CustomerTree(customers)
    known_roles = _roles(roles)
    known_lines = _lines(lines, tree)
    return Directory(
        customers=tree,
        roles=MappingProxyType(known_roles),
        lines=MappingProxyType(known_lines),
        users=MappingProxyType(_users(users, tree, known_roles, known_lines)),
        lines_by_channel=MappingProxyType({line.channel: line for line in known_lines.values()}),
        names=MappingProxyType(_names(names, tree)),
    )


def principal_of(directory: Directory, user: User) -> Principal:
    """Return who `user`, who is in `directory`, is once his password was right."""
    lines = [directory.lines[name] for name in user.lines]
    return Principal(
        name=user.name,
        customer=user.customer,
        role=directory.roles[user.role],
        lines=frozenset([(line.customer, line.number) for line in lines]),
    )


def _roles(rows: Iterable[RoleRow]) -> dict[str, Role]:
    roles: dict[str, Role] = {}
    for row in rows:
        _check_name("role", row.name, roles)
        roles[row.name] = Role(
            name=row.name, privileges=row.privileges, system_wide=row.system_wide
        )
    return roles


def _lines(rows: Iterable[LineRow], tree: CustomerTree) -> dict[str, Line]:
    lines: dict[str, Line] = {}
    numbers: dict[tuple[int, str], str] = {}
    channels: dict[str, str] = {}
    for row in rows:
        _check_name("line", row.name, lines)
        key = f"line[{row.name}]"
        _check_customer(key, row.customer, tree)
        line = Line(
            name=row.name,
            customer=row.customer,
            number=row.number or row.name,
            channel=row.channel or f"PJSIP/{row.name}",
        )
        # Two lines that are one number, or one channel, would be two owners of one leg.
        other = numbers.setdefault((line.customer, line.number), line.name)
        if other != line.name:
            raise DirectoryError(f"{key}.number", f"line {other} of this customer has it")
        other = channels.setdefault(line.channel, line.name)
        if other != line.name:
            raise DirectoryError(f"{key}.channel", f"line {other} has it")
        lines[row.name] = line
    return lines


def _users(
    rows: Iterable[UserRow],
    tree: CustomerTree,
    roles: Mapping[str, Role],
    lines: Mapping[str, Line],
) -> dict[str, User]:
    users: dict[str, User] = {}
    for row in rows:
        _check_name("user", row.name, users)
        key = f"user[{row.name}]"
        _check_customer(key, row.customer, tree)
        if row.role not in roles:
            raise DirectoryError(f"{key}.role", f"there is no role {row.role}")
        for name in row.lines:
            _check_own_line(f"{key}.lines", lines.get(name), name, row.customer, tree)
        users[row.name] = User(
            name=row.name,
            customer=row.customer,
            role=row.role,
            password_hash=row.password_hash,
            disabled=row.disabled,
            lines=row.lines,
        )
    return users


def _names(rows: Iterable[NameRow], tree: CustomerTree) -> dict[tuple[int, str], str]:
    names: dict[tuple[int, str], str] = {}
    for row in rows:
        key = f"name[{row.customer}/{row.number}]"
        if row.customer != 0:
            _check_customer(key, row.customer, tree)
        if not row.number:
            raise DirectoryError(f"{key}.number", "must not be empty")
        if (row.customer, row.number) in names:
            raise DirectoryError(key, "is there twice")
        names[row.customer, row.number] = row.name
    return names


def _check_name(kind: str, name: str, known: Mapping[str, object]) -> None:
    if not name:
        raise DirectoryError(f"{kind}.name", "must not be empty")
    if name in known:
        raise DirectoryError(f"{kind}[{name}]", "is there twice")


def _check_customer(key: str, customer: int, tree: CustomerTree) -> None:
    if customer not in tree:
        raise DirectoryError(f"{key}.customer", f"there is no customer {customer}")


def _check_own_line(
    key: str, line: Line | None, name: str, customer: int, tree: CustomerTree
) -> None:
    if line is None:
        raise DirectoryError(key, f"there is no line {name}")
    # Nobody is shown a leg for a line that his customer may not see.
    if line.customer != customer and not tree.is_descendant(line.customer, customer):
        raise DirectoryError(key, f"line {name} belongs to another customer")

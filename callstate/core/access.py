"""Who asks, and what he may see.

The scope of a query is computed here, from the user, before anything else: no path
answers a query without one. The planner uses it to choose the legs, not to filter them
afterwards.
"""

import msgspec


class Role(msgspec.Struct, frozen=True, kw_only=True):
    """A set of privileges; `system_wide` lets `telephone line reports` see every customer."""

    name: str
    privileges: frozenset[str]
    system_wide: bool = False


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A telephone line: `channel` is what its channels' names begin with, as `PJSIP/c17-101`."""

    name: str
    customer: int
    number: str
    channel: str


class User(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who may ask. `password_hash` is an argon2id hash, never shown."""

    name: str
    customer: int
    role: str
    password_hash: str
    disabled: bool = False
    lines: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"User(name={self.name!r}, customer={self.customer!r}, role={self.role!r})"


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """An authenticated user with his role and his own telephone lines."""

    name: str
    customer: int
    role: Role
    lines: frozenset[tuple[int, str]]
    """(customer, number) of each of his lines."""


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """The legs that a query may touch.

    `customers` None means every leg, also those of no customer. `lines`, when not None,
    narrows it to legs whose source or destination is one of these (customer, number).
    """

    customers: frozenset[int] | None
    lines: frozenset[tuple[int, str]] | None = None

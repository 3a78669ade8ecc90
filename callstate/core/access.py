"""Who asks, and what he may see.

The scope of a query is computed here, from the user, before anything else: no path
answers a query without one. The planner uses it to choose the legs, not to filter them
afterwards.
"""

import msgspec

from callstate.core.customers import CustomerTree
from callstate.core.errors import BadParameter, NotAllowed


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
    Invariant: every customer is above 0 and every number is not empty, as the directory
    ensures, because 0 and the empty number mean "none" in a leg.
    """

    customers: frozenset[int] | None
    lines: frozenset[tuple[int, str]] | None = None


LIST_PRIVILEGES = frozenset({"callshop", "telephone line reports", "user"})
"""One of these is needed to list the active calls."""

PANEL_PRIVILEGES = frozenset({"panel"})
"""One of these is needed for the panel."""

_REPORTS = "telephone line reports"
_ADMINISTRATOR = "administrator"

_CUSTOMER_TEXT = "Must be the id of your own customer or of one below it, `all` or `system`."
_PANEL_TEXT = "Must be the id of your own customer or of one below it."
_RECURSIVE_TEXT = "Must be a customer; use recursive=1 to add all customers below it."


def authorize(
    tree: CustomerTree, principal: Principal, *, customer: str | int = "", recursive: bool = False
) -> Scope:
    """Return the scope of a list of active calls. O(1), but the first time for a customer.

    `customer` is the parameter as it was sent, or an id; empty means the user's own. What the
    role forbids is said before anything is said about the customer, and one text answers for
    every customer that the user may not see, existing or not.

    Raises:
        NotAllowed: the role lacks the privileges, or may not see the whole system.
        BadParameter: `customer` is nothing that this user may ask for.
    """
    _require(principal, LIST_PRIVILEGES)
    lines = _visible_lines(principal)
    if customer == "system":
        if not _may_see_system(tree, principal):
            raise NotAllowed
        return Scope(customers=None, lines=lines)
    if customer == "all":
        return Scope(customers=tree.children(principal.customer), lines=lines)
    if customer == "recursive":
        raise BadParameter("customer", _RECURSIVE_TEXT)
    wanted = _customer_id(tree, principal, customer, _CUSTOMER_TEXT)
    below = tree.descendants(wanted) if recursive else frozenset[int]()
    return Scope(customers=below | {wanted}, lines=lines)


def authorize_panel(tree: CustomerTree, principal: Principal, *, customer: str | int = "") -> Scope:
    """Return the scope of a panel: one customer, the user's own or one below it. O(depth).

    Raises:
        NotAllowed: the role has no panel.
        BadParameter: `customer` is nothing that this user may ask for.
    """
    _require(principal, PANEL_PRIVILEGES)
    wanted = _customer_id(tree, principal, customer, _PANEL_TEXT)
    return Scope(customers=frozenset({wanted}), lines=_visible_lines(principal))


def is_personal(role: Role) -> bool:
    """Tell whether `role` shows its users the legs of their own telephone lines only.

    It does when, of the three privileges that open the list, it has `user` alone. Others that
    it may have besides do not count: they open other things. The role `administrator` never.
    """
    return role.name != _ADMINISTRATOR and role.privileges & LIST_PRIVILEGES == {"user"}


def _require(principal: Principal, privileges: frozenset[str]) -> None:
    if not principal.role.privileges & privileges:
        raise NotAllowed


def _visible_lines(principal: Principal) -> frozenset[tuple[int, str]] | None:
    return principal.lines if is_personal(principal.role) else None


def _may_see_system(tree: CustomerTree, principal: Principal) -> bool:
    role = principal.role
    return principal.customer == tree.root or (role.system_wide and _REPORTS in role.privileges)


def _customer_id(tree: CustomerTree, principal: Principal, customer: str | int, text: str) -> int:
    """Return the id that `customer` means, if the user may see it."""
    if customer == "":
        return principal.customer
    # 18 digits hold every id there can be, and cost nothing to read.
    if isinstance(customer, str) and not (
        customer.isascii() and customer.isdigit() and len(customer) <= 18
    ):
        raise BadParameter("customer", text)
    wanted = int(customer)
    if wanted != principal.customer and not tree.is_descendant(wanted, principal.customer):
        raise BadParameter("customer", text)
    return wanted

"""The tree of customers: one system owner at its root, resellers and their customers below.

A `CustomerTree` never changes and is whole: every parent exists, every customer hangs below
the root. Questions about a customer that does not exist have an empty answer.
"""

from collections.abc import Iterable

import msgspec

from callstate.core.errors import DirectoryError


class CustomerRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One customer as a source gives it; the system owner is the one whose `parent` is 0."""

    id: int
    parent: int = 0
    name: str = ""


class CustomerTree:
    """Customers by id, with what is below each of them.

    Invariant: following parents from any customer ends at `root`.
    """

    __slots__ = ("_children", "_descendants", "_names", "_parents", "root")

    def __init__(self, rows: Iterable[CustomerRow]) -> None:
        """Build the tree.

        Raises:
            DirectoryError: naming the row that does not fit.
        """
        self._parents: dict[int, int] = {}
        self._names: dict[int, str] = {}
        for row in rows:
            _check_row(row, self._parents)
            self._parents[row.id] = row.parent
            self._names[row.id] = row.name
        self.root = _find_root(self._parents)
        children: dict[int, list[int]] = {}
        for customer, parent in self._parents.items():
            children.setdefault(parent, []).append(customer)
        self._children = {parent: frozenset(ids) for parent, ids in children.items() if parent}
        # Filled when asked for: a customer's descendants are asked for at every poll of his.
        self._descendants: dict[int, frozenset[int]] = {}
        lost = self._parents.keys() - self.descendants(self.root) - {self.root}
        if lost:
            raise DirectoryError(f"customer[{min(lost)}].parent", "leads back to itself")

    def __len__(self) -> int:
        return len(self._parents)

    def __contains__(self, customer: int) -> bool:
        return customer in self._parents

    def name(self, customer: int) -> str:
        """Return the name of `customer`, or nothing. O(1)."""
        return self._names.get(customer, "")

    def children(self, customer: int) -> frozenset[int]:
        """Return the customers directly below `customer`. O(1)."""
        return self._children.get(customer, frozenset())

    def descendants(self, customer: int) -> frozenset[int]:
        """Return all customers below `customer`, without itself. O(1) from the second time on."""
        known = self._descendants.get(customer)
        if known is None:
            found: list[int] = list(self.children(customer))
            for each in found:  # which grows meanwhile
                found.extend(self.children(each))
            known = frozenset(found)
            if customer in self._parents:
                self._descendants[customer] = known
        return known

    def is_descendant(self, customer: int, ancestor: int) -> bool:
        """Tell whether `customer` is somewhere below `ancestor`. O(depth)."""
        parent = self._parents.get(customer, 0)
        while parent not in (0, ancestor):
            parent = self._parents[parent]
        return parent == ancestor != 0


def _check_row(row: CustomerRow, known: dict[int, int]) -> None:
    # A leg's customer 0 means none: nobody may be that.
    if row.id <= 0:
        raise DirectoryError(f"customer[{row.id}]", "its id must be above 0")
    if row.id in known:
        raise DirectoryError(f"customer[{row.id}]", "is there twice")


def _find_root(parents: dict[int, int]) -> int:
    roots = sorted(customer for customer, parent in parents.items() if parent == 0)
    if not roots:
        raise DirectoryError("customer", "one must have no parent: the system owner")
    if len(roots) > 1:
        problem = f"has no parent, but the system owner is customer {roots[0]}"
        raise DirectoryError(f"customer[{roots[1]}].parent", problem)
    for customer, parent in parents.items():
        if parent and parent not in parents:
            raise DirectoryError(f"customer[{customer}].parent", f"there is no customer {parent}")
    return roots[0]

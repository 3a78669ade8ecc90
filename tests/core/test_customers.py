"""The tree is whole or refused, and asking about its customers is total."""

import random

import pytest

from callstate.core.customers import CustomerRow, CustomerTree
from callstate.core.errors import DirectoryError

#   1 ── 2 ── 4 ── 6
#     │    └─ 5
#     └─ 3
TREE = {1: 0, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4}


def make_tree(parents: dict[int, int]) -> CustomerTree:
    rows = (CustomerRow(id=id_, parent=parent, name=f"n{id_}") for id_, parent in parents.items())
    return CustomerTree(rows)


def test_the_root_is_the_customer_without_parent() -> None:
    assert make_tree(TREE).root == 1


def test_rows_may_come_in_any_order() -> None:
    tree = make_tree(dict(reversed(TREE.items())))
    assert tree.root == 1
    assert tree.descendants(1) == {2, 3, 4, 5, 6}


@pytest.mark.parametrize(
    ("customer", "children", "descendants"),
    [
        (1, {2, 3}, {2, 3, 4, 5, 6}),
        (2, {4, 5}, {4, 5, 6}),
        (3, set(), set()),
        (4, {6}, {6}),
        (6, set(), set()),
        (99, set(), set()),
        (0, set(), set()),
    ],
)
def test_children_are_direct_and_descendants_all(
    customer: int, children: set[int], descendants: set[int]
) -> None:
    tree = make_tree(TREE)
    assert tree.children(customer) == children
    assert tree.descendants(customer) == descendants
    assert tree.descendants(customer) == descendants, "the second time"


@pytest.mark.parametrize("seed", range(10))
def test_a_descendant_is_one_of_the_descendants(seed: int) -> None:
    dice = random.Random(seed)
    tree = make_tree({1: 0} | {number: dice.randrange(1, number) for number in range(2, 30)})
    for ancestor in range(32):
        below = {each for each in range(32) if tree.is_descendant(each, ancestor)}
        assert below == tree.descendants(ancestor)


def test_asking_for_the_unknown_leaves_nothing_behind() -> None:
    tree = make_tree(TREE)
    before = len(tree._descendants)
    assert tree.descendants(99) == frozenset()
    assert len(tree._descendants) == before


def test_a_tree_knows_its_customers_and_their_names() -> None:
    tree = make_tree(TREE)
    assert len(tree) == 6
    assert 6 in tree
    assert 7 not in tree
    assert tree.name(6) == "n6"
    assert tree.name(7) == ""


@pytest.mark.parametrize(
    ("rows", "key", "problem"),
    [
        ([], "customer", "no parent"),
        ([(2, 3), (3, 2)], "customer", "no parent"),
        ([(1, 0), (2, 0)], "customer[2].parent", "the system owner is customer 1"),
        ([(1, 0), (17, 99)], "customer[17].parent", "no customer 99"),
        ([(1, 0), (17, 1), (17, 1)], "customer[17]", "twice"),
        ([(1, 0), (17, 17)], "customer[17].parent", "back to itself"),
        ([(1, 0), (4, 3), (3, 2), (2, 4)], "customer[2].parent", "back to itself"),
        ([(1, 0), (5, 3), (3, 4), (4, 3)], "customer[3].parent", "back to itself"),
        ([(1, 0), (0, 1)], "customer[0]", "above 0"),
        ([(1, 0), (-4, 1)], "customer[-4]", "above 0"),
    ],
)
def test_a_tree_that_is_not_whole_is_refused_by_its_row(
    rows: list[tuple[int, int]], key: str, problem: str
) -> None:
    with pytest.raises(DirectoryError, match=problem) as caught:
        CustomerTree(CustomerRow(id=id_, parent=parent) for id_, parent in rows)
    assert caught.value.key == key

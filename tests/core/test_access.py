"""The scope follows from the user alone: the tables of the API page, row by row."""

import pytest

from callstate.core.access import (
    Principal,
    Role,
    Scope,
    User,
    authorize,
    authorize_panel,
    is_personal,
)
from callstate.core.customers import CustomerRow, CustomerTree
from callstate.core.errors import BadParameter, NotAllowed

#   1 ── 2 ── 4 ── 6
#     │    └─ 5
#     └─ 3
TREE = CustomerTree(
    CustomerRow(id=customer, parent=parent)
    for customer, parent in [(1, 0), (2, 1), (3, 1), (4, 2), (5, 2), (6, 4)]
)
REPORTS = "telephone line reports"
LINES = frozenset({(2, "101")})


def make_principal(
    *privileges: str, customer: int = 2, role: str = "agent", system_wide: bool = False
) -> Principal:
    return Principal(
        name="alice",
        customer=customer,
        role=Role(name=role, privileges=frozenset(privileges), system_wide=system_wide),
        lines=LINES,
    )


@pytest.mark.parametrize(
    ("own", "customer", "recursive", "customers"),
    [
        (2, "", False, {2}),
        (2, "", True, {2, 4, 5, 6}),
        (2, "2", False, {2}),
        (2, 2, False, {2}),
        (2, "4", False, {4}),
        (2, "4", True, {4, 6}),
        (2, 6, False, {6}),
        (2, "006", True, {6}),
        (2, "all", False, {4, 5}),
        (2, "all", True, {4, 5}),
        (6, "all", False, set()),
        (6, "", True, {6}),
        (1, "", False, {1}),
        (1, "", True, {1, 2, 3, 4, 5, 6}),
        (1, "all", False, {2, 3}),
        (1, "6", False, {6}),
    ],
)
def test_a_customer_gives_the_scope_of_the_table(
    own: int, customer: str | int, recursive: bool, customers: set[int]
) -> None:
    principal = make_principal(REPORTS, customer=own)
    scope = authorize(TREE, principal, customer=customer, recursive=recursive)
    assert scope == Scope(customers=frozenset(customers), lines=None)


NOT_HIS = ["1", "3", "99", 0, -1, "0", "-1", "x", "All", "²", " 2", "2.0", "+2", "9" * 5000]


@pytest.mark.parametrize("customer", NOT_HIS, ids=map(repr, range(len(NOT_HIS))))
def test_one_text_answers_for_every_customer_that_is_not_his(customer: str | int) -> None:
    texts = set()
    for wanted in ("1", customer):
        with pytest.raises(BadParameter) as caught:
            authorize(TREE, make_principal("callshop"), customer=wanted)
        assert caught.value.name == "customer"
        texts.add(caught.value.message)
    assert len(texts) == 1


def test_the_old_value_recursive_is_told_the_new_way() -> None:
    with pytest.raises(BadParameter, match="recursive=1") as caught:
        authorize(TREE, make_principal("callshop"), customer="recursive")
    assert caught.value.name == "customer"


@pytest.mark.parametrize(
    ("principal", "is_allowed"),
    [
        (make_principal("callshop", customer=1), True),
        (make_principal(REPORTS, system_wide=True), True),
        (make_principal(REPORTS), False),
        (make_principal("callshop", system_wide=True), False),
        (make_principal("callshop", role="administrator"), False),
    ],
)
def test_the_system_is_for_its_owner_and_for_system_wide_reports(
    principal: Principal, is_allowed: bool
) -> None:
    if is_allowed:
        scope = authorize(TREE, principal, customer="system", recursive=True)
        assert scope == Scope(customers=None)
    else:
        with pytest.raises(NotAllowed):
            authorize(TREE, principal, customer="system")


@pytest.mark.parametrize("customer", ["", "2", "all", "system", "recursive", "x"])
def test_a_role_without_the_privileges_is_refused_before_anything_else(customer: str) -> None:
    principal = make_principal("panel", "User", customer=1, role="administrator")
    with pytest.raises(NotAllowed):
        authorize(TREE, principal, customer=customer)


@pytest.mark.parametrize("privilege", ["callshop", REPORTS, "user"])
def test_each_of_three_privileges_opens_the_list(privilege: str) -> None:
    lines = LINES if privilege == "user" else None
    scope = authorize(TREE, make_principal(privilege))
    assert scope == Scope(customers=frozenset({2}), lines=lines)


@pytest.mark.parametrize(
    ("role", "privileges", "is_narrow"),
    [
        ("agent", {"user"}, True),
        ("agent", {"user", "panel", "voicemail"}, True),
        ("agent", {"user", "callshop"}, False),
        ("agent", {"user", REPORTS}, False),
        ("agent", {"callshop"}, False),
        ("agent", set(), False),
        ("administrator", {"user"}, False),
    ],
)
def test_a_personal_user_sees_his_own_lines(
    role: str, privileges: set[str], is_narrow: bool
) -> None:
    assert is_personal(Role(name=role, privileges=frozenset(privileges))) is is_narrow


@pytest.mark.parametrize("customer", ["", "4", "all", "system"])
def test_his_own_lines_narrow_every_scope_of_a_personal_user(customer: str) -> None:
    principal = make_principal("user", customer=1)
    assert authorize(TREE, principal, customer=customer).lines == LINES


@pytest.mark.parametrize(("customer", "customers"), [("", {2}), ("2", {2}), (4, {4}), ("6", {6})])
def test_a_panel_shows_one_customer(customer: str | int, customers: set[int]) -> None:
    scope = authorize_panel(TREE, make_principal("panel"), customer=customer)
    assert scope == Scope(customers=frozenset(customers))


@pytest.mark.parametrize("customer", ["1", "99", "all", "system", "recursive", "x"])
def test_a_panel_has_no_other_customer(customer: str) -> None:
    with pytest.raises(BadParameter) as caught:
        authorize_panel(TREE, make_principal("panel", customer=2), customer=customer)
    assert caught.value.name == "customer"


def test_a_panel_needs_its_own_privilege() -> None:
    with pytest.raises(NotAllowed):
        authorize_panel(TREE, make_principal("callshop", REPORTS, "user"), customer="x")


def test_a_panel_of_a_personal_user_is_narrow_too() -> None:
    assert authorize_panel(TREE, make_principal("panel", "user")).lines == LINES


def test_a_user_whose_customer_is_gone_sees_no_other() -> None:
    principal = make_principal("callshop", customer=77)
    assert authorize(TREE, principal, recursive=True) == Scope(customers=frozenset({77}))
    assert authorize(TREE, principal, customer="all") == Scope(customers=frozenset())
    with pytest.raises(NotAllowed):
        authorize(TREE, principal, customer="system")


def test_the_repr_of_a_user_hides_the_hash() -> None:
    user = User(name="alice", customer=2, role="agent", password_hash="$argon2id$")
    assert repr(user) == "User(name='alice', customer=2, role='agent')"

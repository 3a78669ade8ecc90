"""Requests judged, and known again."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from callstate.core.access import Principal, Scope, authorize
from callstate.core.directory import Directory
from callstate.core.errors import AuthenticationFailed, NotAllowed
from callstate.core.state import CallState
from callstate.web import auth
from callstate.web.admission import Admission, Admitted
from callstate.web.auth import Authenticator
from callstate.web.errors import BadParameters, TooManyAttempts
from callstate.web.params import KINDS, Asked
from callstate.web.throttle import NAME_FAILURES

FORM = "application/x-www-form-urlencoded"


def list_scope(directory: Directory, who: Principal, asked: Asked) -> Scope:
    return authorize(directory.customers, who, customer=asked.customer, recursive=asked.recursive)


def wide_scope(_directory: Directory, _who: Principal, _asked: Asked) -> Scope:
    return Scope(customers=frozenset(range(1, 1000)))


@pytest.fixture
def admission(state: CallState, authenticator: Authenticator) -> Admission:
    return Admission(state, authenticator, kinds=KINDS, authorize=list_scope, size=3)


@pytest.fixture
def ask(password: str) -> Callable[..., str]:
    """Make a query string."""

    def ask(user: str = "alice", secret: str = password, **given: str) -> str:
        return urlencode({"auth_username": user, "auth_password": secret} | given)

    return ask


@pytest.fixture
def judge(admission: Admission) -> Callable[[str], Any]:
    """Ask as the endpoints do."""

    async def judge(query: str) -> Admitted:
        return admission.recall(query) or await admission.admit(query)

    return judge


async def test_a_good_request_is_a_query_with_its_scope(judge: Any, ask: Any) -> None:
    admitted = await judge(ask(customer="18", snumber="1"))
    assert admitted.scope == Scope(customers=frozenset({18}))
    assert admitted.query.snumber == "1"


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"secret": "wrong", "limit": "x", "user": "nina"}, AuthenticationFailed),
        ({"user": "nina", "limit": "x", "customer": "x"}, NotAllowed),
        ({"customer": "system", "limit": "x"}, NotAllowed),
        ({"customer": "x", "limit": "x"}, BadParameters),
    ],
)
async def test_credentials_come_before_roles_and_roles_before_parameters(
    judge: Any, ask: Any, given: dict[str, str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        await judge(ask(**given))


async def test_ambiguity_comes_first(judge: Any, ask: Any) -> None:
    with pytest.raises(BadParameters) as caught:
        await judge(f"{ask(secret='wrong')}&limit=1&limit=1")
    assert [error.name for error in caught.value.errors] == ["limit"]


async def test_what_the_customer_is_wrong_with_joins_the_others(judge: Any, ask: Any) -> None:
    with pytest.raises(BadParameters) as caught:
        await judge(ask(limit="x", customer="20", recursive="x"))
    assert [error.name for error in caught.value.errors] == ["customer", "recursive", "limit"]


async def test_the_same_request_is_known_again(
    judge: Any, ask: Any, admission: Admission, hasher: Any
) -> None:
    first = await judge(ask())
    assert admission.recall(ask()) is first
    assert admission.recall(ask(limit="1")) is None
    assert len(hasher.verified) == 1


async def test_only_while_its_credentials_are_remembered(
    judge: Any, ask: Any, admission: Admission, clock: Any, hasher: Any
) -> None:
    await judge(ask())
    clock.now += auth.REMEMBER_SECONDS
    assert admission.recall(ask()) is None
    await judge(ask())
    assert len(hasher.verified) == 2


async def test_only_while_the_directory_stays(
    judge: Any, ask: Any, state: CallState, make_directory: Callable[..., Directory]
) -> None:
    await judge(ask())
    state.directory = make_directory(disabled=("alice",))
    with pytest.raises(AuthenticationFailed):
        await judge(ask())


async def test_a_directory_that_came_back_knows_nothing_of_before(
    judge: Any, ask: Any, state: CallState, make_directory: Any, admission: Admission
) -> None:
    before = state.directory
    await judge(ask())
    state.directory = make_directory()
    assert admission.recall(ask()) is None
    assert len(admission) == 0
    state.directory = before
    assert admission.recall(ask()) is None


async def test_what_is_refused_is_not_known(judge: Any, ask: Any, admission: Admission) -> None:
    for given in ({"secret": "wrong"}, {"user": "nina"}, {"limit": "x"}):
        with pytest.raises((AuthenticationFailed, NotAllowed, BadParameters)):
            await judge(ask(**given))
    assert len(admission) == 0


async def test_a_request_with_a_body_is_judged_each_time(ask: Any, admission: Admission) -> None:
    body = ask().encode()
    admitted = await admission.admit("limit=1", body=body, content_type=FORM)
    assert admitted.query.limit == 1
    assert len(admission) == 0
    assert admission.recall("limit=1") is None


async def test_the_oldest_is_forgotten_first(judge: Any, ask: Any, admission: Admission) -> None:
    for limit in "1234":
        await judge(ask(limit=limit))
    assert len(admission) == 3
    assert admission.recall(ask(limit="1")) is None
    assert admission.recall(ask(limit="2")) is not None


async def test_large_requests_and_scopes_are_not_kept(
    ask: Any, admission: Admission, state: CallState, authenticator: Authenticator
) -> None:
    await admission.admit(ask(snumber="1" * 1000))
    assert len(admission) == 0
    wide = Admission(state, authenticator, kinds=KINDS, authorize=wide_scope)
    await wide.admit(ask())
    assert len(wide) == 0


async def test_a_known_poller_is_not_throttled(judge: Any, ask: Any) -> None:
    await judge(ask())
    for _ in range(NAME_FAILURES):
        with pytest.raises(AuthenticationFailed):
            await judge(ask(secret="wrong"))
    with pytest.raises(TooManyAttempts):
        await judge(ask(secret="wrong"))
    assert (await judge(ask())).scope.customers == {17}


async def test_no_password_is_kept(judge: Any, ask: Any, admission: Admission) -> None:
    await judge(ask())
    assert "correct" not in repr(vars(admission))

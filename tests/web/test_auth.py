"""Credentials against the directory."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

from callstate.core.access import User
from callstate.core.directory import Directory
from callstate.core.errors import AuthenticationFailed
from callstate.core.state import CallState
from callstate.web import auth
from callstate.web.auth import Authenticator, hash_password
from callstate.web.errors import TooManyAttempts
from callstate.web.params import Credentials
from callstate.web.throttle import NAME_FAILURES

HOME, AWAY = "192.0.2.1", "192.0.2.2"


@pytest.fixture
def log_in(authenticator: Authenticator, password: str) -> Callable[..., Any]:
    async def log_in(name: str = "alice", secret: str = password, address: str = HOME) -> User:
        credentials = Credentials(username=name, password=secret)
        return (await authenticator.authenticate(credentials, address)).user

    return log_in


async def test_the_right_password_gives_the_user(log_in: Any) -> None:
    assert (await log_in()).name == "alice"


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("alice", "wrong"),
        ("alice", ""),
        ("", "correct horse"),
        ("Alice", "correct horse"),
        ("nobody here", "correct horse"),
        ("empty", ""),
        ("empty", "correct horse"),
        ("plain", "correct horse"),
        ("broken", "correct horse"),
        ("alice", "\ud800"),
    ],
)
async def test_everything_else_fails_alike(log_in: Any, name: str, secret: str) -> None:
    with pytest.raises(AuthenticationFailed) as caught:
        await log_in(name, secret)
    assert str(caught.value) == "Authentication failed."
    assert caught.value.args == ()


async def test_a_disabled_user_fails(
    log_in: Any, state: CallState, make_directory: Callable[..., Directory]
) -> None:
    await log_in()
    state.directory = make_directory(disabled=("alice",))
    with pytest.raises(AuthenticationFailed):
        await log_in()


@pytest.mark.parametrize("name", ["alice", "nobody here", "empty", "plain", "broken"])
async def test_the_work_is_the_same_whoever_it_is(log_in: Any, hasher: Any, name: str) -> None:
    with pytest.raises(AuthenticationFailed):
        await log_in(name, "wrong")
    real = [stored for stored in hasher.verified if "broken" not in stored]
    assert len(real) == 1
    assert real[0].startswith("$argon2id$v=19$m=8,t=1,p=1$")


async def test_a_verified_credential_is_remembered_for_a_while(
    log_in: Any, hasher: Any, clock: Any
) -> None:
    await log_in()
    clock.now += auth.REMEMBER_SECONDS - 1
    await log_in()
    assert len(hasher.verified) == 1
    clock.now += 1
    await log_in()
    await log_in()
    assert len(hasher.verified) == 2


async def test_it_says_until_when_that_counts(
    authenticator: Authenticator, clock: Any, password: str
) -> None:
    credentials, now = Credentials(username="alice", password=password), clock.now
    first = await authenticator.authenticate(credentials, HOME)
    clock.now += 10
    second = await authenticator.authenticate(credentials, AWAY)
    assert first.until == second.until == now + auth.REMEMBER_SECONDS


async def test_only_the_very_same_credential_is_remembered(log_in: Any, hasher: Any) -> None:
    await log_in()
    for name, secret in (("alice", "correct hors"), ("alicec", "orrect horse"), ("owner", "x")):
        with pytest.raises(AuthenticationFailed):
            await log_in(name, secret)
    assert len(hasher.verified) == 4


async def test_a_change_in_the_directory_forgets(
    log_in: Any, state: CallState, make_directory: Callable[..., Directory]
) -> None:
    await log_in()
    state.directory = make_directory(password="another")
    with pytest.raises(AuthenticationFailed):
        await log_in()
    assert (await log_in(secret="another")).name == "alice"


async def test_a_change_during_verification_counts(
    log_in: Any, state: CallState, make_directory: Callable[..., Directory], hasher: Any
) -> None:
    verify = hasher.verify
    changed = make_directory(password="another")

    def change(stored: str, secret: bytes) -> Any:
        state.directory = changed
        return verify(stored, secret)

    hasher.verify = change
    with pytest.raises(AuthenticationFailed):
        await log_in()


async def test_remembering_is_bounded(
    state: CallState, clock: Any, hasher: Any, password: str
) -> None:
    authenticator = Authenticator(
        lambda: state.directory.users, clock=clock, hasher=hasher, remembered=1
    )
    for name in ("alice", "owner", "owner", "alice"):
        await authenticator.authenticate(Credentials(username=name, password=password), HOME)
    authenticator.close()
    assert len(hasher.verified) == 3


async def test_repeated_failures_must_wait_and_say_how_long(log_in: Any, hasher: Any) -> None:
    for _ in range(NAME_FAILURES):
        with pytest.raises(AuthenticationFailed):
            await log_in(secret="wrong")
    with pytest.raises(TooManyAttempts) as caught:
        await log_in()
    assert caught.value.retry_seconds > 0
    assert len(hasher.verified) == NAME_FAILURES


async def test_many_attempts_at_once_get_no_further(log_in: Any, hasher: Any) -> None:
    attempts = [log_in(secret=f"wrong{number}") for number in range(30)]
    results = await asyncio.gather(*attempts, return_exceptions=True)
    assert len(hasher.verified) == NAME_FAILURES
    assert sum(isinstance(result, TooManyAttempts) for result in results) == 30 - NAME_FAILURES


async def test_a_guesser_does_not_disturb_the_poller_whose_name_he_guesses(
    log_in: Any, clock: Any
) -> None:
    await log_in(address=HOME)
    for _ in range(NAME_FAILURES):
        with pytest.raises(AuthenticationFailed):
            await log_in(secret="wrong", address=HOME)  # even from the same address
    assert (await log_in(address=HOME)).name == "alice"
    clock.now += auth.REMEMBER_SECONDS
    for number in range(NAME_FAILURES):
        with pytest.raises((AuthenticationFailed, TooManyAttempts)):
            await log_in(secret=f"wrong{number}", address=HOME)
    assert (await log_in(address=HOME)).name == "alice"


async def test_a_guesser_does_not_lock_out_a_user_who_comes_first_from_elsewhere(
    log_in: Any,
) -> None:
    for _ in range(NAME_FAILURES):
        with pytest.raises(AuthenticationFailed):
            await log_in(secret="wrong", address=AWAY)
    with pytest.raises(TooManyAttempts):
        await log_in(address=AWAY)
    assert (await log_in(address=HOME)).name == "alice"


async def test_one_verification_serves_all_who_wait_with_the_same_credential(
    log_in: Any, hasher: Any
) -> None:
    users = await asyncio.gather(*[log_in() for _ in range(20)])
    assert {user.name for user in users} == {"alice"}
    assert len(hasher.verified) <= auth.VERIFICATIONS


async def test_the_line_is_bounded(state: CallState, clock: Any, hasher: Any) -> None:
    authenticator = Authenticator(
        lambda: state.directory.users, clock=clock, hasher=hasher, waiting=3
    )
    attempts = [
        authenticator.authenticate(Credentials(username=f"user{number}", password="x"), HOME)
        for number in range(5)
    ]
    results = await asyncio.gather(*attempts, return_exceptions=True)
    authenticator.close()
    assert [type(result) for result in results] == [
        *[AuthenticationFailed] * 3,
        *[TooManyAttempts] * 2,
    ]


async def test_verification_leaves_the_loop_alone(log_in: Any, hasher: Any) -> None:
    started, go_on = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    verify = hasher.verify

    def wait(stored: str, secret: bytes) -> Any:
        loop.call_soon_threadsafe(started.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result()
        return verify(stored, secret)

    hasher.verify = wait
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(log_in())
        await started.wait()
        assert not task.done()
        go_on.set()
    assert task.result().name == "alice"


async def test_the_password_is_nowhere(
    log_in: Any, authenticator: Authenticator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await log_in()
    with pytest.raises(AuthenticationFailed) as caught:
        await log_in(secret="hunter2")
    assert "hunter2" not in f"{caught.value!r} {caplog.text} {vars(authenticator)!r}"
    assert "correct horse" not in f"{caplog.text} {vars(authenticator)!r}"


def test_a_hash_is_argon2id_and_differs_each_time() -> None:
    first, second = hash_password("x"), hash_password("x")
    assert first != second
    assert first.startswith("$argon2id$")


def test_an_empty_password_has_no_hash() -> None:
    with pytest.raises(ValueError, match="empty"):
        hash_password("")

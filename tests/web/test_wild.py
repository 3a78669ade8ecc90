"""Clients as they were written for other systems that speak this API, against ours.

They split nothing themselves, look into `responses` before `data`, take any HTTP status but
200 for a broken server, and read numbers out of text where they can.
"""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from callstate.web.app import LIST_PATH, PANEL_PATH

INTEGERS = ("answered", "billing_peer", "dcustomer", "machine", "peer", "scustomer", "start")


class ServerBroken(Exception):
    """What these clients think of any HTTP status but 200."""


class Refused(Exception):
    """An entry of `responses` that is not 200."""


def read(status: int, body: bytes) -> Any:
    """Read an answer as such a client does."""
    if status != 200:
        raise ServerBroken(status)
    answer = json.loads(body)
    for response in answer["responses"]:
        if response["code"] != "200":
            raise Refused(f"{response['code']} {response['key']}: {response['message']}")
    return answer["data"]


def fetch(url: str, form: bytes | None = None) -> Any:
    """Ask with urllib and nothing else; a body makes it a POST of a form."""
    try:
        with urllib.request.urlopen(url, data=form, timeout=10) as response:
            return read(response.status, response.read())
    except urllib.error.HTTPError as error:
        with error:
            return read(error.code, error.read())


@pytest.fixture
def base(client: Any) -> str:
    return str(client.make_url("")).rstrip("/")


@pytest.fixture
def poll(base: str, password: str) -> Callable[..., Any]:
    """Ask with semicolons and a slash at the end, as the documentation's example does."""

    async def poll(path: str = LIST_PATH, user: str = "alice", **given: object) -> Any:
        all_given = {"auth_username": user, "auth_password": password} | given
        query = ";".join(
            f"{name}={quote(str(value), safe='')}" for name, value in all_given.items()
        )
        return await asyncio.to_thread(fetch, f"{base}{path}/?{query}")

    return poll


async def test_a_wallboard_lists_and_sorts_by_age(poll: Any) -> None:
    rows = await poll(customer=17, recursive=1)
    ages = []
    for row in rows:
        try:
            ages.append(float(row["uniqueid"]))
        except ValueError:
            ages.append(0.0)
        assert all(int(row[name]) >= 0 for name in INTEGERS)
    assert ages == sorted(ages)
    assert len(rows) == 3


async def test_a_counter_counts(poll: Any) -> None:
    data = await poll(count=1, limit=1)
    assert int(data["count"]) == 2


async def test_a_panel_asks_for_its_customer(poll: Any) -> None:
    assert [row["snumber"] for row in await poll(PANEL_PATH, "wall", customer=17)] == ["101", "303"]


async def test_a_form_is_posted(base: str, password: str) -> None:
    form = urlencode({"auth_username": "alice", "auth_password": password, "names": 1}).encode()
    rows = await asyncio.to_thread(fetch, f"{base}{LIST_PATH}", form)
    assert rows[0]["snumber_display"] == "Reception <101>"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"limit": "x"}, "400 limit: Must be a whole number, 0 or more."),
        ({"auth_password": "x"}, "401 : Authentication failed."),
        ({"customer": "system"}, "402 : Your role does not allow this."),
    ],
)
async def test_a_refusal_is_read_from_the_envelope(
    poll: Any, given: dict[str, str], message: str
) -> None:
    with pytest.raises(Refused) as caught:
        await poll(**given)
    assert str(caught.value) == message


async def test_a_daemon_that_is_not_ready_is_a_broken_server(poll: Any, state: Any) -> None:
    state.ready = False
    with pytest.raises(ServerBroken):
        await poll()

"""From an admitted query to its answer: given again, made at once, or in steps when it is much."""

import time
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from aiohttp import web

from callstate.config import HttpLimits
from callstate.core.model import Leg
from callstate.core.query import Query, count_short, run_short
from callstate.core.state import CallState
from callstate.core.walk import Steps, count_walk, walk
from callstate.web import rows
from callstate.web.admission import Admitted, Asking
from callstate.web.answers import Answer, SlicedAnswer, freshness
from callstate.web.outcome import Meter
from callstate.web.repeats import Repeats
from callstate.web.turns import Turns

T = TypeVar("T")
Headers = dict[str, str]


class Made(NamedTuple):
    """The body of a successful answer, and how many rows are in it."""

    body: bytes
    row_count: int


class Answering:
    """Answers from `state`; `clock` gives unix time."""

    def __init__(
        self, state: CallState, meter: Meter, limits: HttpLimits, clock: Callable[[], float]
    ) -> None:
        self._state = state
        self._meter = meter
        self._limits = limits
        self._clock = clock
        self._repeats = Repeats()
        self._turns = Turns()

    async def answer(self, request: web.Request, asking: Asking) -> web.StreamResponse:
        """Run the query and render what it finds: at once, or in steps when it is much."""
        started = time.perf_counter()
        found = self.at_once(asking)
        if isinstance(found, Made):
            made, headers = found, self._freshness(asking.admitted.query)
        elif asking.admitted.query.count:
            number, headers = await self._count(asking.admitted)
            made = Made(rows.count_envelope(number), 0)
        else:
            if found is not None:
                headers = self._freshness(asking.admitted.query)
            else:
                found, headers = await self._walk(asking.admitted)
            if len(found) > rows.SLICE:
                self._meter.observe_query(time.perf_counter() - started)
                return await self._send(request, found, asking.encode, headers)
            made = Made(rows.envelope(asking.encode(found)), len(found))
        self._meter.observe_query(time.perf_counter() - started)
        return Answer(made.body, row_count=made.row_count, headers=headers, asking=asking)

    def at_once(self, asking: Asking) -> Made | list[Leg] | None:
        """Return the body of the answer, or the legs in it if these are too many for one body.

        None: too much must be looked at for one go.
        """
        admitted, store = asking.admitted, self._state.store
        query, scope = admitted.query, admitted.scope
        if query.count:
            number = count_short(store, query, scope)
            return None if number is None else Made(rows.count_envelope(number), 0)
        given = self._repeats.unchanged(admitted, store)
        if given is not None:
            return Made(given.body, len(given.legs))
        legs = run_short(store, query, scope)
        if legs is None or len(legs) > rows.SLICE:
            return legs
        body = self._repeats.answer(admitted, legs, store.number, asking.encode)
        return Made(body, len(legs))

    async def _walk(self, admitted: Admitted) -> tuple[list[Leg], Headers]:
        query, scope = admitted.query, admitted.scope
        steps = walk(self._state.store, query, scope)
        return await self._turns.finish(self._dated(query, steps))

    async def _count(self, admitted: Admitted) -> tuple[int, Headers]:
        query, scope = admitted.query, admitted.scope
        steps = count_walk(self._state.store, query, scope)
        return await self._turns.finish(self._dated(query, steps))

    async def _send(
        self, request: web.Request, legs: list[Leg], encode: rows.Encoder, headers: Headers
    ) -> web.StreamResponse:
        sliced = SlicedAnswer(row_count=len(legs), headers=headers)
        seconds = self._limits.answer_seconds
        await sliced.send(request, rows.slices(legs, encode), self._turns, seconds=seconds)
        return sliced

    def _dated(self, query: Query, steps: Steps[T]) -> Steps[tuple[T, Headers]]:
        """Do `steps`; say also how fresh the state is that the first of them sees."""
        headers = self._freshness(query)
        return (yield from steps), headers

    def _freshness(self, query: Query) -> Headers:
        return freshness(*self._state.freshness(query.machines), self._clock())

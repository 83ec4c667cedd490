"""Turns at an origin that a slow answer must not keep from the others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from digestd.clock import system_clock
from digestd.core.outcomes import Fetched, FetchOutcome
from digestd.net.politeness import HostGate
from digestd.net.turns import Pace, TurnLostError
from tests.net.conftest import Fetch
from tests.support.webserver import Request, WebServer, answer, endless

SLOW = timedelta(seconds=0.05)


async def late(request: Request, out: asyncio.StreamWriter) -> None:
    """Answer in time, but slowly."""
    await asyncio.sleep(3 * SLOW.total_seconds())
    await answer(b"<rss/>")(request, out)


async def asked(
    fetch: Fetch, gate: HostGate, url: str, *, pace: Pace | None = None
) -> FetchOutcome:
    async with gate.admit(url, pace=pace):
        return await fetch(url, timeout=20.0)


async def settled(*asking: Awaitable[object]) -> None:
    tasks = [asyncio.ensure_future(one) for one in asking]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_bodies_that_trickle_leave_a_turn_to_the_quick(fetch: Fetch) -> None:
    gate = HostGate(system_clock, slow=SLOW)
    with WebServer() as web:
        web.route("/slow", endless(b"HTTP/1.1 200 OK\r\n\r\n<rss>", b" ", 0.02))
        web.route("/feed", answer(b"<rss/>"))
        # Two of them were quick so far; more wait before the honest one comes.
        slow = [
            asyncio.ensure_future(
                asked(fetch, gate, web.url(f"/slow?{n}"), pace=Pace.QUICK if n < 2 else Pace.SLOW)
            )
            for n in range(12)
        ]
        await asyncio.to_thread(web.wait_for, 2, 10)
        for n in range(5):
            found = await asyncio.wait_for(
                asked(fetch, gate, web.url(f"/feed?{n}"), pace=Pace.QUICK), 5
            )
            assert isinstance(found, Fetched)
        lost = [task for task in slow if task.done()]
        assert lost
        for task in lost:
            with pytest.raises(TurnLostError):
                await task
        assert not slow[0].done()  # the oldest goes on: it may be slow without malice
        await settled(*slow)


async def test_nobody_loses_a_turn_that_nobody_quick_waits_for(fetch: Fetch) -> None:
    gate = HostGate(system_clock, slow=SLOW)
    with WebServer() as web:
        web.route("/slow", late)
        found = await asyncio.gather(
            *(asked(fetch, gate, web.url(f"/slow?{n}"), pace=Pace.SLOW) for n in range(4))
        )
        assert all(isinstance(one, Fetched) for one in found)


async def test_where_there_is_but_one_turn_the_slow_are_answered(fetch: Fetch) -> None:
    gate = HostGate(system_clock, slow=SLOW, per_host=1)
    with WebServer() as web:
        web.route("/slow", late)
        found = await asyncio.gather(
            *(
                asked(fetch, gate, web.url(f"/slow?{n}"), pace=Pace.QUICK if n else Pace.SLOW)
                for n in range(3)
            )
        )
        assert all(isinstance(one, Fetched) for one in found)


async def test_the_quick_go_first_and_leave_the_others_a_share() -> None:
    gate = HostGate(lambda: datetime(2026, 3, 2, tzinfo=UTC), per_host=1)
    order: list[str] = []
    held = asyncio.Event()

    async def hold() -> None:
        async with gate.admit("https://a.example/"):
            await held.wait()

    async def ask(pace: Pace, name: str = "") -> None:
        async with gate.admit("https://a.example/", pace=pace):
            order.append(name or pace.name)

    asking = [asyncio.ensure_future(hold())]
    await asyncio.sleep(0)
    for pace, count in ((Pace.SLOW, 2), (Pace.UNKNOWN, 2), (Pace.QUICK, 5)):
        asking += [asyncio.ensure_future(ask(pace)) for _ in range(count)]
    await asyncio.sleep(0)
    gone = asyncio.ensure_future(ask(Pace.QUICK, "gone"))
    await asyncio.sleep(0)
    gone.cancel()
    with suppress(asyncio.CancelledError):
        await gone
    held.set()
    await asyncio.gather(*asking)
    assert order == [*["QUICK"] * 4, "SLOW", "QUICK", *["UNKNOWN"] * 2, "SLOW"]

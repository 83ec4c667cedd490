"""Lanes: a channel that hangs or fails delays only itself, and late answers count."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from digestd.clock import system_clock
from digestd.core.messages import Piece
from digestd.core.models import Channel
from digestd.core.outcomes import Broken, SendOutcome, Sent, TryAgain
from digestd.core.retries import RetrySettings
from digestd.delivery.target import Target
from digestd.services import deliver
from digestd.services.deliver import Lane, Targets
from digestd.store import channels
from digestd.store.db import Database
from digestd.store.lanes import Store
from tests.support.nouns import put

Answer = Callable[[Piece], SendOutcome]
CHANNELS = {name: Channel(name, "terminal://") for name in ("phone", "desk")}
CHANNELS["robot"] = Channel("robot", "wecombot://abcdefgh-1234")  # 20 messages a minute


class ScriptedSender:
    """Answers as told, in the lane's thread."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def send(self, piece: Piece) -> SendOutcome:
        return self.answer(piece)

    def close(self) -> None:
        return


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = Store(tmp_path / "digestd.db")
    await opened.write(channels.know, CHANNELS)
    yield opened
    opened.close()


def lane(
    store: Store, name: str, answer: Answer, monotonic: Callable[[], float] = time.monotonic
) -> Lane:
    def make_sender(_target: Target) -> ScriptedSender:
        return ScriptedSender(answer)

    return Lane(
        name,
        store=store,
        targets=Targets(CHANNELS, None),
        make_sender=make_sender,
        owner=f"owner of {name}",
        settings=RetrySettings(first_retry=timedelta(milliseconds=10)),
        clock=system_clock,
        monotonic=monotonic,
    )


async def owe(store: Store, channel: str, *names: str) -> None:
    for name in names:
        await store.write(put, name, [channel], system_clock())


async def states(store: Store) -> dict[str, str]:
    def read(db: Database) -> dict[str, str]:
        rows = db.conn.execute("SELECT uid, state FROM deliveries")
        return {row[0].partition("@")[0]: row[1] for row in rows}

    return await store.read(read)


async def test_a_backlog_goes_out_in_order(store: Store) -> None:
    sent: list[str] = []
    await owe(store, "phone", *(f"m{n}" for n in range(20)))

    def answer(piece: Piece) -> SendOutcome:
        sent.append(piece.uid.partition("@")[0])
        return Sent("ok")

    assert await lane(store, "phone", answer).work() == 20
    assert sent == [f"m{n}" for n in range(20)]
    assert set((await states(store)).values()) == {"sent"}


async def test_a_hanging_channel_costs_only_itself_and_a_late_answer_counts(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver, "SEND_DEADLINE", timedelta(seconds=0.2))
    let_go = threading.Event()

    def hang(_piece: Piece) -> SendOutcome:
        let_go.wait(10)
        return Sent("at last")

    await owe(store, "phone", "slow")
    await owe(store, "desk", "quick")
    hanging, healthy = lane(store, "phone", hang), lane(store, "desk", lambda _: Sent())
    work = asyncio.create_task(hanging.work())
    assert await healthy.work() == 1
    assert (await states(store))["quick"] == "sent"
    await work
    assert (await states(store))["slow"] == "due"  # unknown: it will be tried again
    let_go.set()
    async with asyncio.timeout(5):
        while (await states(store))["slow"] != "sent":
            await hanging.bell.wait(timedelta(milliseconds=20))


async def test_a_slow_database_is_no_channel_that_hangs(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver, "SEND_DEADLINE", timedelta(seconds=0.05))
    calls: list[str] = []
    begun, late = threading.Event(), threading.Event()

    def dawdle(_db: Database) -> None:
        begun.set()
        loop.call_soon_threadsafe(loop.call_later, 0.1, late.set)  # past the deadline
        assert late.wait(5)

    def answer(piece: Piece) -> SendOutcome:
        calls.append(piece.uid)
        asyncio.run_coroutine_threadsafe(store.write(dawdle), loop)
        begun.wait(5)
        return Sent()

    loop = asyncio.get_running_loop()
    await owe(store, "phone", "m1")
    assert await lane(store, "phone", answer).work() == 1
    assert await states(store) == {"m1": "sent"}
    assert len(calls) == 1


async def test_threads_that_never_return_are_left_behind_only_so_often(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver, "SEND_DEADLINE", timedelta(seconds=0.05))
    let_go, calls = threading.Event(), []

    def hang(piece: Piece) -> SendOutcome:
        calls.append(piece.uid)
        let_go.wait(10)
        return TryAgain("no")

    await owe(store, "phone", *(f"m{n}" for n in range(9)))
    hanging = lane(store, "phone", hang)
    async with asyncio.timeout(8):
        while len(calls) < 3:
            await hanging.work()
            await hanging.bell.wait(timedelta(milliseconds=20))
    for _ in range(5):
        await hanging.work()
        await hanging.bell.wait(timedelta(milliseconds=20))
    assert len(calls) <= 4
    let_go.set()


async def test_a_sender_that_crashes_is_tried_again_and_stops_nobody(store: Store) -> None:
    calls: list[str] = []

    def answer(piece: Piece) -> SendOutcome:
        calls.append(piece.uid)
        if len(calls) == 1:
            raise ValueError("a bug")
        return Sent()

    await owe(store, "phone", "m1")
    worker = lane(store, "phone", answer)
    async with asyncio.timeout(5):
        while (await states(store))["m1"] != "sent":
            await worker.work()
            await worker.bell.wait(timedelta(milliseconds=10))


async def test_a_broken_channel_is_parked_after_one_attempt(store: Store) -> None:
    calls: list[str] = []

    def answer(piece: Piece) -> SendOutcome:
        calls.append(piece.uid)
        return Broken("401 no such token")

    await owe(store, "phone", "m1", "m2", "m3")
    await lane(store, "phone", answer).work()
    assert len(calls) == 1
    assert set((await states(store)).values()) == {"parked"}


async def test_while_another_process_has_the_channel_nothing_is_sent(store: Store) -> None:
    await owe(store, "phone", "m1")
    now = system_clock()
    await store.write(channels.take, "phone", "another", now, now + timedelta(minutes=1))
    assert await lane(store, "phone", lambda _: Sent()).work() == 0


async def test_stopping_ends_a_lane_after_the_delivery_on_its_way(store: Store) -> None:
    await owe(store, "phone", "m1", "m2")
    lanes: list[Lane] = []

    def answer(_piece: Piece) -> SendOutcome:
        lanes[0].stop()
        return Sent()

    lanes.append(lane(store, "phone", answer))
    await lanes[0].run()
    assert sorted((await states(store)).values()) == ["due", "sent"]


async def test_a_service_hears_no_more_than_it_takes(store: Store) -> None:
    seconds, sent = [0.0], []
    await owe(store, "robot", *(f"m{n}" for n in range(8)))

    def answer(piece: Piece) -> SendOutcome:
        sent.append(seconds[0])
        return Sent()

    paced = lane(store, "robot", answer, lambda: seconds[0])
    work = asyncio.create_task(paced.work())
    async with asyncio.timeout(10):
        while not work.done():
            waiting_for = len(sent)
            while len(sent) == waiting_for and not work.done():
                if waiting_for >= 5:
                    seconds[0] += 0.5
                paced.bell.ring()
                await asyncio.sleep(0.001)
    assert await work == 8
    assert sent[:5] == [0.0] * 5
    assert all(at >= 4 * later for later, at in enumerate(sent[4:]))  # one in four seconds


async def test_while_it_waits_for_its_pace_a_lane_can_be_stopped(store: Store) -> None:
    loop, sent = asyncio.get_running_loop(), asyncio.Event()
    await owe(store, "robot", *(f"m{n}" for n in range(8)))

    def answer(piece: Piece) -> SendOutcome:
        if piece.uid.startswith("m4"):
            loop.call_soon_threadsafe(sent.set)
        return Sent()

    paced = lane(store, "robot", answer, lambda: 0.0)
    run = asyncio.create_task(paced.run())
    async with asyncio.timeout(5):
        await sent.wait()
        paced.stop()
        await run
    # None is marked as being sent while it only waits for its turn.
    assert sorted((await states(store)).values()) == ["due"] * 3 + ["sent"] * 5


class Listening(logging.Handler):
    """Sets an event when something is logged."""

    def __init__(self, event: asyncio.Event) -> None:
        super().__init__(logging.ERROR)
        self.event = event

    def emit(self, record: logging.LogRecord) -> None:
        self.event.set()


async def test_what_cannot_be_recorded_is_remembered_rather_than_repeated(store: Store) -> None:
    calls: list[str] = []
    await owe(store, "phone", "m1", "m2")

    def fill(db: Database) -> None:
        db.conn.execute(
            "CREATE TRIGGER full BEFORE INSERT ON attempts"
            " BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
        )

    def empty(db: Database) -> None:
        db.conn.execute("DROP TRIGGER full")

    def answer(piece: Piece) -> SendOutcome:
        calls.append(piece.uid.partition("@")[0])
        if len(calls) == 1:
            asyncio.run_coroutine_threadsafe(store.write(fill), loop).result(5)
        return Sent()

    loop, failed = asyncio.get_running_loop(), asyncio.Event()
    listening = Listening(failed)
    logging.getLogger("digestd").addHandler(listening)
    worker = lane(store, "phone", answer)
    work = asyncio.create_task(worker.work())
    try:
        async with asyncio.timeout(10):
            await failed.wait()
            await store.write(empty)
            worker.bell.ring()
            await work
    finally:
        logging.getLogger("digestd").removeHandler(listening)
    assert calls == ["m1", "m2"]
    assert set((await states(store)).values()) == {"sent"}

"""Turns: one at a time, in order, and whoever may go ahead does."""

from __future__ import annotations

import asyncio
import random

from digestd.worker.turns import Turns


async def test_who_may_go_ahead_does() -> None:
    turns, order = Turns(), list[str]()

    async def work(name: str, *, ahead: bool) -> None:
        async with turns.turn(ahead=ahead):
            order.append(name)
            await asyncio.sleep(0)

    waiting = [("first", False), ("stranger", False), ("another", False), ("friend", True)]
    await asyncio.gather(*(work(name, ahead=ahead) for name, ahead in waiting))
    assert order == ["first", "friend", "stranger", "another"]


async def test_turns_that_are_given_up_are_passed_on() -> None:
    turns, chance, inside = Turns(), random.Random(1), 0

    async def work() -> None:
        nonlocal inside
        async with turns.turn(ahead=chance.random() < 0.5):
            inside += 1
            assert inside == 1
            await asyncio.sleep(0)
            inside -= 1

    tasks = [asyncio.ensure_future(work()) for _ in range(200)]
    for task in chance.sample(tasks, 100):
        await asyncio.sleep(0)
        if not inside:
            task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    async with asyncio.timeout(1), turns.turn(ahead=False):
        pass

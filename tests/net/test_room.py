"""Bodies in flight share their memory: in order, and all of it comes back."""

from __future__ import annotations

import asyncio
import random
import ssl
from datetime import timedelta

from digestd.core.addresses import AllowList
from digestd.core.models import Validators
from digestd.core.outcomes import Fetched
from digestd.net.client import Client
from digestd.net.room import Room
from tests.support.webserver import WebServer, answer


async def test_whoever_would_exceed_it_waits() -> None:
    room = Room(100)
    async with room.place() as first:
        await first.take(60)
        async with room.place() as second, room.place() as third:
            large = asyncio.ensure_future(second.take(80))
            small = asyncio.ensure_future(third.take(10))
            await asyncio.sleep(0)
            assert not large.done()
            assert not small.done()  # it does not pass the larger one over
            first.leave()
            await large
            await small


async def test_more_than_there_is_is_all_there_is() -> None:
    room = Room(100)
    async with room.place() as place:
        await place.take(1_000)
        await place.take(1_000)  # the same body
    async with room.place() as place:
        await asyncio.wait_for(place.take(100), 1)


async def test_a_wait_that_is_given_up_gives_back_what_it_may_have_got() -> None:
    room, chance = Room(100), random.Random(1)

    async def fetch() -> None:
        async with room.place() as place:
            await place.take(chance.choice([10, 40, 100, 300]))
            await asyncio.sleep(0)

    tasks = [asyncio.ensure_future(fetch()) for _ in range(200)]
    for task in chance.sample(tasks, 100):
        await asyncio.sleep(0)
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    async with room.place() as place:
        await asyncio.wait_for(place.take(100), 1)


async def test_a_wait_for_room_is_not_the_servers(web: WebServer, context: ssl.SSLContext) -> None:
    web.route("/", answer(b"x" * (2 << 20)))
    allow = AllowList.parse(["127.0.0.1"])
    async with Client(context, allow=allow) as client, client.room.place() as all_of_it:
        await all_of_it.take(client.room.total)
        fetching = asyncio.ensure_future(
            client.fetch(web.url(), Validators(), max_bytes=4 << 20, timeout=timedelta(seconds=1))
        )
        done, _ = await asyncio.wait([fetching], timeout=1.5)
        assert not done
        all_of_it.leave()
        assert isinstance(await fetching, Fetched)

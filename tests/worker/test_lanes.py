"""A document that takes long goes to the slow lane, and holds up nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from digestd.core.parsed import ParsedFeed
from digestd.worker.lanes import Lanes
from digestd.worker.parent import JobFailedError, Worker

RSS = b"<rss><channel><title>T</title><item><guid>1</guid></item></channel></rss>"
BODY = b"&lt;p&gt;y &lt;b&gt;z&lt;/b&gt;&lt;/p&gt;" * 12
ITEM = b"<item><title>x</title><description>" + BODY + b"</description></item>"
SLOW = b"<rss><channel>" + ITEM * 700 + b"</channel></rss>"
HOW: dict[str, Any] = {"url": "https://example.org/feed", "content_type": ""}


@pytest.fixture
async def lanes() -> AsyncIterator[Lanes]:
    made = Lanes()
    made.quick = Worker(cpu=timedelta(seconds=0.1))
    yield made
    await made.close()


async def test_what_takes_long_is_read_in_the_slow_lane(lanes: Lanes) -> None:
    assert isinstance(await lanes.run("read_document", SLOW, **HOW), ParsedFeed)
    assert lanes.slow.alive
    assert isinstance(await lanes.run("read_document", RSS, **HOW), ParsedFeed)


async def test_nobody_waits_for_it(lanes: Lanes) -> None:
    slow = asyncio.ensure_future(lanes.run("read_document", SLOW, **HOW))
    await asyncio.sleep(0)
    assert isinstance(await lanes.run("read_document", RSS, **HOW), ParsedFeed)
    assert not slow.done()
    await slow


async def test_what_takes_too_long_even_there_fails_alone(lanes: Lanes) -> None:
    lanes.slow = Worker(cpu=timedelta(seconds=0.1))
    with pytest.raises(JobFailedError, match=r"longer than 0\.1 s"):
        await lanes.run("read_document", SLOW, **HOW)
    assert isinstance(await lanes.run("read_document", RSS, **HOW), ParsedFeed)

"""The feed behind an address, found over real connections to hosts of every name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from digestd.net.client import Client
from digestd.net.politeness import HostGate
from digestd.services.discover import Discoverer
from digestd.worker.parent import Worker
from tests.services.addresses import ROWS, Row
from tests.support.internet import Internet

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def internet() -> Iterator[Internet]:
    with Internet({url: answer for row in ROWS for url, answer in row.pages.items()}) as web:
        yield web


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def finder(
    internet: Internet, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Discoverer]:
    context = internet.context(str(tmp_path_factory.mktemp("tls") / "ca.pem"))
    gate = HostGate(lambda: NOW)
    worker = Worker()
    async with Client(context, gate=gate, proxy=internet.proxy) as client:
        yield Discoverer(
            client,
            gate,
            worker,
            max_size=1 << 20,
            timeout=timedelta(seconds=10),
            clock=lambda: NOW,
        )
    await worker.close()


@pytest.mark.parametrize("row", ROWS, ids=[row.name.replace(" ", "-") for row in ROWS])
async def test_the_feed_that_is_meant_is_found(finder: Discoverer, row: Row) -> None:
    found = await finder.find(row.typed)
    assert found.candidates, found.problem
    assert found.candidates[0].url == row.feed, [(c.url, c.score) for c in found.candidates]

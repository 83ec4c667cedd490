"""The feed behind an address, found over real connections to hosts of every name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from digestd.net.client import Client
from digestd.net.politeness import HostGate
from digestd.services.browse import Browser
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
        yield finder_of(client, gate, worker)
    await worker.close()


def finder_of(client: Client, gate: HostGate, worker: Worker) -> Discoverer:
    timeout = timedelta(seconds=10)
    browser = Browser(client, gate, worker, max_size=1 << 20, timeout=timeout, clock=lambda: NOW)
    return Discoverer(browser)


@pytest.mark.parametrize("row", ROWS, ids=[row.name.replace(" ", "-") for row in ROWS])
async def test_the_feed_that_is_meant_is_found(finder: Discoverer, row: Row) -> None:
    found = await finder.find(row.typed)
    assert found.candidates, found.problem
    assert found.candidates[0].url == row.feed, [(c.url, c.score) for c in found.candidates]


async def test_several_feeds_are_listed_best_first(finder: Discoverer) -> None:
    (row,) = (row for row in ROWS if row.name == "a category has its own feed")
    found = await finder.find(row.typed)
    titles = [candidate.feed.title for candidate in found.candidates]
    assert titles == ["Math – W", "W", "Comments for W"]


async def test_a_known_feed_that_cannot_be_asked_is_named_all_the_same(finder: Discoverer) -> None:
    found = await finder.find("https://lobste.rs/t/rust")
    assert found.candidates == []
    assert found.unchecked is not None
    assert found.unchecked[0] == "https://lobste.rs/t/rust.rss"


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("", "that is no address"),
        ("ftp://example.org/", "only http and https"),
        ("http://127.0.0.1/", "refused: 127.0.0.1 is this machine itself"),
        ("https://nowhere.example/", "could not reach the server"),
        ("rsshub://a/b", "[poll] rsshub"),
        ("https://t.me/durov_russia", "[poll] rsshub"),
        ("https://known0.example/nothing/here", ""),
    ],
)
async def test_what_went_wrong_is_one_clear_line(
    finder: Discoverer, typed: str, problem: str
) -> None:
    found = await finder.find(typed)
    if problem:
        assert found.candidates == []
        assert problem in found.problem
    else:
        assert found.candidates  # at its front page


async def test_whoever_asked_for_patience_is_not_asked(internet: Internet, tmp_path: Path) -> None:
    gate = HostGate(lambda: NOW)
    gate.block("https://a1.example/", NOW + timedelta(hours=1))
    worker = Worker()
    context = internet.context(str(tmp_path / "ca.pem"))
    before = len(internet.asked)
    async with Client(context, gate=gate, proxy=internet.proxy) as client:
        found = await finder_of(client, gate, worker).find("https://a1.example/blog/")
    await worker.close()
    assert "asked not to be asked again before" in found.problem
    assert len(internet.asked) == before

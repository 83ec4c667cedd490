"""Full texts in a digest: fetched ahead, waited for not for long, else what the feed says."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from digestd.core.messages import Debt
from digestd.parts import Parts
from digestd.store import feeds
from digestd.store.db import Database
from tests.formats.test_fulltext import PAGE
from tests.services.conftest import Open
from tests.support.nouns import NOW, new, seen
from tests.support.webserver import WebServer, answer, hang, status

CONFIG = """
[web]
listen = ""
[poll]
allow_private = ["127.0.0.1"]
[channels]
paper = "maildir://{folder}/Mail"
[digests.daily]
when = "manual"
to = "paper"
content = "full"
images = "off"
[[feeds]]
url = "{feed}"
full_text = {full_text}
headers = {{ X-Pass = "open" }}
"""
TEASER = "<p>How it begins […]</p>"


@pytest.fixture
def web() -> Iterator[WebServer]:
    with WebServer() as server:
        yield server


def config(folder: Path, web: WebServer, full_text: str = "true") -> str:
    return CONFIG.format(folder=folder, feed=web.url("/feed"), full_text=full_text)


async def owe(parts: Parts, link: str, content_html: str = TEASER) -> None:
    [feed] = await parts.store.read(feeds.all_active)

    def work(db: Database) -> None:
        entry = new("1", Debt("digest", "daily", NOW), content_html=content_html, link=link)
        seen(db, replace(feed, home_url=None), entry)

    await parts.store.write(work)


async def html_of(parts: Parts) -> str:
    return (await parts.digests.preview(parts.config.digests["daily"])).html


@pytest.mark.parametrize("full_text", ["true", '"article .text"'])
async def test_a_teaser_is_replaced_by_its_page_fetched_once(
    tmp_path: Path, open_parts: Open, web: WebServer, full_text: str
) -> None:
    web.route("/1", answer(PAGE, content_type="text/html"))
    async with open_parts(config(tmp_path, web, full_text)) as parts:
        await owe(parts, web.url("/1"))
        html = await html_of(parts)
        assert html.count("A long paragraph") >= 12
        assert "How it begins" not in html
        assert await html_of(parts) == html
    assert [request.path for request in web.requests] == ["/1"]
    assert web.requests[0].headers["x-pass"] == "open", "asked as its feed is"


async def test_what_comes_is_fetched_ahead_of_its_digest(
    tmp_path: Path, open_parts: Open, web: WebServer
) -> None:
    web.route("/1", answer(PAGE, content_type="text/html"))
    async with open_parts(config(tmp_path, web)) as parts:
        await owe(parts, web.url("/1"))
        running = asyncio.create_task(parts.full_texts.run())
        await asyncio.to_thread(web.wait_for, 1)
        await parts.full_texts.settle()
        parts.full_texts.stop()
        await running
        parts.full_texts.patience = 0.0
        assert "A long paragraph" in await html_of(parts)
    assert len(web.requests) == 1


@pytest.mark.parametrize(
    "action",
    [
        pytest.param(status(404), id="gone"),
        pytest.param(status(500), id="broken"),
        pytest.param(answer("<html><p>Subscribe!</p></html>", content_type="text/html"), id="wall"),
    ],
)
async def test_without_an_article_what_the_feed_says_is_shown(
    tmp_path: Path, open_parts: Open, web: WebServer, action: object
) -> None:
    web.route("/1", action)  # type: ignore[arg-type]
    async with open_parts(config(tmp_path, web)) as parts:
        await owe(parts, web.url("/1"))
        for _ in range(2):
            assert "How it begins" in await html_of(parts)
    assert len(web.requests) == 1, "nor is it asked for again at once"


async def test_a_slow_page_does_not_hold_the_digest_up(
    tmp_path: Path, open_parts: Open, web: WebServer
) -> None:
    web.route("/1", hang)
    async with open_parts(config(tmp_path, web)) as parts:
        parts.full_texts.patience = 0.1
        await owe(parts, web.url("/1"))
        assert "How it begins" in await html_of(parts)


async def test_a_feed_that_has_it_all_is_left_in_peace(
    tmp_path: Path, open_parts: Open, web: WebServer
) -> None:
    async with open_parts(config(tmp_path, web)) as parts:
        await owe(parts, web.url("/1"), "<p>" + "All of it is here. " * 100 + "</p>")
        assert "All of it is here." in await html_of(parts)
    assert web.requests == []

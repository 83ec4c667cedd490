"""A feed's macros and mode of maths, from the configuration to what is stored."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from digestd.store import entries
from tests.services.conftest import Open, Wall
from tests.support.webserver import WebServer, answer

CONFIG = r"""
[web]
listen = ""
[poll]
allow_private = ["127.0.0.1"]
[channels]
paper = "maildir://{folder}/Mail"
[digests.daily]
when = "manual"
to = "paper"
[[feeds]]
url = "{feed}"
first = "all"
{more}
"""
RSS = r"""<rss version="2.0"><channel><title>T</title><item><guid>1</guid><title>P</title>
<description>For $x$ in $\R^n$.</description></item></channel></rss>"""


@pytest.fixture
def web() -> Iterator[WebServer]:
    with WebServer() as server:
        server.route("/feed", answer(RSS, content_type="application/rss+xml"))
        yield server


@pytest.mark.parametrize(
    ("more", "shown"),
    [
        (r"macros = { R = '\mathbb{Q}' }", r"\mathbb{Q}^n"),
        ('math = "off"', r"$\R^n$"),
    ],
)
async def test_the_owner_says_how_formulas_are_read(
    tmp_path: Path, open_parts: Open, web: WebServer, more: str, shown: str
) -> None:
    text = CONFIG.format(folder=tmp_path, feed=web.url("/feed"), more=more)
    async with open_parts(text) as parts:
        await parts.poller.run_once()
        [entry] = await parts.store.read(entries.recent, feed_pks=list(parts.followed))
    assert shown in entry.content_html + entry.summary_html


PAGE = """<html><body><article><h2><a href=/1>one</a></h2></article>
<aside><h3><a href=/2>two</a></h3></aside></body></html>"""


@pytest.mark.parametrize("etag", ['"1"', None], ids=["304", "same bytes"])
async def test_other_selectors_take_effect_at_the_next_poll(
    tmp_path: Path, open_parts: Open, web: WebServer, wall: Wall, etag: str | None
) -> None:
    web.route("/page", answer(PAGE, content_type="text/html", etag=etag))
    found = []
    for entry in ("article", "article", "article, aside"):
        more = f'page = {{ entry = "{entry}", title = "a", link = "a" }}'
        text = CONFIG.format(folder=tmp_path, feed=web.url("/page"), more=more)
        async with open_parts(text) as parts:
            found += await parts.poller.run_once()
        wall.shift(timedelta(days=2))
    assert (found[0].outcome, found[2].outcome) == ("fetched", "fetched")
    assert [report.listed for report in found] == [1, 0, 2]
    assert found[-1].new == 1

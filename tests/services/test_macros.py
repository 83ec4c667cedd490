"""A feed's macros and mode of maths, from the configuration to what is stored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from digestd.store import entries
from tests.services.conftest import Open
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

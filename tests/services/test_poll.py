"""One pass over all that is due."""

from __future__ import annotations

import asyncio

import pytest

from digestd.services.refresh import Refresher
from digestd.store import feeds
from tests.services.conftest import Open
from tests.support.webserver import Request, WebServer, answer

CONFIG = """
[poll]
allow_private = ["127.1.0.0/16"]
concurrency = 4
timeout = "20s"
[web]
listen = ""
"""
COUNT = 40  # feeds, more than twice what is taken up at a time
RSS = '<rss version="2.0"><channel><title>t</title></channel></rss>'


def config(web: WebServer) -> str:
    urls = (web.url("/feed", f"127.1.0.{n + 1}") for n in range(COUNT))
    return CONFIG + "".join(f'[[feeds]]\nurl = "{url}"\n' for url in urls)


async def test_a_pass_goes_on_while_one_feed_keeps_it_waiting(open_parts: Open) -> None:
    with WebServer(bind="0.0.0.0") as web:
        whole, all_asked = answer(RSS), asyncio.Event()

        async def when_all_were_asked(request: Request, out: asyncio.StreamWriter) -> None:
            if len(web.requests) == COUNT:
                all_asked.set()
            if request.host.startswith("127.1.0.1:"):
                await all_asked.wait()
            await whole(request, out)

        web.route("/feed", when_all_were_asked)
        async with open_parts(config(web)) as parts:
            reports = await parts.poller.run_once()
    assert [report.outcome for report in reports] == ["fetched"] * COUNT
    assert "//127.1.0.1:" in reports[-1].feed.url


async def test_a_pass_that_is_stopped_finishes_what_was_asked(open_parts: Open) -> None:
    with WebServer(bind="0.0.0.0") as web:
        web.route("/feed", answer(RSS))
        async with open_parts(config(web)) as parts:
            reports = []
            async for some in parts.poller.batches():
                parts.poller.stop()
                reports += some
            held = await parts.store.read(feeds.lease_holders)
    assert 0 < len(reports) < COUNT
    assert len(reports) == len(web.requests)
    assert held == set()


async def test_a_fault_of_ours_ends_a_pass(
    open_parts: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaks(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(Refresher, "poll", breaks)
    with WebServer(bind="0.0.0.0") as web:
        async with open_parts(config(web)) as parts:
            with pytest.raises(RuntimeError, match="a bug"):
                await parts.poller.run_once()

"""The planner in the daemon: what it learns and its price outlive the process."""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime

from digestd.core.rhythm import Rhythm
from digestd.parts import Parts
from digestd.store import feeds
from tests.services.conftest import Open, Wall
from tests.support.nouns import NOW
from tests.support.webserver import WebServer, answer

CONFIG = """
channels.screen = "terminal://"
[poll]
allow_private = ["127.0.0.1"]
requests_per_feed_per_day = {budget}
[web]
listen = ""
[[feeds]]
url = "{url}"
"""


def document(count: int) -> str:
    items = "".join(
        f"<item><guid>{n}</guid><title>{n}</title>"
        f"<pubDate>{format_datetime(NOW - timedelta(hours=n))}</pubDate></item>"
        for n in range(1, count + 1)
    )
    return f'<rss version="2.0"><channel><title>t</title>{items}</channel></rss>'


async def known(parts: Parts) -> Rhythm:
    feed = await parts.store.read(feeds.get, 1)
    assert feed is not None
    return feed.rhythm


async def test_a_feed_s_rhythm_is_learned_from_its_first_document_and_kept(
    open_parts: Open, wall: Wall
) -> None:
    with WebServer() as web:
        web.route("/feed", answer(document(20), etag='"1"'))
        text = CONFIG.format(url=web.url("/feed"), budget=24)
        async with open_parts(text) as parts:
            (first,) = await parts.poller.run_once()
            assert (await known(parts)).posted == (NOW - timedelta(hours=1)).timestamp()
            wait = first.feed.next_poll_at
            assert wait
            # Hourly posts: asked well before an hour is over.
            assert timedelta(minutes=5) <= wait - wall() < timedelta(minutes=45)
            before = (await known(parts)).to_bytes()
            wall.shift(timedelta(hours=1))
        async with open_parts(text) as parts:
            (second,) = await parts.poller.run_once()
            assert second.outcome == "not modified"
            assert second.feed.rhythm.posted == (NOW - timedelta(hours=1)).timestamp()
            assert (await known(parts)).to_bytes() == before  # nothing new, nothing written


async def test_the_price_outlives_the_process_and_follows_the_budget(
    open_parts: Open, wall: Wall
) -> None:
    with WebServer() as web:
        web.route("/feed", answer(document(20), etag='"1"'))
        text = CONFIG.format(url=web.url("/feed"), budget=24)
        async with open_parts(text) as parts:
            await parts.poller.run_once()
            first = parts.pricing.value
            for _ in range(40):  # far more often than the budget allows
                await parts.store.write(feeds.make_due, wall())
                await parts.poller.run_once()
                wall.shift(timedelta(minutes=10))
            dear = parts.pricing.value
            assert dear > first
        async with open_parts(text) as parts:
            assert parts.pricing.value == dear
        async with open_parts(text.replace("= 24", "= 12")) as parts:
            assert abs(parts.pricing.value / dear - 4) < 0.01

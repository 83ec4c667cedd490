"""What a Prometheus server reads from us."""

from __future__ import annotations

import re
from datetime import timedelta

import httpx

from digestd.core.messages import Debt
from digestd.store.db import Database
from digestd.web.server import application
from tests.services.conftest import Open, Wall
from tests.support.nouns import NOW, URL, followed, new, seen

CONFIG = f"""
channels.phone = "terminal://"
[[feeds]]
url = "{URL}"
id = "blog"
"""
LINE = re.compile(
    r'# (HELP|TYPE) \w+ .+|\w+(\{\w+="([^"\\]|\\.)*"(,\w+="([^"\\]|\\.)*")*\})? [-+.\de]+'
)


def told(db: Database) -> None:
    """Let a post of `NOW` be seen after a minute."""
    (feed,) = followed(db)
    seen(db, feed, new("1", Debt("alert", "phone", NOW)), now=NOW + timedelta(minutes=1))


async def scrape(open_parts: Open, wall: Wall, **headers: str) -> httpx.Response:
    wall.shift(timedelta(seconds=62))
    async with open_parts(CONFIG) as parts:
        await parts.store.write(told)
        await parts.alerts.work()
        await parts.lanes["phone"].work()
        app = application(parts.store, wall)
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://localhost"
        ) as client:
            return await client.get("/metrics", headers=headers)


async def test_every_line_is_of_the_text_format(open_parts: Open, wall: Wall) -> None:
    answer = await scrape(open_parts, wall)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert answer.text.endswith("\n")
    assert [line for line in answer.text.splitlines() if not LINE.fullmatch(line)] == []


async def test_the_whole_way_of_a_post_is_measured(open_parts: Open, wall: Wall) -> None:
    lines = (await scrape(open_parts, wall)).text.splitlines()
    assert 'digestd_published_to_seen_seconds{quantile="0.9"} 60' in lines
    assert 'digestd_feed_published_to_seen_seconds{feed="blog",quantile="0.5"} 60' in lines
    assert 'digestd_feed_seen_to_accepted_seconds{feed="blog",quantile="0.5"} 2' in lines
    assert "digestd_seen_to_accepted_seconds_count 1" in lines
    assert 'digestd_feeds{state="new"} 1' in lines


async def test_a_proxy_s_visitors_get_nothing(open_parts: Open, wall: Wall) -> None:
    answer = await scrape(open_parts, wall, **{"X-Forwarded-For": "203.0.113.7"})
    assert answer.status_code == 404

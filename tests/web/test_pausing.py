"""The page behind a digest's link: a GET asks, a POST acts, and nobody guesses the address."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from urllib.parse import urlsplit

import httpx

from digestd.core.messages import Debt
from digestd.parts import Parts
from digestd.store import pauses
from digestd.store.db import Database
from digestd.web.pausing import PausePage
from digestd.web.server import application
from tests.services.conftest import Open, Wall
from tests.support.nouns import NOW, URL, followed, new, seen

CONFIG = f"""
web = {{ listen = "127.0.0.1:0", url = "https://me.example/posts/" }}
channels.paper = "terminal://"
[digests."to read"]
when = "08:00"
to = ["paper"]
title = "Morgens <früh>"
[[feeds]]
url = "{URL}"
"""


def owed(db: Database) -> None:
    (feed,) = followed(db)
    seen(db, feed, new("1", Debt("digest", "to read", NOW)))


@asynccontextmanager
async def linked(
    open_parts: Open, wall: Wall
) -> AsyncIterator[tuple[Parts, httpx.AsyncClient, str]]:
    """Open the daemon's parts, a client of its web port, and the path that a digest links to."""
    async with open_parts(CONFIG) as parts:
        await parts.store.write(owed)
        message = await parts.digests.preview(parts.config.digests["to read"])
        (link,) = set(re.findall(r"https://me\.example/posts/pause/[^\s\"<]+", message.html))
        assert link in message.text
        page = PausePage(parts.store, wall, parts.config.digests, "de")
        app = application(parts.store, wall, None, page)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            yield parts, client, urlsplit(link).path


async def test_looking_changes_nothing(open_parts: Open, wall: Wall) -> None:
    async with linked(open_parts, wall) as (parts, client, path):
        for where in (path, path.removeprefix("/posts")):
            answer = await client.get(where)
            assert answer.status_code == 200
            assert "Eine Woche pausieren" in answer.text
            assert "Morgens &lt;früh&gt;" in answer.text
        assert await parts.store.read(pauses.everything) == []
        assert "script" not in answer.headers["content-security-policy"]
        assert answer.headers["referrer-policy"] == "no-referrer"


async def test_the_button_pauses_for_a_week_and_the_next_one_resumes(
    open_parts: Open, wall: Wall
) -> None:
    async with linked(open_parts, wall) as (parts, client, path):
        answer = await client.post(path, data={"do": "pause"})
        (pause,) = await parts.store.read(pauses.everything)
        assert (pause.what, pause.until) == ("digest:to read", wall() + timedelta(days=7))
        assert "pausiert" in answer.text
        assert "Jetzt fortsetzen" in answer.text
        answer = await client.post(path, data={"do": "resume"})
        assert "Eine Woche pausieren" in answer.text
        assert await parts.store.read(pauses.everything) == []


async def test_no_other_address_and_no_other_wish_does_anything(
    open_parts: Open, wall: Wall
) -> None:
    async with linked(open_parts, wall) as (parts, client, path):
        for wrong in (path[:-1], path + "x", path.replace("to%20read", "other"), path[:-5] + "é"):
            assert (await client.post(wrong, data={"do": "pause"})).status_code == 404
        assert (await client.post(path, data={"do": "drop"})).status_code == 400
        assert (await client.post(path, content=b"x" * 100_000)).status_code == 400
        assert await parts.store.read(pauses.everything) == []

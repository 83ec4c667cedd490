"""What is known is not read again, and nothing is lost by that."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from digestd.core.models import Entry
from digestd.parts import Parts
from digestd.store import entries
from digestd.store.db import Database
from tests.services.conftest import Open, Wall
from tests.support.nouns import NOW
from tests.support.webserver import Action, WebServer, answer


def document(*guids: str, built: str = "", text: str = "<p>text</p>") -> Action:
    items = "".join(
        f"<item><guid>{guid}</guid><title>Post {guid}</title><link>https://example.org/{guid}</link>"
        f"<pubDate>{(NOW - timedelta(hours=9 - int(guid))).isoformat()}</pubDate>"
        f"<description><![CDATA[{text}]]></description></item>"
        for guid in guids
    )
    head = f"<title>Title</title><lastBuildDate>{built}</lastBuildDate>"
    return answer(f'<rss version="2.0"><channel>{head}{items}</channel></rss>')


def polled(open_parts: Open, wall: Wall, *answers: Action, forget: int = 99) -> list[Entry]:
    """Poll a feed that answers so; forget all keys before poll number `forget`."""

    async def poll(parts: Parts, number: int) -> None:
        if number == forget:
            await parts.store.write(_forget)
        (report,) = await parts.poller.run_once(parts.followed)
        assert report.outcome in ("fetched", "same bytes")
        wall.shift(timedelta(hours=1))

    async def run() -> list[Entry]:
        with WebServer() as web:
            web.route("/feed", *answers)
            config = f"""
                channels.phone = "terminal://"
                poll.allow_private = ["127.0.0.1"]
                web.listen = ""
                [[feeds]]
                url = "{web.url("/feed")}"
                alert = ["phone"]
            """
            async with open_parts(config) as parts:
                for number in range(len(answers)):
                    await poll(parts, number)
                return await parts.store.read(entries.recent)

    return asyncio.run(run())


def _forget(db: Database) -> None:
    db.conn.execute("DELETE FROM seen_keys")
    db.conn.execute("DELETE FROM entries")


def test_old_entries_of_a_first_fetch_are_glanced_at_and_known_ever_after(
    open_parts: Open, wall: Wall
) -> None:
    text = "<p>a <b>long</b> story</p>"
    rounds = [("54321", ""), ("654321", ""), ("654321", "b")]
    answers = [document(*guids, built=built, text=text) for guids, built in rounds]
    found = polled(open_parts, wall, *answers)
    assert [(e.title, e.summary_html) for e in found] == [
        ("Post 6", text),
        *((f"Post {n}", "<p>a long story</p>") for n in "54321"),
    ]
    assert [e.first_fetch for e in found] == [False, *[True] * 5]


@pytest.mark.parametrize("guids", ["45321", "654321"], ids=["another-order", "one-more"])
def test_an_entry_that_turns_out_to_be_news_is_stored_with_its_text(
    open_parts: Open, wall: Wall, guids: str
) -> None:
    """Its keys are gone, though its bytes are known: no outline decides what is new."""
    text = "<p>a <b>long</b> story</p>"
    found = polled(
        open_parts,
        wall,
        document(*"54321", text=text),
        document(*guids, built="b", text=text),
        forget=1,
    )
    assert [e.title for e in found] == [f"Post {n}" for n in sorted(guids, reverse=True)]
    assert {e.summary_html or e.content_html for e in found} == {text}

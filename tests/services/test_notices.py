"""The owner hears of troubles: once, through a channel that works, and in the digest."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from digestd.core.messages import Debt
from digestd.core.outcomes import Broken, Refused
from digestd.core.pausing import Pause
from digestd.core.retries import RetrySettings, judge
from digestd.parts import Parts
from digestd.store import channels, feeds, outbox, pauses
from digestd.store.db import Database
from tests.services.conftest import Open, Wall
from tests.support.nouns import new, put, seen

CONFIG = """
timezone = "UTC"
[web]
listen = ""
[channels]
desk = "json://127.0.0.1:9/desk"
phone = "json://127.0.0.1:9/phone"
[digests.daily]
when = "08:00"
to = "desk"
at_least = 0
[[feeds]]
url = "https://example.org/feed"
id = "muon"
name = "Muon"
"""
HOUR = timedelta(hours=1)


def notices(db: Database) -> list[tuple[str, str]]:
    """Return channel and text of each notice in the outbox."""
    rows = db.conn.execute(
        "SELECT d.channel, d.payload FROM deliveries d JOIN messages m ON m.pk = d.message_pk"
        " WHERE m.kind = 'notice' ORDER BY d.id"
    )
    return [(row[0], json.loads(row[1])["message"]) for row in rows]


async def fail(parts: Parts, times: int) -> None:
    """Record how the one feed fares: so many failures, the first of them seven hours ago."""

    def record(db: Database) -> None:
        [feed] = feeds.all_active(db)
        since = parts.clock() - 7 * HOUR if times else None
        why = "HTTP 500" if times else ""
        feeds.record_poll(db, replace(feed, failures=times, failing_since=since, last_error=why))

    await parts.store.write(record)


def settle(db: Database, outcome: Broken | Refused, now: datetime, channel: str = "phone") -> None:
    """Let the next delivery of a channel come to this."""
    channels.take(db, channel, "me", now, now + HOUR)
    delivery = outbox.take_next(db, channel, "me", now)
    assert delivery is not None
    verdict = judge(
        outcome,
        attempts=1,
        failing_since=None,
        channel_failures=0,
        now=now,
        chance=0.5,
        settings=RetrySettings(),
    )
    outbox.settle(db, delivery, verdict, now)


async def test_a_failing_feed_is_told_once_and_once_that_it_is_well(open_parts: Open) -> None:
    async with open_parts(CONFIG) as parts:
        await fail(parts, 2)
        assert await parts.notary.work() == 0
        await fail(parts, 3)
        assert [await parts.notary.work() for _ in range(3)] == [1, 0, 0]
        await fail(parts, 0)
        assert [await parts.notary.work() for _ in range(3)] == [1, 0, 0]
        (to, begun), (_, over) = await parts.store.read(notices)
    assert to == "desk"  # the first channel
    assert "Muon has failed since Today at 1" in begun
    assert "HTTP 500" in begun
    assert "Muon is well again" in over


async def test_it_is_not_told_again_after_a_restart(open_parts: Open) -> None:
    for made in (1, 0):
        async with open_parts(CONFIG) as parts:
            await fail(parts, 9)
            assert await parts.notary.work() == made


async def test_a_parked_channel_is_told_through_another(open_parts: Open, wall: Wall) -> None:
    wanted = CONFIG + '[notices]\nto = ["phone", "desk"]\n'
    async with open_parts(wanted) as parts:
        await parts.store.write(put, "m1", ["phone"], wall())
        await parts.store.write(settle, Broken("401 no such token"), wall())
        assert await parts.notary.work() == 1
        [(to, text)] = await parts.store.read(notices)
        assert (to, "401 no such token" in text, "digestd test phone" in text) == (
            "desk",
            True,
            True,
        )
        wall.shift(HOUR)
        await parts.store.write(outbox.unpark_all, wall())  # as a restart does
        assert await parts.notary.work() == 0
        await parts.store.write(outbox.proved, "phone", wall())
        assert await parts.notary.work() == 1
        assert (await parts.store.read(notices))[-1][1].startswith("phone works again")


async def test_a_channel_that_nobody_answers_is_told_through_another(
    open_parts: Open, wall: Wall
) -> None:
    async with open_parts(CONFIG) as parts:
        [feed] = await parts.store.read(feeds.all_active)
        entry = new("1", Debt("alert", "desk", wall()))
        await parts.store.write(lambda db: seen(db, feed, entry, now=wall()))
        await parts.alerts.work()
        for _ in range(9):  # nobody listens there
            await parts.lanes["desk"].work()
            wall.shift(HOUR)
        assert [await parts.notary.work() for _ in range(2)] == [1, 0]
        [(to, text)] = await parts.store.read(notices)
        assert to == "phone"
        assert "desk has not been reached since" in text
        await parts.store.write(outbox.proved, "desk", wall())
        assert await parts.notary.work() == 1
        assert (await parts.store.read(notices))[-1][1].startswith("desk works again")


async def test_a_message_refused_for_ever_is_told_with_its_title(
    open_parts: Open, wall: Wall
) -> None:
    async with open_parts(CONFIG) as parts:
        await parts.store.write(put, "m1", ["desk"], wall())
        await parts.store.write(settle, Refused("552 too large"), wall(), "desk")
        assert [await parts.notary.work() for _ in range(2)] == [1, 0]
        [(to, text)] = await parts.store.read(notices)
    assert to == "phone"
    assert "title of m1@desk" in text
    assert "552 too large" in text


async def test_a_channel_that_refuses_everything_is_not_told_of_each_time(
    open_parts: Open, wall: Wall
) -> None:
    async with open_parts(CONFIG) as parts:
        made = []
        for number in range(40):
            await parts.store.write(put, f"m{number}", ["desk"], wall())
            await parts.store.write(settle, Refused("400 chat not found"), wall(), "desk")
            made.append(await parts.notary.work())
            wall.shift(timedelta(minutes=1))
        assert made == [1] + [0] * 39
        wall.shift(timedelta(minutes=30))
        assert await parts.notary.work() == 1
        texts = [text for _, text in await parts.store.read(notices)]
        assert len(texts) == 2
        assert "title of m1@desk" in texts[1]
        assert "and 19 more" in texts[1]
        assert await parts.notary.work() == 0


async def test_the_only_channel_tells_of_what_it_has_refused_itself(
    open_parts: Open, wall: Wall
) -> None:
    alone = CONFIG.replace('phone = "json://127.0.0.1:9/phone"\n', "")
    async with open_parts(alone) as parts:
        await parts.store.write(put, "m1", ["desk"], wall())
        await parts.store.write(settle, Refused("552 too large"), wall(), "desk")
        assert await parts.notary.work() == 1


async def test_a_notice_that_is_refused_makes_no_notice(open_parts: Open, wall: Wall) -> None:
    async with open_parts(CONFIG) as parts:
        await fail(parts, 9)
        await parts.notary.work()
        await parts.store.write(settle, Refused("no"), wall(), "desk")
        assert await parts.notary.work() == 0


async def test_troubles_of_one_moment_are_one_message(open_parts: Open, wall: Wall) -> None:
    two = CONFIG + '[[feeds]]\nurl = "https://example.org/b"\nid = "b"\n'
    async with open_parts(two) as parts:

        def record(db: Database) -> None:
            for feed in feeds.all_active(db):
                since = wall() - 9 * HOUR
                feeds.record_poll(
                    db, replace(feed, failures=4, failing_since=since, last_error="no")
                )

        await parts.store.write(record)
        assert await parts.notary.work() == 1


async def test_nobody_is_told_in_quiet_hours_nor_of_what_is_paused(
    open_parts: Open, wall: Wall
) -> None:
    quiet = CONFIG.replace(
        'desk = "json://127.0.0.1:9/desk"',
        'desk = { url = "json://127.0.0.1:9/desk", quiet = "22:00-07:00" }',
    )
    wall.now = datetime(2026, 11, 24, 23, 0, tzinfo=UTC)
    async with open_parts(quiet) as parts:
        await fail(parts, 5)
        assert await parts.notary.work() == 0
        wall.now = datetime(2026, 11, 25, 7, 0, tzinfo=UTC)
        await parts.store.write(pauses.begin, Pause("feed:muon", wall(), wall() + HOUR))
        assert await parts.notary.work() == 0
        wall.shift(2 * HOUR)
        assert await parts.notary.work() == 1


@pytest.mark.parametrize("to", ["[]", '["phone"]'])
async def test_the_owner_says_who_is_told(open_parts: Open, to: str) -> None:
    async with open_parts(CONFIG + f"[notices]\nto = {to}\n") as parts:
        await fail(parts, 5)
        assert await parts.notary.work() == (to != "[]")


async def test_a_digest_names_what_is_in_trouble(open_parts: Open, wall: Wall) -> None:
    wall.now = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)
    async with open_parts(CONFIG) as parts:
        await parts.digests.work()
        await fail(parts, 5)
        [feed] = await parts.store.read(feeds.all_active)
        entry = new("1", Debt("digest", "daily", wall()))
        await parts.store.write(lambda db: seen(db, feed, entry, now=wall()))
        wall.shift(2 * HOUR)
        await fail(parts, 5)
        await parts.digests.work()
        payload = await parts.store.read(
            lambda db: db.conn.execute("SELECT payload FROM deliveries").fetchone()[0]
        )
    assert "Muon has failed since" in json.loads(payload)["message"]

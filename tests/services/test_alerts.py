"""Alerts that respect people: quiet hours, bursts and pauses, on a real database."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from digestd.core.messages import Debt
from digestd.core.pausing import Pause
from digestd.parts import Parts
from digestd.store import channels, feeds, ledger, outbox, owed, pauses
from digestd.store.db import Database
from tests.services.conftest import Open, Wall
from tests.support.nouns import new, seen

CONFIG = """
timezone = "UTC"
[web]
listen = ""
[channels.phone]
url = "json://127.0.0.1:9/x"
quiet = "22:30-07:00"
[channels.desk]
url = "json://127.0.0.1:9/x"
burst = 3
burst_window = "10m"
[channels]
paper = "maildir://{folder}/Mail"
[digests.daily]
when = "08:00"
to = "paper"
[digests.private]
when = "08:00"
to = "phone"
[[feeds]]
url = "https://example.org/feed"
id = "muon"
tags = ["math"]
digest = "daily"
[[feeds]]
url = "https://example.org/other"
id = "other"
digest = []
"""


@pytest.fixture
def config(tmp_path: Path, wall: Wall) -> str:
    wall.now = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
    return CONFIG.format(folder=tmp_path)


async def publish(parts: Parts, feed_id: str, *debts: tuple[str, str]) -> None:
    """Record one entry of this feed that owes these (kind, target)."""
    [feed] = [f for f in await parts.store.read(feeds.all_active) if f.id == feed_id]
    now = parts.clock()
    count = await parts.store.read(
        lambda db: db.conn.execute("SELECT count(*) FROM entries").fetchone()[0]
    )
    owes = [Debt("alert" if kind == "alert" else "digest", to, now) for kind, to in debts]
    entry = new(f"post-{count + 1}", *owes)
    await parts.store.write(lambda db: seen(db, feed, entry, now=now))


def told(db: Database) -> list[tuple[str, list[str]]]:
    """Return channel and titles of each message so far, from the bytes that would go out."""
    rows = db.conn.execute("SELECT channel, form, payload FROM deliveries ORDER BY id")
    found = []
    for channel, form, payload in rows:
        body = json.loads(payload) if form == "json" else {"entries": [{"title": "a mail"}]}
        titles = [entry["title"].removeprefix("Post ") for entry in body["entries"]]
        found.append((channel, sorted(titles)))
    return found


async def test_in_quiet_hours_alerts_wait_and_then_go_as_one(
    config: str, wall: Wall, open_parts: Open
) -> None:
    wall.now = datetime(2026, 11, 24, 22, 29, tzinfo=UTC)
    async with open_parts(config) as parts:
        await publish(parts, "muon", ("alert", "phone"))
        assert await parts.alerts.work() == 1
        for minutes in (2, 120, 300):
            wall.shift(timedelta(minutes=minutes))
            await publish(parts, "muon", ("alert", "phone"), ("alert", "desk"))
            await parts.alerts.work()
        phone = [titles for channel, titles in await parts.store.read(told) if channel == "phone"]
        assert phone == [["post-1"]]
        wall.now = datetime(2026, 11, 25, 7, 0, tzinfo=UTC)
        assert await parts.alerts.work() == 1
        assert (await parts.store.read(told))[-1] == ("phone", ["post-2", "post-3", "post-4"])
        assert await parts.alerts.work() == 0


async def test_an_alert_that_failed_by_day_is_not_tried_at_night(
    config: str, wall: Wall, open_parts: Open
) -> None:
    async with open_parts(config) as parts:
        await publish(parts, "muon", ("alert", "phone"))
        await parts.alerts.work()
        wall.now = datetime(2026, 11, 24, 23, 0, tzinfo=UTC)
        assert await parts.lanes["phone"].work() == 0
        wall.now = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
        assert await parts.lanes["phone"].work() == 1


async def test_a_burst_becomes_one_list_when_its_window_has_passed(
    config: str, wall: Wall, open_parts: Open
) -> None:
    async with open_parts(config) as parts:
        for _ in range(5):
            await publish(parts, "muon", ("alert", "desk"))
            await parts.alerts.work()
            wall.shift(timedelta(minutes=1))
        assert [titles for _, titles in await parts.store.read(told)] == [
            ["post-1"],
            ["post-2"],
            ["post-3"],
        ]
        wall.shift(timedelta(minutes=5))
        assert await parts.alerts.work() == 1
        assert (await parts.store.read(told))[-1] == ("desk", ["post-4", "post-5"])


async def test_many_at_once_are_one_list_at_once(config: str, open_parts: Open) -> None:
    async with open_parts(config) as parts:
        for _ in range(9):
            await publish(parts, "muon", ("alert", "desk"))
        assert await parts.alerts.work() == 1
        [(_, titles)] = await parts.store.read(told)
        assert len(titles) == 9


@pytest.mark.parametrize("what", ["all", "feed:muon", "tag:math", "channel:phone"])
async def test_what_comes_in_a_pause_is_left_to_the_digest(
    config: str, wall: Wall, open_parts: Open, what: str
) -> None:
    async with open_parts(config) as parts:
        week = wall() + timedelta(days=7)
        await parts.store.write(pauses.begin, Pause(what, wall(), week))
        await publish(parts, "muon", ("alert", "phone"), ("digest", "daily"))
        assert await parts.alerts.work() == 0
        wall.now = week + timedelta(hours=2)
        await parts.alerts.work()
        await parts.digests.work()
        assert await parts.store.read(told) == [("paper", ["a mail"])]
        assert await parts.store.read(owed.count) == {}


async def test_what_comes_in_a_pause_and_has_no_digest_goes_as_one_alert_afterwards(
    config: str, wall: Wall, open_parts: Open
) -> None:
    async with open_parts(config) as parts:
        await parts.store.write(pauses.begin, Pause("all", wall(), None))
        for _ in range(3):
            await publish(parts, "other", ("alert", "phone"))
            await parts.alerts.work()
        wall.shift(timedelta(days=30))
        assert await parts.alerts.work() == 0
        [pause] = await parts.store.read(pauses.everything)
        assert await parts.store.write(pauses.end, pause, {}, wall()) == (0, 3)
        assert await parts.alerts.work() == 1
        assert await parts.store.read(told) == [("phone", ["post-1", "post-2", "post-3"])]


@pytest.mark.parametrize("what", ["all", "feed:muon", "tag:math", "digest:daily"])
async def test_what_comes_in_a_dropping_pause_is_dropped_and_what_was_owed_before_is_not(
    config: str, wall: Wall, open_parts: Open, what: str
) -> None:
    async with open_parts(config) as parts:
        await publish(parts, "muon", ("digest", "daily"))
        wall.shift(timedelta(minutes=1))
        day = wall() + timedelta(days=1)
        await parts.store.write(pauses.begin, Pause(what, wall(), day, dropping=True))
        await publish(parts, "muon", ("digest", "daily"))
        wall.now = day + timedelta(minutes=1)
        await publish(parts, "muon", ("digest", "daily"))
        await parts.alerts.work()
        left = await parts.store.read(owed.due, "digest", wall())
        assert [debt.entry_id for debt in left] == [1, 3]
        assert await parts.store.read(pauses.everything) == []


async def test_a_paused_digest_passes_its_slots_and_takes_everything_after(
    config: str, wall: Wall, open_parts: Open
) -> None:
    async with open_parts(config) as parts:
        await parts.digests.work()
        until = wall() + timedelta(days=3)
        await parts.store.write(pauses.begin, Pause("digest:daily", wall(), until))
        sent = []
        for _ in range(6):
            await publish(parts, "muon", ("digest", "daily"))
            wall.shift(timedelta(days=1))
            closed = [one for one in await parts.digests.work() if one.digest == "daily"]
            sent.append(closed[0].entries if closed else None)
        assert sent == [None, None, 3, 1, 1, 1]


async def test_a_paused_channel_says_nothing_and_goes_on_afterwards(
    config: str, wall: Wall, open_parts: Open
) -> None:
    async with open_parts(config) as parts:
        await publish(parts, "muon", ("alert", "desk"))
        await parts.alerts.work()
        pause = Pause("channel:desk", wall(), wall() + timedelta(days=1))
        await parts.store.write(pauses.begin, pause)
        assert await parts.lanes["desk"].work() == 0
        wall.shift(timedelta(days=1))
        assert await parts.lanes["desk"].work() == 1


async def test_a_channel_whose_address_makes_no_sense_is_parked_and_its_alerts_wait(
    config: str, wall: Wall, open_parts: Open
) -> None:
    async with open_parts(config + '[channels.odd]\nurl = "gopher://x"\n') as parts:
        await publish(parts, "muon", ("alert", "odd"), ("alert", "phone"))
        assert await parts.alerts.work() == 1
        parked = {
            state.name for state in await parts.store.read(channels.states) if state.parked_at
        }
        assert parked == {"odd"}
        assert await parts.store.read(owed.count) == {("alert", "odd"): 1}
    async with open_parts(config + '[channels.odd]\nurl = "json://127.0.0.1:9/y"\n') as parts:
        await parts.store.write(outbox.unpark_all, wall())
        assert await parts.alerts.work() == 1


# --- the digest in place of an alert -----------------------------------------------------


async def digest_text(parts: Parts) -> str:
    """Return the text of the newest mail in the outbox."""
    payload = await parts.store.read(
        lambda db: db.conn.execute(
            "SELECT payload FROM deliveries WHERE form = 'mail' ORDER BY id DESC LIMIT 1"
        ).fetchone()[0]
    )
    body = message_from_bytes(payload, policy=default).get_body(("plain",))
    assert body is not None
    return str(body.get_content())


async def shown(parts: Parts) -> list[tuple[str, str]]:
    """Return channel and state of each alert, as its owner sees them."""
    states = (*ledger.OPEN, "sent", "dropped")
    listed = await parts.store.read(ledger.listing, states)
    return [(one.channel, one.state) for one in listed if one.kind == "alert"]


async def test_what_a_channel_did_not_take_for_a_day_the_digest_tells_in_its_place(
    config: str, wall: Wall, open_parts: Open
) -> None:
    async with open_parts(config) as parts:
        await parts.digests.work()
        await publish(parts, "muon", ("alert", "desk"), ("digest", "daily"))
        await parts.alerts.work()
        await parts.lanes["desk"].work()  # nobody listens there
        wall.shift(timedelta(days=1))
        await parts.digests.work()
        assert "could not reach desk" in await digest_text(parts)
        assert await shown(parts) == [("desk", "dropped")]
        assert await parts.lanes["desk"].work() == 0


async def test_a_young_alert_is_not_marked_and_stays(
    config: str, wall: Wall, open_parts: Open
) -> None:
    async with open_parts(config) as parts:
        await parts.digests.work()
        wall.shift(timedelta(hours=12))
        await publish(parts, "muon", ("alert", "desk"), ("digest", "daily"))
        await parts.alerts.work()
        wall.shift(timedelta(hours=12))
        await parts.digests.work()
        assert "could not reach" not in await digest_text(parts)
        assert await shown(parts) == [("desk", "due")]


async def test_an_alert_whose_entry_no_digest_still_tells_stays_in_the_outbox(
    config: str, wall: Wall, open_parts: Open
) -> None:
    async with open_parts(config) as parts:
        await parts.digests.work()
        await publish(parts, "other", ("alert", "desk"))
        await publish(parts, "muon", ("digest", "daily"))
        await parts.alerts.work()
        wall.shift(timedelta(days=3))
        await parts.digests.work()
        assert "could not reach" not in await digest_text(parts)
        assert await shown(parts) == [("desk", "due")]


async def test_a_list_is_left_to_the_digest_only_as_a_whole(
    config: str, wall: Wall, open_parts: Open
) -> None:
    async with open_parts(config) as parts:
        await parts.digests.work()
        for _ in range(4):
            await publish(parts, "muon", ("alert", "desk"), ("digest", "daily"))
        await publish(parts, "other", ("alert", "desk"))
        assert await parts.alerts.work() == 1
        wall.shift(timedelta(days=1))
        await parts.digests.work()
        assert (await digest_text(parts)).count("could not reach desk") == 4
        assert await shown(parts) == [("desk", "due")]


async def test_an_alert_that_could_never_be_made_is_told_too(
    config: str, wall: Wall, open_parts: Open
) -> None:
    async with open_parts(config + '[channels.odd]\nurl = "gopher://x"\n') as parts:
        await parts.digests.work()
        await publish(parts, "muon", ("alert", "odd"), ("digest", "daily"))
        await parts.alerts.work()
        wall.shift(timedelta(days=1))
        await parts.digests.work()
        assert "could not reach odd" in await digest_text(parts)
        assert await parts.store.read(owed.count) == {}

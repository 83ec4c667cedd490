"""Slots over daylight-saving changes, restarts and moved clocks: exactly one digest each."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import time_machine

from digestd.core.messages import Debt
from digestd.parts import Parts
from digestd.services.cadence import Cadence
from digestd.services.digests import manual_slot
from digestd.store import owed
from digestd.store.db import Database
from tests.services.conftest import Open, Wall
from tests.support.nouns import URL, followed, new, seen

NEW_YORK = ZoneInfo("America/New_York")
CONFIG = """
timezone = "America/New_York"
[web]
listen = ""
[channels]
paper = "maildir://{folder}"
[digests.daily]
when = "{when}"
to = "paper"
at_least = {at_least}
"""


def config(folder: Path, when: str = "02:30", at_least: int = 0) -> str:
    return CONFIG.format(folder=folder / "Mail", when=when, at_least=at_least)


def keys(db: Database) -> list[str]:
    rows = db.conn.execute("SELECT s.key FROM slots s JOIN messages m ON m.slot_pk = s.pk")
    return [row[0] for row in rows]


def owe(db: Database, guid: str, at: datetime) -> None:
    [feed] = followed(db, now=at)
    seen(db, feed, new(guid, Debt("digest", "daily", at)), now=at)


async def made(parts: Parts) -> list[str]:
    return await parts.store.read(keys)


@pytest.mark.parametrize("when", ["02:30", "01:30"])
@pytest.mark.parametrize("change", [date(2026, 3, 8), date(2026, 11, 1)])
async def test_one_digest_a_local_day_over_a_change_of_the_clocks(
    tmp_path: Path, wall: Wall, open_parts: Open, when: str, change: date
) -> None:
    wall.now = datetime(change.year, change.month, change.day, tzinfo=UTC) - timedelta(days=2)
    async with open_parts(config(tmp_path, when)) as parts:
        for _ in range(5 * 24 * 4):
            wall.shift(timedelta(minutes=15))
            await parts.digests.work()
            await parts.digests.work()  # `schedule` fires twice on such a night: harmless
        days = Counter(key[:10] for key in await made(parts))
    assert set(days.values()) == {1}
    wanted = {(change + timedelta(days=n)).isoformat() for n in (-1, 0, 1, 2)}
    assert wanted <= set(days)


async def test_a_clock_set_back_an_hour_repeats_nothing(
    tmp_path: Path, wall: Wall, open_parts: Open
) -> None:
    wall.now = datetime(2026, 6, 1, 6, 0, tzinfo=UTC)  # 02:00 in New York
    async with open_parts(config(tmp_path)) as parts:
        wall.shift(timedelta(minutes=45))
        await parts.digests.work()
        wall.shift(timedelta(hours=-1))
        for _ in range(8):
            await parts.digests.work()
            wall.shift(timedelta(minutes=15))
        assert await made(parts) == ["2026-06-01T02:30"]


async def test_a_clock_that_was_years_ahead_does_not_silence_digests(
    tmp_path: Path, wall: Wall, open_parts: Open
) -> None:
    async with open_parts(config(tmp_path)) as parts:
        wall.shift(timedelta(days=2000))
        await parts.digests.work()
        wall.shift(timedelta(days=-2000))
        await parts.digests.work()
        wall.shift(timedelta(days=1))
        await parts.digests.work()
        assert len(await made(parts)) == 2


async def test_after_downtime_there_is_one_catch_up_with_everything(
    tmp_path: Path, wall: Wall, open_parts: Open
) -> None:
    async with open_parts(config(tmp_path)) as parts:
        await parts.store.write(owe, "1", wall())
    wall.shift(timedelta(days=5))
    async with open_parts(config(tmp_path)) as parts:
        [closed] = await parts.digests.work()
        assert closed.entries == 1
        assert await parts.digests.work() == []
        [mail] = await parts.store.read(payloads)
        text = message_from_bytes(mail, policy=default).get_body(("plain",))
        assert text is not None
        assert "makes up for" in text.get_content()
        assert len(await made(parts)) == 1


async def test_a_rare_slot_is_made_up_for_after_weeks(
    tmp_path: Path, wall: Wall, open_parts: Open
) -> None:
    wall.now = datetime(2026, 8, 30, tzinfo=UTC)
    async with open_parts(config(tmp_path, "31st 09:00")) as parts:
        await parts.store.write(owe, "1", wall())
    wall.shift(timedelta(days=50))  # the next one is on the last of October
    async with open_parts(config(tmp_path, "31st 09:00")) as parts:
        [closed] = await parts.digests.work()
        assert (closed.slot.key, closed.entries) == ("2026-08-31T09:00", 1)
        assert await parts.digests.work() == []


def payloads(db: Database) -> list[bytes]:
    return [row[0] for row in db.conn.execute("SELECT payload FROM deliveries")]


async def test_too_few_entries_wait_and_go_at_last(
    tmp_path: Path, wall: Wall, open_parts: Open
) -> None:
    async with open_parts(config(tmp_path, at_least=3)) as parts:
        await parts.store.write(owe, "1", wall())
        sent = []
        for day in range(9):
            wall.shift(timedelta(days=1))
            sent += [day for closed in await parts.digests.work() if closed.identity]
        assert sent == [6]  # after `max_wait` of seven days, and then nothing more


async def test_changing_when_neither_skips_nor_repeats_an_entry(
    tmp_path: Path, wall: Wall, open_parts: Open
) -> None:
    entries = []
    for number, when in enumerate(["02:30", "04:00", "03:00", "23:15"]):
        async with open_parts(config(tmp_path, when, at_least=1)) as parts:
            await parts.store.write(owe, str(number), wall())
            wall.shift(timedelta(days=1))
            entries += [closed.entries for closed in await parts.digests.work()]
    assert entries == [1, 1, 1, 1]


async def test_a_digest_moved_to_an_hour_that_is_past_is_due_tomorrow(
    tmp_path: Path, wall: Wall, open_parts: Open
) -> None:
    wall.now = datetime(2026, 6, 1, 6, 20, tzinfo=UTC)  # 02:20 in New York
    async with open_parts(config(tmp_path)) as parts:
        for _ in range(40):  # until noon
            await parts.digests.work()
            wall.shift(timedelta(minutes=15))
        parts.digests.stop()
        await parts.digests.run()
    async with open_parts(config(tmp_path, "10:00")) as parts:
        assert await parts.digests.work() == []
        wall.shift(timedelta(days=1))
        await parts.digests.work()
        assert await made(parts) == ["2026-06-01T02:30", "2026-06-02T10:00"]


async def test_an_entry_is_in_one_digest_even_when_two_close_at_once(
    tmp_path: Path, wall: Wall, open_parts: Open
) -> None:
    async with open_parts(config(tmp_path)) as one, open_parts(config(tmp_path)) as two:
        await one.store.write(owe, "1", wall())
        digest = one.config.digests["daily"]
        first = await one.digests.close(digest, manual_slot(digest, wall()), force=True)
        wall.shift(timedelta(seconds=1))
        second = await two.digests.close(digest, manual_slot(digest, wall()), force=True)
        assert first is not None
        assert second is not None
        assert (first.entries, second.entries) == (1, 0)
        left = await one.store.read(owed.due, "digest", wall())
        assert left == []


@pytest.mark.parametrize(
    "start", [datetime(2026, 3, 6, tzinfo=UTC), datetime(2026, 10, 30, tzinfo=UTC)]
)
async def test_the_metronome_over_a_change_of_the_clocks_makes_one_digest_a_day(
    tmp_path: Path, wall: Wall, open_parts: Open, start: datetime
) -> None:
    """`schedule` fires its daily job wrongly on such days; the slots do not care."""
    fired: list[datetime] = []
    with time_machine.travel(start.astimezone(NEW_YORK), tick=False) as traveller:
        wall.now = datetime.now(UTC)
        cadence = Cadence(
            every={lambda: fired.append(wall()): timedelta(minutes=15)},
            daily={lambda: fired.append(wall()): "02:30"},
            on_moved=lambda _by: None,
        )
        async with open_parts(config(tmp_path)) as parts:
            for step in range(5 * 24 * 4):
                traveller.shift(timedelta(minutes=15))
                wall.now = datetime.now(UTC)
                fired.clear()
                cadence.tick(wall(), step * 900.0)
                for _ in fired:
                    await parts.digests.work()
            days = Counter(key[:10] for key in await made(parts))
    assert len(days) == 5
    assert set(days.values()) == {1}


async def test_a_digest_says_what_was_announced_and_how_the_feeds_fare(
    tmp_path: Path, wall: Wall, open_parts: Open
) -> None:
    def both(db: Database) -> None:
        [feed] = followed(db, now=wall())
        seen(db, feed, new("1", Debt("alert", "paper", wall()), Debt("digest", "daily", wall())))

    feeds = f'[[feeds]]\nurl = "{URL}"\n'
    async with open_parts(config(tmp_path, "08:00") + feeds) as parts:
        await parts.store.write(both)
        await parts.alerts.work()
        await parts.lanes["paper"].work()
        wall.shift(timedelta(hours=7))
        await parts.digests.work()
        text = message_from_bytes((await parts.store.read(payloads))[-1], policy=default)
        body = text.get_body(("plain",))
        assert body is not None
        said = body.get_content().replace("\u202f", " ")
        assert "already on your paper 3:00 AM" in said  # 08:00 UTC, in New York
        assert "digestd pause daily --for 7d" in said
        assert "1 feed well" in said


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_clock_and_owner_do_each_entry_is_in_one_digest(
    tmp_path: Path, wall: Wall, open_parts: Open, seed: int
) -> None:
    """Restarts, another `when`, a clock that jumps: nothing skipped, nothing twice."""
    chance = random.Random(seed)
    whens = ["02:30", "mon-fri 08:00", "hourly", "1st 09:00", "last-day 18:00", "sun 20:00"]
    wall.now = datetime(2026, 3, 6, tzinfo=UTC)  # a change of the clocks lies ahead
    owed_so_far = 0
    for _ in range(6):
        async with open_parts(
            config(tmp_path, chance.choice(whens), chance.choice([0, 1, 3]))
        ) as p:
            for _ in range(4):
                wall.shift(timedelta(hours=chance.choice([-2, 0.4, 5, 23, 60, 24 * 20])))
                if chance.random() < 0.7:
                    await p.store.write(owe, f"{seed}/{owed_so_far}", wall())
                    owed_so_far += 1
                await p.digests.work()
                if chance.random() < 0.2:
                    digest = p.config.digests["daily"]
                    await p.digests.close(digest, manual_slot(digest, wall()), force=True)
            if chance.random() < 0.5:  # else it was killed
                p.digests.stop()
                await p.digests.run()
    async with open_parts(config(tmp_path, "23:15", 0)) as p:
        for _ in range(3):
            wall.shift(timedelta(days=1))
            await p.digests.work()
        told = await p.store.read(_told)
    assert told == dict.fromkeys(range(1, owed_so_far + 1), 1)


def _told(db: Database) -> dict[int, int]:
    rows = db.conn.execute("SELECT entry_id, count(*) FROM message_entries GROUP BY entry_id")
    return {row[0]: row[1] for row in rows}

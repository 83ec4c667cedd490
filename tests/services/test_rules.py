"""Rules at work: through fetch, store, alert and digest, on a real feed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from digestd.core.models import Entry
from digestd.parts import Parts
from digestd.store import entries, held, owed, story
from digestd.store.db import Database
from tests.services.conftest import Open, Wall
from tests.services.test_detection import item, rss
from tests.support.webserver import WebServer

HOUR = timedelta(hours=1)
OLD = item("0", "old")


@pytest.fixture
def web() -> Iterator[WebServer]:
    with WebServer() as server:
        yield server


@pytest.fixture
def config(web: WebServer, tmp_path: Path) -> str:
    return f"""
        language = "en"
        channels.phone = "file://{tmp_path}/phone"
        channels.paper = "file://{tmp_path}/paper"
        digests.daily = {{ when = "09:30", to = "paper" }}
        poll.allow_private = ["127.0.0.1:{web.port}"]
        web.listen = ""
        [[feeds]]
        id = "f"
        name = "arXiv"
        url = "{web.url("/feed")}"
        updates = "alert"
    """


DROP = "\n[[rules]]\nname = 'noise'\nfeeds = 'f'\nunless = 'muon'\nthen = 'drop'\n"
ALERT = "\n[[rules]]\nany = 'muon'\nthen = 'alert'\nto = 'phone'\n"


async def ask(parts: Parts, wall: Wall, times: int = 1) -> None:
    for _ in range(times):
        await parts.poller.run_once(parts.followed)
        wall.shift(HOUR / 4)


async def seen(parts: Parts) -> dict[str, Entry]:
    return {e.title: e for e in await parts.store.read(entries.recent)}


async def debts(parts: Parts, entry: Entry) -> list[story.DebtTold]:
    return await parts.store.read(story.debts, entry.id)


async def test_a_dropped_entry_is_seen_and_owes_nothing_and_the_digest_counts(
    web: WebServer, open_parts: Open, config: str, wall: Wall, tmp_path: Path
) -> None:
    listed = [item("1", title="On muons"), item("2", title="A muon"), item("3", title="Else")]
    web.route("/feed", rss([OLD]), rss([*listed, OLD]), rss([*listed, OLD]))
    async with open_parts(config + DROP + ALERT) as parts:
        await parts.digests.work()
        await ask(parts, wall, 3)
        found = await seen(parts)
        assert {t: (e.rules, e.is_dropped) for t, e in found.items()} == {
            "Post old": ((), False),  # of the first fetch, which admits nothing
            "On muons": (("noise: drop",), True),
            "A muon": (("rule 2: alert to phone",), False),
            "Else": (("noise: drop",), True),
        }
        assert await parts.store.read(owed.count) == {
            ("alert", "phone"): 1,
            ("digest", "daily"): 1,
        }
        wall.shift(HOUR)
        await parts.digests.work()
        [closed] = await parts.store.read(_digests)
        assert closed == "A muon"
        await parts.lanes["paper"].work()
        [page] = (tmp_path / "paper").glob("*.html")
        assert "arXiv: 1 of 3 by rule" in page.read_text()


def _digests(db: Database) -> list[str]:
    return [row[0] for row in db.conn.execute("SELECT title FROM messages WHERE kind = 'digest'")]


async def test_a_digest_counts_from_the_one_before(
    web: WebServer, open_parts: Open, config: str, wall: Wall
) -> None:
    turns = [
        rss([item(f"m{n}", f"m{n}", title=f"Muon {n}"), item(f"x{n}", f"x{n}", title=f"Else {n}")])
        for n in range(4)
    ]
    web.route("/feed", *turns)
    async with open_parts(config + DROP) as parts:
        await parts.digests.work()
        await ask(parts, wall, 2)
        wall.shift(2 * HOUR)
        await parts.digests.work()
        wall.shift(HOUR)
        await ask(parts, wall)
        wall.shift(24 * HOUR)
        digest = parts.config.digests["daily"]
        assert "arXiv: 1 of 2 by rule" in (await parts.digests.preview(digest)).text
    async with open_parts(config) as parts:
        await parts.digests.work()
        wall.shift(HOUR)
        await ask(parts, wall)  # without rules there is nothing to count
        assert "by rule" not in (await parts.digests.preview(digest)).text


async def test_an_edit_is_judged_anew(
    web: WebServer, open_parts: Open, config: str, wall: Wall
) -> None:
    one = [item("1", "a", title="Sober"), item("2", "b", title="Dull")]
    two = [item("1", "a", title="Sponsored"), item("2", "b", title="Now of muon")]
    web.route("/feed", rss([OLD]), rss([*one, OLD]), rss([*two, OLD]))
    drop = "\n[[rules]]\nany = 'sponsored'\nthen = 'drop'\n"
    async with open_parts(config + drop + ALERT) as parts:
        await ask(parts, wall, 3)
        found = await seen(parts)
        sponsored, muon = found["Sponsored"], found["Now of muon"]
        assert (sponsored.is_dropped, sponsored.rules) == (True, ("rule 1: drop",))
        [debt] = await debts(parts, sponsored)  # open, of its first version
        assert (debt.kind, debt.dropped) == ("digest", "rule 1: drop")
        assert muon.rules == ("rule 2: alert to phone",)
        told = {(d.kind, d.target) for d in await debts(parts, muon) if not d.dropped}
        assert told == {("digest", "daily"), ("alert", "phone")}
        assert await parts.store.read(owed.count) == {
            ("alert", "phone"): 1,
            ("digest", "daily"): 1,
        }


async def test_other_rules_leave_what_is_owed(
    web: WebServer, open_parts: Open, config: str, wall: Wall
) -> None:
    web.route("/feed", rss([OLD]), rss([item("1", title="A muon"), OLD]), rss([OLD]))
    async with open_parts(config + ALERT) as parts:
        await ask(parts, wall, 2)
        before = await parts.store.read(owed.count)
        assert before == {("alert", "phone"): 1, ("digest", "daily"): 1}
    async with open_parts(config + DROP.replace("muon", "nothing")) as parts:
        await ask(parts, wall)
        assert await parts.store.read(owed.count) == before


async def test_a_slow_expression_is_logged_once_and_costs_its_feed_little(
    web: WebServer,
    open_parts: Open,
    config: str,
    wall: Wall,
    caplog: pytest.LogCaptureFixture,
) -> None:
    evil = "\n[[rules]]\nname = 'evil'\ntitle = '^(a|aa)+$'\nthen = 'drop'\n"
    posts = [[item(f"{t}{n}", title=f"{'a' * 150}{t}{n}b") for n in range(2)] for t in range(2)]
    web.route("/feed", rss([OLD]), rss([*posts[0], OLD]), rss([*posts[1], *posts[0], OLD]))
    async with open_parts(config + evil) as parts:
        await ask(parts, wall, 3)
        assert await parts.store.read(owed.count) == {("digest", "daily"): 4}
    [told] = [one.getMessage() for one in caplog.records if "too slow" in one.getMessage()]
    assert "rule=evil key=title" in told


async def test_an_edit_alerts_only_where_edits_may(
    web: WebServer, open_parts: Open, config: str, wall: Wall
) -> None:
    dull, muon = item("1", "a", title="Dull"), item("1", "a", title="Now of muon")
    web.route("/feed", rss([OLD]), rss([dull, OLD]), rss([muon, OLD]))
    quiet = config.replace('updates = "alert"', 'updates = "digest"')
    async with open_parts(quiet + ALERT) as parts:
        await ask(parts, wall, 3)
        edited = (await seen(parts))["Now of muon"]
        assert edited.rules == ("rule 1: alert to phone",)
        assert await parts.store.read(owed.count) == {("digest", "daily"): 1}


async def test_what_is_held_and_dropped_by_a_rule_is_not_released(
    web: WebServer, open_parts: Open, config: str, wall: Wall
) -> None:
    old = wall() - timedelta(days=300)
    before = [item(n, n, at=old) for n in "abcdef"]
    after = [item(n, f"x{n}", at=old - HOUR, title=f"Other {n}") for n in "uvwxyz"]
    edited = [item("u", "xu", at=old - HOUR, title="Sponsored"), *after[1:]]
    web.route("/feed", rss(before), rss(after), rss(edited))
    drop = "\n[[rules]]\nany = ['sponsored', 'other z']\nthen = 'drop'\n"
    async with open_parts(config + drop) as parts:
        await ask(parts, wall, 3)
        [batch] = await parts.store.read(held.batches)
        assert await parts.store.write(held.release, batch.feed_pk, wall()) == 6
        dropped = {title for title, e in (await seen(parts)).items() if e.is_dropped}
        assert dropped == {"Sponsored", "Other z"}
        assert await parts.store.read(owed.count) == {("digest", "daily"): 4}

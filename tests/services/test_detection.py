"""Feeds that change their identifiers, lose posts, move or are edited: through fetch and store."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from email.utils import format_datetime

import pytest

from digestd.parts import Parts
from digestd.services.refresh import PollReport
from digestd.store import entries, held, owed
from tests.services.conftest import Open, Wall
from tests.support.nouns import NOW
from tests.support.webserver import Action, Request, WebServer, answer, redirect, status

HOUR = timedelta(hours=1)


@pytest.fixture
def web() -> Iterator[WebServer]:
    with WebServer() as server:
        yield server


@pytest.fixture
def config(web: WebServer) -> str:
    return f"""
        channels.phone = "terminal://"
        digests.daily = {{ when = "08:00", to = ["phone"] }}
        poll.allow_private = ["127.0.0.1:{web.port}"]
        web.listen = ""
        [[feeds]]
        id = "f"
        url = "{web.url("/feed")}"
        alert = ["phone"]
    """


def item(
    guid: str = "", name: str = "a", *, at: datetime | None = None, text: str = "", title: str = ""
) -> str:
    date = f"<pubDate>{format_datetime(at)}</pubDate>" if at else ""
    return (
        f"<item><guid isPermaLink='false'>{guid or name}</guid>"
        f"<title>{title or f'Post {name}'}</title>"
        f"<link>https://example.org/{name}</link>{date}<description>{text}</description></item>"
    )


def rss(items: Sequence[str], title: str = "Title", extra: str = "") -> Action:
    body = (
        '<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"><channel>'
        f"<title>{title}</title>{extra}{''.join(items)}</channel></rss>"
    )
    return answer(body)


def polls(
    open_parts: Open, config: str, wall: Wall, count: int = 1, every: timedelta = HOUR
) -> tuple[list[PollReport], dict[tuple[str, str], int], list[held.Batch]]:
    """Ask the feed so often, and return the reports, what is owed and what is held."""

    async def run() -> tuple[list[PollReport], dict[tuple[str, str], int], list[held.Batch]]:
        reports = []
        async with open_parts(config) as parts:
            for _ in range(count):
                reports += await _ask(parts)
                wall.shift(every)
            debts = await parts.store.read(owed.count)
            return reports, debts, await parts.store.read(held.batches)

    return asyncio.run(run())


async def _ask(parts: Parts) -> list[PollReport]:
    return await parts.poller.run_once(parts.followed)


def titles(open_parts: Open, config: str) -> list[str]:
    async def run() -> list[str]:
        async with open_parts(config) as parts:
            return sorted(e.title for e in await parts.store.read(entries.recent))

    return asyncio.run(run())


def test_guids_that_change_at_every_fetch_alert_nobody(
    web: WebServer, open_parts: Open, config: str, wall: Wall
) -> None:
    turns = [rss([item(f"{turn}{n}", n) for n in "abc"]) for turn in range(4)]
    web.route("/feed", *turns, rss([item(f"9{n}", n) for n in "dabc"]))
    reports, debts, batches = polls(open_parts, config, wall, 5)
    assert [report.new for report in reports] == [3, 0, 0, 0, 1]
    assert debts == {("alert", "phone"): 1, ("digest", "daily"): 1}
    assert batches == []


def test_a_flood_is_held_until_its_owner_decides(
    web: WebServer, open_parts: Open, config: str, wall: Wall
) -> None:
    old = NOW - timedelta(days=300)
    before = [item(n, n, at=old) for n in "abcdef"]
    after = [item(n, f"x{n}", at=old - HOUR, title=f"Other {n}") for n in "uvwxyz"]
    web.route("/feed", rss(before), rss(after), rss(after))
    reports, debts, (batch,) = polls(open_parts, config, wall, 3)
    assert [report.new for report in reports] == [6, 6, 0]
    assert "held" in reports[1].status
    assert debts == {}
    assert (batch.entries, batch.titles[0]) == (6, "Other u")

    async def release() -> dict[tuple[str, str], int]:
        async with open_parts(config) as parts:
            assert await parts.store.write(held.release, batch.feed_pk, wall()) == 6
            assert await parts.store.read(held.batches) == []
            return await parts.store.read(owed.count)

    assert asyncio.run(release()) == {("alert", "phone"): 6, ("digest", "daily"): 6}


def test_a_feed_made_anew_at_every_fetch_floods_nobody(
    web: WebServer, open_parts: Open, config: str, wall: Wall
) -> None:
    def made(turn: int, names: str = "abcdef") -> Action:
        at = NOW + turn * HOUR  # dated at the fetch, under new guids, with a quote of the hour
        return rss([item(f"{turn}{n}", n, at=at, text=f"Quote {turn}{n}") for n in names])

    web.route("/feed", *map(made, range(6)), made(6, "gabcdef"))
    reports, debts, (batch,) = polls(open_parts, config, wall, 7)
    assert [report.new for report in reports] == [6, 6, 6, 6, 0, 0, 1]
    assert debts == {("alert", "phone"): 1, ("digest", "daily"): 1}
    assert batch.entries == 18


def test_a_parked_domain_that_serves_a_feed_is_held(
    web: WebServer, open_parts: Open, config: str, wall: Wall
) -> None:
    spam = rss([item("s", "s", at=NOW + 2 * HOUR)], title="Casino bonus")
    web.route("/feed", rss([item("a", "a")]), redirect("/parked", 301))
    web.route("/parked", spam)
    reports, debts, (batch,) = polls(open_parts, config, wall, 2)
    assert reports[1].feed.label == "Title"
    assert debts == {}
    assert "Casino bonus" in batch.reason


PARKED = "<html><title>example.org is parked</title><p>Buy this domain</p></html>"
CHALLENGE = "<html><title>Just a moment...</title><script src=/cdn-cgi/challenge-platform/x>"
LOGIN = "<html><title>Sign in</title><form><input type=password></form></html>"
MAINTENANCE = "<html><title>Down for maintenance</title></html>"


@pytest.mark.parametrize(
    ("page", "named"),
    [
        (answer(PARKED), "parked or expired domain"),
        (answer(CHALLENGE), "Cloudflare challenge"),
        (answer(CHALLENGE, 403, cf_mitigated="challenge"), "Cloudflare challenge"),
        (answer(CHALLENGE, 503), "Cloudflare challenge"),
        (answer(LOGIN), "login page"),
        (answer(MAINTENANCE), "maintenance page"),
        (answer(MAINTENANCE, 503), "maintenance page"),
    ],
)
def test_a_page_in_its_place_replaces_no_feed(
    web: WebServer, open_parts: Open, config: str, wall: Wall, page: Action, named: str
) -> None:
    good = rss([item("a", "a")])
    web.route("/feed", good, *[redirect("/page", 301)] * 4, good)
    web.route("/page", page)
    reports, debts, _ = polls(open_parts, config, wall, 6, timedelta(days=2))
    assert named in reports[1].status
    assert reports[-1].feed.address == web.url("/feed")
    assert reports[-1].feed.failures == 0
    assert debts == {}


def test_a_move_is_adopted_after_several_good_fetches(
    web: WebServer, open_parts: Open, config: str, wall: Wall
) -> None:
    web.route("/feed", redirect("/new", 308))
    web.route("/new", rss([item("a", "a")]))
    polls(open_parts, config, wall, 5)
    assert web.paths() == ["/feed", "/new"] * 3 + ["/new"] * 2


def test_what_was_missed_is_fetched_from_the_archive(
    web: WebServer, open_parts: Open, config: str, wall: Wall
) -> None:
    times = {n: NOW + k * timedelta(minutes=10) for k, n in enumerate("abcdefgh")}
    at = {n: item(n, n, at=moment) for n, moment in times.items()}
    link = f'<atom:link rel="prev-archive" href="{web.url("/older")}"/>'
    web.route("/feed", rss([at["b"], at["a"]]), rss([at["h"], at["g"]], extra=link))
    web.route("/older", rss([at[n] for n in "fedcba"]))
    reports, debts, batches = polls(open_parts, config, wall, 2, 2 * HOUR)
    assert reports[1].new == 6
    assert debts[("alert", "phone")] == 6
    assert batches == []
    assert "missed" not in reports[1].status


def test_a_blog_of_wordpress_is_read_back_page_by_page(
    web: WebServer, open_parts: Open, config: str, wall: Wall
) -> None:
    times = {n: NOW + k * timedelta(minutes=10) for k, n in enumerate("abcdefgh")}
    pages = {"": "hg", "2": "fe", "3": "dc", "4": "ba"}
    generator = "<generator>https://wordpress.org/?v=6.7</generator>"

    async def blog(request: Request, out: asyncio.StreamWriter) -> None:
        names = pages[request.path.partition("paged=")[2]]
        await rss([item(n, n, at=times[n]) for n in names], extra=generator)(request, out)

    web.route("/feed", rss([item("a", "a", at=times["a"])]), blog)
    reports, _, _ = polls(open_parts, config, wall, 2, 2 * HOUR)
    assert reports[1].new == 7
    assert titles(open_parts, config) == [f"Post {n}" for n in "abcdefgh"]


def test_posts_that_may_have_been_missed_are_told_of_and_looked_for_sooner(
    web: WebServer, open_parts: Open, config: str, wall: Wall
) -> None:
    turns = [rss([item(n, n, at=NOW + k * HOUR)]) for k, n in enumerate("abc")]
    web.route("/feed", *turns, turns[-1])
    reports, _, _ = polls(open_parts, config, wall, 3, 4 * HOUR)
    assert "may have been missed" in reports[1].status
    feed = reports[2].feed
    assert feed.next_poll_at is not None
    assert feed.last_polled_at is not None
    assert feed.next_poll_at - feed.last_polled_at <= 2 * HOUR


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("ignore", {}),
        ("digest", {("digest", "daily"): 1}),
        ("alert", {("digest", "daily"): 1, ("alert", "phone"): 1}),
    ],
)
def test_edits_that_matter_are_told_if_asked_for(
    web: WebServer,
    open_parts: Open,
    config: str,
    wall: Wall,
    policy: str,
    expected: dict[tuple[str, str], int],
) -> None:
    def says(text: str) -> Action:
        return rss([item("a", "a", text=text)])

    web.route(
        "/feed",
        says("It is so. 2 comments"),
        says("It is so. 3 comments"),
        says("It is not so. 3 comments"),
        says("It is so. 4 comments"),  # an old version once more
        says("It is not so. 5 comments"),
    )
    _, found, _ = polls(open_parts, config + f'updates = "{policy}"', wall, 5)
    assert found == expected


def test_an_origins_patience_outlives_a_restart(
    web: WebServer, open_parts: Open, config: str, wall: Wall
) -> None:
    other = config + f'\n[[feeds]]\nid = "g"\nurl = "{web.url("/other")}"'
    web.route("/feed", status(429, Retry_After="7200"))
    web.route("/other", rss([item("a", "a")]))

    async def ask(wanted: str) -> list[PollReport]:
        async with open_parts(other) as parts:
            pks = [pk for pk, one in parts.followed.items() if one.id == wanted]
            return await parts.poller.run_once(pks)

    asyncio.run(ask("f"))
    wall.shift(HOUR)
    (report,) = asyncio.run(ask("g"))
    assert report.outcome == "postponed"
    wall.shift(2 * HOUR)
    (report,) = asyncio.run(ask("g"))
    assert report.new == 1
    assert web.paths() == ["/feed", "/other"]


def test_a_feed_that_is_gone_is_not_asked_again(
    web: WebServer, open_parts: Open, config: str, wall: Wall
) -> None:
    web.route("/feed", rss([item("a", "a")]), status(410))
    reports, _, _ = polls(open_parts, config, wall, 4)
    assert reports[-1].outcome == "gone"
    assert len(web.paths()) == 2


def test_a_feed_not_found_is_asked_for_weeks(
    web: WebServer, open_parts: Open, config: str, wall: Wall
) -> None:
    web.route("/feed", *[status(404)] * 20, rss([item("a", "a")]))
    reports, _, _ = polls(open_parts, config, wall, 21, timedelta(days=2))
    assert reports[-2].feed.next_poll_at is not None
    assert reports[-1].feed.failures == 0


def test_servers_that_keep_us_waiting_leave_the_others_their_turn(
    open_parts: Open, wall: Wall
) -> None:
    served = asyncio.Event()

    async def well(request: Request, out: asyncio.StreamWriter) -> None:
        await rss([item("a")])(request, out)
        served.set()

    async def slow(request: Request, out: asyncio.StreamWriter) -> None:
        await served.wait()
        await rss([item("b")])(request, out)

    with WebServer(bind="0.0.0.0") as web:
        web.route("/well", rss([item("a")]), well)
        web.route("/slow", slow)
        head = 'web.listen = ""\npoll = { concurrency = 4, allow_private = "127.0.0.0/8" }\n'
        known = f'[[feeds]]\nid = "well"\nurl = "{web.url("/well")}"\n'
        strangers = [web.url("/slow", f"127.0.0.{n}") for n in range(2, 10)]
        everybody = known + "".join(f'[[feeds]]\nurl = "{url}"\n' for url in strangers)

        async def run(feeds: str, *, ask: bool = True) -> list[PollReport]:
            async with open_parts(head + feeds) as parts:
                return await parts.poller.run_once() if ask else []

        asyncio.run(run(known))
        wall.shift(timedelta(seconds=1))
        asyncio.run(run(everybody, ask=False))  # strangers are due before it
        wall.shift(timedelta(days=2))
        reports = asyncio.run(run(everybody))
    assert len(reports) == 9
    assert [report.feed.last_error for report in reports] == [""] * 9


def test_strangers_without_end_leave_room_to_be_taken_up(open_parts: Open, wall: Wall) -> None:
    arrived, served = threading.Event(), asyncio.Event()

    async def well(request: Request, out: asyncio.StreamWriter) -> None:
        await rss([item("a")])(request, out)
        arrived.set()
        served.set()

    async def slow(request: Request, out: asyncio.StreamWriter) -> None:
        await served.wait()
        await rss([item("b")])(request, out)

    with WebServer(bind="0.0.0.0") as web:
        web.route("/well", rss([item("a")]), well)
        web.route("/slow", slow)
        head = 'web.listen = ""\npoll = { concurrency = 4, allow_private = "127.0.0.0/8" }\n'
        known = f'[[feeds]]\nid = "well"\nurl = "{web.url("/well")}"\n'
        strangers = [web.url("/slow", f"127.0.0.{n}") for n in range(2, 42)]
        everybody = known + "".join(f'[[feeds]]\nurl = "{url}"\n' for url in strangers)

        async def run(feeds: str, *, times: int) -> bool:
            async with open_parts(head + feeds) as parts:
                if times == 1:
                    return bool(await parts.poller.run_once())
                if times == 0:
                    return True
                running = asyncio.ensure_future(parts.poller.run())
                found = await asyncio.to_thread(arrived.wait, 10)
                parts.poller.stop()
                await running
                return found

        asyncio.run(run(known, times=1))
        wall.shift(timedelta(seconds=1))
        asyncio.run(run(everybody, times=0))  # more strangers than are taken up, due before it
        wall.shift(timedelta(days=2))
        assert asyncio.run(run(everybody, times=2))

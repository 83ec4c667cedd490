"""WebSub from end to end: a hub, a publisher and us. Names carry the checklist's rows."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from http import HTTPStatus

import pytest

from digestd.core.models import Entry, Feed
from digestd.core.websub import HubSubscription
from digestd.parts import Parts
from digestd.store import entries, feeds, hubs, owed
from tests.services.conftest import Open, Wall
from tests.support.hub import Faults, Hub, Subscriber
from tests.support.nouns import NOW
from tests.support.webserver import Request, WebServer, answer, redirect

CONFIG = """
channels.screen = "terminal://"
[poll]
allow_private = ["127.0.0.1"]
max_size = "1MB"
[web]
listen = "127.0.0.1:{port}"
[push]
callback_url = "http://127.0.0.1:{port}/some/where/"
secret_over_http = {secret}
[[feeds]]
url = "{url}"
id = "blog"
alert = "screen"
"""
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def rss(*posts: str, at: datetime = NOW, links: str = "") -> bytes:
    items = "".join(
        f"<item><guid>{post}</guid><title>{post}</title><link>https://example.org/{post}</link>"
        f"<pubDate>{format_datetime(at)}</pubDate></item>"
        for post in posts
    )
    return (
        '<rss version="2.0" xmlns:a="http://www.w3.org/2005/Atom"><channel><title>Blog</title>'
        f"{links}{items}</channel></rss>"
    ).encode()


@dataclass
class World:
    """A publisher whose feed names `hub`, and the daemon's parts."""

    web: WebServer
    hub: Hub
    wall: Wall
    port: int
    posts: list[str] = field(default_factory=lambda: ["old"])
    hubs: list[str] = field(default_factory=list)
    topic: str = ""
    secret: bool = True

    def __post_init__(self) -> None:
        self.topic = self.topic or self.web.url("/feed")
        self.hubs = self.hubs or [self.hub.url]
        self.web.route("/feed", self._serve)

    async def _serve(self, request: Request, out: asyncio.StreamWriter) -> None:
        named = "".join(f'<a:link rel="hub" href="{hub}"/>' for hub in self.hubs)
        links = f'{named}<a:link rel="self" href="{self.topic}"/>'
        body = rss(*reversed(self.posts), at=self.wall(), links=links)
        etag = f'"{len(self.posts)}-{self.topic}-{len(self.hubs)}"'
        await answer(body, etag=etag)(request, out)

    def config(self) -> str:
        secret = str(self.secret).lower()
        return CONFIG.format(port=self.port, url=self.web.url("/feed"), secret=secret)

    async def settle(self, parts: Parts) -> None:
        """Let the hub's requests and deliveries come to rest."""
        assert parts.push
        await parts.push.settle()
        await parts.push.work()

    async def poll(self, parts: Parts) -> Feed:
        await parts.store.write(feeds.make_due, self.wall())
        (report,) = await parts.poller.run_once()
        await self.settle(parts)
        return report.feed


@asynccontextmanager
async def serving(open_parts: Open, text: str) -> AsyncIterator[Parts]:
    async with open_parts(text) as parts:
        assert parts.web
        task = asyncio.create_task(parts.web.run())
        await parts.web.ready()
        try:
            yield parts
        finally:
            parts.stop()
            await task


@pytest.fixture
def world(wall: Wall) -> Iterator[World]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with WebServer() as web:
        yield World(web, Hub(web), wall, port)


async def seen(parts: Parts) -> list[str]:
    found: list[Entry] = await parts.store.read(entries.recent)
    return sorted(entry.title for entry in found if not entry.first_fetch)


async def living(parts: Parts) -> list[HubSubscription]:
    return await parts.store.read(hubs.living)


async def state_of(parts: Parts) -> str:
    return " ".join(one.state for one in await living(parts))


# --- discovery -------------------------------------------------------------------------


async def test_d2_s1_s3_v1_a_hub_in_the_document_is_subscribed_to(
    open_parts: Open, world: World
) -> None:
    world.topic = "https://example.org/?a=1&b=ä"  # not what was fetched
    async with serving(open_parts, world.config()) as parts:
        await world.poll(parts)
        (form,) = world.hub.forms
        assert world.hub.kinds == ["application/x-www-form-urlencoded"]
        assert form["mode"] == "subscribe"
        assert form["topic"] == world.topic
        assert form["lease_seconds"] == "864000"
        assert form["callback"].startswith(f"http://127.0.0.1:{world.port}/some/where/push/")
        assert world.hub.confirmed == [(200, "a challenge & more")]
        assert await state_of(parts) == "active"


async def test_d1_d4_the_header_s_hub_goes_before_the_document_s(
    open_parts: Open, world: World
) -> None:
    other = Hub(world.web, "/other")
    link = f"<{other.url}>; rel=hub, <https://example.org/self>; rel=self"
    links = f'<a:link rel="hub" href="{world.hub.url}"/>'
    world.web.route("/feed", answer(rss("old", links=links), Link=link))
    async with serving(open_parts, world.config()) as parts:
        await world.poll(parts)
        assert world.hub.forms == []
        assert [form["topic"] for form in other.forms] == ["https://example.org/self"]


async def test_d5_the_next_hub_is_asked_when_one_fails(open_parts: Open, world: World) -> None:
    second = Hub(world.web, "/second")
    world.hub.faults.status = 500
    world.hubs.append(second.url)
    async with serving(open_parts, world.config()) as parts:
        await world.poll(parts)
        await world.settle(parts)
        assert len(world.hub.forms) == 1
        assert len(second.forms) == 1
        assert await state_of(parts) == "active"


# --- subscription ----------------------------------------------------------------------


async def test_s2_a_redirected_feed_is_subscribed_at_the_self_link_of_what_is_reached(
    open_parts: Open, world: World
) -> None:
    world.web.route("/moved", redirect("/moved-on", 301))
    world.web.route("/moved-on", redirect("/feed", 302))
    text = world.config().replace('/feed"', '/moved"')
    async with serving(open_parts, text) as parts:
        await world.poll(parts)
        assert [form["topic"] for form in world.hub.forms] == [world.topic]


@pytest.mark.parametrize(("code", "kept"), [(307, False), (308, True)])
async def test_s4_a_hub_that_redirects_is_asked_where_it_points(
    open_parts: Open, world: World, code: int, kept: bool
) -> None:
    real = Hub(world.web, "/real")
    world.hub.faults.redirect = (code, real.url)
    async with serving(open_parts, world.config()) as parts:
        await world.poll(parts)
        assert len(real.forms) == 1
        assert real.bodies == world.hub.bodies
        (one,) = await living(parts)
        assert one.state == "active"
        assert (one.hub_at == real.url) is kept
        world.wall.shift(7 * DAY)
        await world.settle(parts)  # renewed
        assert len(world.hub.forms) == (1 if kept else 2)
        assert len(real.forms) == 2


async def test_s5_each_callback_is_new_and_the_old_one_is_gone_after_a_renewal(
    open_parts: Open, world: World
) -> None:
    async with serving(open_parts, world.config()) as parts:
        await world.poll(parts)
        (old,) = world.hub.subscribers
        world.wall.shift(6 * DAY + 20 * HOUR)  # two thirds of ten days
        await world.settle(parts)
        first, second = world.hub.forms
        assert first["callback"] != second["callback"]
        assert len(second["callback"].rsplit("/", 1)[1]) >= 32
        assert await world.hub.deliver(old, rss("late")) == 410
        assert await world.hub.publish(world.topic, rss("new")) == [200]
        await world.settle(parts)
        assert await seen(parts) == ["new"]


async def test_s6_no_secret_without_tls_unless_told_so(open_parts: Open, world: World) -> None:
    world.secret = False
    async with serving(open_parts, world.config()) as parts:
        await world.poll(parts)
        assert "secret" not in world.hub.forms[0]
        assert await world.hub.publish(world.topic, rss("new")) == [200]
        await world.settle(parts)
        assert await seen(parts) == ["new"]


async def test_s9_a_refusal_is_no_subscription_and_is_not_repeated_at_once(
    open_parts: Open, world: World
) -> None:
    async with serving(open_parts, world.config()) as parts:
        for asked, code in enumerate((400, 404, 500), 1):
            world.hub.faults.status = code
            feed = await world.poll(parts)
            await world.settle(parts)
            assert len(world.hub.forms) == asked
            assert await state_of(parts) == ""
            standing = await parts.store.read(hubs.standing, feed.pk)
            assert standing
            assert standing.reason == f"HTTP {code} {HTTPStatus(code).phrase}: no, thank you"
            world.wall.shift(DAY)


async def test_s9_accepted_is_not_active_before_it_is_verified(
    open_parts: Open, world: World
) -> None:
    world.hub.faults.verifies = False
    async with serving(open_parts, world.config()) as parts:
        await world.poll(parts)
        assert await state_of(parts) == "pending"
        callback = world.hub.forms[0]["callback"]
        assert await world.hub.deliver(Subscriber(world.topic, callback, ""), rss("new")) == 404
        world.wall.shift(2 * HOUR)
        await world.settle(parts)
        assert await state_of(parts) == ""


# --- verification ----------------------------------------------------------------------


async def test_v2_a_verification_for_another_topic_is_not_found(
    open_parts: Open, world: World
) -> None:
    world.hub.faults.verifies_topic = "https://evil.example/"
    async with serving(open_parts, world.config()) as parts:
        await world.poll(parts)
        assert [code for code, _ in world.hub.confirmed] == [404]
        assert await state_of(parts) == "pending"


async def test_v4_there_is_no_gap_at_a_renewal_and_polling_resumes_where_it_fails(
    open_parts: Open, world: World
) -> None:
    world.hub.faults.lease = "3600"
    async with serving(open_parts, world.config()) as parts:
        feed = await world.poll(parts)
        world.hub.faults.status = 500
        world.wall.shift(40 * MINUTE)
        await world.settle(parts)
        assert len(world.hub.forms) == 2
        assert await state_of(parts) == "active"  # the old lease still lives
        assert await world.hub.publish(world.topic, rss("new")) == [200]
        await world.settle(parts)
        world.wall.shift(10 * MINUTE)
        await world.settle(parts)
        assert len(world.hub.forms) == 3  # tried again before the end
        world.wall.shift(HOUR)
        await world.settle(parts)
        assert "active" not in await state_of(parts)
        now = await parts.store.read(feeds.get, feed.pk)
        assert now
        assert now.next_poll_at
        assert now.next_poll_at <= world.wall()


async def test_v2_v5_only_a_denial_ends_it_and_polling_resumes_at_once(
    open_parts: Open, world: World
) -> None:
    async with serving(open_parts, world.config()) as parts:
        feed = await world.poll(parts)
        (one,) = world.hub.subscribers
        slash = replace(one, callback=one.callback + "/")
        assert await world.hub.deliver(slash, rss("new")) == 404  # and never a redirect: C2
        nowhere = one.callback.rsplit("/", 1)[0] + "/nobody"
        asked = {"topic": world.topic, "challenge": "c"}
        assert (await world.hub.ask(nowhere, mode="subscribe", **asked))[0] == 404
        assert (await world.hub.ask(one.callback, mode="unsubscribe", **asked))[0] == 404
        unknown = await world.hub.ask(one.callback, mode="denied", topic="https://x.example/")
        assert unknown[0] == 404
        assert await state_of(parts) == "active"
        answered = await world.hub.ask(
            one.callback, mode="denied", topic=world.topic, reason="closed"
        )
        assert answered[0] == 200
        assert await state_of(parts) == ""
        now = await parts.store.read(feeds.get, feed.pk)
        standing = await parts.store.read(hubs.standing, feed.pk)
        assert now
        assert now.next_poll_at
        assert now.next_poll_at <= world.wall()
        assert standing
        assert standing.reason == "denied: closed"


async def test_v5_a_hub_may_deny_in_place_of_a_verification(open_parts: Open, world: World) -> None:
    world.hub.faults.denies = "not you"
    async with serving(open_parts, world.config()) as parts:
        await world.poll(parts)
        assert world.hub.confirmed == [(200, "")]
        assert await state_of(parts) == ""


async def test_v6_c3_a_removed_feed_is_unsubscribed_and_late_deliveries_are_gone(
    open_parts: Open, world: World
) -> None:
    async with serving(open_parts, world.config()) as parts:
        await world.poll(parts)
        (one,) = world.hub.subscribers
    without = world.config().replace(world.web.url("/feed"), "https://example.org/another")
    without = without.replace('id = "blog"', 'id = "another"')
    async with serving(open_parts, without) as parts:
        await world.settle(parts)
        assert world.hub.forms[-1]["mode"] == "unsubscribe"
        assert world.hub.forms[-1]["callback"] == one.callback
        assert world.hub.subscribers == []
        assert await world.hub.deliver(one, rss("late")) == 410
        assert await seen(parts) == []


# --- content ---------------------------------------------------------------------------


async def test_c1_a_delivery_is_answered_before_it_is_read(open_parts: Open, world: World) -> None:
    async with serving(open_parts, world.config()) as parts:
        await world.poll(parts)
        assert parts.push
        async with parts.push.turn(1):  # its reading cannot even begin
            assert await world.hub.publish(world.topic, rss("new")) == [200]
            assert await seen(parts) == []
        await world.settle(parts)
        assert await seen(parts) == ["new"]
        owing = await parts.store.read(owed.due, "alert", world.wall())
        assert len(owing) == 1


async def test_c2_whatever_comes_is_never_redirected_and_makes_the_feed_be_asked(
    open_parts: Open, world: World
) -> None:
    bodies = [b"", b"<html><p>no feed", b"\x00\xff" * 50, b"<rss version='2.0'><channel/></rss>"]
    async with serving(open_parts, world.config()) as parts:
        for body in bodies:
            feed = await world.poll(parts)
            assert await world.hub.publish(world.topic, body) == [200]
            await world.settle(parts)
            now = await parts.store.read(feeds.get, feed.pk)
            assert now
            assert now.failures == 0
            assert now.next_poll_at
            assert now.next_poll_at <= world.wall() + MINUTE
            world.wall.shift(HOUR)


async def test_c4_c6_a4_the_callback_says_which_feed_it_is_and_headers_say_nothing(
    open_parts: Open, world: World
) -> None:
    async with serving(open_parts, world.config()) as parts:
        await world.poll(parts)
        packed = gzip.compress(rss("packed"))
        assert await world.hub.publish(world.topic, packed, content_encoding="gzip") == [200]
        for _ in range(3):  # D5: another hub, or the same one again
            assert await world.hub.publish(world.topic, rss("plain"), kind="text/html") == [200]
        link = '<https://evil.example/hub>; rel="hub", <https://evil.example/>; rel="self"'
        assert await world.hub.publish(world.topic, rss("new"), link=link) == [200]
        await world.settle(parts)
        assert await seen(parts) == ["new", "packed", "plain"]
        assert len(world.hub.forms) == 1
        (one,) = await living(parts)
        assert (one.hub, one.topic) == (world.hub.url, world.topic)


async def test_c5_f1_f2_a_delta_is_taken_as_one_and_the_feed_is_asked_once_within_minutes(
    open_parts: Open, world: World
) -> None:
    world.posts += ["b", "c", "d"]
    async with serving(open_parts, world.config()) as parts:
        feed = await world.poll(parts)
        for post in ("e", "f"):
            assert await world.hub.publish(world.topic, rss(post)) == [200]
            await world.settle(parts)
        assert await seen(parts) == ["e", "f"]
        now = await parts.store.read(feeds.get, feed.pk)
        assert now
        assert now.next_poll_at == world.wall() + 5 * MINUTE
        assert now.validators == feed.validators
        world.wall.shift(5 * MINUTE)
        world.posts += ["e", "f"]
        (report,) = await parts.poller.run_once()
        assert report.new == 0  # the missing entries were not gone, nor are they new now
        assert report.feed.next_poll_at
        # Two posts within minutes: such a feed would be asked every five, but for its hub.
        # The safety poll goes on.
        assert 30 * MINUTE < report.feed.next_poll_at - world.wall() <= DAY
        assert parts.push
        await parts.push.catch_up()  # as after a stop, in which nobody could tell us anything
        assert await parts.store.read(feeds.next_due_at) == world.wall()


async def test_c5_a_feed_that_moved_to_another_topic_is_subscribed_anew(
    open_parts: Open, world: World
) -> None:
    async with serving(open_parts, world.config()) as parts:
        await world.poll(parts)
        world.topic = "https://example.org/new-home"
        await world.poll(parts)
        modes = [(form["mode"], form["topic"]) for form in world.hub.forms[1:]]
        assert sorted(modes) == [
            ("subscribe", "https://example.org/new-home"),
            ("unsubscribe", world.web.url("/feed")),
        ]
        await world.settle(parts)
        assert await state_of(parts) == "active"


async def test_c6_a_delivery_is_bounded_as_a_fetch_is(open_parts: Open, world: World) -> None:
    async with serving(open_parts, world.config()) as parts:
        await world.poll(parts)
        assert await world.hub.publish(world.topic, b"x" * 2_000_000) == [413]
        unknown = Subscriber("", world.hub.subscribers[0].callback + "x", "")
        assert await world.hub.deliver(unknown, b"x" * 2_000_000) == 404  # not read at all
        bomb = gzip.compress(rss("bomb") + b" " * 50_000_000)
        assert await world.hub.publish(world.topic, bomb, content_encoding="gzip") == [200]
        await world.settle(parts)
        assert await seen(parts) == []


# --- authentication --------------------------------------------------------------------


async def test_a1_a2_a3_what_is_not_signed_is_answered_alike_and_ignored(
    open_parts: Open, world: World
) -> None:
    async with serving(open_parts, world.config()) as parts:
        await world.poll(parts)
        for method in ("sha1", "sha256", "sha384", "sha512"):
            world.hub.faults.method = method
            assert await world.hub.publish(world.topic, rss(method)) == [200]
        world.hub.faults.method = "md5"
        assert await world.hub.publish(world.topic, rss("weak")) == [200]
        world.hub.faults = Faults(signs_with="guessed")
        assert await world.hub.publish(world.topic, rss("forged")) == [200]
        world.hub.faults = Faults(signs=False)
        assert await world.hub.publish(world.topic, rss("bare")) == [200]
        await world.settle(parts)
        assert await seen(parts) == ["sha1", "sha256", "sha384", "sha512"]


# --- fallback --------------------------------------------------------------------------


async def test_f1_a_silent_hub_costs_time_and_no_post_and_the_next_one_is_asked(
    open_parts: Open, world: World
) -> None:
    second = Hub(world.web, "/second")
    world.hubs.append(second.url)
    async with serving(open_parts, world.config()) as parts:
        await world.poll(parts)
        await world.hub.publish(world.topic, rss("told"))
        await world.settle(parts)
        world.hub.faults.delivers = False
        world.posts += ["told", "kept"]
        world.web.route("/feed", answer(_dated(world, world.wall() + HOUR), etag='"x"'))
        world.wall.shift(2 * HOUR)
        feed = await world.poll(parts)
        assert await seen(parts) == ["kept", "told"]
        assert len(second.forms) == 1  # it takes the first one's place
        assert [one.hub for one in await living(parts)] == [second.url]
        assert feed.next_poll_at
        assert feed.next_poll_at < world.wall() + 12 * HOUR  # polled as any other


def _dated(world: World, at: datetime) -> bytes:
    named = "".join(f'<a:link rel="hub" href="{hub}"/>' for hub in world.hubs)
    links = f'{named}<a:link rel="self" href="{world.topic}"/>'
    return rss(*reversed(world.posts), at=at, links=links)


async def test_turning_push_off_ends_what_there_was(open_parts: Open, world: World) -> None:
    async with serving(open_parts, world.config()) as parts:
        await world.poll(parts)
        assert await state_of(parts) == "active"
    off = world.config().replace(f"http://127.0.0.1:{world.port}/some/where/", "")
    async with open_parts(off) as parts:
        assert parts.push is None
        assert await state_of(parts) == ""
        await parts.store.write(feeds.make_due, world.wall())
        await parts.poller.run_once()
        assert len(world.hub.forms) == 1

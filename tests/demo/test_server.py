from __future__ import annotations

import io
import itertools
import wave
from calendar import timegm
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import feedparser
import httpx
import pytest

from digestd.demo.server import SHOWN, DemoServer
from digestd.demo.texts import BLOGS, POSTS, Blog, posts_of

START = datetime(2026, 3, 8, 9, 30, 15, 640_000, UTC)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server(clock: Clock) -> Iterator[DemoServer]:
    with DemoServer(clock) as running:
        yield running


def get(url: str, **headers: str) -> httpx.Response:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.get(url, headers=sent, trust_env=False)


def newest_of(body: httpx.Response) -> tuple[str, datetime | None]:
    """Return link and date of the first entry, in any of the three formats."""
    if "json" in body.headers["Content-Type"]:
        first = body.json()["items"][0]
        return first["url"], datetime.fromisoformat(first["date_published"])
    parsed = feedparser.parse(io.BytesIO(body.content))
    assert not parsed.bozo, parsed.bozo_exception
    first = parsed.entries[0]
    return first.link, datetime.fromtimestamp(timegm(first.published_parsed), UTC)


def test_each_publication_is_at_the_top_of_its_feed(server: DemoServer, clock: Clock) -> None:
    for _ in range(6):
        clock.now += timedelta(seconds=1.3)
        item = server.publish()
        link, dated = newest_of(get(server.urls[item.blog.name]))
        assert link == item.link
        assert server.published[link] == clock.now
        assert dated is not None
        assert timedelta(0) <= clock.now - dated < timedelta(seconds=1)


def test_the_blogs_take_turns(server: DemoServer) -> None:
    names = [server.publish().blog.name for _ in range(6)]
    assert names == ["maths", "releases", "notes"] * 2


@pytest.mark.parametrize("name", [blog.name for blog in BLOGS])
def test_a_feed_that_did_not_change_is_not_sent_again(server: DemoServer, name: str) -> None:
    url = server.urls[name]
    first = get(url)
    again = get(url, If_None_Match=first.headers["ETag"])
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert get(url, If_None_Match=f'"x", W/{first.headers["ETag"]}').status_code == 304
    assert get(url, If_Modified_Since=first.headers["Last-Modified"]).status_code == 304
    assert get(url, If_Modified_Since="yesterday").status_code == 200


def test_a_second_post_in_the_same_second_is_seen_by_its_etag(server: DemoServer) -> None:
    server.publish()
    first = get(server.urls["maths"])
    while server.publish().blog.name != "maths":
        pass
    second = get(
        server.urls["maths"],
        If_None_Match=first.headers["ETag"],
        If_Modified_Since=first.headers["Last-Modified"],
    )
    assert second.headers["Last-Modified"] == first.headers["Last-Modified"]
    assert second.status_code == 200


def test_every_link_leads_to_its_post(server: DemoServer) -> None:
    for _ in range(9):
        server.publish()
    for link, at in server.published.items():
        page = get(link)
        assert page.status_code == 200
        assert parsedate_to_datetime(page.headers["Last-Modified"]) == at.replace(microsecond=0)
    assert get(server.base_url + "/maths/nothing").status_code == 404


def test_a_feed_shows_its_newest_posts_only(server: DemoServer) -> None:
    for _ in range(3 * 20):
        server.publish()
    assert len(get(server.urls["notes"]).json()["items"]) == SHOWN


def test_the_recording_is_what_its_enclosure_says(server: DemoServer) -> None:
    while server.publish().post.slug != "foghorn":
        pass
    enclosure = get(server.urls["notes"]).json()["items"][0]["attachments"][0]
    sound = get(enclosure["url"])
    assert sound.headers["Content-Type"] == enclosure["mime_type"]
    assert len(sound.content) == enclosure["size_in_bytes"]
    with wave.open(io.BytesIO(sound.content)) as file:
        assert file.getnframes() == file.getframerate() * enclosure["duration_in_seconds"]


def test_stopping_closes_connections_that_clients_keep() -> None:
    with httpx.Client(trust_env=False) as client:
        with DemoServer() as server:
            assert client.get(server.urls["maths"]).status_code == 200
            url = server.urls["maths"]
        with pytest.raises(httpx.TransportError):
            client.get(url)


@pytest.mark.parametrize("blog", BLOGS, ids=lambda blog: blog.name)
def test_a_blog_never_runs_out_and_never_repeats_itself(blog: Blog) -> None:
    posts = list(itertools.islice(posts_of(blog), 60))
    assert len({post.slug for post in posts}) == len({post.title for post in posts}) == 60
    assert all(len(post.content) > 80 for post in posts)
    written = (POSTS / f"{blog.name}.html").read_text(encoding="utf-8").count("<h1")
    assert written >= 10


def test_formulas_reach_the_reader_as_typed(server: DemoServer) -> None:
    body = feedparser.parse(io.BytesIO(get(server.urls["maths"]).content))
    text = "".join(entry.content[0].value for entry in body.entries)
    assert r"\boldsymbol{W}=\boldsymbol{U}\boldsymbol{\Sigma}\boldsymbol{V}^{\top}" in text
    assert r"\begin{align}" in text


def test_pictures_are_there_and_nothing_else_is(server: DemoServer) -> None:
    for path in ("/pictures/tide-rule.jpg", "/pictures/maths.png"):
        assert get(server.base_url + path).headers["content-type"].startswith("image/")
    assert "/pictures/foghorn.jpg" in "".join(
        post.content for post in itertools.islice(posts_of(BLOGS[2]), 10)
    )
    for path in ("/pictures/none.jpg", "/pictures/../texts.py", "/pictures/"):
        assert get(server.base_url + path).status_code == 404

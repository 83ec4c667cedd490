"""What people type, what links look like, and which of several feeds is meant."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.core.discovery import (
    FeedLink,
    Page,
    addresses,
    is_never_feed,
    leads_deeper,
    looks_like_feed,
    posterior,
    prior,
    unwrapped,
    well_known,
)
from digestd.core.parsed import ParsedEntry, ParsedFeed

NOW = datetime(2026, 11, 25, tzinfo=UTC)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("example.org", ["https://example.org", "http://example.org"]),
        (" <https://example.org/x> ", ["https://example.org/x"]),
        ("“https://example.org”", ["https://example.org"]),
        ("HTTPS:/example.org", ["https://example.org"]),
        ("//example.org/a", ["https://example.org/a", "http://example.org/a"]),
        ("localhost:8080/feed", ["https://localhost:8080/feed", "http://localhost:8080/feed"]),
        ("feed:https://example.org/f", ["https://example.org/f"]),
        ("feed://example.org/f", ["https://example.org/f", "http://example.org/f"]),
        ("feed://localhost:80/f", ["https://localhost:80/f", "http://localhost:80/f"]),
        ("FEED:example.org/f", ["https://example.org/f", "http://example.org/f"]),
        ("itpc://example.org/f", ["https://example.org/f", "http://example.org/f"]),
        ("https://e.org/a?utm_source=x&id=1#part", ["https://e.org/a?id=1"]),
        ("r/python", ["https://www.reddit.com/r/python"]),
        ("/u/spez/", ["https://www.reddit.com/user/spez"]),
        ("@me@social.example", ["https://social.example/@me"]),
        ("me@social.example", ["https://social.example/@me"]),
        ("UCHnyfMqiRRG1u-2MsSQLbXA", ["https://www.youtube.com/channel/UCHnyfMqiRRG1u-2MsSQLbXA"]),
        ("rsshub://a/b", ["rsshub://a/b"]),
        ("ftp://example.org/", ["ftp://example.org/"]),
        ("", []),
        ("  <> ", []),
    ],
)
def test_what_is_typed_means_addresses(typed: str, meant: list[str]) -> None:
    assert addresses(typed) == meant


@given(st.text(max_size=60))
def test_nothing_typed_breaks_it(typed: str) -> None:
    for url in addresses(typed):
        usual = well_known(url)
        places = [*usual.near, *usual.here, *usual.root, *usual.rest]
        assert len(set(places)) == len(places) < 120
        unwrapped(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://e.org/feed",
        "https://e.org/feed/",
        "https://e.org/blog/index.xml",
        "https://e.org/a/atom.xml",
        "https://e.org/news.rss",
        "https://e.org/?feed=rss2",
        "https://e.org/list?format=rss&x=1",
        "https://feeds.e.org/anything",
        "https://e.org/RSS/News.aspx",
        "https://e.org/en/rss/all",
        "https://e.org/blog-feed.xml",
    ],
)
def test_addresses_of_feeds_look_like_it(url: str) -> None:
    assert looks_like_feed(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://e.org/",
        "https://e.org/feedback",
        "https://e.org/atomic-physics",
        "https://e.org/wp-json/wp/v2/posts",
        "https://e.org/rss.png",
        "https://e.org/sitemap.xml",
        "https://e.org/feed?share=twitter",
        "https://e.org/oembed?url=https://e.org/feed",
        "https://[",
    ],
)
def test_other_addresses_do_not(url: str) -> None:
    assert not looks_like_feed(url)
    assert is_never_feed("https://e.org/oembed?format=xml")


@pytest.mark.parametrize(
    ("button", "feed"),
    [
        ("https://feedly.com/i/subscription/feed%2Fhttps%3A%2F%2Fe.org%2Ff", "https://e.org/f"),
        ("https://feedly.com/i/subscription/feed/https://e.org/f", "https://e.org/f"),
        (
            "https://www.inoreader.com/?add_feed=https%3A%2F%2Fe.org%2Ff%3Fa%3D1",
            "https://e.org/f?a=1",
        ),
        ("https://www.newsblur.com/?url=https://e.org/f", "https://e.org/f"),
        ("pcast://e.org/f", "//e.org/f"),
        ("feed:http://e.org/f", "http://e.org/f"),
        (
            "https://e.org/f?url=https://other.example/",
            "https://e.org/f?url=https://other.example/",
        ),
    ],
)
def test_a_button_that_subscribes_is_the_feed_behind_it(button: str, feed: str) -> None:
    assert unwrapped(button) == feed


def test_a_part_of_a_site_that_changes_is_told_from_others() -> None:
    assert leads_deeper("Our Blog", "https://e.org/x")
    assert leads_deeper("ニュース", "https://e.org/x")
    assert leads_deeper("", "https://e.org/en/news/")
    assert leads_deeper("Read", "https://blog.e.org")
    assert not leads_deeper("About us", "https://e.org/about")
    assert not leads_deeper("x", "https://[")


def best(page: Page, *links: FeedLink) -> str:
    ranked = sorted(enumerate(links), key=lambda pair: -prior(pair[1], pair[0], page))
    return ranked[0][1].url


def test_links_are_ranked_by_what_they_say() -> None:
    home = Page("https://e.org/", language="en")
    section = Page("https://e.org/maths/today/", language="en")
    comments = FeedLink("https://e.org/comments/feed", "tag", "E » Comments Feed")
    site = FeedLink("https://e.org/feed", "tag", "E » Feed")
    maths = FeedLink("https://e.org/maths/feed", "tag")
    german = FeedLink("https://e.org/x", "tag", language="de")
    anchor = FeedLink("https://e.org/other.rss", "anchor")
    assert best(home, comments, german, anchor, site) == site.url
    assert best(home, maths, site) == site.url  # not a part's, where it is about the whole
    twin = FeedLink("https://e.org/atom", "tag")
    assert best(home, site, twin) == site.url  # of two that are alike, the first
    assert best(section, site, maths) == maths.url
    assert best(Page("https://e.org/maths/today/", is_article=True), site, maths) == site.url


def test_a_feed_is_judged_by_what_is_in_it() -> None:
    def feed(link: str, year: int) -> ParsedFeed:
        date = datetime(year, 11, 1, tzinfo=UTC)
        return ParsedFeed("T", entries=(ParsedEntry(None, link, "t", published_at=date),))

    living = posterior(100, feed("https://e.org/1", 2026), NOW)
    assert living == 100
    assert posterior(100, feed("https://e.org/1", 2020), NOW) < living
    assert posterior(100, feed("https://e.org/1#comment-7", 2026), NOW) < 0
    assert 0 < posterior(100, ParsedFeed("T"), NOW) < 50

"""Pages without a feed: what selectors give, and which ones are proposed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.core.parsed import PageSelectors, ParsedFeed, Unreadable
from digestd.core.selectors import parse_selector
from digestd.formats.page import read_page
from digestd.formats.propose import propose

URL = "https://a.example/news/"
NAV = (
    '<nav><ul class="menu">'
    + "".join(
        f'<li><a href="/section/{n}">A section of the site, number {n}</a></li>' for n in range(8)
    )
    + "</ul></nav>"
)
FOOT = (
    "<footer><ul>"
    + "".join(f'<li><a href="/l/{n}">Legal note {n}</a></li>' for n in range(6))
    + "</ul></footer>"
)


def page(body: str, head: str = "") -> bytes:
    return (
        f'<!doctype html><html lang="en"><head><title>News of A</title>{head}</head>'
        f"<body>{NAV}<main>{body}</main>{FOOT}</body></html>"
    ).encode()


def read(body: bytes, **selectors: str) -> ParsedFeed:
    feed = read_page(body, url=URL, content_type="text/html", selectors=PageSelectors(**selectors))
    assert isinstance(feed, ParsedFeed), feed
    return feed


ARTICLES = page(
    "".join(
        f'<article class="post post-{100 + n}"><h2>'
        f'<a href="../p/{n}?utm_source=x">Post {n} &amp; more</a>'
        f'</h2><time datetime="2026-11-0{n}T08:00:00Z">some day</time>'
        f'<p class="lead">Teaser <b>{n}</b><script>evil()</script></p>'
        '<a href="/tag/x">tag</a></article>'
        for n in range(5, 0, -1)
    )
)


def test_selectors_give_entries() -> None:
    feed = read(ARTICLES, entry="article", title="h2", link="h2 a", date="time", content=".lead")
    assert (feed.title, feed.home_url, feed.language) == ("News of A", URL, "en")
    first = feed.entries[0]
    assert (first.title, first.link) == ("Post 5 & more", "https://a.example/p/5")
    assert first.published_at == datetime(2026, 11, 5, 8, tzinfo=UTC)
    assert "Teaser <b>5</b>" in first.content_html
    assert "evil" not in first.content_html
    assert len(feed.entries) == 5


def test_what_is_left_out_is_guessed() -> None:
    given_all = read(ARTICLES, entry="article", title="h2", link="h2 a", date="time")
    assert read(ARTICLES, entry="article.post").entries == given_all.entries


def test_an_attribute_can_be_meant() -> None:
    body = page(
        '<ul><li data-url="/one" data-name="One"><b title="2 March 2026">soon</b></li>'
        '<li data-url="/two" data-name="Two"><b title="1 March 2026">now</b></li></ul>'
    )
    feed = read(body, entry="main li", title="@data-name", link="@data-url", date="b@title")
    assert [(e.title, e.link, e.published_at) for e in feed.entries] == [
        ("One", "https://a.example/one", datetime(2026, 3, 2, tzinfo=UTC)),
        ("Two", "https://a.example/two", datetime(2026, 3, 1, tzinfo=UTC)),
    ]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (page("<p>empty</p>"), 'nothing there fits (page.entry = "article")'),
        (page("<article>no link</article>"), "nothing there has a title or a link"),
        (b"<title>Just a moment...</title><p>", "a challenge that asks for a browser"),
        (b"\x00\xff plain", "not a page"),
        (b"", "not a page"),
    ],
)
def test_a_page_that_has_changed_is_named(body: bytes, reason: str) -> None:
    selectors = PageSelectors("article")
    found = read_page(body, url=URL, content_type="text/html", selectors=selectors)
    assert isinstance(found, Unreadable)
    assert reason in found.reason


@pytest.mark.parametrize("text", ["", "h2 >", "a[", "::x:y(", ">>>", "a" * 501, ":is(a", "a\0"])
def test_what_is_no_selector_is_said(text: str) -> None:
    with pytest.raises(ValueError, match=r"selector|longer"):
        parse_selector(text)


# --- proposals -------------------------------------------------------------------------


def items(count: int, form: str) -> str:
    return "".join(form.format(n=n, day=f"{n:02d}") for n in range(count, 0, -1))


PAGES = {
    "articles": (ARTICLES, "article", 5, True),
    "list with dates": (
        page(
            '<ul class="news-list">'
            + items(
                6,
                '<li><span class="when">2026-11-{day}</span>'
                ' <a href="/n/{n}">What happened, no. {n}</a></li>',
            )
            + "</ul>"
        ),
        "li",
        6,
        True,
    ),
    "cards that are links": (
        page(
            '<div class="grid">'
            + items(
                4,
                '<a class="card" href="/c/{n}"><h3>A card of some length {n}</h3>'
                "<p>Words about it.</p></a>",
            )
            + "</div>"
        ),
        "card",
        4,
        False,
    ),
    "rows of a table": (
        page(
            "<table><tr><th>Title</th><th>Date</th></tr>"
            + items(
                5,
                '<tr><td><a href="/t/{n}">Minutes of meeting {n}</a></td>'
                "<td>{n} November 2026</td></tr>",
            )
            + "</table>"
        ),
        "tr",
        5,
        True,
    ),
    "chinese": (
        page(
            '<div id="main"><div class="list">'
            + items(
                5,
                '<div class="item"><a href="/a/{n}.html">关于第{n}次会议的重要通知公告</a>'
                "<span>2026年11月{n}日</span></div>",
            )
            + "</div></div>"
        ),
        "item",
        5,
        True,
    ),
    "classes of a style sheet": (
        page(
            "<section>"
            + items(
                5,
                '<div class="css-1x2y3z sc-abc"><div><h2><a href="/s/{n}">A headline, the {n}th'
                "</a></h2></div><div><time>Nov {n}, 2026</time></div></div>",
            )
            + "</section>"
        ),
        "section > div",
        5,
        True,
    ),
    "a definition list": (
        page(
            "<dl>"
            + items(4, '<dt><a href="/d/{n}">Release 1.{n} is out now</a></dt><dd>Text</dd>')
            + "</dl>"
        ),
        "dt",
        4,
        False,
    ),
}


@pytest.mark.parametrize("name", PAGES)
def test_the_structure_that_repeats_is_found(name: str) -> None:
    body, part, count, is_dated = PAGES[name]
    best = propose(body, url=URL, content_type="text/html; charset=utf-8")[0]
    assert part in best.selectors.entry, best.selectors
    assert len(best.feed.entries) == count
    assert all(e.title and e.link and "/section/" not in e.link for e in best.feed.entries)
    assert bool(best.feed.entries[0].published_at) is is_dated
    # What is written down gives the same again.
    assert read_page(body, url=URL, content_type="text/html", selectors=best.selectors) == best.feed


@pytest.mark.parametrize("body", [b"", b"<p>x", page("<p>One <a href='/x'>link of words</a>")])
def test_where_nothing_repeats_nothing_is_proposed(body: bytes) -> None:
    found = propose(body, url=URL, content_type="text/html")
    assert all("/x" not in str(e.link) for one in found for e in one.feed.entries)


@pytest.mark.parametrize(
    "parent",
    [b"<a<rss>", b"<http://[article>", b"<i\xc3\xa9.>", b"<b>" * 200],
    ids=["angle", "address", "dot", "deep"],
)
def test_a_parent_that_no_selector_names_is_passed_over(parent: bytes) -> None:
    posts = b"".join(
        b"<p><a href=/%d>A post of many words</a> 2026-01-0%d</p>" % (n, n) for n in range(1, 6)
    )
    body = page("<main>").partition(b"</main>")[0] + parent + posts
    for found in propose(body, url=URL, content_type="text/html"):
        assert len(found.feed.entries) == 5


soup = st.lists(
    st.sampled_from(
        "<li> </li> <ul> <a_href='/a'>word_word_word</a> <h2> </h2> <div_class='a_b'> </div> <time>"
        " 2026-01-01 <table> <tr> <td> <base_href='http://['> <!-- --> <script> \x00 é".split()
    ),
    max_size=60,
).map(lambda words: " ".join(words).replace("_", " ").encode())


@given(soup | st.binary(max_size=200))
def test_no_bytes_break_it(body: bytes) -> None:
    for found in propose(body, url=URL, content_type="text/html"):
        assert len(found.feed.entries) >= 3
    read_page(body, url=URL, content_type="", selectors=PageSelectors("li, a", date="b"))


def test_d3_hubs_are_those_of_the_head_alone() -> None:
    links = '<LINK REL="Hub Preconnect" HREF="//hub.example/"><link rel=self href="/news">'
    forged = '<link rel="hub" href="https://evil.example/"><!-- <link rel="hub" href="/x"> -->'
    body = "<article><a href='/p'>Post</a></article>"
    feed = read(page(forged + body, head=links), entry="article")
    assert feed.hub_urls == ("https://hub.example/",)
    assert feed.self_url == "https://a.example/news"
    assert read(page(forged + body), entry="article").hub_urls == ()

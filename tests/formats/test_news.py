"""Reading what is new alone: the result is that of reading the whole."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from html import escape
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from digestd.core.identity import content_fingerprint, entry_keys
from digestd.core.parsed import ParsedEntry, ParsedFeed, Unreadable
from digestd.core.reading import Outline, Reading, familiar, put_together
from digestd.formats import element, feed
from digestd.formats.document import read_document
from digestd.formats.news import read_news
from tests.bench.peers.corpus import document
from tests.formats.fixtures import FEEDS, PLATFORMS, URL, names

TODAY = datetime(2026, 11, 24, tzinfo=UTC)
WHERE: dict[str, Any] = {"url": URL, "content_type": "application/xml"}


def read(
    body: bytes, known: Outline | None = None, *, spare: bool = False, **where: Any
) -> tuple[Reading, ParsedFeed, Outline | None]:
    reading = read_news(body, known=familiar(known), spare=spare, **(where or WHERE))
    found, outline = put_together(reading, known)
    assert isinstance(found, ParsedFeed)
    return reading, found, outline


def facts(entry: ParsedEntry) -> tuple[object, ...]:
    """What decisions are made by."""
    dates = entry.published_at, entry.updated_at
    files = [file.url for file in entry.enclosures]
    said = content_fingerprint(entry), entry_keys(entry)
    return entry.guid, entry.link, entry.title, dates, files, said


def assert_equal(found: ParsedFeed, whole: ParsedFeed) -> None:
    """Everything is equal, but that what was recalled lacks its text."""
    assert replace(found, entries=()) == replace(whole, entries=())
    assert [facts(e) for e in found.entries] == [facts(e) for e in whole.entries]
    for one, other in zip(found.entries, whole.entries, strict=True):
        if not one.recalled:
            assert replace(one, fingerprint=None, ladder=()) == other


def whole_of(body: bytes, **where: Any) -> ParsedFeed:
    found = read_document(body, **(where or WHERE))
    assert isinstance(found, ParsedFeed)
    return found


FEED_NAMES = [*names(".xml"), *names(".json")]


@pytest.mark.parametrize("name", FEED_NAMES)
def test_each_document_is_the_same_by_either_way(name: str) -> None:
    body = (FEEDS / name).read_bytes()
    _, found, outline = read(body)
    assert_equal(found, whole_of(body))
    reading, again, _ = read(body, outline)
    assert_equal(again, whole_of(body))
    assert reading.document is None or outline is None


@pytest.mark.parametrize("name", sorted({*FEED_NAMES} - {"broken_entities.xml", "truncated.xml"}))
def test_each_entry_may_be_the_only_new_one(name: str) -> None:
    body = (FEEDS / name).read_bytes()
    whole = whole_of(body)
    outline = read(body)[2]
    assert outline is not None
    for missing in outline.pieces:
        left = {key: piece for key, piece in outline.pieces.items() if key != missing}
        reading, found, _ = read(body, replace(outline, pieces=left))
        assert_equal(found, whole)
        if left:
            assert isinstance(reading.document, ParsedFeed)
            assert len(reading.document.entries) < len(whole.entries) or not left


# --- two versions of a document, made up -------------------------------------------------

TEX = r"with $\frac{a}{b}$ and \sum_i x_i"
bodies = st.sampled_from(
    [
        "plain",
        "<p>one <a href='/x'>two</a></p>",
        TEX,
        "]]> <item> </item>",
        "<entry>not one</entry>",
        "3 comments",
        "& < > \"'",
    ]
)


@st.composite
def posts(draw: st.DrawFn) -> tuple[str, ...]:
    guid = draw(st.sampled_from(["", "1", "2", "3", "4", "http://a.example/1"]))
    link = draw(st.sampled_from(["", "/a", "http://a.example/b", "c?utm_source=rss"]))
    title = draw(st.sampled_from(["", "One", "Two", "科学", "$x_1$ & y"]))
    date = draw(st.sampled_from(["", "Tue, 24 Nov 2026 08:00:00 GMT", "2026-11-20T08:00:00Z"]))
    return guid, link, title, date, draw(bodies)


def rss_item(post: Sequence[str]) -> str:
    guid, link, title, date, body = post
    parts = [f"<guid>{escape(guid)}</guid>" if guid else "", f"<title>{escape(title)}</title>"]
    parts.append(f"<link>{link}</link>" if link else "")
    parts.append(f"<pubDate>{date}</pubDate>" if date else "")
    if "]]>" in body:
        parts.append(f"<description>{escape(body)}</description>")
    else:
        parts.append(f"<description><![CDATA[{body}]]></description>")
    return f"<item>{''.join(parts)}</item>"


def atom_entry(post: Sequence[str]) -> str:
    guid, link, title, date, body = post
    parts = [f"<id>{escape(guid)}</id>", f"<title>{escape(title)}</title>"]
    parts.append(f'<link href="{link}"/>' if link else "")
    parts.append(f"<updated>{date}</updated>" if date else "")
    parts.append(f'<content type="html">{escape(body)}</content>')
    return f"<entry>{''.join(parts)}</entry>"


def rss(head: Sequence[str], listed: Sequence[Sequence[str]]) -> bytes:
    title, link, build = head
    items = "\n".join(map(rss_item, listed))
    return (
        f'<rss version="2.0"><channel><title>{title}</title><link>{link}</link>'
        f"<lastBuildDate>{build}</lastBuildDate>{items}</channel></rss>"
    ).encode()


def atom(head: Sequence[str], listed: Sequence[Sequence[str]]) -> bytes:
    title, link, build = head
    entries = " ".join(map(atom_entry, listed))
    return (
        f'<feed xmlns="http://www.w3.org/2005/Atom" xml:base="{link}"><title>{title}</title>'
        f"<updated>{build}</updated>{entries}<!-- {build} --></feed>"
    ).encode()


heads = st.tuples(
    st.sampled_from(["Blog", "Other"]),
    st.sampled_from(["http://a.example/", "http://b.example/x/"]),
    st.sampled_from(["2026-11-24T08:00:00Z", "2026-11-25T09:00:00Z"]),
)


@settings(max_examples=60, deadline=None)
@given(
    write=st.sampled_from([rss, atom]),
    first=st.tuples(heads, st.lists(posts(), max_size=6)),
    then=st.tuples(heads, st.lists(posts(), max_size=6)),
    kept=st.lists(st.integers(0, 5), max_size=6),
    spare=st.booleans(),
)
@example(  # an entry without a guid, a link and a date
    write=rss,
    first=(("Blog", "http://a.example/", ""), []),
    then=(("Blog", "http://a.example/", ""), [("", "", "", "", "plain")]),
    kept=[],
    spare=True,
)
@example(  # addresses that are relative to xml:base
    write=atom,
    first=(("Blog", "http://a.example/", ""), []),
    then=(
        ("Blog", "http://a.example/", ""),
        [("", "/a", "", "", "plain"), ("1", "/a", "One", "", "plain")],
    ),
    kept=[],
    spare=True,
)
def test_a_second_version_is_the_same_by_either_way(
    write: Any, first: Any, then: Any, kept: list[int], spare: bool
) -> None:
    old = first[1]
    listed = [*then[1], *(old[i] for i in kept if i < len(old))]
    known = read(write(*first))[2]
    body = write(then[0], listed)
    _, found, outline = read(body, known)
    assert_equal(found, whole_of(body))
    assert_equal(read(body, outline)[1], whole_of(body))
    if spare:  # what was unread at first is known all the same
        sparing = read(write(*first), spare=True)[2]
        _, found, _ = read(body, sparing)
        assert [facts(e)[:5] for e in found.entries] == [
            facts(e)[:5] for e in whole_of(body).entries
        ]
        assert_glanced(body)


# --- an entry made of whatever entries are made of -----------------------------------------

_SPACES = (
    'xmlns:a="http://www.w3.org/2005/Atom" xmlns:c="http://purl.org/rss/1.0/modules/content/"'
    ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:m="http://search.yahoo.com/mrss/"'
    ' xmlns:i="http://www.itunes.com/dtds/podcast-1.0.dtd" xmlns:x="urn:of:nobody"'
    ' xmlns:h="http://www.w3.org/1999/xhtml"'
)
_TEXTS = (
    "a &lt;b&gt;bold&lt;/b&gt; word", "AT&amp;amp;T", "plain\n\nlines", "", "caf\u00c3\u00a9",
    "<![CDATA[<p>one</p>]]> and <![CDATA[<p>two</p>]]>", "x <!-- unseen --> y", "1 &lt; 2", "\x92",
)  # fmt: skip
_IN_BOTH = (
    "<c:encoded>{}</c:encoded>", "<i:summary>{}</i:summary>", "<dc:creator>{}</dc:creator>",
    "<dc:creator>ann@example.org (Ann)</dc:creator>", "<i:duration>1:02</i:duration>",
    '<m:thumbnail url="http://a.example/t.jpg" width="99"/>', "<dc:subject>{}</dc:subject>",
    '<media:content xmlns:media="http://www.rssboard.org/media-rss" url="/m.png" medium="image"/>',
    '<n:content xmlns:n="http://www.rssboard.org/media-rss" url="/n.png" medium="image"/>',
    "<m:group><m:title>other</m:title><m:description>{}</m:description></m:group>",
    "<m:description>{}</m:description>", '<x:thing kind="odd">{}</x:thing>', "<x:b><x:c/></x:b>",
    '<i:image href="/i.png"/>', "<i:keywords>one, two</i:keywords>",
    "<dc:date>2026-11-24</dc:date>",
)  # fmt: skip
_IN_RSS = (
    "<description>{}</description>", "<description><p>nested {}</p></description>",
    '<description xml:lang="zh">{}</description>', '<description type="text">{}</description>',
    "<author>ann@example.org</author>", "<author>Ann</author>", "<category>{}</category>",
    '<category domain="x">{}</category>', "<category/>", "<comments>{}</comments>",
    '<guid isPermaLink="false">{}</guid>', "<guid>http://a.example/9</guid>",
    '<enclosure url="/f.mp3" type="audio/mpeg" length="5"/>', "<source>{}</source>",
    "<a:summary>{}</a:summary>", "<a:updated>2026-11-24T00:00:00Z</a:updated>",
    "<pubDate>Tue, 24 Nov 2026 08:00:00 GMT</pubDate>", "<image><url>/x.png</url></image>",
    "<description>&lt;b&gt;one {}&lt;/b&gt;</description>", "<description>{}</description>",
    '<post-id xmlns="com-x:y:1">5</post-id>', '<site xmlns="com-x:y:1">{}</site>',
)  # fmt: skip
_RDF_SPACES = (  # with Atom's beside it, feedparser takes it for something else
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" '
    + _SPACES.partition(" ")[2]
)
_RELATIVE = escape('<a href="z/?a=1">z</a>')
_IN_RDF = tuple(part for part in _IN_RSS if not part.startswith("<a:"))
_DIV = '<div xmlns="http://www.w3.org/1999/xhtml">'
_XHTML = (
    f"{_DIV}{{0}}</div>", f" {_DIV} <p>{{0}}</p>\n<P>two</P> </div>\n",
    f"{_DIV}a</div>{_DIV}b</div>",
    f"{_DIV}<a href='/x?a=1&amp;b=2' title='\"q\" &lt;' REL='No' lang='zh'>{{0}}</a>&#160;x</div>",
    f"{_DIV}one<br/>two<img src='/p.png' alt='{{0}}'/><!-- not --> three</div>",
    f"{_DIV}<a base='/y/' href='z'>{{0}}</a></div>", f"{_DIV}<p xml:base='/y/'>{{0}}</p></div>",
    f"{_DIV}<div>{{0}}</div></div>", f"{_DIV}<title>{{0}}</title><body>b</body></div>",
    "<h:div><h:em class='a'>{0}</h:em><h:link/><p>x</p></h:div>", f"text {_DIV}{{0}}</div>",
    "<h:div><h:ul><h:li>{0}</h:li><h:li/></h:ul>&lt;b&gt; <![CDATA[<i>x</i> & y]]></h:div>",
    f"{_DIV}<svg>{{0}}</svg></div>", "<p xmlns='http://www.w3.org/1999/xhtml'>{0}</p>",
)  # fmt: skip
_IN_ATOM = (
    '<content type="html">{}</content>', "<content>{}</content>", "<summary>{}</summary>",
    '<summary type="html">{}</summary>', '<content type="text/html">{}</content>',
    '<content type="">{}</content>', '<content type="xhtml"><div>{}</div></content>',
    '<content type="html" src="/elsewhere">{}</content>', '<content type="image/png">{}</content>',
    "<author><name>{}</name><email>a@b.example</email></author>", "<author><uri>/a</uri></author>",
    '<category term="one" label="One"/>', "<id>{}</id>", "<published>2026-11-24</published>",
    '<link rel="enclosure" href="/f.mp3" type="audio/mpeg"/>', '<link rel="replies" href="/r"/>',
    '<link rel="alternate" type="text/plain" href="/p"/>', "<rights>{}</rights>",
    *(f'<content type="xhtml">{inside}</content>' for inside in _XHTML),
    '<summary type="xhtml"><h:div>{}</h:div></summary>', "<summary>{}&lt;p></summary>",
    f'<content type="html" xml:base="http://b.example/y/">{{}}{_RELATIVE}</content>',
    f'<content type="html" xml:base="y/">{{}}{_RELATIVE}</content>',
    f'<summary type="html">{_RELATIVE}</summary>', f'<content type="html">{_RELATIVE}</content>',
    '<author><name>{}</name><x:image width="1"/><x:rank>one</x:rank></author>',
    "<m:content url='/x.jpg'><m:title>{}</m:title></m:content>",
    '<content type="plain">{}</content>',
)  # fmt: skip


@settings(max_examples=140, deadline=None)
@given(st.data(), st.sampled_from(["rss", "atom", "rdf"]))
def test_an_entry_is_the_same_by_either_way(data: st.DataObject, kind: str) -> None:
    is_atom = kind == "atom"
    page = data.draw(st.sampled_from(["/1", "http://a.example/1"]))
    first = f"<link href='{page}'/>" if is_atom else f"<link>{page}</link>"
    first += data.draw(st.sampled_from(["<title>One</title>", "<title>Q&amp;A</title>", ""]))
    parts = st.sampled_from(_IN_BOTH + {"rss": _IN_RSS, "atom": _IN_ATOM, "rdf": _IN_RDF}[kind])
    drawn = data.draw(st.lists(st.tuples(parts, st.sampled_from(_TEXTS)), max_size=5))
    pieces = data.draw(st.permutations([first, *(part.format(text) for part, text in drawn)]))
    bases = ["", "", ' xml:base="http://b.example/z/"', ' xml:base="/z/"']
    base = data.draw(st.sampled_from(bases))

    def written(*entries: str) -> bytes:
        name = "entry" if is_atom else "item"
        inside = "".join(f"<{name}>{entry}</{name}>" for entry in entries)
        head = "<title>Blog</title><link>http://a.example/</link>"
        if is_atom:
            space = 'xmlns="http://www.w3.org/2005/Atom"'
            return f'<feed {space} {_SPACES} xml:lang="en"{base}>{head}{inside}</feed>'.encode()
        if kind == "rdf":
            inside = f"<channel>{head}</channel>{inside}"
            return f'<rdf:RDF {_RDF_SPACES} xml:lang="en"{base}>{inside}</rdf:RDF>'.encode()
        return (
            f'<rss version="2.0" {_SPACES}{base}><channel>{head}{inside}</channel></rss>'.encode()
        )

    other = "<title>Zero</title>"
    known = read(written(other))[2]
    body = written("".join(pieces), other)
    assert_equal(read(body, known)[1], whole_of(body))


_SCRAPS = ("word ", "<", ">", "</b>", "<p>", "</p>", "&amp;", "&#39;", "&x;", "& ", "<T>", "</Td>")


@given(st.lists(st.sampled_from(_SCRAPS), max_size=6).map("".join))
def test_texts_are_told_from_html_as_feedparser_does(text: str) -> None:
    assert element.looks_like_html(text) == feed.looks_like_html(text)


@pytest.mark.parametrize("name", sorted(element.ACCEPTED))
def test_what_is_known_as_html_is_html_to_feedparser(name: str) -> None:
    assert feed.looks_like_html(f"<{name}>word</{name}>")


_ABOVE_BOTH = (
    "<i:image href='/i.png'/>", "<i:summary>{}</i:summary>", "<i:subtitle>{}</i:subtitle>",
    "<i:owner><i:name>{}</i:name></i:owner>", "<i:category><i:category text='y'/></i:category>",
    "<s:updatePeriod>daily</s:updatePeriod>", "<s:updateFrequency>{}</s:updateFrequency>",
    "<dc:language>zh_CN</dc:language>", "<dc:creator>{}</dc:creator>", "<x:thing>{}</x:thing>",
    "<x:link>{}</x:link>", "<m:thumbnail url='/m.png'/>", "<dc:title>{}</dc:title>",
    "<a:link rel='hub self' href='/both'/>", "<a:link rel='next' href='/older?a=1&amp;b=2'/>",
    "<a:link href='http://a.example/other'/>", "<a:link type='text/plain' href='/t'/>",
    "<a:link rel='self' xml:base='http://b.example/' href='me'/>", "<a:link rel='hub' href=''/>",
    "<l:license xmlns:l='http://backend.userland.com/creativeCommonsRssModule'>{}</l:license>",
)  # fmt: skip
_ABOVE_RSS = (
    "<description>{}</description>", "<language>en-GB</language>", "<language>{}</language>",
    "<image><title>{}</title><url>/u.png</url><link>/l</link></image>",
    "<image><url>{}</url></image>", "<image/>", "<ttl>60</ttl>", "<ttl>{}</ttl>",
    "<generator>WordPress {}</generator>",
    "<skipHours><hour>3</hour></skipHours>", "<skipDays><day>Monday</day></skipDays>",
    "<textInput><title>{}</title><link>/in</link></textInput>", "<link>/again</link>",
    "<managingEditor>a@b.example (Ann)</managingEditor>", "<category>{}</category>",
    "<title>{}</title>", "<Title>{}</Title>", "<pubDate>{}</pubDate>", "<odd>{}</odd>",
    '<site xmlns="com-x:y:1">{}</site>',
)  # fmt: skip
_ABOVE_ATOM = (
    "<subtitle>{}</subtitle>", "<subtitle type='html'>{}</subtitle>", "<icon>/i.ico</icon>",
    "<logo>http://a.example/l.png</logo>", "<icon>{}</icon>", "<generator uri='/g'>{}</generator>",
    "<author><name>{}</name><uri>/a</uri></author>", "<author><x:b>{}</x:b></author>",
    "<id>{}</id>", "<id>/id</id>", "<id>tag:a.example,2026:x</id>", "<updated>{}</updated>",
    "<id>yt:channel:x</id>", "<id>feed://a.example/x</id>", "<id>c:/x?#</id>",
    "<generator uri='/g' xml:lang='zh'>{}</generator>", "<generator xml:base='/g'>{}</generator>",
    "<title type='html'>{}</title>", "<rights>{}</rights>",
    "<link rel='prev-archive' href='/p'/>", "<link href='/home' type='text/html'/>",
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.data(), st.booleans())
def test_a_glance_finds_the_same_in_whatever_feeds_are_made_of(
    data: st.DataObject, is_atom: bool
) -> None:
    def drawn(parts: tuple[str, ...], *always: str) -> str:
        some = st.lists(st.tuples(st.sampled_from(parts), st.sampled_from(_TEXTS)), max_size=4)
        filled = [part.format(text) for part, text in data.draw(some)]
        return "".join(data.draw(st.permutations([*always, *filled])))

    space = ' xmlns="http://www.w3.org/2005/Atom"' if is_atom else ""
    spaces = f'{space} {_SPACES} xmlns:s="http://purl.org/rss/1.0/modules/syndication/"'
    name, root = ("entry", "feed") if is_atom else ("item", "rss")
    link = "<link href='/1'/>" if is_atom else "<link>/1</link>"
    guid = "<id>urn:1</id>" if is_atom else "<guid>urn:1</guid>"
    link = data.draw(st.sampled_from([link, guid]))
    entry = drawn(_IN_BOTH + (_IN_ATOM if is_atom else _IN_RSS), link, "<title>One</title>")
    above = drawn(_ABOVE_BOTH + (_ABOVE_ATOM if is_atom else _ABOVE_RSS), "<title>Blog</title>")
    inside = f"{above}<{name}>{entry}</{name}>"
    if not is_atom:
        inside = f"<channel><link>http://a.example/</link>{inside}</channel>"
    assert_glanced(f'<{root}{spaces} xml:lang="en">{inside}</{root}>'.encode())


# --- what it is for ----------------------------------------------------------------------


def many(count: int, *, first: int = 0, build: str = "a", body: str = "<p>text</p>") -> bytes:
    listed = [
        (f"id{n}", f"/{n}", f"Post {n}", f"2026-11-{1 + n:02}T08:00:00Z", body)
        for n in range(first + count - 1, first - 1, -1)
    ]
    return rss(("Blog", "http://a.example/", build), listed)


def test_a_date_in_the_head_costs_no_reading() -> None:
    known = read(many(9))[2]
    reading, found, outline = read(many(9, build="b"), known)
    assert reading.document is None
    assert outline == known
    assert len(found.entries) == 9


def test_of_one_new_entry_nothing_else_is_read() -> None:
    known = read(many(9))[2]
    reading, found, _ = read(many(9, first=1, build="b"), known)
    assert isinstance(reading.document, ParsedFeed)
    assert [e.title for e in reading.document.entries] == ["Post 9"]
    assert [e.recalled for e in found.entries] == [False, *[True] * 8]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param((b"http://a.example/", b"http://b.example/"), id="links-lead-elsewhere"),
        pytest.param((b"<channel>", b"<channel xml:lang='zh'>"), id="another-language"),
        pytest.param((b"<rss ", b"<rss xmlns:dc='urn:x' "), id="other-names"),
    ],
)
def test_what_bears_on_all_entries_has_all_read(change: tuple[bytes, bytes]) -> None:
    known = read(many(5))[2]
    body = many(5).replace(*change)
    reading, found, _ = read(body, known)
    assert isinstance(reading.document, ParsedFeed)
    assert len(reading.document.entries) == 5
    assert_equal(found, whole_of(body))


def test_a_feed_that_turns_to_mathematics_is_read_anew() -> None:
    """From the third formula on, dollars are maths in all entries."""
    plain = [(f"{n}", "", f"Post ${n}$", "", TEX if n < 2 else "costs $5 or $6") for n in range(4)]
    known = read(rss(("Blog", "", ""), plain))[2]
    body = rss(("Blog", "", ""), [("new", "", "Post", "", TEX), *plain])
    reading, found, _ = read(body, known)
    assert isinstance(reading.document, ParsedFeed)
    assert len(reading.document.entries) == 5
    assert_equal(found, whole_of(body))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(many(3).replace(b"</item>", b"", 1), id="not-well-formed"),
        pytest.param(many(3).replace(b"<description>", b"<item/><description>", 1), id="nested"),
        pytest.param(many(3).replace(b"<p>text</p>", b"<item>", 1), id="a-tag-in-cdata"),
        pytest.param(many(3).replace(b"<channel>", b"<channel><!-- <item> -->"), id="comment"),
        pytest.param(
            many(3).replace(b"<item>", b"<Item>", 1).replace(b"</item>", b"</Item>", 1),
            id="capitals",
        ),
    ],
)
def test_what_is_not_certain_is_read_whole(body: bytes) -> None:
    reading, found, outline = read(body)
    assert outline is None
    assert reading.context == b""
    assert_equal(found, whole_of(body))


@pytest.mark.parametrize(
    "around",
    [
        pytest.param((b"<!--", b"-->"), id="comment"),
        pytest.param((b"<![CDATA[", b"]]>"), id="text"),
        pytest.param((b"<?x ", b"?>"), id="instruction"),
        pytest.param((b"<title x='", b"'/>"), id="attribute"),
        pytest.param((b"<list>", b"</list>"), id="element"),
        pytest.param((b"<!--", b""), id="comment-without-end"),
        pytest.param((b"<list>", b""), id="element-without-end"),
        pytest.param((b"", b"</channel>"), id="behind-the-channel"),
    ],
)
@pytest.mark.parametrize("place", range(5))
def test_an_entry_is_known_by_sight_only_where_it_is_one(
    around: tuple[bytes, bytes], place: int
) -> None:
    known = read(many(4))[2]
    head, *items, tail = re.split(rb"(?=<item>)|(?<=</item>)", many(5).replace(b"\n", b""))
    items = [item for item in items if item]
    items[place] = around[0] + items[place] + around[1]
    body = head + b"".join(items) + tail
    assert_equal(read(body, known)[1], whole_of(body))


# --- the first fetch ---------------------------------------------------------------------


def test_at_first_entries_are_glanced_at() -> None:
    body = many(9, body="<p>A long story, &amp; so on.</p><ul><li>and more</li></ul>")
    _, found, outline = read(body, spare=True)
    whole = whole_of(body)
    assert all(e.unread for e in found.entries)
    assert [facts(e)[:4] for e in found.entries] == [facts(e)[:4] for e in whole.entries]
    assert found.entries[-1].summary_html == "<p>A long story, &amp; so on. and more</p>"
    assert outline is not None
    assert read(body, outline)[0].document is None


@pytest.mark.parametrize("name", FEED_NAMES)
def test_a_glance_finds_what_reading_finds(name: str) -> None:
    body = (FEEDS / name).read_bytes()
    assert_glanced(body)


@pytest.mark.parametrize("name", sorted(path.name for path in PLATFORMS.glob("*.xml")))
def test_feeds_of_large_platforms_are_the_same_by_either_way(name: str) -> None:
    body = (PLATFORMS / name).read_bytes()
    assert_glanced(body)
    outline = read(body)[2]
    assert outline is not None
    for missing in outline.pieces:
        left = {key: piece for key, piece in outline.pieces.items() if key != missing}
        reading, found, _ = read(body, replace(outline, pieces=left))
        assert reading.same_head
        assert_equal(found, whole_of(body))


def test_feeds_of_large_platforms_take_no_other_reader() -> None:
    """It takes as long to load as a hundred of them to be read."""
    lines = [
        "from digestd.formats.news import read_news; from pathlib import Path; import sys",
        f"bodies = [path.read_bytes() for path in Path({str(PLATFORMS)!r}).iterdir()]",
        f"[read_news(body, spare=spare, **{WHERE}) for body in bodies for spare in (True, False)]",
        "sys.exit('feedparser' in sys.modules)",
    ]
    subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True)


@pytest.mark.parametrize("number", [0, 1, 2, 3, 11, 13, 18, 30, 33, 40])
def test_a_glance_is_enough_for_documents_as_the_web_has_them(number: int) -> None:
    body = document(number, 0, TODAY, TODAY)[0]
    assert all(e.unread for e in read(body, spare=True)[1].entries)
    assert_glanced(body)


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        pytest.param("<p>a &lt; b</p>", "a &lt; b", id="text-about-markup"),
        pytest.param("x" * 500, "x" * 400, id="long"),
        pytest.param(f"<img alt='{'y' * 300}'>" * 9 + "z", "z", id="much-markup"),
        pytest.param("<b>no end <i", "no end", id="open"),
        pytest.param(f"{'w ' * 190}and $x^2", f"{'w ' * 190}and $x^2", id="dollar"),
        pytest.param(f"{'w ' * 190}and $x^2 + y^2 = z^2$ hence", f"{'w ' * 190}and", id="cut"),
        pytest.param(rf"{'w ' * 190}so \(x^2 + y^2 = z^2\)", f"{'w ' * 190}so", id="tex"),
    ],
)
def test_the_beginning_of_a_text_stands_for_it(text: str, begins: str) -> None:
    found = read(many(2, body=text), spare=True)[1].entries[0]
    assert (found.unread, found.summary_html) == (True, f"<p>{begins}</p>")


@pytest.mark.parametrize(
    "guid",
    [
        pytest.param('<guid isPermaLink="false">e-1</guid>', id="no-address"),
        pytest.param("<guid>e-1</guid>", id="shows-that-it-is-none"),
        pytest.param("<guid>http://a.example/e-1?utm_source=x</guid>", id="an-address"),
        pytest.param("<guid>/e-1</guid>", id="an-address-here"),
        pytest.param("<guid>tag:a.example,2026:1</guid>", id="a-tag"),
    ],
)
def test_entries_without_a_link_are_known_by_their_guids(guid: str) -> None:
    item = f"<item><title>One</title>{guid}<description>text</description></item>"
    body = rss(("Blog", "http://b.example/x/", ""), []).replace(
        b"</channel>", item.encode() + b"</channel>"
    )
    assert read(body, spare=True)[1].entries[0].unread
    assert_glanced(body)


def test_formulas_in_beginnings_are_marked() -> None:
    found = read(many(3, body=TEX), spare=True)[1].entries[0]
    assert 'data-tex="\\frac{a}{b}"' in found.summary_html


def beside(entry: ParsedEntry) -> tuple[object, ...]:
    """What is shown of an entry, but for its text and what that gives."""
    picture = entry.image_url if "<img" not in entry.content_html + entry.summary_html else None
    titles = entry.title_html, entry.language, entry.author
    return titles, entry.categories, entry.enclosures, picture


def assert_glanced(body: bytes, **where: Any) -> None:
    reading, found, _ = read(body, spare=True, **where)
    whole, wholly = whole_of(body, **where), read(body, **where)[0]
    assert (reading.with_tex, reading.math) == (wholly.with_tex, wholly.math)
    assert replace(found, entries=()) == replace(whole, entries=())
    assert [facts(e)[:5] for e in found.entries] == [facts(e)[:5] for e in whole.entries]
    for one, other in zip(found.entries, whole.entries, strict=True):
        assert beside(one) == beside(other)
        assert one.unread or replace(one, fingerprint=None, ladder=()) == other


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(many(9, body=TEX + r" $\newcommand{\R}{\mathbb{R}}$"), id="macros-of-its-own"),
        pytest.param(re.sub(rb"<title>Post \d</title>", b"", many(9)), id="no-titles"),
        pytest.param(
            re.sub(
                rb"<(guid|link|title)>[^<]*</\1>|<pubDate>[^<]*</pubDate>",
                b"<title>Same</title>",
                many(9),
            ),
            id="told-apart-by-text-alone",
        ),
    ],
)
def test_at_first_all_is_read_where_the_text_says_what_an_entry_is(body: bytes) -> None:
    _, found, _ = read(body, spare=True)
    assert not any(e.unread for e in found.entries)
    assert_equal(found, whole_of(body))


def test_text_that_looks_like_the_end_of_a_text_ends_nothing() -> None:
    body = many(9, body="<p>see &lt;/description&gt; or </description> here</p>")
    _, found, _ = read(body, spare=True)
    assert [e.title for e in found.entries] == [e.title for e in whole_of(body).entries]
    assert found.entries[-1].unread


def test_a_root_hidden_by_a_zero_is_seen_by_either_way() -> None:
    body = b"<\x00xml version='1.0'>\n<rss><channel><item><title>x</title></item></channel></rss>"
    whole = read_document(body, **WHERE)
    assert isinstance(whole, Unreadable)
    assert read_news(body, **WHERE).document == whole

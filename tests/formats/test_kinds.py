"""Every kind of feed there is, with the fields that its own vocabulary names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from digestd.core.parsed import ParsedEntry, ParsedFeed
from digestd.formats.document import read_document

DATE = datetime(2026, 11, 1, 8, tzinfo=UTC)
RDF = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
HEAD = "<title>T</title><link>http://e.org/</link>"
ITEM = "<title>I</title><link>http://e.org/1</link>"

KINDS = {
    "RSS 0.90": f'<rdf:RDF {RDF} xmlns="http://my.netscape.com/rdf/simple/0.9/">'
    f"<channel>{HEAD}</channel><item>{ITEM}</item></rdf:RDF>",
    "RSS 0.91": '<!DOCTYPE rss SYSTEM "http://my.netscape.com/publish/formats/rss-0.91.dtd">'
    f'<rss version="0.91"><channel>{HEAD}<item>{ITEM}</item></channel></rss>',
    "RSS 0.92": f'<rss version="0.92"><channel>{HEAD}<item>{ITEM}</item></channel></rss>',
    "RSS 1.0": f'<rdf:RDF {RDF} xmlns="http://purl.org/rss/1.0/"><channel rdf:about="http://e.org/">'
    f'{HEAD}</channel><item rdf:about="http://e.org/1">{ITEM}</item></rdf:RDF>',
    "RSS 2.0": f'<rss version="2.0"><channel>{HEAD}<item>{ITEM}</item></channel></rss>',
    "RSS of no version": f"<rss><channel>{HEAD}<item>{ITEM}</item></channel></rss>",
    "Atom 0.3": '<feed version="0.3" xmlns="http://purl.org/atom/ns#"><title>T</title>'
    '<link rel="alternate" type="text/html" href="http://e.org/"/><entry><title>I</title>'
    '<link rel="alternate" type="text/html" href="http://e.org/1"/></entry></feed>',
    "Atom 1.0": '<feed xmlns="http://www.w3.org/2005/Atom"><title>T</title>'
    '<link href="http://e.org/"/><entry><title>I</title><link href="http://e.org/1"/></entry></feed>',
    "CDF": '<CHANNEL HREF="http://e.org/"><TITLE>T</TITLE><ITEM HREF="http://e.org/1">'
    "<TITLE>I</TITLE></ITEM></CHANNEL>",
    "JSON Feed 1.0": '{"version": "https://jsonfeed.org/version/1", "title": "T", "home_page_url":'
    ' "http://e.org/", "items": [{"id": 1, "title": "I", "url": "http://e.org/1"}]}',
    "JSON Feed 1.1": '{"version": "https://jsonfeed.org/version/1.1", "title": "T",'
    ' "home_page_url": "http://e.org/", "items": [{"id": "1", "title": "I", "url":'
    ' "http://e.org/1"}]}',
}


def read(document: str) -> ParsedFeed:
    feed = read_document(document.encode(), url="http://e.org/feed", content_type="")
    assert isinstance(feed, ParsedFeed), feed
    return feed


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_read(kind: str) -> None:
    feed = read(KINDS[kind])
    assert (feed.title, feed.home_url) == ("T", "http://e.org/")
    (entry,) = feed.entries
    assert (entry.title, entry.link) == ("I", "http://e.org/1")


def entry_of(space: str, fields: str) -> ParsedEntry:
    """Return an entry of RSS 2.0 with fields of other vocabularies."""
    (entry,) = read(
        f'<rss version="2.0" {space}><channel><title>T</title><item>{fields}</item></channel></rss>'
    ).entries
    return entry


def test_the_fields_of_dublin_core() -> None:
    entry = entry_of(
        'xmlns:dc="http://purl.org/dc/elements/1.1/"',
        "<dc:title>I</dc:title><dc:creator>Me</dc:creator><dc:date>2026-11-01T08:00:00Z</dc:date>"
        "<dc:subject>s</dc:subject><dc:description>text</dc:description>",
    )
    assert (entry.title, entry.author, entry.published_at) == ("I", "Me", DATE)
    assert (entry.categories, entry.summary_html) == (("s",), "text")


def test_the_fields_of_wordpress() -> None:
    entry = entry_of(
        'xmlns:content="http://purl.org/rss/1.0/modules/content/"'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/"',
        '<title>I</title><guid isPermaLink="false">http://e.org/?p=1</guid><dc:creator>Me'
        "</dc:creator><category>a</category><category>b</category><description>Begin […]"
        "</description><content:encoded>&lt;p&gt;Begin and end of it all&lt;/p&gt;"
        "</content:encoded>",
    )
    assert (entry.guid, entry.author, entry.categories) == ("http://e.org/?p=1", "Me", ("a", "b"))
    assert entry.content_html == "<p>Begin and end of it all</p>"
    assert entry.summary_html == "Begin […]"


def test_the_fields_of_podcasts() -> None:
    entry = entry_of(
        'xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"',
        "<title>I</title><itunes:author>Me</itunes:author><itunes:duration>1:02:03"
        '</itunes:duration><itunes:image href="http://e.org/i.png"/><itunes:summary>text'
        '</itunes:summary><enclosure url="http://e.org/a.mp3" length="12" type="audio/mpeg"/>',
    )
    assert (entry.author, entry.image_url) == ("Me", "http://e.org/i.png")
    (sound,) = entry.enclosures
    assert (sound.url, sound.size_bytes) == ("http://e.org/a.mp3", 12)
    assert sound.duration == timedelta(hours=1, minutes=2, seconds=3)


def test_the_fields_of_media() -> None:
    entry = entry_of(
        'xmlns:media="http://search.yahoo.com/mrss/"',
        '<title>I</title><media:group><media:thumbnail url="http://e.org/t.jpg"/>'
        "<media:description>What it shows</media:description></media:group>"
        '<media:content url="http://e.org/v.mp4" type="video/mp4" duration="61"/>',
    )
    assert entry.image_url == "http://e.org/t.jpg"
    assert "What it shows" in entry.content_html + entry.summary_html
    assert [one.url for one in entry.enclosures] == ["http://e.org/v.mp4"]

"""News in sitemaps, and what a sitemap without any is."""

from __future__ import annotations

from datetime import UTC, datetime

from digestd.core.discovery import Page
from digestd.core.parsed import ParsedFeed, Unreadable
from digestd.formats.discovery import examine
from digestd.formats.document import read_document

URL = "https://e.example/news.xml"
HEAD = (
    '<?xml version="1.0"?><!-- c --><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
    ' xmlns:news="http://www.google.com/schemas/sitemap-news/0.9">'
)


def read(text: str) -> ParsedFeed | Unreadable:
    return read_document(text.encode(), url=URL, content_type="application/xml")


def news(link: str, title: str, date: str) -> str:
    return (
        f"<url><loc>{link}</loc><news:news><news:publication><news:name>The Paper</news:name>"
        "<news:language>en</news:language></news:publication>"
        f"<news:publication_date>{date}</news:publication_date><news:title>{title}</news:title>"
        "<news:keywords>a, b</news:keywords></news:news></url>"
    )


def test_news_are_entries_newest_first() -> None:
    text = (
        HEAD + news("/old", "Old", "2026-11-23") + news("/n", "New &amp; good", "2026-11-24T08:00Z")
    )
    feed = read(f"{text}</urlset>")
    assert isinstance(feed, ParsedFeed)
    assert (feed.title, feed.language, feed.home_url) == ("The Paper", "en", "https://e.example/")
    first, second = feed.entries
    assert (first.title, first.link) == ("New & good", "https://e.example/n")
    assert first.published_at == datetime(2026, 11, 24, 8, tzinfo=UTC)
    assert first.categories == ("a", "b")
    assert second.title == "Old"


def test_a_broken_sitemap_gives_what_it_holds() -> None:
    feed = read(f"{HEAD}{news('/n', 'New', '2026-11-24')}<url><loc>/x")
    assert isinstance(feed, ParsedFeed)
    assert [entry.title for entry in feed.entries] == ["New"]


def test_a_sitemap_of_pages_is_no_feed() -> None:
    text = f"{HEAD}<url><loc>/a</loc><lastmod>2026-11-24</lastmod></url></urlset>"
    found = read(text)
    assert found == Unreadable("a sitemap without dated news, not a feed")


def test_an_index_of_sitemaps_leads_to_those_of_news() -> None:
    text = (
        "<sitemapindex><sitemap><loc>/pages.xml</loc></sitemap>"
        "<sitemap><loc>/news-1.xml</loc></sitemap></sitemapindex>"
    )
    found = examine(text.encode(), url=URL, content_type="text/xml")
    assert isinstance(found, Page)
    assert [link.url for link in found.links] == ["https://e.example/news-1.xml"]

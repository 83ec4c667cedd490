"""Sitemaps of news as feeds: the protocol of sitemaps.org with Google's news extension."""

from __future__ import annotations

from lxml import etree

from digestd.core.parsed import ParsedEntry, ParsedFeed, Unreadable
from digestd.core.text import one_line
from digestd.formats import fields
from digestd.formats.dates import parse_date
from digestd.formats.xmltext import Document

_MOST = 50_000  # the protocol's own limit
_MOST_MAPS = 20


def read_sitemap(document: Document, url: str) -> ParsedFeed | Unreadable:
    """Return the news in a sitemap, newest first; a sitemap without any is no feed."""
    root = _root(document)
    if root is None:
        return Unreadable("a sitemap that is not well-formed")
    found = [entry for entry in (_entry(e, url) for e in list(root)[:_MOST]) if entry is not None]
    if not found:
        return Unreadable("a sitemap without dated news, not a feed")
    chosen = [found[i] for i in fields.newest([entry.published_at for entry in found])]
    # An order of their own they have not: some list the newest last.
    chosen.sort(
        key=lambda entry: (entry.published_at is not None, entry.published_at), reverse=True
    )
    name = _text(root, ".//{*}news/{*}publication/{*}name")
    return ParsedFeed(
        title=one_line(name, 200),
        home_url=fields.link("/", url),
        language=fields.language(_text(root, ".//{*}news/{*}publication/{*}language")),
        entries=tuple(chosen),
    )


def news_maps(document: Document, url: str) -> list[str]:
    """Return the sitemaps of an index that are likely to hold news."""
    root = _root(document)
    maps = [] if root is None else [_text(entry, "{*}loc") for entry in list(root)[:_MOST]]
    found = [fields.link(one, url) for one in maps if "news" in one.lower()]
    return [one for one in found if one][:_MOST_MAPS]


def _entry(found: etree._Element, url: str) -> ParsedEntry | None:
    link = fields.link(_text(found, "{*}loc"), url)
    title, _ = fields.title(_text(found, "{*}news/{*}title"), is_html=False, math="auto")
    date = parse_date(_text(found, "{*}news/{*}publication_date"))
    if link is None or not (title or date):
        return None
    keywords = _text(found, "{*}news/{*}keywords").split(",")
    return ParsedEntry(
        guid=None,
        link=link,
        title=title,
        categories=fields.labels(word.strip() for word in keywords),
        published_at=date,
        image_url=fields.link(_text(found, "{*}image/{*}loc"), url),
    )


def _root(document: Document) -> etree._Element | None:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=True
    )
    try:
        return etree.fromstring(document.as_bytes(), parser)
    except (etree.XMLSyntaxError, ValueError):
        return None


def _text(found: etree._Element, path: str) -> str:
    return (found.findtext(path) or "").strip()

"""What a document says of feeds: it is one, or it is a page that links to some."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urljoin

from lxml import etree, html

from digestd.core.discovery import (
    FeedLink,
    Page,
    Source,
    is_never_feed,
    leads_deeper,
    looks_like_feed,
    speaks_of_feed,
    unwrapped,
)
from digestd.core.parsed import ParsedFeed, Unreadable
from digestd.core.text import one_line
from digestd.formats.document import read_document
from digestd.formats.encoding import decode
from digestd.formats.sitemap import news_maps
from digestd.formats.xmltext import legal, open_document

_MAX_PAGE = 4_000_000  # characters
_MAX_LINKS = 60
_MAX_DEEPER = 5
# Types that say "feed" outright, and those that say it only of an address that looks like one.
_TYPES = re.compile(
    r"(?:application|text)/(?:x[.-])?(?:rss|atom|rdf|feed)(?:\+(?:xml|json))?$", re.IGNORECASE
)
_VAGUE_TYPES = frozenset(
    ("", "application/xml", "text/xml", "application/json", "text/json", "text/html", "text/plain")
)
_MARKUP = re.compile(
    r"<(?:!doctype html|html|head|body|meta|title|link|a|div|p|table|frameset)[\s>]", re.IGNORECASE
)
_REFRESH = re.compile(r"^\s*[0-9.]*\s*[;,]?\s*url\s*=\s*['\"]?([^'\"]+)", re.IGNORECASE)
_MOVED = re.compile(  # by a script alone
    r"location(?:\.href)?\s*=\s*[\"']([^\"']+)[\"']|location\.replace\([\"']([^\"']+)"
)
_HEADER = re.compile(
    r"<([^<>]{1,4000})>((?:\s*;\s*[\w*-]+\s*=\s*(?:\"[^\"]{0,500}\"|[^\s;,\"]{0,500}))*)"
)
_PARAMETER = re.compile(r"([\w*-]+)\s*=\s*(?:\"([^\"]*)\"|([^\s;,\"]*))")


def examine(
    body: bytes, *, url: str, content_type: str, link_header: str = ""
) -> ParsedFeed | Page | Unreadable:
    """Return the feed that `body` is, else the page that it is, else why it is neither.

    Links are absolute, in the order in which they are to be believed: those of the `Link`
    header (RFC 8288), `<link>` elements, then what the text links to.
    """
    document = read_document(body, url=url, content_type=content_type)
    if isinstance(document, ParsedFeed):
        return document
    text, _ = decode(body, content_type)
    of_header = list(_header_links(link_header, url))
    root = parse_html(text)
    if root is None and (maps := _maps(text, url)):
        return Page(url, links=tuple(FeedLink(one, "news") for one in maps))
    if root is None:
        return Page(url, links=tuple(of_header)) if of_header else document
    return _page(root, url, of_header)


def parse_html(text: str) -> html.HtmlElement | None:
    """Return the root of a page, None for what holds no markup. Never raises on any text."""
    if not _MARKUP.search(text[:200_000]):
        return None
    parser = html.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True)
    try:
        root = html.document_fromstring(
            text[:_MAX_PAGE].replace("\0", "").encode("utf-8", "replace"), parser=parser
        )
    except (etree.ParserError, etree.XMLSyntaxError, ValueError, AssertionError):
        return None
    return root


def _maps(text: str, url: str) -> list[str]:
    document = open_document(legal(text[:_MAX_PAGE]))
    return news_maps(document, url) if document.root == "sitemapindex" else []


def base_of(root: html.HtmlElement, url: str) -> str:
    """Return what the page's relative links are relative to."""
    for element in root.iter("base"):
        href = (element.get("href") or "").strip()
        if href:
            return _joined(url, href) or url
    return url


def _page(root: html.HtmlElement, url: str, of_header: list[FeedLink]) -> Page:
    base = base_of(root, url)
    tags = list(_link_tags(root, base))
    anchors, words, deeper = _anchors(root, base)
    deeper = [*_same_elsewhere(root, base, url), *deeper]
    return Page(
        url=url,
        title=one_line("".join(root.xpath("string(//title)"))[:2_000], 120),
        language=(root.get("lang") or root.get("xml:lang") or "")[:20],
        links=tuple([*of_header, *tags, *anchors, *words][:_MAX_LINKS]),
        deeper=tuple(dict.fromkeys(deeper))[:_MAX_DEEPER],
        refresh=_refresh(root, base),
        is_article=any(
            element.get("property") == "og:type" and element.get("content") == "article"
            for element in root.iter("meta")
        ),
    )


def _link_tags(root: html.HtmlElement, base: str) -> Iterator[FeedLink]:
    for element in root.iter("link"):
        rel = (element.get("rel") or "").lower().split()
        kind = (element.get("type") or "").partition(";")[0].strip().lower()
        is_named = _TYPES.fullmatch(kind)
        says_so = {"alternate", "feed", "alternative"} & set(rel) and "stylesheet" not in rel
        if not is_named and not says_so:
            continue
        url = _address(element.get("href"), base)
        if url is None or is_never_feed(url):
            continue
        looks_so = looks_like_feed(url) or speaks_of_feed(element.get("title") or "")
        if not is_named and "feed" not in rel and not (kind in _VAGUE_TYPES and looks_so):
            continue
        yield FeedLink(
            url,
            "tag",
            one_line((element.get("title") or "")[:500], 120),
            (element.get("hreflang") or "")[:20],
        )


def _anchors(root: html.HtmlElement, base: str) -> tuple[list[FeedLink], list[FeedLink], list[str]]:
    """Return links to what looks like a feed, links that speak of one, and links deeper in."""
    anchors: list[FeedLink] = []
    words: list[FeedLink] = []
    deeper: list[str] = []
    for element in root.iter("a", "area"):
        href = element.get("href")
        url = _address(href, base) if href else None
        if url is None or len(anchors) > _MAX_LINKS:
            continue
        text = one_line("".join(element.itertext())[:500], 120)
        label = text or one_line((element.get("title") or element.get("aria-label") or "")[:500])
        is_typed = _TYPES.fullmatch((element.get("type") or "").strip().lower())
        is_button = unwrapped(_joined(base, href or "") or "") != _joined(base, href or "")
        if is_typed or is_button or looks_like_feed(url):
            anchors.append(_link(url, "anchor", label, element))
        elif is_never_feed(url):
            continue
        elif any(
            speaks_of_feed(word or "")
            for word in (label, element.get("title"), element.get("class"), element.get("rel"))
        ):
            words.append(_link(url, "word", label, element))
        elif leads_deeper(label, url) and url.partition("#")[0] != base.partition("#")[0]:
            deeper.append(url)
    return anchors, words[:10], deeper


def _same_elsewhere(root: html.HtmlElement, base: str, url: str) -> list[str]:
    """Return where the page itself is in full: its canonical address, its frames."""
    links = [e for e in root.iter("link") if "canonical" in (e.get("rel") or "").lower()]
    found = [e.get("href") for e in links] + [e.get("src") for e in root.iter("frame")]
    urls = (_address(one, base) for one in found[:_MAX_DEEPER])
    return [one for one in urls if one and one.rstrip("/") != url.partition("#")[0].rstrip("/")]


def _link(url: str, source: Source, label: str, element: html.HtmlElement) -> FeedLink:
    return FeedLink(url, source, label, (element.get("hreflang") or "")[:20])


def _header_links(header: str, url: str) -> Iterator[FeedLink]:
    for found in _HEADER.finditer(header[:20_000]):
        parameters = {
            name.lower(): quoted or plain for name, quoted, plain in _PARAMETER.findall(found[2])
        }
        rel = parameters.get("rel", "").lower().split()
        kind = parameters.get("type", "").lower()
        target = _address(found[1], url)
        if target is None or not {"alternate", "feed"} & set(rel) or is_never_feed(target):
            continue
        if _TYPES.fullmatch(kind) or "feed" in rel or (not kind and looks_like_feed(target)):
            title = one_line(parameters.get("title", ""), 120)
            yield FeedLink(target, "header", title, parameters.get("hreflang", "")[:20])


def _refresh(root: html.HtmlElement, base: str) -> str | None:
    for element in root.iter("meta"):
        if (element.get("http-equiv") or "").lower() == "refresh":
            found = _REFRESH.match(element.get("content") or "")
            if found:
                return _address(found[1], base)
    body = root.find("body")
    if body is None or not "".join(body.itertext("p", "div", "a", "h1")).strip():
        for element in root.iter("script"):
            moved = _MOVED.search((element.text or "")[:5_000])
            if moved:
                return _address(moved[1] or moved[2], base)
    return None


def _address(href: str | None, base: str) -> str | None:
    """Return an absolute http(s) address without its fragment, unwrapped."""
    cleaned = re.sub(r"[\t\r\n]", "", (href or "").strip())
    if not cleaned or len(cleaned) > 4_000 or cleaned.startswith("#"):
        return None
    url = unwrapped(_joined(base, unwrapped(cleaned)) or "").partition("#")[0]
    return url if url.startswith(("http://", "https://")) else None


def _joined(base: str, href: str) -> str | None:
    try:
        return urljoin(base, href)
    except ValueError:
        return None

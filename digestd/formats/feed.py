"""RSS, RDF, Atom and CDF as a `ParsedFeed`, by feedparser.

feedparser gets bytes in UTF-8 that we decoded, and no address of the document: given one
it makes `<guid>42</guid>` an address too, and every identity would change with the feed's
own. It neither sanitises nor resolves here; `formats.html` does both, once. No type of
feedparser's leaves this module.
"""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO

import feedparser
from feedparser.mixin import _FeedParserMixin

from digestd.core.parsed import MathMode, ParsedEntry, ParsedFeed, Unreadable
from digestd.core.text import one_line
from digestd.formats import feedentry, feedhead, fields, xmltext
from digestd.formats.feedentry import Dict
from digestd.formats.xmltext import Document
from digestd.frozen import replace

_ROOTS = frozenset(("rss", "feed", "rdf", "channel", "entry"))
_OTHER_ROOTS = {
    "urlset": "a sitemap, not a feed",
    "sitemapindex": "a sitemap, not a feed",
    "opml": "a list of feeds (OPML), not a feed: `digestd import` reads it",
    "svg": "an image, not a feed",
    "error": "an XML error message, not a feed",
}
_MAX_RETRIED = 2_000_000  # bytes: feedparser's loose parser takes seconds for each million


def is_feed(root: str) -> bool:
    """Tell whether a document with this root element claims to be a feed."""
    return root.rpartition(":")[2] in _ROOTS


def describe_other(root: str) -> str:
    """Say in a few words what an XML document with this root element is."""
    kind = root.rpartition(":")[2]
    return _OTHER_ROOTS.get(kind, f"XML of another kind (<{root}>), not a feed")


def read_xml(
    document: Document, url: str, *, math: MathMode = "auto", complaint: str = ""
) -> ParsedFeed | Unreadable:
    """Return the feed in `document`, or why it is none. Never raises.

    `complaint` is what was wrong before XML came into it (its encoding).
    """
    readable = _readable(document, url)
    if isinstance(readable, Unreadable):
        return readable
    sources, repaired = readable
    parsed, broken = parse(sources)
    if not broken and repaired:
        broken = "not well-formed"
    named = document.root == "channel" and parsed["feed"].keys() & {"title", "link"}
    if not (parsed.get("version") or parsed["entries"] or named) and document.root not in (
        "rss",
        "rdf:rdf",
    ):
        return Unreadable(describe_other(document.root))
    raw = list(parsed["entries"])
    dates = [feedentry.published_at(e) or feedentry.updated_at(e) for e in raw]
    chosen = [raw[i] for i in fields.newest(dates)]
    mode = fields.math_mode([feedentry.longest_body(e) for e in chosen], math)
    saying = [e for e in chosen if feedentry.says(e)]
    return replace(
        feedhead.read_head(parsed, url, document.text),
        entries=tuple(read_entries(parsed, saying, url, mode)),
        complaint="; ".join(c for c in (complaint, rubbish(document), broken) if c),
    )


def looks_like_html(text: str) -> bool:
    """Tell whether feedparser takes a text of RSS for HTML."""
    return bool(_FeedParserMixin.looks_like_html(text))


def rubbish(document: Document) -> str:
    """Return a complaint about what stands before a document, or nothing."""
    return "text before the document" if document.rubbish else ""


# --- to feedparser and back ------------------------------------------------------------


def _readable(document: Document, url: str) -> tuple[list[bytes], bool] | Unreadable:
    """Return the document in the forms worth trying, best first, and whether it was broken."""
    text = xmltext.with_absolute_base(xmltext.bound_entries(document.text), url)
    if xmltext.has_too_many_tags(text):
        return Unreadable("hundreds of thousands of tags, too many for a feed")
    source = Document(document.root, document.entities, text).as_bytes()
    fault = xmltext.fault(source)
    broken = fault == "broken"
    sources = [source] if not broken or len(source) < _MAX_RETRIED else []
    if broken:
        text = xmltext.repair(xmltext.without_torn_entry(text), document.entities)
        source = Document(document.root, document.entities, text).as_bytes()
        fault = xmltext.fault(source)
        # What libxml2 makes of it goes before the loose parser, which takes long and guesses.
        whole = xmltext.recovered(source) if fault == "broken" else b""
        sources = [*([whole] if whole else []), source, *sources]
    if fault == "deep":
        return Unreadable("nested too deeply, or with too many attributes, to be a feed")
    return sources, broken


def parse(sources: list[bytes]) -> tuple[Dict, str]:
    """Return what feedparser makes of the first source that holds entries, and a complaint."""
    best: Dict | None = None
    for source in sources:
        try:
            parsed = feedparser.parse(
                BytesIO(source),
                response_headers={"content-type": "application/xml; charset=utf-8"},
                resolve_relative_uris=False,
                sanitize_html=False,
            )
        except Exception as exc:  # noqa: BLE001 (its loose parser fails in many ways on noise)
            parsed = {"entries": [], "feed": {}, "bozo_exception": exc, "bozo": True}
        if best is None or len(parsed["entries"]) > len(best["entries"]):
            best = parsed
        if best["entries"]:
            break
    best = best or {"entries": [], "feed": {}}
    broken = one_line(str(best.get("bozo_exception") or ""), 150) if best.get("bozo") else ""
    return best, "not well-formed: " + broken if broken else ""


def read_entries(
    parsed: Dict, chosen: Iterable[Dict], url: str, math: MathMode
) -> list[ParsedEntry]:
    """Return these entries of a document, in a mode that `math_mode` has settled."""
    base = feedhead.base(parsed, url)
    return [feedentry.read_entry(entry, base, url, math) for entry in chosen]

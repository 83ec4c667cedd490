"""An element of a feed as feedparser would take it: its name, its text, or nothing certain."""

from __future__ import annotations

import re
from html.entities import entitydefs

from lxml import etree

ATOM = "{http://www.w3.org/2005/Atom}"
RSS1 = "{http://purl.org/rss/1.0/}"
MEDIA = "{http://search.yahoo.com/mrss/}"
# The same, as some have it; feedparser goes by the prefix, that has to be `media`.
MEDIA_TOO = "{http://www.rssboard.org/media-rss}"
LICENSE = "{http://backend.userland.com/creativeCommonsRssModule}license"
CONTENT = "{http://purl.org/rss/1.0/modules/content/}"
DC = "{http://purl.org/dc/elements/1.1/}"
ITUNES = "{http://www.itunes.com/dtds/podcast-1.0.dtd}"
FEEDBURNER = "{http://rssnamespace.org/feedburner/ext/1.0}"
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
RDF_ABOUT = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}about"
BASE = "{http://www.w3.org/XML/1998/namespace}base"
LANG = "{http://www.w3.org/XML/1998/namespace}lang"
SYNDICATION = "{http://purl.org/rss/1.0/modules/syndication/}"
_PLACING = frozenset((BASE, LANG, "base", "lang"))
_UNUSUAL = _PLACING | {"uri"}
# Without ";": feedparser takes it out of what looks like a reference.
WEB = re.compile(r"(?:https?:/)?/(?!/)[\x21-\x3a\x3c-\x7e]+")
_MARKUP = re.compile(r"</\w+>|&#?\w+;")
_TAG_NAME = re.compile(r"</?(\w+)")
# The commonest of the names that are HTML to it; one that is not makes all of it text.
ACCEPTED = frozenset(
    "a b blockquote br code div em h1 h2 h3 h4 h5 h6 hr i img li ol p pre small span strong sub sup"
    " table tbody td th tr u ul".split()
)
_ENTITY = re.compile(r"&(\w+);")
ODD = re.compile("[\x80-\x9f]")  # feedparser reads windows-1252 into these
_NOTHING = frozenset(("site",))  # of WordPress, without a prefix
# The names by which feedparser knows what it understands; all others mean nothing to it.
UNDERSTOOD = frozenset(
    "admin ag annotate atom atom03 atom10 audio blogchannel cc co content cp creativecommons dc"
    " dcterms email ev feedburner fm foaf geo georss gml icbm image itunes l media pingback prism"
    " psc rdf rdfs ref reqv search slash soap ss str sub sy szf taxo thr ti trackback wfw wiki"
    " xhtml xlink xml".split()
)


def is_usual(element: etree._Element) -> bool:
    """Tell whether nothing about an element changes how it is to be read."""
    attributes = element.keys()
    return not attributes or _UNUSUAL.isdisjoint(attributes)


def is_in_place(element: etree._Element) -> bool:
    """Tell whether addresses and language in an element are those around it."""
    return _PLACING.isdisjoint(element.keys())


def is_known_place(element: etree._Element) -> bool:
    """Tell whether no attribute without a prefix says what `xml:base` and `xml:lang` do."""
    return element.get("lang") is None and element.get("base") is None


def looks_like_html(text: str) -> bool:
    """Tell whether feedparser takes a text of RSS for HTML."""
    if not _MARKUP.search(text):
        return False
    if ACCEPTED.issuperset(name.lower() for name in _TAG_NAME.findall(text)):
        return entitydefs.keys() >= set(_ENTITY.findall(text))
    from digestd.formats import feed  # noqa: PLC0415 (feedparser, 60 ms: if needed)

    return feed.looks_like_html(text)


def value(child: etree._Element) -> str | None:
    """Return the text of an element, None if there is more in it."""
    text = (child.text or "").strip()
    if len(child):
        return None
    return mended(text)


def mended(text: str | None) -> str | None:
    """Undo UTF-8 that was taken for Latin-1 and encoded again, as feedparser does."""
    if text is None or text.isascii():
        return text
    if ODD.search(text):
        return None
    try:
        return text.encode("iso-8859-1").decode("utf-8")
    except UnicodeError:
        return text


def is_foreign(child: etree._Element) -> bool:
    """Tell whether an element means nothing to feedparser, nor what is in it."""
    space, _, name = child.tag[1:].partition("}")
    names = {prefix for prefix, uri in child.nsmap.items() if uri == space}
    if not name or len(child) or (None in names and "-" not in name and name not in _NOTHING):
        return False
    return UNDERSTOOD.isdisjoint((prefix or "").lower() for prefix in names)

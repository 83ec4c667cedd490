"""XML as publishers write it, made fit for a parser: small, legal and, if possible, well-formed.

All here is text in, text out. Every pattern looks at a bounded stretch, and every search
goes on where the last one ended, so work is linear in the document.
"""

from __future__ import annotations

import html.entities
import re
from html import escape, unescape
from typing import Literal
from urllib.parse import urljoin

from lxml import etree

from digestd.formats.dates import parse_date
from digestd.formats.fields import MAX_ENTRIES, newest
from digestd.frozen import dataclass
from digestd.patterns import pattern

_ILLEGAL = pattern("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_REFERENCE = pattern(r"&#(?:[xX]0{0,20}([0-9a-fA-F]{1,6})|0{0,20}([0-9]{1,7}));?")
_TORN = pattern(  # one character in two references, as JavaScript's charCodeAt gives them
    r"&#(55[23][0-9]{2}|56[0-2][0-9]{2}|563[01][0-9]);&#(56[3-9][0-9]{2}|57[0-2][0-9]{2}|573[0-3][0-9]|5734[0-3]);"
)
# A reference that may be none of XML's, or to something else than it says.
_UNUSUAL = re.compile(
    r"&#(?!(?:3[2-9]|[4-9][0-9]|1[016-9][0-9]|[2-9][0-9]{2}|[1-9][0-9]{3}|[1-4][0-9]{4});)"
)
_NAMED = re.compile(r"&(?:([A-Za-z][A-Za-z0-9]{1,31});|(?!#))")
_XML_NAMES = frozenset(("lt", "gt", "amp", "quot", "apos"))
_ENTITY = re.compile(r"""<!ENTITY\s{1,20}(\w{1,32})\s{1,20}"([^"&<%]{0,60}|&#\w{1,8};)"\s{0,20}>""")
_ROOT = re.compile(r"<([A-Za-z_][\w.-]{0,40}(?::[\w.-]{1,40})?)")
_FEED_TAG = re.compile(r"<(?:rss|feed|rdf:RDF|RDF:RDF|atom:feed|channel)[\s>]")
_ENTRY = r"(?:item|entry|[A-Za-z][\w-]{0,20}:(?:item|entry))"  # the commonest first
ENTRY = re.compile(rf"<{_ENTRY}[\s/>]")
ENTRY_END = re.compile(rf"</{_ENTRY}\s{{0,9}}>")
DATE = pattern(
    r"<(?:[A-Za-z][\w-]{0,20}:)?(?:pubDate|published|updated|issued|modified|date)(?:\s[^<>]{0,200})?>\s{0,50}([^<]{1,60})<",
    re.IGNORECASE,
)
_PREFIX = pattern(
    r"</?([A-Za-z][\w-]{0,20}):[A-Za-z]|\s([A-Za-z][\w-]{0,20}):[\w-]{1,40}\s{0,5}=\s{0,5}[\"']"
)
_DECLARED = re.compile(r"\sxmlns:([A-Za-z][\w-]{0,20})\s{0,5}=")
_BASE = re.compile(r"""(\sxml:base\s{0,5}=\s{0,5})(["'])([^"'<>]{0,2000})\2""")
_ANY_BASE = re.compile(r"base\s{0,9}=")
_NAMESPACES = {
    "atom": "http://www.w3.org/2005/Atom",
    "content": "http://purl.org/rss/1.0/modules/content/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "dcterms": "http://purl.org/dc/terms/",
    "feedburner": "http://rssnamespace.org/feedburner/ext/1.0",
    "itunes": "http://www.itunes.com/dtds/podcast-1.0.dtd",
    "media": "http://search.yahoo.com/mrss/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "slash": "http://purl.org/rss/1.0/modules/slash/",
    "sy": "http://purl.org/rss/1.0/modules/syndication/",
    "thr": "http://purl.org/syndication/thread/1.0",
    "wfw": "http://wellformedweb.org/CommentAPI/",
    "xhtml": "http://www.w3.org/1999/xhtml",
}
# What is listed in an entry again and again, in a form that ends where the next tag begins.
_LABELS = ("category", "subject", "keywords", "enclosure", "thumbnail", "credit", "person")
_ANY_LABEL = "|".join(_LABELS)
_REPEATED = pattern(
    rf"<(?:[A-Za-z][\w-]{{0,20}}:)?({_ANY_LABEL})"
    r"(?:\s[^<>]{0,4000})?(?:/>|>[^<]{0,4000}</(?:[A-Za-z][\w-]{0,20}:)?\1\s{0,9}>)"
)
_LABEL = re.compile(rf"<(?:{_ANY_LABEL}|[A-Za-z][\w-]{{0,20}}:(?:{_ANY_LABEL}))")
_KEYWORDS = re.compile(r"(<(?:[A-Za-z][\w-]{0,20}:)?keywords\s{0,9}>[^<]{0,2000})[^<]*")
_MAX_REPEATED = 300
# Of the entries that are kept; as a tree each takes some three hundred bytes.
_MAX_TAGS = 400_000
_MAX_MARKUP = 1_000_000  # those within CDATA too, which are text until they are cleaned
_MAX_STEPS = 1_000
_MAX_ATTRIBUTES = 500
_TOO_MANY_ATTRIBUTES = etree.XPath(f"boolean(//*/@*[{_MAX_ATTRIBUTES + 1}])")


@dataclass(frozen=True, slots=True)
class Document:
    """A document cut into its entity declarations and what begins with the root element."""

    root: str  # the root's name, lower case, prefix included; empty: there is none
    entities: tuple[str, ...]  # declarations that can do no harm
    text: str
    rubbish: bool = False  # something stood before it that is no XML

    def as_bytes(self) -> bytes:
        """Return it as a document in UTF-8."""
        doctype = "<!DOCTYPE x [\n" + "\n".join(self.entities) + "\n]>\n" if self.entities else ""
        return f'<?xml version="1.0" encoding="utf-8"?>\n{doctype}{self.text}'.encode(
            "utf-8", "replace"
        )


def open_document(text: str) -> Document:
    """Return the document in `text`, without declaration, DTD, comments and rubbish before it.

    Of a DTD only short entities that hold no other stay: nothing expands, nothing is fetched.
    """
    position, steps = 0, 0
    rubbish = False
    while steps < _MAX_STEPS:
        steps += 1
        start = text.find("<", position)
        if start < 0:
            break
        rubbish = rubbish or bool(_ILLEGAL.sub("", text[position:start]).strip("\ufeff \t\r\n"))
        found = _ROOT.match(text, start)
        if found:
            return _at_root(text, start, found[1].lower(), rubbish)
        end = _past(text, start)
        if end < 0:
            break
        position = end
    return Document("", (), text, rubbish)


def _at_root(text: str, start: int, name: str, rubbish: bool) -> Document:
    if name not in ("html", "rss", "feed") and ":" not in name:
        # An error message of the publisher's programme may stand before the feed.
        feed = _FEED_TAG.search(text, start, start + 50_000)
        if feed and feed.start() > start and (rubbish or name in ("br", "b", "p", "div", "script")):
            return Document(feed[0][1:-1].lower(), (), text[feed.start() :], rubbish=True)
    entities = tuple(m[0] for m in _ENTITY.finditer(text, 0, min(start, 50_000)))
    return Document(name, entities[:300], text[start:], rubbish)


def _past(text: str, start: int) -> int:
    """Return where what is no element, and begins at `start`, ends; -1: nowhere."""
    if text.startswith("<!--", start):
        end, length = text.find("-->", start + 4), 3
    elif text.startswith("<?", start):
        end, length = text.find("?>", start + 2), 2
    elif text[start : start + 9].upper() == "<!DOCTYPE":
        end, length = text.find(">", start), 1
        subset = text.find("[", start)
        if 0 <= subset < end:
            end = text.find(">", max(text.find("]", subset), subset))
    else:
        return start + 1
    return end + length if end >= 0 else -1


def legal(text: str) -> str:
    """Return `text` without characters and references that XML forbids."""
    return with_legal_references(_ILLEGAL.sub("", text))


def is_legal(text: str) -> bool:
    """Tell whether XML allows each character of `text`; references are not looked at."""
    return _ILLEGAL.search(text) is None


def with_legal_references(text: str) -> str:
    """Return `text` without references that XML forbids."""
    if not _UNUSUAL.search(text):
        return text
    text = _TORN.sub(
        lambda m: chr(0x10000 + ((int(m[1]) - 0xD800) << 10) + int(m[2]) - 0xDC00), text
    )
    return _REFERENCE.sub(_legal_reference, text)


def _legal_reference(found: re.Match[str]) -> str:
    code = int(found[1], 16) if found[1] else int(found[2])
    if 0x80 <= code <= 0x9F:
        # Everybody who writes &#150; means windows-1252.
        return bytes((code,)).decode("cp1252", "ignore")
    if code > 0x10FFFF or (code < 0x20 and code not in (9, 10, 13)):
        return ""
    if 0xD800 <= code <= 0xDFFF or code in (0xFFFE, 0xFFFF):
        return ""
    reference = found[0].replace("X", "x", 1)  # XML knows the small one alone
    return reference if reference.endswith(";") else reference + ";"


def repair(text: str, declared: tuple[str, ...] = ()) -> str:
    """Return `text` with its commonest faults mended: names, bare ampersands, prefixes."""
    known = {found[1] for found in map(_ENTITY.match, declared) if found}

    def name(found: re.Match[str]) -> str:
        if found[1] in _XML_NAMES or found[1] in known:
            return found[0]
        sign = html.entities.html5.get(f"{found[1]};") if found[1] else None
        return sign if sign and sign not in "<>&\"'" else "&amp;" + found[0][1:]

    head, *sections = text.split("<![CDATA[")
    mended = [_NAMED.sub(name, head)]
    for section in sections:
        inside, end, outside = section.partition("]]>")
        mended += ["<![CDATA[", inside, end or "]]>", _NAMED.sub(name, outside)]
    return _declare_prefixes("".join(mended))


def _declare_prefixes(text: str) -> str:
    used = {a or b for a, b in _PREFIX.findall(text)} - {"xml", "xmlns"}
    missing = sorted(used - set(_DECLARED.findall(text)))[:50]
    root = _ROOT.match(text)
    if not missing or root is None:
        return text
    spaces = "".join(f' xmlns:{p}="{_NAMESPACES.get(p, "urn:prefix:" + p)}"' for p in missing)
    return text[: root.end()] + spaces + text[root.end() :]


def fault(document: bytes) -> Literal["", "broken", "deep"]:
    """Tell what is wrong with a document, before a slow parser sees it."""
    found = tree(document)
    return found if isinstance(found, str) else ""


def tree(document: bytes) -> etree._Element | Literal["broken", "deep"]:
    """Return the root of a document's tree, or what is wrong with it."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        root = etree.fromstring(document, parser)
    except etree.XMLSyntaxError as exc:
        return "deep" if "depth" in str(exc).lower() else "broken"
    except ValueError:
        return "broken"
    # xml.sax looks attributes up one by one: 200,000 on one element take ten minutes.
    return "deep" if _TOO_MANY_ATTRIBUTES(root) else root


def recovered(document: bytes) -> bytes:
    """Return what libxml2 makes of a broken document, well-formed; nothing if it gives up."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=True
    )
    try:
        root = etree.fromstring(document, parser)
    except (etree.XMLSyntaxError, ValueError):
        return b""
    return etree.tostring(root, encoding="utf-8") if root is not None else b""


def with_absolute_base(text: str, url: str) -> str:
    """Return `text` with the root's relative `xml:base` made absolute (RFC 3986, section 5.1)."""
    end = text.find(">", 0, 10_000)
    found = _BASE.search(text, 0, max(end, 0))
    if found is None or "://" in found[3]:
        return text
    try:
        base = escape(urljoin(url, unescape(found[3])))
    except ValueError:
        return text
    return text[: found.start(3)] + base + text[found.end(3) :]


def has_base(text: str) -> bool:
    """Tell whether `xml:base` may say anywhere what addresses are relative to.

    feedparser goes by one in an element that is closed already, if there is none around it.
    """
    return bool(_ANY_BASE.search(text))


def bound_entries(text: str) -> str:
    """Return `text` with the newest entries alone, and no more labels in one than anybody has.

    The rest is cut out before it costs anything: 100,000 entries take minutes to parse.
    """
    tags = text.count("<")
    if tags > MAX_ENTRIES:
        text = _newest_entries(text)
    if "keywords" in text:
        text = _KEYWORDS.sub(r"\1", text)
    return _thin(text) if tags > _MAX_REPEATED else text


def has_too_many_tags(text: str) -> bool:
    """Tell whether a document would take the memory of many."""
    if text.count("<") <= _MAX_TAGS:
        return False
    head, *sections = text.split("<![CDATA[")
    outside = head.count("<") + sum(part.partition("]]>")[2].count("<") for part in sections)
    return outside > _MAX_TAGS or text.count("<") > _MAX_MARKUP


def _newest_entries(text: str) -> str:
    starts = [m.start() for m in ENTRY.finditer(text)]
    if len(starts) <= MAX_ENTRIES:
        return text
    ends = []
    for start, following in zip(starts, [*starts[1:], len(text)], strict=True):
        closing = [m.end() for m in ENTRY_END.finditer(text, start, following)]
        ends.append(closing[0] if closing else following)
    dates = []
    for start, end in zip(starts, ends, strict=True):
        found = DATE.search(text, start, end)
        dates.append(parse_date(found[1]) if found else None)
    kept = set(newest(dates))
    if len(kept) == len(starts):
        return text
    pieces, position = [], 0
    for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
        pieces.append(text[position : end if number in kept else start])
        position = end
    return "".join([*pieces, text[position:]])


def _thin(text: str) -> str:
    """Return `text` without more labels and files in one entry than anybody has.

    feedparser compares each label with all before it: 50,000 of them take minutes.
    """
    if len(_LABEL.findall(text)) <= _MAX_REPEATED:
        return text
    counted, starts = 0, iter([*(m.start() for m in ENTRY.finditer(text)), len(text)])
    following = next(starts)

    def keep(found: re.Match[str]) -> str:
        nonlocal counted, following
        while found.start() >= following:
            following = next(starts)
            counted = 0
        counted += 1
        return found[0] if counted <= _MAX_REPEATED else ""

    return _REPEATED.sub(keep, text)


def without_torn_entry(text: str) -> str:
    """Return a document that broke off within an entry without that entry, and closed.

    Half an entry may have half a guid, and would be new once more when it comes whole.
    """
    starts = [m.start() for m in ENTRY.finditer(text)]
    root = _ROOT.match(text)
    if len(starts) < 2 or root is None or f"</{root[1]}" in text[starts[-1] :]:
        return text
    if ENTRY_END.search(text, starts[-1]):
        return text
    inner = "</channel>" if "<channel" in text[: starts[0]] and "</channel>" not in text else ""
    return f"{text[: starts[-1]]}{inner}</{root[1]}>"

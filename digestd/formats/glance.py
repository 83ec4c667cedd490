"""An entry at a glance: title, link, identifier and dates from its element, its text unread.

For entries that nobody will be sent. What comes out is what feedparser would have found,
as the dictionary that `feedentry` reads; so it is only for entries as most are written. An
element that says more than is understood here makes `glance` return None, and feedparser
has to read the document.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

from lxml import etree

from digestd.core.text import scrub
from digestd.formats.dates import parse_date
from digestd.formats.feed import looks_like_html

Facts = dict[str, Any]

_ATOM = "{http://www.w3.org/2005/Atom}"
_RSS1 = "{http://purl.org/rss/1.0/}"
_MEDIA = "{http://search.yahoo.com/mrss/}"
_CONTENT = "{http://purl.org/rss/1.0/modules/content/}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_RDF_ABOUT = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}about"
_XML = "{http://www.w3.org/XML/1998/namespace}"
# Without ";": feedparser takes it out of what looks like a reference.
_WEB = re.compile(r"(?:https?:/)?/(?!/)[\x21-\x3a\x3c-\x7e]+")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_PLAIN_ID = re.compile(r"(?:(?!///)[\x20-\x7e])+")
_GUID = {"isPermaLink"}
_ODD = re.compile("[\x80-\x9f]")  # feedparser reads windows-1252 into these

# What is of no account to what an entry is: its text, and what stands beside it.
_TEXTS = frozenset(
    {"description", f"{_RSS1}description", f"{_CONTENT}encoded", f"{_ATOM}summary"}
    | {f"{_ATOM}content"}
)
_BESIDE = frozenset({"comments", "author", f"{_ATOM}contributor", f"{_ATOM}rights"})
_BESIDE_SPACES = (
    "{http://wellformedweb.org/CommentAPI/}",
    "{http://purl.org/rss/1.0/modules/slash/}",
    "{http://www.itunes.com/dtds/podcast-1.0.dtd}",
    _MEDIA,
    "{http://purl.org/syndication/thread/1.0}",
)
_TAG = re.compile(r"<[^<>]{0,500}>")
_TEASER = 400  # characters
_TEASER_FROM = 4_000  # characters of a text as it stands


def glance(entry: etree._Element) -> tuple[Facts, str] | None:
    """Return what feedparser would find in an entry, less its text; and that text's beginning."""
    found: Facts = {"links": [], "tags": []}
    about = entry.get(_RDF_ABOUT)
    if about:
        found["id"] = about
    teaser = ""
    for child in entry.iterchildren(etree.Element):
        tag = child.tag
        if tag in _TEXTS or tag == f"{_MEDIA}group":
            text = _teaser(child)
            teaser = text if len(text) > len(teaser) else teaser
        elif tag in _BESIDE or (tag.startswith(_BESIDE_SPACES) and tag != f"{_MEDIA}title"):
            continue
        elif not _take(found, child, tag.removeprefix(_RSS1)):
            return None
    is_linked = any(link["rel"] == "alternate" for link in found["links"])
    if not ("title" in found and is_linked and found.get("id", "x")):
        return None
    if _is_relative(found) and _has_base(entry):
        return None
    found["links"] += found.pop("files", [])
    lang = entry.getparent()
    while lang is not None and lang.get(f"{_XML}lang") is None:
        lang = lang.getparent()
    language = lang.get(f"{_XML}lang") if lang is not None else None
    found["title_detail"]["language"] = language or ""
    return found, teaser


def _is_relative(found: Facts) -> bool:
    """Return whether an address is left to be resolved."""
    addresses = [found.get("id") or "x:", *(link["href"] for link in found["links"])]
    return not all(_ABSOLUTE.match(address) for address in addresses)


def _has_base(element: etree._Element) -> bool:
    """Return whether `xml:base` says against what, other than the document's own address."""
    return any(node.get(f"{_XML}base") is not None for node in (element, *element.iterancestors()))


def _take(found: Facts, child: etree._Element, tag: str) -> bool:
    """Add what an element says; False if that is not certain."""
    if child.get(f"{_XML}base") is not None or child.get(f"{_XML}lang") is not None:
        return False
    if tag == f"{_ATOM}author":
        names = [(n.text or "").strip() for n in child.iterchildren(f"{_ATOM}name")]
        found.setdefault("authors", []).extend({"name": name} for name in names if name)
        return True
    take = _TAKEN.get(tag)
    if take is None or len(child) or _ODD.search(child.text or ""):
        return False
    return take(found, child, _mended((child.text or "").strip()))


def _title(found: Facts, child: etree._Element, text: str) -> bool:
    is_html = looks_like_html(text)
    return not child.attrib and _titled(found, text, "text/html" if is_html else "text/plain")


def _atom_title(found: Facts, child: etree._Element, text: str) -> bool:
    kind = {"text": "text/plain", "html": "text/html"}.get(child.get("type", "text"), "")
    return set(child.attrib) <= {"type"} and _titled(found, text, kind)


def _titled(found: Facts, text: str, kind: str) -> bool:
    fresh = "title" not in found
    found["title"] = text
    found["title_detail"] = {"value": text, "type": kind}
    return fresh and bool(text and kind)


def _link(found: Facts, child: etree._Element, text: str) -> bool:
    fresh = not found["links"]
    found["links"].append({"rel": "alternate", "type": "text/html", "href": text})
    return fresh and not child.attrib and _is_web(found, text)


def _atom_link(found: Facts, child: etree._Element, _text: str) -> bool:
    """Add a link of Atom's; feedparser gives each a `rel` and a `type`."""
    rel, href = child.get("rel", "alternate").lower(), child.get("href", "")
    kind = child.get("type", "text/html").lower()
    found["links"].append({"rel": rel, "type": kind, "href": href})
    return rel != "alternate" or (kind == "text/html" and _is_web(found, href))


def _is_web(found: Facts, href: str) -> bool:
    found["link"] = href
    return bool(_WEB.fullmatch(href))


def _id(found: Facts, child: etree._Element, text: str) -> bool:
    fresh = "id" not in found
    found["id"] = text
    return fresh and bool(_PLAIN_ID.fullmatch(text)) and set(child.attrib) <= _GUID


def _published(found: Facts, _child: etree._Element, text: str) -> bool:
    return _dated(found, "published", text)


def _updated(found: Facts, _child: etree._Element, text: str) -> bool:
    return _dated(found, "updated", text)


def _dated(found: Facts, key: str, text: str) -> bool:
    fresh = key not in found
    found[key] = text
    return fresh and parse_date(text) is not None


def _creator(found: Facts, _child: etree._Element, text: str) -> bool:
    found.setdefault("authors", []).append({"name": text})
    return True


def _category(found: Facts, child: etree._Element, text: str) -> bool:
    found["tags"].append({"term": child.get("term", text), "label": child.get("label", "")})
    return True


def _enclosure(found: Facts, child: etree._Element, _text: str) -> bool:
    kind = child.get("type", "").lower()
    facts = {"href": child.get("url", ""), "length": child.get("length", "")}
    found.setdefault("files", []).append({"rel": "enclosure", "type": kind, **facts})
    return True


_TAKEN: dict[str, Callable[[Facts, etree._Element, str], bool]] = {
    "title": _title,
    f"{_ATOM}title": _atom_title,
    "link": _link,
    f"{_ATOM}link": _atom_link,
    "guid": _id,
    f"{_ATOM}id": _id,
    "pubDate": _published,
    f"{_ATOM}published": _published,
    f"{_DC}date": _updated,
    f"{_ATOM}updated": _updated,
    f"{_DC}creator": _creator,
    "category": _category,
    f"{_ATOM}category": _category,
    "enclosure": _enclosure,
}


def _mended(text: str) -> str:
    """Undo UTF-8 that was taken for Latin-1 and encoded again, as feedparser does."""
    if text.isascii():
        return text
    try:
        return text.encode("iso-8859-1").decode("utf-8")
    except UnicodeError:
        return text


def _teaser(child: etree._Element) -> str:
    """Return the beginning of a text, plain, whichever way it is written."""
    markup = child.text or ""
    if len(child):
        markup = " ".join(str(text) for text in child.itertext())
    bare = unescape(_TAG.sub(" ", markup[:_TEASER_FROM])).partition("<")[0]
    return " ".join(scrub(bare).split())[:_TEASER]

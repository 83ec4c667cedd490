"""An entry at a glance: what it says besides its text, and how that begins, from its element.

For entries that nobody will be sent. What comes out is what reading the document with
feedparser gives, less the text; so it is only for entries as most are written. An element
that says more than is understood here makes `glance` return None, and the document has to
be read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from lxml import etree

from digestd.core.parsed import MathMode, ParsedEntry
from digestd.formats import element as el
from digestd.formats import feedentry, fields
from digestd.formats.dates import parse_date
from digestd.formats.teaser import Glanced, beginning
from digestd.frozen import dataclass, field

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_ELSEWHERE = frozenset((el.LANG, "base", "lang", "uri"))
_GUID = frozenset(("isPermaLink",))
_KINDS = frozenset(("", "text", "html", "xhtml", "text/plain", "text/html"))
_FILES = ("content", "copyright", "credit", "description", "group", "player", "rating", "thumbnail")
_UNTAKEN = frozenset(("category", "keywords"))
_PERSON = frozenset(f"{el.ATOM}{name}" for name in ("name", "uri", "email"))
_MOST_PIECES = 100  # of text between elements
# An author as RSS wants it: `ann@example.org (Ann)`.
_MAILED = re.compile(r"[\w.+-]{1,100}@[A-Za-z0-9.-]{1,100}\.[A-Za-z]{2,4} \(([^()@]{1,200})\)")

# What holds the whole text, where there is a summary beside it.
CONTENTS = (f"{el.CONTENT}encoded", f"{el.ATOM}content")
# Of no account to us.
_BESIDE = frozenset(
    ["comments", f"{el.ATOM}contributor", f"{el.ATOM}rights"]
    + [f"{el.DC}{name}" for name in "format identifier publisher rights source type".split()]
    + [
        f"{el.ITUNES}{name}"
        for name in "block episode episodeType explicit order season subtitle title".split()
    ]
)
_BESIDE_SPACES = (
    "{http://wellformedweb.org/CommentAPI/}",
    "{http://purl.org/rss/1.0/modules/slash/}",
    "{http://purl.org/syndication/thread/1.0}",
    "{http://podlove.org/simple-chapters}",
)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What entries take from where they stand."""

    base: str  # what addresses in them are relative to
    has_base: bool  # whether some may be relative to something else
    language: str
    has_tex: bool  # whether any of them may have
    is_atom: bool = False
    text_base: str = ""  # what addresses in texts are relative to, if something around says


@dataclass(slots=True)
class Found:
    """What was seen of an entry so far."""

    id: str | None = None
    is_permalink: bool = False
    title: str | None = None
    is_html: bool = False
    is_titled_elsewhere: bool = False  # by its media
    original: str = ""
    pages: list[str] = field(default_factory=list)
    published: datetime | None = None
    updated: datetime | None = None
    authors: list[str] = field(default_factory=list)
    is_quoted: bool = False
    is_signed: bool = False  # in another way than Atom's
    labels: list[str] = field(default_factory=list)
    files: dict[str, Any] = field(default_factory=dict)  # as feedparser has them
    texts: list[tuple[str, bool]] = field(default_factory=list)  # and whether it is HTML
    written: list[etree._Element] = field(default_factory=list)  # where its texts stand
    is_nested: bool = False  # whether its text has elements in it

    def addresses(self) -> Iterator[str]:
        """Yield whatever may have to be resolved."""
        if self.is_permalink:
            yield self.id or "x:"
        yield from filter(None, (self.original, *self.pages))
        yield from (link["href"] for link in self.files.get("links", ()))


def entry_name(root: etree._Element) -> str:
    """Return what an entry's element is called in a document with this root."""
    if root.tag == f"{el.ATOM}feed":
        return f"{el.ATOM}entry"
    return "item" if root.tag == "rss" else f"{el.RSS1}item"


def surroundings(
    entry: etree._Element, base: str, *, has_base: bool, has_tex: bool, is_atom: bool = False
) -> Surroundings | None:
    """Return what an entry and its siblings take from where they stand; None: it is unusual."""
    language = text_base = None
    for node in entry.iterancestors():
        if not el.is_known_place(node):
            return None
        language = node.get(el.LANG) if language is None else language
        text_base = node.get(el.BASE) if text_base is None else text_base
    tag = fields.language(language or "")
    return Surroundings(base, has_base, tag, has_tex, is_atom, text_base or "")


def glance(entry: etree._Element, around: Surroundings, math: MathMode) -> Glanced | None:
    """Return what an entry says; None: it has to be read."""
    seen = look(entry, around, math)
    if seen is None:
        return None
    found, said = seen
    if not found.title:
        return None  # that is in its text, too
    if around.has_tex and found.is_nested:
        return None  # how feedparser would write it down decides which text is judged
    text, is_html = max(found.texts, key=lambda text: len(text[0]), default=("", False))
    return Glanced(said, beginning(text, is_html=is_html), fields.has_tex(text))


def look(
    entry: etree._Element, around: Surroundings, math: MathMode
) -> tuple[Found, ParsedEntry] | None:
    """Return what was seen of an entry, and what that says besides its text; None: too odd."""
    found = Found(id=entry.get(el.RDF_ABOUT))
    is_usual = len(entry.keys()) <= (found.id is not None)
    if not is_usual or not all(_takings(found, entry)) or found.id == "":
        return None
    link, is_certain = _address(found, around.base)
    if not is_certain or (around.has_base and not all(map(_ABSOLUTE.match, found.addresses()))):
        return None
    title, title_html = fields.title(found.title or "", is_html=found.is_html, math=math)
    files, image = feedentry.media(found.files, around.base) if found.files else ((), None)
    said = ParsedEntry(
        guid=fields.guid(found.id or ""),
        link=link,
        title=title,
        title_html=title_html,
        author=feedentry.author(found.authors),
        categories=fields.labels(found.labels),
        published_at=found.published or found.updated,
        updated_at=found.updated,
        image_url=image,
        enclosures=files,
        language=around.language,
    )
    return found, said


def _address(found: Found, base: str) -> tuple[str | None, bool]:
    """Return where an entry is to be read, and whether that is certain."""
    if found.pages or found.original:
        pages = (fields.link(page, base) for page in (found.original, *found.pages))
        link = next(filter(None, pages), None)
        return link, bool(found.pages and link)
    if not (found.id and found.is_permalink):
        return None, bool(found.id)
    # A guid is an address unless it says, or shows, that it is none.
    if el.WEB.fullmatch(found.id):
        link = fields.link(found.id, base)
        return link, link is not None
    return None, not found.id.lower().startswith(("http://", "https://", "/"))


def _takings(found: Found, entry: etree._Element) -> Iterator[bool]:
    """Take what an entry's elements say, and yield whether that is certain of each."""
    for child in entry.iterchildren(etree.Element):
        tag = child.tag
        take = _TAKEN.get(tag)
        if take is not None:
            is_usual = take is _text or el.is_usual(child)
            yield is_usual and take(found, child)
        else:
            yield tag in _BESIDE or tag.startswith(_BESIDE_SPACES) or el.is_foreign(child)


# --- one element at a time: whether it is understood -------------------------------------


def _title(found: Found, child: etree._Element) -> bool:
    text = el.value(child) or ""
    return not child.keys() and _titled(found, text, is_html=el.looks_like_html(text))


def _atom_title(found: Found, child: etree._Element) -> bool:
    kind = child.get("type", "text")
    is_known = kind in ("text", "html") and child.keys() in ([], ["type"])
    return is_known and _titled(found, el.value(child) or "", is_html=kind == "html")


def _titled(found: Found, text: str, *, is_html: bool) -> bool:
    is_first = found.title is None
    found.title, found.is_html = text, is_html
    return is_first and bool(text)


def _link(found: Found, child: etree._Element) -> bool:
    page = el.value(child) or ""
    is_first = not found.pages
    found.pages.append(page)
    return is_first and not child.keys() and bool(el.WEB.fullmatch(page))


def _atom_link(found: Found, child: etree._Element) -> bool:
    relation, kind = child.get("rel", "alternate").lower(), child.get("type", "text/html").lower()
    href = child.get("href", "")
    if relation == "enclosure":
        _file(found, href, child)
    if relation != "alternate":
        return True
    found.pages.append(href)
    return kind == "text/html" and child.get("url") is None and bool(el.WEB.fullmatch(href))


def _original(found: Found, child: etree._Element) -> bool:
    """Take where an entry was before a service counted its readers: its true address."""
    found.original = el.value(child) or ""
    return not child.keys() and bool(el.WEB.fullmatch(found.original))


def _id(found: Found, child: etree._Element) -> bool:
    is_first = found.id is None
    found.id = el.value(child) or ""
    found.is_permalink = child.get("isPermaLink", "true") == "true"
    is_plain = found.id.isascii() and found.id.isprintable() and "///" not in found.id
    return is_first and bool(found.id) and is_plain and _GUID.issuperset(child.keys())


def _published(found: Found, child: etree._Element) -> bool:
    is_first = found.published is None
    found.published = parse_date(el.value(child) or "")
    return is_first and found.published is not None


def _updated(found: Found, child: etree._Element) -> bool:
    is_first = found.updated is None
    found.updated = parse_date(el.value(child) or "")
    return is_first and found.updated is not None


def _author(found: Found, child: etree._Element) -> bool:
    text = el.value(child)
    if text and "@" in text:
        named = _MAILED.fullmatch(text)
        text = named[1].strip() if named else None
    found.authors.append(text or "")
    found.is_signed = True
    return text is not None


def _atom_author(found: Found, child: etree._Element) -> bool:
    # Of these feedparser mends nothing.
    said: dict[str, str] = {}
    for node in child.iterchildren(etree.Element):
        if node.tag in _PERSON and not len(node):
            said[node.tag] = (node.text or "").strip()
        elif not el.is_foreign(node):
            return False
    name = said.get(f"{el.ATOM}name") or said.get(f"{el.ATOM}email")
    found.authors.append(name or "")
    # Behind one of another kind, feedparser takes it for more about the same.
    return bool(name and not el.ODD.search(name)) and not found.is_signed


def _category(found: Found, child: etree._Element) -> bool:
    text, term = el.value(child), child.get("term")
    found.labels.append(child.get("label") or term or text or "")
    return text is not None and not (term and text)


def _keywords(found: Found, child: etree._Element) -> bool:
    text = el.value(child)
    found.labels += [word.strip() for word in (text or "").split(",")]
    return text is not None


def _enclosure(found: Found, child: etree._Element) -> bool:
    _file(found, child.get("url", ""), child)
    return not child.get("href")


def _file(found: Found, address: str, child: etree._Element) -> None:
    facts = {"type": child.get("type", "").lower(), "length": child.get("length", "")}
    found.files.setdefault("links", []).append({"rel": "enclosure", "href": address, **facts})


def _media(found: Found, child: etree._Element) -> bool:
    for node in child.iter(etree.Element):
        name = node.tag.removeprefix(el.MEDIA).removeprefix(el.MEDIA_TOO)
        if node.tag.startswith(el.MEDIA_TOO) and node.prefix != "media":
            return False
        if name in ("content", "thumbnail"):
            facts = {key.lower(): value for key, value in node.items()}
            found.files.setdefault(f"media_{name}", []).append(facts)
            facts["type"] = facts.get("type", "").lower()
        elif name == "description":
            found.written.append(node)
            found.texts.append((el.value(node) or "", True))
        elif name == "title":
            found.is_titled_elsewhere = True
            if found.is_quoted:
                return False  # behind a source, feedparser takes it for the entry's
        elif name in _UNTAKEN or (name == node.tag and not el.is_foreign(node)):
            return False
    return True


def _source(found: Found, child: etree._Element) -> bool:
    found.is_quoted = True
    return not len(child)


def _duration(found: Found, child: etree._Element) -> bool:
    found.files["itunes_duration"] = el.value(child) or ""
    return not child.keys()


def _image(found: Found, child: etree._Element) -> bool:
    found.files["image"] = {"href": child.get("href", "")}
    return not len(child)


def _text(found: Found, child: etree._Element) -> bool:
    """Take a text: by the longest an entry's maths is judged, and its beginning is kept."""
    kind = child.get("type", "")
    if not _ELSEWHERE.isdisjoint(child.keys()):
        return False
    found.written.append(child)
    if len(child):
        found.is_nested = True
        texts = islice(map(str, child.itertext()), _MOST_PIECES)
        found.texts.append((" ".join(texts), False))
        return kind in _KINDS
    found.texts.append(((child.text or "").strip(), kind not in ("text", "text/plain")))
    return kind in _KINDS and child.get("mode") is None


_TAKEN: dict[str, Callable[[Found, etree._Element], bool]] = {
    "title": _title,
    f"{el.RSS1}title": _title,
    f"{el.ATOM}title": _atom_title,
    "link": _link,
    f"{el.RSS1}link": _link,
    f"{el.ATOM}link": _atom_link,
    f"{el.FEEDBURNER}origLink": _original,
    "guid": _id,
    f"{el.ATOM}id": _id,
    "pubDate": _published,
    f"{el.ATOM}published": _published,
    f"{el.DC}date": _updated,
    f"{el.ATOM}updated": _updated,
    "author": _author,
    f"{el.DC}creator": _author,
    f"{el.ITUNES}author": _author,
    f"{el.ATOM}author": _atom_author,
    "category": _category,
    f"{el.ATOM}category": _category,
    f"{el.DC}subject": _category,
    f"{el.ITUNES}keywords": _keywords,
    "enclosure": _enclosure,
    "source": _source,
    f"{el.ITUNES}duration": _duration,
    f"{el.ITUNES}image": _image,
    **dict.fromkeys(map(el.MEDIA.__add__, _FILES), _media),
    **dict.fromkeys(map(el.MEDIA_TOO.__add__, _FILES), _media),
    "description": _text,
    f"{el.RSS1}description": _text,
    f"{el.ITUNES}summary": _text,
    f"{el.ATOM}summary": _text,
    **dict.fromkeys(CONTENTS, _text),
}

"""An entry as most are written, read from its element.

feedparser reads a document by a machine that knows every form that a feed ever had: that
is most of the work of reading. What comes out here is what it would have found; so it is
only for entries as most are written, all others are its affair.
"""

from __future__ import annotations

from typing import Any

from lxml import etree

from digestd.core.links import PLAIN
from digestd.core.parsed import MathMode, ParsedEntry
from digestd.formats import element as el
from digestd.formats import feedentry, fields, xhtml
from digestd.formats.glance import CONTENTS, Surroundings, look
from digestd.frozen import dataclass

_RSS1 = ("http://purl.org/rss/1.0/", "http://my.netscape.com/rdf/simple/0.9/")
_KINDS = {"text": "text/plain", "plain": "text/plain", "html": "text/html"}
_ATOM = el.ATOM[1:-1].lower()
_XHTML = "application/xhtml+xml"


@dataclass(frozen=True, slots=True)
class Plain:
    """An entry as it stands in a document, its text not cleaned yet."""

    said: ParsedEntry  # without text
    texts: dict[str, Any]  # as feedparser has them
    base: str  # what addresses are relative to, without a link
    url: str  # of the document

    @property
    def has_tex(self) -> bool:
        """Whether it counts when a feed's maths is judged."""
        return fields.has_tex(feedentry.longest_body(self.texts))

    def entry(self, math: MathMode) -> ParsedEntry:
        """Return the entry, in a mode that `fields.math_of` has settled."""
        base = self.said.link or self.base
        return fields.with_text(self.said, *feedentry.bodies(self.texts, base, self.url, math))


def is_atom(root: etree._Element) -> bool | None:
    """Tell whether feedparser takes a document for Atom rather than RSS; None: it may be odd."""
    spaces = {uri.lower() for uri in root.nsmap.values()}
    if root.tag == "rss":
        return False
    if root.tag == f"{el.ATOM}feed" and spaces.isdisjoint(_RSS1):
        return True
    if root.tag == f"{el.RDF}RDF" and el.RSS1[1:-1] in spaces and _ATOM not in spaces:
        return False
    return None


def read(element: etree._Element, around: Surroundings, url: str, math: MathMode) -> Plain | None:
    """Return what an entry says; None: feedparser has to read it."""
    if any(_has_unbound_prefix(node) for node in element.iter(etree.Element)):
        return None
    seen = look(element, around, math)
    if seen is None:
        return None
    found, said = seen
    if not found.title and (found.is_titled_elsewhere or not found.written):
        return None  # nothing is known of its language
    texts = _texts(found.written, around)
    return Plain(said, texts, around.base, url) if texts is not None else None


def _has_unbound_prefix(node: etree._Element) -> bool:
    """Tell whether a name has a prefix that stands for nothing, which expat refuses."""
    tag, keys = node.tag, node.keys()
    return (":" in tag and tag[0] != "{") or any(":" in key and key[0] != "{" for key in keys)


def _texts(written: list[etree._Element], around: Surroundings) -> dict[str, Any] | None:
    """Return the texts of an entry as feedparser has them; None: that is not certain."""
    found: dict[str, Any] = {"content": []}
    for child in written:
        # Where one says nothing of it, feedparser may go by one in another entry.
        base = child.get(el.BASE, around.text_base)
        # Of two summaries feedparser takes the second for the content, if there is none yet.
        is_content = child.tag in CONTENTS or ("summary" in found and not found["content"])
        kind, text = _text(child, is_atom=around.is_atom, is_content=is_content)
        is_certain = PLAIN.fullmatch(base) or not around.has_base or "<" not in (text or "")
        if text is None or kind is None or not is_certain:
            return None
        detail = {"type": kind, "base": base, "value": text}
        if is_content:
            found["content"].append(detail)
            found.setdefault("summary", text)
        elif "summary_detail" in found and child.tag.startswith((el.MEDIA, el.MEDIA_TOO)):
            return None  # how deep it stands decides
        else:
            found["summary"], found["summary_detail"] = text, detail
    return found


def _text(
    child: etree._Element, *, is_atom: bool, is_content: bool
) -> tuple[str | None, str | None]:
    if is_atom and child.get("type") == "xhtml":
        return _XHTML, el.mended(xhtml.written(child))
    text = el.value(child)
    return _kind(child, text or "", is_atom=is_atom, is_content=is_content), text


def _kind(child: etree._Element, text: str, *, is_atom: bool, is_content: bool) -> str | None:
    """Return what feedparser takes a text for."""
    said = child.get("type")
    if said is None:
        # Texts of its kind, unless they say something else.
        is_plain = child.tag == f"{el.ATOM}content" or child.tag.endswith("}summary")
        is_plain = is_plain or (is_content and child.tag not in CONTENTS)
        said = "text" if is_plain else "html"
    kind = _KINDS.get(said, said)
    if kind == "text/plain" and not is_atom and el.looks_like_html(text):
        return "text/html"
    return kind if kind in ("text/plain", "text/html") else None

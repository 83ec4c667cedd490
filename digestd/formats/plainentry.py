"""A new entry as most are written, read from its element.

feedparser reads a document by a machine that knows every form that a feed ever had; for
one new entry that is most of the work. What comes out here is what it would have found:
so it is only for entries as most are written, all others are its affair.
"""

from __future__ import annotations

from typing import Any

from lxml import etree

from digestd.core.parsed import MathMode, ParsedEntry
from digestd.formats import element as el
from digestd.formats import feedentry, fields, xhtml
from digestd.formats.glance import CONTENTS, Surroundings, look
from digestd.frozen import dataclass

_RSS1 = ("http://purl.org/rss/1.0/", "http://my.netscape.com/rdf/simple/0.9/")
# Whether a text without a `type` is HTML; the others are.
_PLAIN_BY_NATURE = ("summary", "content")
_KINDS = {"text": "text/plain", "html": "text/html"}
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
    """Return what an entry says; None: feedparser has to read it.

    Nothing around it may have an `xml:base`.
    """
    if any(_has_unbound_prefix(node) for node in element.iter(etree.Element)):
        return None
    seen = look(element, around, math)
    if seen is None or around.has_base:
        return None
    found, said = seen
    texts = _texts(found.written, is_atom=around.is_atom)
    return Plain(said, texts, around.base, url) if texts is not None else None


def _has_unbound_prefix(node: etree._Element) -> bool:
    """Tell whether a name has a prefix that stands for nothing, which expat refuses."""
    return any(":" in str(name) and name[0] != "{" for name in (node.tag, *node.keys()))


def _texts(written: list[etree._Element], *, is_atom: bool) -> dict[str, Any] | None:
    """Return the texts of an entry as feedparser has them; None: that is not certain."""
    found: dict[str, Any] = {"content": []}
    kind: str | None
    for child in written:
        if is_atom and child.get("type") == "xhtml":
            kind, text = _XHTML, el.mended(xhtml.written(child))
        else:
            text = el.value(child)
            kind = _kind(child, text or "", is_atom=is_atom)
        if text is None or kind is None:
            return None
        detail = {"type": kind, "base": "", "value": text}
        if child.tag in CONTENTS:
            found["content"].append(detail)
            found.setdefault("summary", text)
        elif "summary" in found and (not found["content"] or "summary_detail" in found):
            return None  # of two it takes one for the content
        else:
            found["summary"], found["summary_detail"] = text, detail
    return found


def _kind(child: etree._Element, text: str, *, is_atom: bool) -> str | None:
    """Return what feedparser takes a text for."""
    name = child.tag.rpartition("}")[2]
    by_nature = "text/plain" if name in _PLAIN_BY_NATURE else "text/html"
    said = child.get("type")
    kind = by_nature if said is None else _KINDS.get(said, said)
    if kind == "text/plain" and not is_atom and el.looks_like_html(text):
        return "text/html"
    return kind if kind in ("text/plain", "text/html") else None

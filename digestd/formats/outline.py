"""A document cut at its entries, without being parsed: which of them are known by sight.

The tree that shows it to be well-formed also counts its entries. Where as many start
tags of that name stand in the text, those are they: each entry has one there, and a tag
in a comment or CDATA section would be one too many. All else falls back to reading the
whole: entries within entries, in several places, too many.

What is known by sight was well-formed when it was read. So where nothing changed around
the entries, the tree need hold no more of those than their place: what stands there in
place of one would be missing in a tree if a comment began before it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Container, Iterable

from lxml import etree

from digestd import __version__
from digestd.core.reading import Familiar
from digestd.formats import fields
from digestd.formats.xmltext import (
    ENTRY,
    ENTRY_END,
    Document,
    bound_entries,
    has_too_many_tags,
    is_legal,
    legal,
    open_document,
    tree,
    with_absolute_base,
    with_legal_references,
)
from digestd.frozen import dataclass
from digestd.patterns import pattern

# To be raised when reading changes between releases: outlines are kept in databases.
VERSION = f"{__version__} 1"
_HASH_BYTES = 16

# What changes in a head without changing what anything says: dates, counts, comments with
# the time a cache took, the list of entries in RDF.
_VOLATILE = pattern(
    r"<((?:\w{1,20}:)?(?:lastBuildDate|pubDate|updated|modified|date|created|totalResults|startIndex"
    r"|itemsPerPage))(?:\s[^<>]{0,200})?>[^<]{0,100}</\1\s{0,9}>"
    r"|<!--(?:[^-]|-(?!->)){0,500}-->"
    r"|<items>.{0,200000}?</items>",
    re.DOTALL,
)
_BLANKS = re.compile(r"\s+")
_TAG = re.compile(f"{ENTRY.pattern}|{ENTRY_END.pattern}")
_NAME = re.compile(r"<[\w:-]+")


@dataclass(frozen=True, slots=True)
class Cut:
    """A text in pieces: `frame` is what stands before, between and after the entries."""

    frame: tuple[str, ...]
    pieces: tuple[str, ...]

    def with_only(self, places: Container[int]) -> str:
        """Return the text with these of its entries alone."""
        return self._filled(p if i in places else "" for i, p in enumerate(self.pieces))

    def in_place(self, places: Container[int]) -> str:
        """Return the text with these of its entries, and an empty element for each other."""
        return self._filled(
            p if i in places else f"{_NAME.match(p)[0]}/>"  # type: ignore[index]
            for i, p in enumerate(self.pieces)
        )

    def _filled(self, pieces: Iterable[str]) -> str:
        inner = (part for pair in zip(self.frame, pieces, strict=False) for part in pair)
        return "".join(inner) + self.frame[-1]

    def fits(self, root: etree._Element) -> bool:
        """Tell whether the entries in the tree of this text are its pieces, side by side."""
        elements = list(root.iter("{*}item", "{*}entry"))
        parents = {element.getparent() for element in elements}
        return (
            len(elements) == len(self.pieces)
            and len(parents) <= 1
            and all(p is not None and p.getparent() in (None, root) for p in parents)
        )

    def names(self) -> tuple[bytes, ...]:
        """Return the hash that each entry is known by."""
        return tuple(map(fingerprint, self.pieces))

    def context(self, document: Document, *more: str) -> bytes:
        """Return a hash of all that is no entry, but for what changes at every turn."""
        head = _BLANKS.sub(" ", _VOLATILE.sub("", " ".join(self.frame)))
        return fingerprint("\n".join((*more, *document.entities, head)))


def fingerprint(text: str) -> bytes:
    """Return a hash of text."""
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=_HASH_BYTES).digest()


def cut(text: str) -> Cut | None:
    """Return `text` cut at what its entries seem to be, if its tree `fits`; None: it cannot."""
    tags = [tag.span() for tag in _TAG.finditer(text)]
    if len(tags) % 2 or len(tags) > 2 * fields.MAX_ENTRIES:
        return None
    frame, pieces, position = [], [], 0
    for (start, _), (closing, end) in zip(tags[::2], tags[1::2], strict=True):
        if text[start + 1] == "/" or text[closing + 1] != "/":
            return None
        frame.append(text[position:start])
        pieces.append(text[start:end])
        position = end
    frame.append(text[position:])
    return Cut(tuple(frame), tuple(pieces))


@dataclass(frozen=True, slots=True)
class Grown:
    """A document cut at its entries, and what it is known by."""

    document: Document
    cut: Cut
    names: tuple[bytes, ...]
    context: bytes
    complaint: str
    text: str  # within bounds; what is known by sight may be left out
    is_whole: bool  # whether it is not
    root: etree._Element  # the tree of this text


def grow(source: str, complaint: str, url: str, known: Familiar | None) -> Grown | None:
    """Return a document cut at its entries; None: it is not well-formed, or cannot be cut."""
    hasty = with_legal_references(source)
    document = open_document(hasty)
    # What stands before the root no parser has seen; a tag hidden by a zero may be one.
    found = None
    if is_legal(hasty[: len(hasty) - len(document.text)]):
        found = _grown(document, complaint, url, known)
    if found is None:
        # To look for characters that XML forbids takes a parser's time: it has found them.
        strict = legal(source)
        if strict != hasty:
            found = _grown(open_document(strict), complaint, url, known)
    return found


def _grown(document: Document, complaint: str, url: str, known: Familiar | None) -> Grown | None:
    if document.root not in ("rss", "feed", "rdf:rdf"):
        return None
    text = with_absolute_base(bound_entries(document.text), url)
    pieces = None if has_too_many_tags(text) else cut(text)
    if pieces is None:
        return None
    if document.rubbish:
        complaint = "; ".join(c for c in (complaint, "text before the document") if c)
    context, names = pieces.context(document, VERSION, url, complaint), pieces.names()
    texts = [text]
    if known is not None and known.context == context:
        unseen = {place for place, name in enumerate(names) if name not in known.pieces}
        texts = [pieces.in_place(unseen), text]
    for one in texts:
        root = tree(Document(document.root, document.entities, one).as_bytes())
        if not isinstance(root, str) and pieces.fits(root):
            return Grown(document, pieces, names, context, complaint, one, one is text, root)
    return None

"""A document cut at its entries, without being parsed: which of them are known by sight.

The tree that shows it to be well-formed also counts its entries. Where as many start
tags of that name stand in the text, those are they: each entry has one there, and a tag
in a comment or CDATA section would be one too many. All else falls back to reading the
whole: entries within entries, in several places, too many.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Container, Sequence
from dataclasses import dataclass
from html import unescape

from lxml import etree

from digestd.core.text import scrub
from digestd.formats import fields
from digestd.formats.dates import parse_date
from digestd.formats.xmltext import DATE, ENTRY, ENTRY_END, Document

_HASH_BYTES = 16

# What changes in a head without changing what anything says: dates, counts, comments with
# the time a cache took, the list of entries in RDF.
_VOLATILE = re.compile(
    r"<((?:\w{1,20}:)?(?:lastBuildDate|pubDate|updated|modified|date|created|totalResults|startIndex"
    r"|itemsPerPage))(?:\s[^<>]{0,200})?>[^<]{0,100}</\1\s{0,9}>"
    r"|<!--(?:[^-]|-(?!->)){0,500}-->"
    r"|<items>.{0,200000}?</items>",
    re.DOTALL,
)
_BLANKS = re.compile(r"\s+")
# The elements that hold an entry's text.
_BODY = re.compile(
    r"<(description|content:encoded|content|summary|itunes:summary|media:description)"
    r"(\s[^<>]{0,500})?(?<!/)>"
)
_TAG = re.compile(r"<[^<>]{0,500}>")
_TEASER = 400  # characters
_TEASER_FROM = 4_000  # characters of a body as it stands


@dataclass(frozen=True, slots=True)
class Cut:
    """A text in pieces: `frame` is what stands before, between and after the entries."""

    frame: tuple[str, ...]
    pieces: tuple[str, ...]

    def with_only(self, places: Container[int]) -> str:
        """Return the text with these of its entries alone."""
        return self.rebuilt([p if i in places else "" for i, p in enumerate(self.pieces)])

    def rebuilt(self, pieces: Sequence[str]) -> str:
        """Return the text with `pieces` where its entries stood."""
        inner = (part for pair in zip(self.frame, pieces, strict=False) for part in pair)
        return "".join(inner) + self.frame[-1]

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


def cut(text: str, root: etree._Element) -> Cut | None:
    """Return `text` cut at its entries; None where that is not certain. `root`: its tree."""
    starts = [m.start() for m in ENTRY.finditer(text)]
    ends = [m.end() for m in ENTRY_END.finditer(text)]
    elements = list(root.iter("{*}item", "{*}entry"))
    if not len(starts) == len(ends) == len(elements) <= fields.MAX_ENTRIES:
        return None
    parents = {element.getparent() for element in elements}
    if len(parents) > 1 or any(p is None or p.getparent() not in (None, root) for p in parents):
        return None
    frame, pieces, position = [], [], 0
    for start, end in zip(starts, ends, strict=True):
        if not position <= start < end:
            return None
        frame.append(text[position:start])
        pieces.append(text[start:end])
        position = end
    frame.append(text[position:])
    return Cut(tuple(frame), tuple(pieces))


def newest(pieces: Sequence[str], count: int) -> set[int]:
    """Return which of these entries are the newest, by the first date in each; else the first."""
    found = [DATE.search(piece) for piece in pieces]
    dates = [parse_date(m[1]) if m else None for m in found]
    if any(date is None for date in dates):
        return set(range(count))
    ranked = sorted(range(len(pieces)), key=lambda i: (dates[i], -i), reverse=True)
    return set(ranked[:count])


def without_body(piece: str) -> tuple[str, str]:
    """Return an entry without the elements that hold its text, and the beginning of that text."""
    kept, teaser, position = [], "", 0
    while found := _BODY.search(piece, position):
        end = _end_of(piece, found.end(), found[1])
        if end < 0:
            break
        inside = piece[found.end() : min(end, found.end() + _TEASER_FROM)]
        text = _text(inside)
        teaser = text if len(text) > len(teaser) else teaser
        kept.append(piece[position : found.start()])
        position = piece.index(">", end) + 1
    return "".join(kept) + piece[position:], teaser


def _end_of(piece: str, position: int, name: str) -> int:
    """Return where the end tag of the element begins that was opened before `position`."""
    depth = 1
    while (position := piece.find("<", position)) >= 0:
        if piece.startswith("<![CDATA[", position):
            position = piece.find("]]>", position)
            if position < 0:
                return -1
        elif piece.startswith(f"</{name}", position):
            depth -= 1
            if not depth:
                return position
        elif piece.startswith(f"<{name}", position):
            return -1  # within itself: nothing that we know does that
        position += 1
    return -1


def _text(markup: str) -> str:
    """Return the beginning of a body as plain text, whichever way it was written."""
    if markup.lstrip().startswith("<![CDATA["):
        markup = markup.lstrip()[9:].partition("]]>")[0]
    elif "<" not in markup:
        markup = unescape(markup)
    bare = unescape(_TAG.sub(" ", markup)).partition("<")[0]
    return " ".join(scrub(bare).split())[:_TEASER]

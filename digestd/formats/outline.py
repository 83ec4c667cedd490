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

from lxml import etree

from digestd.formats import fields
from digestd.formats.dates import parse_date
from digestd.formats.xmltext import DATE, ENTRY, ENTRY_END, Document
from digestd.frozen import dataclass
from digestd.patterns import pattern

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


@dataclass(frozen=True, slots=True)
class Cut:
    """A text in pieces: `frame` is what stands before, between and after the entries."""

    frame: tuple[str, ...]
    pieces: tuple[str, ...]

    def with_only(self, places: Container[int]) -> str:
        """Return the text with these of its entries alone."""
        kept = [piece if i in places else "" for i, piece in enumerate(self.pieces)]
        inner = (part for pair in zip(self.frame, kept, strict=False) for part in pair)
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

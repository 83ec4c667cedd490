"""How a text begins, plain: what stands for an entry that nobody has read."""

from __future__ import annotations

import re
from html import escape, unescape

from digestd.core.identity import unread_keys
from digestd.core.parsed import MathMode, ParsedEntry
from digestd.core.text import scrub
from digestd.formats.html import clean_text
from digestd.frozen import dataclass, replace


@dataclass(frozen=True, slots=True)
class Glanced:
    """An entry without its text; how that begins, and whether it counts when maths is judged."""

    entry: ParsedEntry
    beginning: str
    has_tex: bool

    def unread(self, math: MathMode) -> ParsedEntry:
        """Return the entry as it is kept, in a mode that `fields.math_of` has settled."""
        summary = as_html(self.beginning, math)
        keys = unread_keys(self.entry)
        return replace(self.entry, summary_html=summary, unread=True, ladder=keys)


LONGEST = 400  # characters
# So much of a text as it stands is looked at; the second where the first says too little.
_LOOKED_AT = (1_000, 4_000)
_TAG = re.compile(r"<[^<>]{0,500}>")
_LAST_OPENED = re.compile(r"\\[(\[](?!.*\\[)\]]).*\Z")


def beginning(text: str, *, is_html: bool = True) -> str:
    """Return the beginning of a text on one line, without the markup of HTML."""
    found = ""
    for length in _LOOKED_AT:
        bare = text[:length]
        if is_html:
            # What a cut leaves of a tag goes, too.
            bare = unescape(_TAG.sub(" ", bare).partition("<")[0])
        found = " ".join(bare.split())
        if not found.isprintable():
            found = " ".join(scrub(found).split())
        if len(found) >= LONGEST or len(text) <= length:
            break
    return found[:LONGEST]


def as_html(beginning: str, math: MathMode) -> str:
    """Return it as cleaned HTML with its formulas marked; one that it cuts in two is left out."""
    if "$" not in beginning and "\\" not in beginning:
        return f"<p>{escape(beginning, quote=False)}</p>" if beginning else ""
    if len(beginning) == LONGEST:
        beginning = _LAST_OPENED.sub("", beginning)
        if beginning.count("$") % 2:
            beginning = beginning.rpartition("$")[0]
    return clean_text(beginning.rstrip(), math)

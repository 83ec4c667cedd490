"""Text from strangers made harmless to show: no control, bidi or invisible signs."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from digestd.patterns import pattern

if TYPE_CHECKING:  # most lines are short and plain: it is loaded for those that are not
    import regex

# What a terminal, a log line, a header or a reader's eye could be fooled by. Kept: tab and
# newline, the joiners (Persian, Indic scripts and emoji need them) and the two direction
# marks, which move nothing but neutral signs beside them.
_HARMFUL = pattern(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 and C1; carriage returns were folded before
    "\u202a-\u202e\u2066-\u2069\u206a-\u206f"  # bidi embeddings, overrides, isolates; deprecated
    "\ufeff\ufff9-\ufffb\ufffe\uffff"  # byte order mark, interlinear marks, no characters
    "\U000e0000-\U000e007f"  # tags: a second, invisible ASCII
    "\ud800-\udfff]"  # lone surrogates: no encoder takes them
)
_NEWLINES = pattern("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
# On top of that for a single line: what shows nothing and splits words a rule looks for.
_INVISIBLE = pattern(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2060-\u2064\u3164\uffa0]"
)
# A joiner joins two letters or two emoji; beside ASCII or blanks it only hides.
_IDLE_JOINER = re.compile(
    "(?<![^\x00-\x7f\\s\u200c\u200d])[\u200c\u200d]+|[\u200c\u200d]+(?![^\x00-\x7f\\s])"
)
_MAX_CLUSTER = 32


def scrub(text: str) -> str:
    """Return `text` without control, bidi and surrogate characters; newlines and tabs stay.

    Every kind of line end becomes a newline, so that no other one smuggles a line in.
    """
    if text.replace("\n", "").replace("\t", "").isprintable():  # none of these is
        return text
    return _HARMFUL.sub("", _NEWLINES.sub("\n", text))


def one_line(text: str, limit: int = 200) -> str:
    """Return `text` as one harmless line of at most `limit` grapheme clusters.

    White space is folded; zero-width signs go, joiners stay where they join. What was
    cut ends in "…". Work is bounded by the limit, whatever the length of `text`.
    """
    if len(text) <= limit and text.isprintable() and _shows_all(text):
        return " ".join(text.split())
    # A cluster longer than _MAX_CLUSTER is a pile of accents; blanks may fill the rest.
    looked_at = limit * _MAX_CLUSTER * 2
    head = _IDLE_JOINER.sub("", _INVISIBLE.sub("", scrub(text[:looked_at])))
    is_cut = bool(text[looked_at : 2 * looked_at].strip())
    folded = " ".join(head.split())
    if not is_cut and len(folded) <= limit:
        return folded
    kept = list(islice(_clusters(folded), limit + 1))
    if is_cut or len(kept) > limit:
        return "".join(kept[: limit - 1]).rstrip() + "…"
    return "".join(kept)


def _shows_all(text: str) -> bool:
    return text.isascii() or _INVISIBLE.search(text) is None


@functools.cache
def _cluster() -> regex.Pattern[str]:
    import regex  # noqa: PLC0415 (see above)

    return regex.compile(r"\X")


def _clusters(text: str) -> Iterator[str]:
    for match in _cluster().finditer(text):
        yield match[0][:_MAX_CLUSTER]

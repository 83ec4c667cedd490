"""Where a text may be cut so that it reads as if its author had paused there.

At the end of a sentence, else of a clause, else between words; a late cut before an early
one. Text is in tokens of a sign each, but for what no rule looks at singly.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate

import regex

from digestd.formats.borders import CLOSING, OPENING, TURNED, is_east_asian, may_break
from digestd.formats.tokens import Token, names

LATE = 0.6  # of a limit: what is cut after it is long enough
LONGEST_LOOK_BACK = 14  # signs: an abbreviation and what is before it
BLANK = frozenset(("space", "block", "br"))
_FULL_STOPS = frozenset("。！？｡．؟۔।॥։።…")
_STOPS = frozenset(".!?")
PAUSES = frozenset("，、；：,;:—–،؛､")
_CLOSERS = frozenset(")]}）］｝〕】》〉」』”’»›\"'｣")
_SENTENCE_ENDS = _FULL_STOPS | _STOPS | _CLOSERS | TURNED
_CLAUSE_ENDS = PAUSES | _CLOSERS | TURNED
_ABBREVIATIONS = names(
    "e.g i.e etc vs cf al viz approx ca no nos fig figs eq eqs sec ch vol pp p ed eds dr mr mrs ms"
    " prof st jr sr inc ltd co corp dept est resp thm lem def prop jan feb mar apr jun jul aug sep"
    " sept oct nov dec z.b d.h u.a bzw vgl usw evtl ggf nr bd m.e p.ex av mme mlle sra dra ud uds"
    " u.s u.k a.m p.m ph.d"
)


def late_cut(tokens: Sequence[Token], limit: int) -> int:
    """Return how many tokens to keep so that they cost at most `limit`, and 60% of it; 0: none."""
    costs = [0, *accumulate(token.cost for token in tokens)]
    last = bisect_right(costs, limit) - 1
    first = max(bisect_left(costs, LATE * limit), 1)
    for at in range(last, first - 1, -1):
        if (
            tokens[at - 1].text in _SENTENCE_ENDS
            and ends_sentence(tokens, at, tokens[at])
            and _is_border(tokens, at)
        ):
            return at
    for at in range(last, first - 1, -1):
        if costs[at] < 0.75 * limit:
            break
        if (
            (tokens[at - 1].text in _CLAUSE_ENDS or tokens[at].kind == "block")
            and _ends_clause(tokens, at)
            and _is_border(tokens, at)
        ):
            return at
    borders = [at for at in range(last, first - 1, -1) if _is_border(tokens, at)]
    outside = (at for at in borders if not _is_inside_link(tokens, at))
    return next(outside, borders[0] if borders else 0)


def early_cut(tokens: Sequence[Token], limit: int) -> int:
    """Do the same where that is less than 60%, and where a word has to be torn."""
    costs = accumulate(token.cost for token in tokens)
    last = bisect_right(list(costs), limit)
    borders = (at for at in range(last, 0, -1) if _is_border(tokens, at))
    return next(borders, 0) or _forced(tokens, last)


def _forced(tokens: Sequence[Token], last: int) -> int:
    """Return a cut inside a word that alone is longer than the limit.

    0 for a URL; a number goes whole, with the sign of its currency.
    """
    word = "".join(token.text for token in tokens[:12])
    if regex.match(r"https?://|www\.", word):
        return 0
    while 0 < last < len(tokens) and (
        _is_in_number(tokens[last - 1].text, tokens[last].text) or tokens[last - 1].text in OPENING
    ):
        last -= 1
    return last


def _is_in_number(before: str, after: str) -> bool:
    """Tell whether two neighbours are parts of one number, or a number and its unit's sign."""
    return (before.isdigit() and (after.isdigit() or after in ".,%％‰°€")) or (
        before in ".," and after.isdigit()
    )


def _is_border(tokens: Sequence[Token], at: int) -> bool:
    before, after = tokens[at - 1], tokens[at]
    if before.kind in BLANK:
        return False  # the border is before the blank
    if (before.text in OPENING and not _closes(tokens, at - 1)) or _is_abbreviation(tokens, at):
        return False
    if after.kind == "space":
        follower = tokens[at + 1].text if at + 1 < len(tokens) else ""
        return not (before.text.isdigit() and follower[:1] in tuple("%％‰°€"))
    if after.kind != "text":
        return after.kind in ("block", "br", "pre", "display") or _stands_free(before)
    if before.kind != "text":
        return before.kind in ("pre", "display") or (
            is_east_asian(after.text) and after.text[0] not in CLOSING
        )
    return may_break(before.text, after.text)


def _stands_free(token: Token) -> bool:
    """Tell whether a formula or code that follows without a blank may be parted from `token`."""
    return token.kind != "text" or is_east_asian(token.text)


def _is_inside_link(tokens: Sequence[Token], at: int) -> bool:
    link = tokens[at - 1].link
    return link is not None and link is tokens[at].link


def ends_sentence(tokens: Sequence[Token], at: int, after: Token | None) -> bool:
    """Tell whether the first `at` tokens end with a sentence, `after` being what follows."""
    stop = at - 1
    while stop > 0 and _closes(tokens, stop):
        stop -= 1
    if stop < 0 or tokens[stop].kind != "text":
        return False
    mark = tokens[stop].text
    if mark in _FULL_STOPS:
        return True
    if mark not in _STOPS or (after and after.kind == "text" and not is_east_asian(after.text)):
        return False
    return mark != "." or not (
        _is_abbreviation(tokens, stop + 1)
        or (after is not None and at + 1 < len(tokens) and tokens[at + 1].text.islower())
    )


def _closes(tokens: Sequence[Token], at: int) -> bool:
    """Tell whether a token closes a bracket or a quotation; “ does so in German."""
    text = tokens[at].text
    if text not in TURNED:
        return text in _CLOSERS
    return at + 1 == len(tokens) or tokens[at + 1].kind in BLANK


def _ends_clause(tokens: Sequence[Token], at: int) -> bool:
    stop = at - 1
    while stop > 0 and _closes(tokens, stop):
        stop -= 1
    return tokens[stop].text in PAUSES or tokens[at].kind == "block"


def _is_abbreviation(tokens: Sequence[Token], at: int) -> bool:
    """Tell whether the word before `at` is written with a full stop that ends no sentence."""
    if tokens[at - 1].text != ".":
        return False
    start = at - 1
    while start > 0 and at - start < 12 and tokens[start - 1].kind == "text":
        start -= 1
    word = "".join(token.text for token in tokens[start : at - 1]).lstrip("(“\"'[")
    if word.lower() in _ABBREVIATIONS or (len(word) == 1 and word.isupper()):
        return True
    # "1." opens an item; "in 2024." ends a sentence.
    opens = start == 0 or tokens[start - 1].kind in ("block", "br")
    return opens and len(word) <= 2 and word.isdigit()

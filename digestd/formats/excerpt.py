"""Shortening entry HTML without breaking anything in it.

The tree is walked into tokens (a grapheme cluster, a formula, a piece of code, a
border between blocks), each of which knows the elements it stands in; so a cut
falls between tokens and the closing tags come by themselves. Work is bounded by
the parser (one pass over the input) and by the limit (clusters are counted only
that far); every pattern here runs over a bounded stretch of text.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import accumulate
from typing import Literal

import regex

from digestd.formats.borders import (
    CLOSING,
    OPENING,
    TURNED,
    are_signs,
    clusters,
    is_east_asian,
    may_break,
)
from digestd.formats.cutmarks import TAIL, without_tail
from digestd.formats.tokens import (
    HEADINGS,
    INLINE,
    Element,
    FormulaForm,
    Path,
    Token,
    as_html,
    as_text,
    names,
    runs,
)
from digestd.frozen import replace

_BLANKS = regex.compile(r"\s+")
_LETTERS = re.compile("[a-z]+|.", re.DOTALL)
_WORDS = re.compile(r".*[^\W_]", re.DOTALL)
_BLANK = frozenset(("space", "block", "br"))
_LOOKED_AT = 8  # code points for each sign that may stay
_LATE = 0.6  # of a limit: what is cut after it is long enough
_LONGEST_LOOK_BACK = 14  # signs: an abbreviation and what is before it


def excerpt(
    html: str,
    limit: int,
    mode: Literal["text", "html"],
    *,
    formulas: FormulaForm = "unicode",
) -> str:
    """Return the beginning of an entry, at most `limit` signs long, cut where a reader would pause.

    `html` is sanitised, its formulas are marked (`formats.maths.mark_html`). A sign is
    a grapheme cluster; a formula counts as one, whatever its length. An ellipsis
    stands where something was dropped and the text does not end a sentence.
    `formulas` says how they are written: as they are marked, or as LaTeX.
    """
    kept = beginning(html, limit, formulas=formulas)
    return as_text(kept) if mode == "text" else as_html(kept)


def beginning(html: str, limit: int, *, formulas: FormulaForm = "unicode") -> list[Token]:
    """Return an excerpt as tokens, for whoever writes them in a form of its own."""
    for source, was_cut in _sources(html, limit, formulas):
        # Most cuts are late, and no rule for them looks at single signs much before.
        tokens, more = _tokens(source, limit, int(_LATE * limit) - _LONGEST_LOOK_BACK)
        is_cut = more or was_cut
        if more:
            break
    at = _late_cut(tokens, limit) if more else 0
    if is_cut and not at:
        tokens, more = _tokens(source, limit)
        at = _early_cut(tokens, limit) if more else 0
    kept = _trimmed(tokens[:at] if more else tokens, cut=more)
    if is_cut and not _ends_sentence(kept, len(kept), None):
        return _with_ellipsis(kept)
    return kept


def whole(html: str) -> list[Token]:
    """Return all of an entry as tokens, text unsplit, blanks and borders collapsed."""
    return _trimmed(list(_joined(map(_collapsed, runs(html, whole=True)))), cut=False)


def shorten(text: str, limit: int) -> str:
    """Return one line of plain text, at most `limit` signs (and an ellipsis) long."""
    line = " ".join(text.split())
    # What comes long after the cut has no say in where it is.
    line = line[: _LOOKED_AT * limit + TAIL]
    return line if len(line) <= limit else excerpt(escape(line, quote=False), limit, "text")


# --- from runs to tokens -----------------------------------------------------------------


def _sources(html: str, limit: int, formulas: FormulaForm) -> Iterator[tuple[list[Token], bool]]:
    """Yield an entry's runs without marks of cutting at their end, and whether there were any.

    Of a long entry those of its beginning come first, for whoever needs no more.
    """
    beginning = _LOOKED_AT * limit + 3 * TAIL
    if len(html) > 2 * beginning:
        head = html[: max(html.rfind("<", 0, beginning), 0)]
        first = runs(head, formulas, is_beginning=True)
        left = TAIL  # where a mark that goes on beyond may begin
        while first and left > 0:
            run = first.pop()
            left -= len(run.text) if run.kind == "text" else 1
        yield first, False
    yield without_tail(runs(html, formulas))


def _tokens(runs: Sequence[Token], limit: int, joined: int = 0) -> tuple[list[Token], bool]:
    """Split runs into tokens, a little past the limit; tell whether they go on beyond it.

    Blanks and borders are collapsed; none stands at the beginning, but for a list's bullet.
    Among the first `joined` signs, words stay together, and after them what is letters alone.
    """
    tokens: list[Token] = []
    cost = 0
    waiting: Token | None = None
    for token in _split(runs, joined):
        if token.kind in _BLANK:
            waiting = token if waiting is None else _stronger(waiting, token)
            continue
        if waiting is not None:
            if tokens or waiting.text.strip():
                tokens.append(waiting)
                cost += waiting.cost
            waiting = None
        if not tokens and token.kind == "pre" and token.cost > limit:
            continue  # a page that opens with a long listing
        tokens.append(token)
        cost += token.cost
        # Two more than the limit: the rules look at what follows a border.
        if cost > limit + 2:
            break
    while tokens and tokens[-1].kind in _BLANK:
        cost -= tokens.pop().cost
    return tokens, cost > limit


def _split(runs: Iterable[Token], joined: int) -> Iterator[Token]:
    """Yield runs with their text sign by sign, its words before `joined` signs in one piece.

    Such a piece ends in a letter or a digit: no rule for what follows looks beyond one. After
    it a word is one piece, too, where no rule can tell its letters apart; 0: none is.
    """
    is_joined = joined > 0
    for run in runs:
        if run.kind != "text":
            yield run
            joined -= run.cost
            continue
        text, path, link = run.text, run.path, run.link
        words = _WORDS.match(text, 0, joined) if joined > 0 else None
        if words and are_signs(text[: words.end() + 1]):
            if text[0].isspace():
                yield Token("space", " ", path, 1, "", "", link)
            shown = " ".join(words[0].split())
            yield Token("text", shown, path, len(shown), "", "", link)
            text = text[words.end() :]
        joined -= len(run.text)
        made: dict[str, Token] = {}  # a sign that comes again is the same token: most do
        in_words = is_joined and text.isascii()
        for piece in _LETTERS.findall(text) if in_words else clusters(text):
            token = made.get(piece)
            if token is None:
                # Not `replace`: it takes ten times as long.
                if piece.isspace():
                    token = Token("space", " ", path, 1, "", "", link)
                else:
                    cost = len(piece) if in_words else 1
                    token = Token("text", piece, path, cost, "", "", link)
                made[piece] = token
            yield token


def _collapsed(run: Token) -> Token:
    if run.kind != "text":
        return run
    text = _BLANKS.sub(" ", run.text)
    return replace(run, text=text) if text != " " else replace(run, kind="space", text=" ")


def _joined(tokens: Iterable[Token]) -> Iterator[Token]:
    """Collapse blanks and borders; none stands at the beginning, but for a list's bullet."""
    waiting: Token | None = None
    begun = False
    for token in tokens:
        if token.kind in _BLANK:
            waiting = token if waiting is None else _stronger(waiting, token)
            continue
        if waiting is not None and (begun or waiting.text.strip()):
            yield waiting
        waiting, begun = None, True
        yield token


def _stronger(first: Token, second: Token) -> Token:
    def rank(token: Token) -> tuple[bool, int]:
        return bool(token.text.strip()), len(token.text) if token.kind != "space" else 0

    return second if rank(second) > rank(first) else first


# --- where to cut ------------------------------------------------------------------------

_FULL_STOPS = frozenset("。！？｡．؟۔।॥։።…")
_STOPS = frozenset(".!?")
_PAUSES = frozenset("，、；：,;:—–،؛､")
_CLOSERS = frozenset(")]}）］｝〕】》〉」』”’»›\"'｣")
_SENTENCE_ENDS = _FULL_STOPS | _STOPS | _CLOSERS | TURNED
_CLAUSE_ENDS = _PAUSES | _CLOSERS | TURNED
_ABBREVIATIONS = names(
    "e.g i.e etc vs cf al viz approx ca no nos fig figs eq eqs sec ch vol pp p ed eds dr mr mrs ms"
    " prof st jr sr inc ltd co corp dept est resp thm lem def prop jan feb mar apr jun jul aug sep"
    " sept oct nov dec z.b d.h u.a bzw vgl usw evtl ggf nr bd m.e p.ex av mme mlle sra dra ud uds"
    " u.s u.k a.m p.m ph.d"
)


def _late_cut(tokens: Sequence[Token], limit: int) -> int:
    """Return how many tokens to keep so that they cost at most `limit`, and 60% of it; 0: none."""
    costs = [0, *accumulate(token.cost for token in tokens)]
    last = bisect_right(costs, limit) - 1
    first = max(bisect_left(costs, _LATE * limit), 1)
    for at in range(last, first - 1, -1):
        if (
            tokens[at - 1].text in _SENTENCE_ENDS
            and _ends_sentence(tokens, at, tokens[at])
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


def _early_cut(tokens: Sequence[Token], limit: int) -> int:
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
    if before.kind in _BLANK:
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


def _ends_sentence(tokens: Sequence[Token], at: int, after: Token | None) -> bool:
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
    return at + 1 == len(tokens) or tokens[at + 1].kind in _BLANK


def _ends_clause(tokens: Sequence[Token], at: int) -> bool:
    stop = at - 1
    while stop > 0 and _closes(tokens, stop):
        stop -= 1
    return tokens[stop].text in _PAUSES or tokens[at].kind == "block"


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


def _trimmed(tokens: Sequence[Token], *, cut: bool) -> list[Token]:
    """Drop blanks from the end, and a heading whose text was cut off."""
    kept = list(tokens)
    _strip_blanks(kept)
    if cut and kept and _heading(kept[-1]) and not _heading(kept[0]):
        heading = _heading(kept[-1])
        while kept and (kept[-1].kind == "block" or _heading(kept[-1]) is heading):
            kept.pop()
        _strip_blanks(kept)
    return kept


def _strip_blanks(tokens: list[Token]) -> None:
    while tokens and tokens[-1].kind in _BLANK:
        tokens.pop()


def _heading(token: Token) -> Element | None:
    return next((element for element in token.path if element.tag in HEADINGS), None)


def _with_ellipsis(tokens: Sequence[Token]) -> list[Token]:
    kept = list(tokens)
    while kept and (
        kept[-1].kind in _BLANK
        or kept[-1].text in _PAUSES
        or kept[-1].text in OPENING
        or kept[-1].text in ("-", "·", "|")
    ):
        kept.pop()
    path: Path = ()
    if kept:
        path = kept[-1].path
        while path and path[-1].tag in INLINE:
            path = path[:-1]
    return [*kept, Token("text", "…", path)]

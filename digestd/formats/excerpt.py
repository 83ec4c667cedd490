"""Shortening entry HTML without breaking anything in it.

The tree is walked into tokens (a grapheme cluster, a formula, a piece of code, a
border between blocks), each of which knows the elements it stands in; so a cut
falls between tokens and the closing tags come by themselves. Work is bounded by
the parser (one pass over the input) and by the limit (clusters are counted only
that far); every pattern here runs over a bounded stretch of text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Literal

import regex

from digestd.formats.borders import OPENING, are_signs, clusters
from digestd.formats.cutmarks import TAIL, without_tail
from digestd.formats.cuts import (
    BLANK,
    LATE,
    LONGEST_LOOK_BACK,
    PAUSES,
    early_cut,
    ends_sentence,
    late_cut,
)
from digestd.formats.tokens import (
    HEADINGS,
    INLINE,
    Element,
    FormulaForm,
    Path,
    Token,
    as_html,
    as_text,
    runs,
)
from digestd.frozen import replace

_BLANKS = regex.compile(r"\s+")
_LETTERS = re.compile("[a-z]+|.", re.DOTALL)
_WORDS = re.compile(r".*[^\W_]", re.DOTALL)
_LOOKED_AT = 8  # code points for each sign that may stay


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
        tokens, more = _tokens(source, limit, int(LATE * limit) - LONGEST_LOOK_BACK)
        is_cut = more or was_cut
        if more:
            break
    at = late_cut(tokens, limit) if more else 0
    if is_cut and not at:
        tokens, more = _tokens(source, limit)
        at = early_cut(tokens, limit) if more else 0
    kept = _trimmed(tokens[:at] if more else tokens, cut=more)
    if is_cut and not ends_sentence(kept, len(kept), None):
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
        if token.kind in BLANK:
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
    while tokens and tokens[-1].kind in BLANK:
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
        if token.kind in BLANK:
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


# --- tidying up --------------------------------------------------------------------------


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
    while tokens and tokens[-1].kind in BLANK:
        tokens.pop()


def _heading(token: Token) -> Element | None:
    return next((element for element in token.path if element.tag in HEADINGS), None)


def _with_ellipsis(tokens: Sequence[Token]) -> list[Token]:
    kept = list(tokens)
    while kept and (
        kept[-1].kind in BLANK
        or kept[-1].text in PAUSES
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

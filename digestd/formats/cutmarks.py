"""The marks by which a source says that it has cut its text itself: "[…]", "Continue reading"."""

from __future__ import annotations

from functools import cache

import regex

from digestd.formats.tokens import Token
from digestd.frozen import replace

# How far from the end they are looked for; this also bounds the patterns below.
TAIL = 1500
_FREE = r"(?<![^\s.…。！？!?\])→>])"  # not in the middle of a word
_ARROWS = r"[\s.…→»›>]{0,8}$"
# Each with words of which it has one, for few entries have any; compiled when one has.
_MARKS = (
    (
        ("appeared", "published"),
        (
            r"(?:^|\n|(?<=[.!?。\]…])\s)\s*The (?:post|article|entry)\s[^\n]{1,500}"
            r"(?:appeared first|first appeared|was first published)\s(?:on|at|in)\s"
            r"[^\n]{0,200}$"
        ),
    ),
    (
        ("eading",),
        _FREE + r"(?:Continue [Rr]eading|Keep [Rr]eading)(?:\s[^\n]{0,200})?$",
    ),
    (("Read",), _FREE + r"\(?Read (?:[Mm]ore|[Oo]n)\)?" + _ARROWS),
    (("ore",), _FREE + r"\([Mm]ore\s?(?:\.{3}|…)\)$"),
    (
        ("Read",),
        _FREE + r"\(?Read (?:the )?(?:full|whole|rest|entire)\b[^\n.]{0,80}\)?" + _ARROWS,
    ),
    (
        ("Weiterlesen", "Lire", "Leer", "Seguir"),
        _FREE + r"(?:Weiterlesen|Lire la suite|Leer más|Seguir leyendo)[^\n.]{0,80}$",
    ),
    (
        ("阅读", "查看", "閱讀", "查閱"),
        r"[(（\[【]?(?:点击|点此|继续)?(?:阅读|查看|閱讀|查閱)"
        r"(?:全文|更多|原文|余下全文|餘下全文)[)）\]】]?" + _ARROWS,
    ),
    (("続き",), r"続きを読む" + _ARROWS),
    (("..", "…", "⋯"), r"[(（\[［【]\s?(?:\.{2,6}|[…⋯]{1,3})\s?[)）\]］】]$"),
    (("...", "…", "⋯", "→", "»", "›"), r"(?:\.{3,12}|[…⋯]{1,6}|\s[→»›]{1,3})$"),
)
# A formula that the source's own shortening has cut in two can only be dropped.
_TORN = (
    ("\\begin", r"\\begin\{[a-zA-Z]{1,20}\*?\}(?:(?!\\end\{)[^\n])*$"),
    ("\\", r"\\[\[(](?:(?!\\[\])])[^\n])*$"),
    ("$", r"\${1,2}(?=[^$\n]*[\\^_])[^$\n]*$"),
)


@cache
def _pattern(text: str) -> regex.Pattern[str]:
    return regex.compile(text)


def without_tail(runs: list[Token]) -> tuple[list[Token], bool]:
    """Drop "[...]", "Continue reading" and the like from the end; tell whether there were any."""
    shapes: list[str] = []  # from the end
    length = 0
    for run in reversed(runs):
        if length >= TAIL:
            break
        shapes.append(_shape(run))
        length += len(shapes[-1])
    tail = "".join(reversed(shapes))[-TAIL:]
    rest, was_cut = tail.rstrip(), False
    for _ in range(8):  # one mark hides another; more than a few is somebody's game
        shorter = rest.rstrip()
        for words, mark in _MARKS:
            if not any(map(shorter.__contains__, words)):
                continue
            stripped = _pattern(mark).sub("", shorter)
            was_cut = was_cut or len(stripped.rstrip()) < len(shorter.rstrip())
            shorter = stripped
        for word, torn in _TORN:
            if word in shorter and (found := _pattern(torn).search(shorter)):
                shorter, was_cut = shorter[: found.start()], True
        if shorter == rest:
            break
        rest = shorter
    return (_shortened(runs, len(tail) - len(rest)), True) if was_cut else (runs, False)


def _shape(run: Token) -> str:
    """Return the run as the patterns see it: a formula or code is one sign that matches none."""
    if run.kind == "text":
        return run.text
    return "\n" if run.kind in ("block", "br") else "\ufffc"


def _shortened(runs: list[Token], excess: int) -> list[Token]:
    runs = list(runs)
    while excess > 0 and runs:
        run = runs.pop()
        length = len(_shape(run))
        if length > excess:
            runs.append(replace(run, text=run.text[: length - excess]))
        excess -= length
    return runs

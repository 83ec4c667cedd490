r"""LaTeX as it is written on pages, made ready for a typesetter of formulas alone.

Pages number their equations, name them and refer to them; they use environments of
whole documents, and `\\` where only text has lines. What of that is content is kept.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator

from digestd.core.mathcommands import bare
from digestd.core.mathparse import TOKEN
from digestd.frozen import dataclass

# Longer ones are machine output; typesetting them takes many seconds.
MAX_DRAWN = 4_000

_UNWRAPPED = frozenset("equation displaymath math dmath subequations".split())
_RENAMED = {
    "flalign": "align",
    "xalignat": "alignat",
    "tabular": "array",
    "IEEEeqnarray": "array",
}
_OPENING = frozenset(("{", r"\begin", r"\left"))
_CLOSING = frozenset(("}", r"\end", r"\right"))
_RELATIONS = frozenset(("=", "<", ">")) | frozenset(
    rf"\{name}"
    for name in "leq geq le ge leqslant geqslant approx sim equiv propto"
    " Rightarrow Leftrightarrow iff implies".split()
)
_NEXT = r"\\"
_ENVIRONMENT = re.compile(r"\\(begin|end)\s?\{([A-Za-z]+)(\*?)\}")
_UNNAMED = re.compile(
    r"\\(?:label|require)\s?\{[^{}]{0,200}\}|\\(?:notag|nonumber|hfill?)(?![A-Za-z])"
)
_REFERENCE = re.compile(r"\\(eqref|ref)\s?\{([^{}]{0,200})\}")
_TAG = re.compile(r"\\tag(\*?)\s?\{((?:[^{}]|\{[^{}]{0,100}\}){0,200})\}")


@dataclass(frozen=True, slots=True)
class Drawable:
    """LaTeX for the typesetter, and the number that stands beside it."""

    tex: str
    label: str = ""


def drawable(latex: str) -> Drawable | None:
    """Return what to typeset; None if it is too long or there is nothing."""
    tex = bare(latex)
    labels = [_label(found) for found in _TAG.finditer(tex)]
    tex = _UNNAMED.sub(" ", _TAG.sub(" ", tex))
    tex = _REFERENCE.sub(_refer, tex)
    tex = _ENVIRONMENT.sub(_rename, _unwrapped(tex)).strip()
    if not tex or len(tex) > MAX_DRAWN:
        return None
    breaks, columns = _at_top(tex)
    if columns and breaks:
        tex = rf"\begin{{aligned}}{tex}\end{{aligned}}"
    elif breaks:
        tex = rf"\begin{{gathered}}{tex}\end{{gathered}}"
    return Drawable(tex, labels[0] if len(labels) == 1 else "")


def narrower(tex: str) -> Iterator[str]:
    r"""Yield the same formula in more lines: broken at `\qquad`, at any quad, before relations.

    For a column that is narrower than the page it was written for. Nothing for one that
    has lines already.
    """
    breaks, columns = _at_top(tex)
    if breaks or columns or tex.lstrip().startswith(r"\begin"):
        return
    tried: list[str] = []
    for quads in ({r"\qquad"}, {r"\qquad", r"\quad"}):
        parts = _split(tex, quads)
        if len(parts) > 1 and parts != tried:
            yield rf"\begin{{gathered}}{_NEXT.join(parts)}\end{{gathered}}"
        tried = parts
    first, *rest = _split(tex, _RELATIONS, keep=True)
    if len(rest) > 1 and first:
        lines = _NEXT.join(f"&{part}" for part in rest)
        yield rf"\begin{{aligned}}{first}{lines}\end{{aligned}}"


def _split(tex: str, at: Collection[str], *, keep: bool = False) -> list[str]:
    """Return the parts of `tex` between the lexemes `at`, outside of every group."""
    parts, depth = [""], 0
    for lexeme in TOKEN.findall(tex):
        depth += (lexeme in _OPENING) - (lexeme in _CLOSING)
        if depth == 0 and lexeme in at:
            parts.append(lexeme if keep else "")
        else:
            parts[-1] += lexeme
    stripped = [part.strip() for part in parts]
    return stripped if keep else [part for part in stripped if part]


def _label(found: re.Match[str]) -> str:
    text = found[2].strip().strip("$")
    if re.search(r"[\\^_{]", text):
        return ""
    return text if found[1] else f"({text})"


def _refer(found: re.Match[str]) -> str:
    text = re.sub(r"[\\_^$#%&~]", " ", found[2])
    return rf"\text{{({text})}}" if found[1] == "eqref" else rf"\text{{{text}}}"


def _unwrapped(tex: str) -> str:
    """Return `tex` without environments of a document; one that is left open stays, broken."""
    opened = Counter(found[2] for found in _ENVIRONMENT.finditer(tex) if found[1] == "begin")
    closed = Counter(found[2] for found in _ENVIRONMENT.finditer(tex) if found[1] == "end")
    whole = {name for name in _UNWRAPPED if opened[name] == closed[name]}
    return _ENVIRONMENT.sub(lambda found: " " if found[2] in whole else found[0], tex)


def _rename(found: re.Match[str]) -> str:
    kind, name, star = found.groups()
    return rf"\{kind}{{{_RENAMED[name]}}}" if name in _RENAMED else rf"\{kind}{{{name}{star}}}"


def _at_top(tex: str) -> tuple[bool, bool]:
    r"""Return whether `\\`, and whether `&`, stands outside of every group and environment."""
    depth = 0
    breaks = columns = False
    for lexeme in TOKEN.findall(tex):
        depth += (lexeme in _OPENING) - (lexeme in _CLOSING)
        if depth == 0:
            breaks |= lexeme == r"\\"
            columns |= lexeme == "&"
    return breaks, columns

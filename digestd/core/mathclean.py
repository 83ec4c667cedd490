r"""LaTeX as it is written on pages, made ready for a typesetter of formulas alone.

Pages number their equations, name them and refer to them; they use environments of
whole documents, and `\\` where only text has lines. What of that is content is kept.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from digestd.core.mathcommands import bare
from digestd.core.mathparse import TOKEN

# Longer ones are machine output; typesetting them takes many seconds.
MAX_DRAWN = 4_000

_UNWRAPPED = frozenset("equation displaymath math dmath subequations".split())
_RENAMED = {
    "flalign": "align",
    "xalignat": "alignat",
    "tabular": "array",
    "IEEEeqnarray": "array",
}
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
        if lexeme in {"{", r"\begin", r"\left"}:
            depth += 1
        elif lexeme in {"}", r"\end", r"\right"}:
            depth -= 1
        elif depth == 0:
            breaks |= lexeme == r"\\"
            columns |= lexeme == "&"
    return breaks, columns

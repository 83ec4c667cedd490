r"""Chemistry: what stands in mhchem's `\ce{…}`, as plain LaTeX.

The everyday part of mhchem 4: formulas, charges, isotopes, reactions with
arrows and states. What is not known passes as it is.
"""

from __future__ import annotations

import re

from digestd.patterns import pattern

_ARROWS = {
    "<=>>": r"\rightleftharpoons ",
    "<<=>": r"\rightleftharpoons ",
    "<=>": r"\rightleftharpoons ",
    "<-->": r"\rightleftarrows ",
    "<->": r"\leftrightarrow ",
    "->": r"\rightarrow ",
    "<-": r"\leftarrow ",
}
_PART = pattern(
    r"(?P<arrow><=>>|<<=>|<=>|<-->|<->|->|<-)(?:\[(?P<over>[^\[\]]*)\])?(?:\[(?P<under>[^\[\]]*)\])?"
    r"|(?P<gas>(?<!\S)[\^v](?!\S))"
    r"|(?P<script>[\^_])(?:\{(?P<group>[^{}]*)\}|(?P<bare>\d*[+-]|\d+|[a-z]|\*|\.))"
    r"|(?P<charge>(?<=[A-Za-z0-9)\]])[+-](?=\s|$|[,;)\]^_]))"
    r"|(?P<count>(?<=[A-Za-z)\]])\d+)"
    r"|(?P<letters>[A-Za-z]+)"
    r"|(?P<command>\\(?:[A-Za-z]+|.))"
    r"|(?P<dot>\s*[.*·]\s*)"
    r"|(?P<bond>(?<=[A-Za-z0-9)])[-=#](?=[A-Za-z(]))"
    r"|(?P<other>.)",
    re.DOTALL,
)
_BONDS = {"-": r"\text{–}", "=": "{=}", "#": "{≡}"}


def to_latex(formula: str) -> str:
    """Return a chemical formula or equation as LaTeX for the parser; it never raises."""
    return "".join(_part(match) for match in _PART.finditer(formula))


def _part(match: re.Match[str]) -> str:
    kind, found = match.lastgroup, match[0]
    if match["arrow"]:
        arrow = _ARROWS[match["arrow"]]
        if match["under"]:
            arrow = rf"\underset{{{_note(match['under'])}}}{{{arrow}}}"
        if match["over"]:
            arrow = rf"\overset{{{_note(match['over'])}}}{{{arrow}}}"
        return arrow
    if match["script"]:
        content = match["group"] if match["group"] is not None else match["bare"]
        return f"{match['script']}{{{content}}}"
    simple = {
        "gas": r"\uparrow " if found == "^" else r"\downarrow ",
        "charge": f"^{{{found}}}",
        "count": f"_{{{found}}}",
        "letters": rf"\mathrm{{{found}}}",
        "command": found + (" " if found[-1:].isalpha() else ""),
        "dot": r"\cdot ",
        "bond": _BONDS.get(found, found),
    }
    return simple.get(kind or "", found)


def _note(text: str) -> str:
    return text if re.search(r"[\\$_^]", text) else rf"\text{{{text}}}"

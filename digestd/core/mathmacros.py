r"""Macros of LaTeX, written out: what a blog defines once, each formula must carry along.

A feed's entries are read one by one, far from the page whose `\newcommand` made
`\R` mean something. So macros are replaced by what they stand for, on the way in.
"""

from __future__ import annotations

from collections.abc import Mapping

from digestd.core.mathparse import TOKEN
from digestd.frozen import dataclass

MAX_EXPANSIONS = 500
MAX_LENGTH = 8_000  # of a formula, written out
MAX_DEFINED = 200
_DEFINING = frozenset(
    rf"\{name}"
    for name in "newcommand renewcommand providecommand def gdef DeclareMathOperator".split()
)


@dataclass(frozen=True, slots=True)
class Macro:
    """What a command stands for; `#1` and so on are its arguments."""

    body: str
    count: int = 0


Macros = Mapping[str, Macro]


def macro(body: str) -> Macro:
    """Return a macro whose arguments are those that its body speaks of."""
    return Macro(body, max((n for n in range(1, 10) if f"#{n}" in body), default=0))


def expand(tex: str, macros: Macros) -> str:
    """Return `tex` with `macros` (by name, without backslash) written out.

    What is called wrongly, or would grow without end, stays as it is.
    """
    reader = _Reader(TOKEN.findall(tex))
    left = MAX_EXPANSIONS
    out: list[str] = []
    length = 0
    while (lexeme := reader.next()) is not None:
        known = macros.get(lexeme[1:]) if lexeme[0] == "\\" else None
        if known is None:
            if out and _would_join(out[-1], lexeme):
                out.append(" ")
            out.append(lexeme)
            length += len(lexeme)
        else:
            arguments = [reader.argument() for _ in range(known.count)]
            left -= 1
            if left < 0 or None in arguments:
                return tex
            reader.push(_filled(known.body, [one or "" for one in arguments]))
        if length > MAX_LENGTH:
            return tex
    return "".join(out)


def take_definitions(tex: str) -> tuple[dict[str, Macro], str]:
    r"""Return the macros that `tex` defines, and `tex` without their definitions."""
    if not any(word in tex for word in _DEFINING):
        return {}, tex
    reader = _Reader(TOKEN.findall(tex))
    found: dict[str, Macro] = {}
    out: list[str] = []
    while (lexeme := reader.next()) is not None:
        if lexeme not in _DEFINING:
            out.append(lexeme)
            continue
        defined = reader.definition(lexeme)
        if defined is None:
            return {}, tex
        name, what = defined
        if len(found) < MAX_DEFINED:
            found[name] = what
    return found, "".join(out).strip()


def _would_join(before: str, after: str) -> bool:
    return len(before) > 1 and before[0] == "\\" and before[-1].isalpha() and after[0].isalpha()


def _filled(body: str, arguments: list[str]) -> str:
    for number, argument in enumerate(arguments, start=1):
        body = body.replace(f"#{number}", argument)
    return body


class _Reader:
    """Lexemes from left to right; what is pushed comes first."""

    def __init__(self, lexemes: list[str]) -> None:
        self._left = lexemes[::-1]

    def next(self) -> str | None:
        return self._left.pop() if self._left else None

    def push(self, tex: str) -> None:
        self._left.extend(reversed(TOKEN.findall(tex)))

    def _peek(self) -> str:
        while self._left and self._left[-1].isspace():
            self._left.pop()
        return self._left[-1] if self._left else ""

    def argument(self) -> str | None:
        """Return a group without its braces, or one lexeme; None if there is none."""
        opening = self._peek()
        if opening in {"", "}", "&"}:
            return None
        return self._group("{", "}") if opening == "{" else self.next()

    def _group(self, opening: str, closing: str) -> str | None:
        self.next()
        depth, inner = 1, list[str]()
        while (lexeme := self.next()) is not None:
            depth += (lexeme == opening) - (lexeme == closing)
            if not depth:
                return "".join(inner)
            inner.append(lexeme)
        return None

    def definition(self, how: str) -> tuple[str, Macro] | None:
        r"""Return what follows `\newcommand` or `\def`; None for what cannot be read."""
        if self._peek() == "*":
            self.next()
            how += "*"
        name = (self.argument() or "").strip()
        if how in {r"\def", r"\gdef"}:
            count = 0
            while self._peek() == "#":
                self.next()
                self.next()
                count += 1
        else:
            stated = (self._group("[", "]") or "") if self._peek() == "[" else "0"
            count = int(stated) if stated.isdecimal() and len(stated) == 1 else -1
        body = self.argument() if self._peek() == "{" else None
        if body is None or count < 0 or not name.startswith("\\") or not name[1:].isalpha():
            return None
        if how.startswith(r"\DeclareMathOperator"):
            body = rf"\operatorname{'*' if how.endswith('*') else ''}{{{body}}}"
        return name[1:], Macro(body, count)

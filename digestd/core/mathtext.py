r"""A formula as people can read it where nothing draws it.

`to_text` is one of plain Unicode, for chats, subjects, titles and the text part
of mail: `∑ᵢ₌₀ʲ pⁱ ≤ …`. `to_inline_html` uses italics, bold and indices where
they say the formula truthfully. Both come from one tree (`core.mathcommands`).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from digestd.core.mathcommands import bare, parse
from digestd.core.mathhtml import to_inline_html
from digestd.core.mathlayout import Piece, Writer, is_sum, join, outermost, piece, settle
from digestd.core.mathparse import BrokenFormulaError
from digestd.core.mathsymbols import SUBSCRIPTS, SUPERSCRIPTS
from digestd.core.mathtree import (
    Accent,
    Atom,
    Drawn,
    Fence,
    Frac,
    Node,
    Note,
    Root,
    Row,
    Script,
    Table,
    lone,
)
from digestd.patterns import pattern

__all__ = ["bare", "is_sound", "lower", "raised", "to_inline_html", "to_text"]

_LINE_ACCENTS = frozenset("\u0304\u0305\u0332")
_WORD = re.compile(r"[A-Za-z]{3,}")
# A name of three letters or more, or Chinese: unmistakable without brackets.
_PLAIN_WORD = pattern(r"[A-Za-z]{3,}|[\u2e80-\U0003ffff]+")
_ROOTS = {"": "√", "2": "√", "3": "∛", "4": "∜"}
_SHORT = 100
_FUNCTIONS = frozenset("fghpqFGHPQφϕψΓζ")
_CLOSERS = {"(": ")", "[": "]", "{": "}", "⟨": "⟩"}


def is_sound(latex: str) -> bool:
    """Whether the structure of `latex` holds: braces, fences and environments are closed.

    A command that nobody knows does not make it unsound; `to_text` shows its name.
    """
    try:
        parse(latex)
    except BrokenFormulaError:
        return False
    return True


def to_text(latex: str, *, one_line: bool = False) -> str:
    """Return a formula in Unicode; rows of a display are lines, or parted by `; `.

    Whatever does not parse, or is too long or deep, comes back as its source
    without the dollars. Never raises; the result grows with the source only.
    """
    if len(latex) <= _SHORT:  # the like of which a text is full: x, n and \\alpha
        return _to_text_again(latex, one_line)
    return _to_text(latex, one_line)


@lru_cache(maxsize=1_000)
def _to_text_again(latex: str, one_line: bool) -> str:
    return _to_text(latex, one_line)


def _to_text(latex: str, one_line: bool) -> str:
    try:
        tree = parse(latex)
    except BrokenFormulaError:
        return " ".join(bare(latex).split()) if one_line else bare(latex)
    text = unicodedata.normalize("NFC", _TextWriter().whole(tree))
    lines = [re.sub(r"\s+", " ", line).strip() for line in text.split("\n")]
    return ("; " if one_line else "\n").join(line for line in lines if line)


def raised(text: str) -> str | None:
    """Return `text` in superscript characters, or None if one is missing or it is a word."""
    return _script(text, SUPERSCRIPTS)


def lower(text: str) -> str | None:
    """Return `text` in subscript characters, or None if one is missing or it is a word."""
    return _script(text, SUBSCRIPTS)


def _script(text: str, table: dict[str, str]) -> str | None:
    for word in _WORD.findall(text):
        # ijk, lmn are indices side by side; aux, max and new are words.
        if not (set(word) <= set("ijklmn") and list(word) == sorted(set(word))):
            return None
    found = [table.get(sign) for sign in text]
    return "".join(sign for sign in found if sign) if text and all(found) else None


def _is_enclosed(text: str) -> bool:
    """Whether one pair of brackets holds all of `text`."""
    closer = _CLOSERS.get(text[:1])
    if closer is None or not text.endswith(closer):
        return False
    depth = 0
    for at, sign in enumerate(text):
        depth += (sign == text[0]) - (sign == closer)
        if not depth:
            return at == len(text) - 1
    return False


def _bracketed(text: str) -> str:
    return text if _is_enclosed(text) else f"({text})"


def _is_single(text: str) -> bool:
    """Whether `text` is one sign, with its accents."""
    return sum(not unicodedata.combining(sign) for sign in text) == 1


class _TextWriter(Writer):
    def whole(self, node: Node) -> str:
        """Return a formula of its own; here alone rows become lines."""
        inner = lone(node)
        if isinstance(inner, Table) and inner.shape == "lines":
            return "\n".join(self.line(cells, 0) for cells in inner.rows)
        if isinstance(inner, Row):
            return join([self.top(item) for item in inner.items])
        return self.write(inner)

    def top(self, node: Node) -> Piece:
        """Return a part of the whole formula; lines that stand beside a full stop stay lines."""
        if isinstance(lone(node), Table):
            return piece(self.whole(node), "ord")
        return self.piece(node, 0)

    def atom(self, node: Atom) -> Piece:
        return Piece(node.text, node.kind, node.kind, node.italic or node.bold)

    def drawn(self, node: Drawn, nested: int) -> Piece:
        return self.piece(node.body, nested)

    def note(self, node: Note, nested: int) -> Piece:
        body, label = self.write(node.body, nested=nested), self.write(node.label)
        return Piece(f"{body} [{label}]", "ord", "ord", loose=True)

    # --- indices -----------------------------------------------------------------------

    def script(self, node: Script, nested: int) -> Piece:
        inner = lone(node.base)
        base = self.piece(inner if node.stacked else node.base, nested)
        text = base.text
        if is_sum(node.base) or (isinstance(inner, Script) and inner.sup and node.sup):
            text = _bracketed(text)
        sub = "" if node.sub is None else self.write(node.sub, nested=nested + 1).strip()
        sup = "" if node.sup is None else self.write(node.sup, nested=nested + 1).strip()
        low, high = _index(sub, lower(sub), "_"), _index(sup, raised(sup), "^")
        if sup in ("∘", "°"):
            high = "°"
        is_word = low.startswith("_") and len(low) > 2 and low[1] != "("
        if low and high and (is_word or node.stacked or not text) and not high.startswith("^"):
            low, high = high, low  # ℒ²_aux: ℒ_aux² would square the name
        loose = bool(re.search(r"[_^]\w{3,}\Z", low + high))
        kind = base.kind if text or base.kind != "space" else "ord"
        return Piece(text + low + high, kind, base.tail, base.slanted, loose)

    # --- fractions and roots -----------------------------------------------------------

    def frac(self, node: Frac, nested: int) -> Piece:
        if not node.rule:
            top, bottom = self.write(node.top), self.write(node.bottom)
            if node.left == "(":
                return piece(f"C({top}, {bottom})", "fence")
            return piece(f"{node.left}{top}; {bottom}{node.right}", "fence")
        top, bottom = (self.write(part, nested=nested) for part in (node.top, node.bottom))
        if self.has_signs(node.top, nested):
            top = _bracketed(top)
        if self.is_product(node.bottom, nested):
            bottom = _bracketed(bottom)
        return piece(f"{top}/{bottom}", "frac")

    def has_signs(self, node: Node, nested: int) -> bool:
        """Whether a numerator is more than a product."""
        loose = ("bin", "rel", "punct", "word", "big", "frac", "space", "quant")
        things = outermost(settle(self.flat(node, nested)))
        return any(
            thing[0].kind in loose or (len(thing) == 1 and _parts_blank(thing[0]))
            for thing in things
        )

    def is_product(self, node: Node, nested: int) -> bool:
        """Whether a denominator is more than one thing: `2n`, but not `dx`, `f(x)` or `log(n)`."""
        things = outermost(settle(self.flat(node, nested)))
        while len(things) > 1 and things[-1][0].text == "!":
            things.pop()
        if not things or things[0][0].kind in ("frac", "rel", "bin"):
            return bool(things)
        first = things[0][0]
        if len(things) == 1:
            return len(things[0]) == 1 and _parts_blank(first)
        if len(things) > 2:
            return True
        if first.text[:1] in ("d", "∂") and first.kind == "ord" and len(things[1]) == 1:
            return False
        # f(x) is one thing, n(n + 1) a product.
        called = first.kind == "word" or first.text[:1] in _FUNCTIONS
        return not (called and _is_call(things[1]))

    def flat(self, node: Node, nested: int) -> list[Piece]:
        inner = lone(node)
        return self.pieces(inner.body if isinstance(inner, Drawn) else inner, nested)

    def root(self, node: Root, nested: int) -> Piece:
        index = "" if node.index is None else self.write(node.index, nested=1).strip()
        sign = _ROOTS.get(index) or (raised(index) or f"({index})") + "√"
        parts = settle(self.flat(node.body, nested))
        text = join(parts, tight=nested > 0)
        if len(parts) != 1 or parts[0].kind in ("frac", "root") or " " in text:
            text = _bracketed(text)
        return piece(sign + text, "root")

    def accent(self, node: Accent, nested: int) -> Piece:
        parts = settle(self.flat(node.body, nested))
        text = join(parts, tight=nested > 0).strip()
        if _is_single(text):
            return Piece(text + node.mark, "ord", "ord", slanted=True)
        if node.mark in _LINE_ACCENTS and text.isalnum() and len(text) <= 8:
            mark = "\u0305" if node.mark == "\u0304" else node.mark
            return Piece("".join(sign + mark for sign in text), "ord", "ord", slanted=True)
        return Piece(node.name + _bracketed(text), "word", "close")

    # --- fences and tables -------------------------------------------------------------

    def fence(self, node: Fence, nested: int) -> Piece:
        inner = lone(node.body)
        if isinstance(inner, Table) and not inner.left and not inner.right:
            if (node.left, node.right) == ("{", ""):
                return piece(self.cases(inner, "{", ""), "fence")
            return piece(node.left + self.matrix(inner) + node.right, "fence")
        text = f"{node.left}{self.write(node.body, nested=nested)}{node.right}"
        if not node.left:
            return Piece(text, "ord", "fence" if node.right else "ord")
        return piece(text, "fence")

    def table(self, node: Table, nested: int) -> Piece:
        if node.shape == "cases":
            return piece(self.cases(node, node.left, node.right), "fence")
        if node.shape == "matrix":
            left, right = (node.left, node.right) if node.left else ("[", "]")
            return piece(left + self.matrix(node) + right, "fence")
        if node.shape == "array":
            return piece(self.matrix(node), "ord")
        separator = ", " if nested else "; "
        lines = (self.line(cells, nested) for cells in node.rows)
        return piece(separator.join(line for line in lines if line), "ord")

    def line(self, cells: tuple[Node, ...], nested: int) -> str:
        """Return one row of an alignment: every second `&` only aligns, the others part."""
        parts: list[Piece] = []
        for number, cell in enumerate(cells):
            if number and number % 2 == 0:
                parts.append(piece(" ", "space"))
            parts += self.pieces(cell, nested)
        return join(parts, tight=nested > 0).strip()

    def matrix(self, node: Table) -> str:
        rows = [[self.write(cell).strip() for cell in cells] for cells in node.rows]
        comma = any(" " in cell for cells in rows for cell in cells if len(cells) > 1)
        lines = ((", " if comma else " ").join(c for c in cells if c) for cells in rows)
        return "; ".join(line for line in lines if line)

    def cases(self, node: Table, left: str, right: str) -> str:
        rows = [
            [self.write(cell).strip().rstrip(",，;；") for cell in cells] for cells in node.rows
        ]
        text = "; ".join(", ".join(cell for cell in cells if cell) for cells in rows)
        return f"{left or '{'} {text} {right or '}'}"


def _parts_blank(part: Piece) -> bool:
    return part.kind != "fence" and " " in part.text


def _is_call(thing: list[Piece]) -> bool:
    brackets = thing[0].kind == "fence" or (thing[0].kind == "open" and thing[0].text == "(")
    return brackets and not any(part.kind == "bin" or "+" in part.text for part in thing)


def _index(text: str, signs: str | None, mark: str) -> str:
    """Return an index in its own characters, else behind `_` or `^`, in brackets if need be."""
    if not text:
        return ""
    if signs is not None:
        return signs
    is_word = _PLAIN_WORD.fullmatch(text) is not None or _is_single(text)
    return mark + (text if is_word else _bracketed(text))

"""A formula in the HTML that every mail program has: italics, bold, sub, sup.

Only where that is truthful: what needs a second dimension is left to a picture.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from html import escape

from digestd.core.mathcommands import parse
from digestd.core.mathlayout import Piece, Writer, is_sum, piece
from digestd.core.mathparse import BrokenFormulaError
from digestd.core.mathtree import (
    Accent,
    Atom,
    Frac,
    Node,
    Root,
    Script,
    is_empty,
    lone,
)

MAX_NESTED = 2  # indices of indices are read, a third level is not

# Accents that fonts put where they belong; the long and the high ones are drawn.
_ACCENTS = frozenset("\u0300\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308\u030a\u030c")


# A digest is rendered at several rungs and with its pictures again: 4 MB at the very most.
@lru_cache(maxsize=1024)
def to_inline_html(latex: str) -> str | None:
    """Return a formula as inline HTML, escaped; None if only a picture shows it truthfully.

    Also None for broken LaTeX and for formulas with nothing to see. Never raises.
    """
    try:
        text = _HtmlWriter().write(parse(latex))
    except (BrokenFormulaError, _Unsayable):
        return None
    text = re.sub(r"\s+", " ", text).strip()
    for tag in ("i", "b"):
        text = text.replace(f"</{tag}><{tag}>", "")
    return unicodedata.normalize("NFC", text) or None


class _Unsayable(Exception):  # noqa: N818  (no error: this form has no words for it)
    """HTML cannot say the formula truthfully."""


class _HtmlWriter(Writer):
    def _unsayable(self, node: Node, nested: int) -> Piece:
        raise _Unsayable(type(node).__name__, nested)

    table = note = drawn = _unsayable

    def atom(self, node: Atom) -> Piece:
        text = escape(node.text, quote=False)
        if node.italic:
            text = f"<i>{text}</i>"
        if node.bold:
            text = f"<b>{text}</b>"
        return Piece(text, node.kind, node.kind, node.italic or node.bold)

    def sign(self, text: str) -> str:
        return escape(text, quote=False)

    def script(self, node: Script, nested: int) -> Piece:
        base = self.piece(node.base, nested)
        if node.stacked or base.kind == "big" or is_sum(node.base) or nested >= MAX_NESTED:
            raise _Unsayable
        if isinstance(lone(node.base), Script):
            raise _Unsayable
        text = base.text
        if node.sub is not None and not is_empty(node.sub):
            text += f"<sub>{self.write(node.sub, nested=nested + 1)}</sub>"
        if node.sup is not None:
            text += self.upper(self.write(node.sup, nested=nested + 1))
        kind = base.kind if base.text else "ord"
        return Piece(text, kind, base.tail if base.text else "ord", base.slanted)

    def upper(self, text: str) -> str:
        if text == "∘":
            return "°"
        primes = "′" * (len(text) - len(text.lstrip("′")))
        rest = text.removeprefix(primes)
        return primes + (f"<sup>{rest}</sup>" if rest else "")

    def frac(self, node: Frac, nested: int) -> Piece:
        top, bottom = lone(node.top), lone(node.bottom)
        if not node.rule or not _is_plain(top) or not _is_plain(bottom):
            raise _Unsayable
        return piece(
            f"{self.write(top, nested=nested)}/{self.write(bottom, nested=nested)}", "frac"
        )

    def root(self, node: Root, nested: int) -> Piece:
        if node.index is not None or not _is_plain(lone(node.body)):
            raise _Unsayable
        return piece(f"√{self.write(lone(node.body), nested=nested)}", "root")

    def accent(self, node: Accent, nested: int) -> Piece:
        body = lone(node.body)
        if not isinstance(body, Atom) or len(body.text) != 1 or node.mark not in _ACCENTS:
            raise _Unsayable
        mark = "\u0304" if node.mark == "\u0305" else node.mark
        accented = unicodedata.normalize("NFC", body.text + mark)
        return self.piece(Atom(accented, "ord", body.italic, body.bold), nested)


def _is_plain(node: Node) -> bool:
    """Whether `node` is one letter or number."""
    return isinstance(node, Atom) and node.kind in ("ord", "num") and node.text.isalnum()

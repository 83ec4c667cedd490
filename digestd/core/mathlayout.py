"""How the parts of a formula stand beside each other, whatever they are written in.

A writer turns each node of the tree into a `Piece`; `join` sets the blanks that
TeX sets (The TeXbook, chapter 18) and the brackets that a fraction needs once
it is written in one line.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

from digestd.core.mathsymbols import Kind
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
    is_empty,
    lone,
)
from digestd.frozen import dataclass, replace

# What a sign of two sides may stand after, and what makes a fraction a factor.
_OPERANDS: frozenset[Kind] = frozenset(("ord", "num", "close", "fence", "frac", "root", "text"))
_FACTORS: frozenset[Kind] = frozenset(("ord", "num", "open", "fence", "frac", "root", "word"))
_FIXED: frozenset[Kind] = frozenset(("bin", "rel", "punct", "open", "close", "bar"))


@dataclass(frozen=True, slots=True)
class Piece:
    """A written part: how it looks from the left (`kind`) and from the right (`tail`).

    `slanted`: a letter in italic or bold. `loose`: a blank must follow before
    a letter or a bracket, or that would be read as part of this.
    """

    text: str
    kind: Kind
    tail: Kind
    slanted: bool = False
    loose: bool = False


def piece(text: str, kind: Kind = "ord") -> Piece:
    """Return a piece that is of one kind from both sides."""
    return Piece(text, kind, kind)


def settle(pieces: Iterable[Piece]) -> list[Piece]:
    """Decide what context decides: which bars open, and which signs have one operand only."""
    parts = list(pieces)
    settled: list[Piece] = []
    before: Kind | None = None
    open_bars: list[str] = []
    waiting: int | None = None  # a sign of two sides that has no right operand yet
    for at, part in enumerate(parts):
        if part.kind == "space":
            settled.append(part)
            continue
        now = part
        if part.kind == "bar":
            apart = 0 < at < len(parts) - 1 and parts[at - 1].kind == parts[at + 1].kind == "space"
            now = _settle_bar(part, before, open_bars, apart=apart)
        elif part.kind == "bin" and before not in _OPERANDS:
            now = replace(part, kind="ord", tail="open")
        if waiting is not None and now.kind in ("rel", "close", "punct"):
            settled[waiting] = replace(settled[waiting], kind="ord", tail="ord")
        waiting = len(settled) if now.kind == "bin" else None
        settled.append(now)
        before = now.tail
    if waiting is not None:
        settled[waiting] = replace(settled[waiting], kind="ord", tail="ord")
    return settled


def _settle_bar(part: Piece, before: Kind | None, open_bars: list[str], *, apart: bool) -> Piece:
    sign = part.text[:1]
    if open_bars and open_bars[-1] == sign and before in _OPERANDS:
        open_bars.pop()
        return replace(part, kind="close", tail="close")
    if before in _OPERANDS and apart:
        return replace(part, kind="rel", tail="rel")  # KL(p ‖ q)
    if before in _OPERANDS and part.text == "|":
        return replace(part, kind="close", tail="open")  # a condition, p(x|y): no blanks
    open_bars.append(sign)
    return replace(part, kind="open", tail="open")


def outermost(pieces: list[Piece]) -> list[list[Piece]]:
    """Return settled pieces as things that hold together: one piece, or one pair of brackets."""
    things: list[list[Piece]] = []
    depth = 0
    for part in pieces:
        if depth > 0:
            things[-1].append(part)
        else:
            things.append([part])
        depth += (part.kind == "open") - (part.tail == "close" and part.kind != "fence")
        depth = max(depth, 0)
    return things


def join(pieces: Iterable[Piece], *, tight: bool = False) -> str:
    """Return the pieces as one line. `tight`: as in an index, without blanks around signs."""
    parts = settle(pieces)
    seen = [part for part in parts if part.kind != "space"]
    out: list[str] = []
    last: Piece | None = None
    blank = False
    at = 0
    for part in parts:
        if part.kind == "space":
            blank = True
            continue
        following = seen[at + 1] if at + 1 < len(seen) else None
        at += 1
        if last is not None and (_gap(last, part, tight=tight) or (blank and _may_gap(last, part))):
            out.append(" ")
        needs_brackets = part.kind == "frac" and _is_factor(last, following)
        out.append(f"({part.text})" if needs_brackets else part.text)
        last, blank = part, False
    return "".join(out)


def _is_factor(before: Piece | None, after: Piece | None) -> bool:
    """Whether a fraction between these is multiplied, so that its line would swallow them."""
    left = before is not None and (
        before.tail in ("ord", "num", "close", "fence", "frac", "root") or _ends_a_word(before)
    )
    right = after is not None and (
        (after.kind in _FACTORS and not after.text.startswith("|"))
        or (after.kind == "text" and after.text[:1].isascii() and after.text[:1].isalnum())
    )
    return left or right


def _ends_a_word(part: Piece) -> bool:
    return part.tail == "text" and part.text[-1:].isascii() and part.text[-1:].isalnum()


def _may_gap(a: Piece, b: Piece) -> bool:
    return a.tail != "open" and b.kind not in ("close", "punct")


def _gap(a: Piece, b: Piece, *, tight: bool) -> bool:
    """Whether a blank stands between two pieces."""
    if "rel" in (a.tail, b.kind) or "bin" in (a.tail, b.kind):
        sign = a.text if a.tail in ("rel", "bin") else b.text
        return not tight or sign.isalpha()
    if b.kind in ("punct", "close") or a.tail == "open":
        return False
    if a.tail == "punct" or (a.loose and b.kind not in ("fence", "bar")):
        return True
    return _gap_of_words(a, b)


def _gap_of_words(a: Piece, b: Piece) -> bool:
    """Whether a blank parts operators, words and roots from what they stand beside."""
    if a.tail == "big":
        return b.kind != "big" or a.text[-1:] == ")"
    if a.tail == "word":
        return b.kind not in ("open", "fence") or a.text[-1:] == ")"
    if b.kind in ("word", "big", "quant"):
        return a.tail in _OPERANDS
    if a.tail == "root":
        return b.kind in ("ord", "num", "root", "text")
    return _ends_a_word(a) and len(a.text) > 1 and b.slanted


class Writer(ABC):
    """Turns nodes into pieces; its subclasses know how each looks.

    `tight` inside indices, `nested` counts how deep in them.
    """

    def write(self, node: Node, *, nested: int = 0) -> str:
        """Return `node` as one line."""
        return join(self.pieces(node, nested), tight=nested > 0)

    def pieces(self, node: Node, nested: int) -> list[Piece]:
        """Return what stands beside each other in `node`."""
        if isinstance(node, Row):
            return [self.piece(item, nested) for item in node.items]
        return [self.piece(node, nested)]

    def piece(self, node: Node, nested: int) -> Piece:  # noqa: C901, PLR0911  (one for each node)
        """Return `node` as one piece."""
        match node:
            case Atom():
                return self.atom(node)
            case Row():
                return self.group(node, nested)
            case Script():
                return self.script(node, nested)
            case Frac():
                return self.frac(node, nested)
            case Root():
                return self.root(node, nested)
            case Accent():
                return self.accent(node, nested)
            case Fence():
                return self.fence(node, nested)
            case Table():
                return self.table(node, nested)
            case Note():
                return self.note(node, nested)
            case Drawn():
                return self.drawn(node, nested)

    def group(self, node: Row, nested: int) -> Piece:
        """Return a group in braces: one sign in braces stands without blanks, as in TeX."""
        inner = lone(node)
        if not isinstance(inner, Row):
            found = self.piece(inner, nested)
            return replace(found, kind="ord", tail="ord") if found.kind in _FIXED else found
        parts = settle(self.pieces(inner, nested))
        text = join(parts, tight=nested > 0)
        solid = [part for part in parts if part.kind != "space"]
        if not solid:
            return piece(" " if parts else "", "space" if parts else "ord")
        first, last = solid[0], solid[-1]
        kind: Kind = "ord" if first.kind in ("bin", "rel", "punct", "frac") else first.kind
        tail: Kind = "ord" if last.tail in ("bin", "rel", "punct", "frac") else last.tail
        return Piece(text, kind, tail, first.slanted, last.loose)

    @abstractmethod
    def atom(self, node: Atom) -> Piece:
        """Return one sign."""

    @abstractmethod
    def script(self, node: Script, nested: int) -> Piece:
        """Return a base with its indices."""

    @abstractmethod
    def frac(self, node: Frac, nested: int) -> Piece:
        """Return a fraction, without the brackets that its neighbours ask for."""

    @abstractmethod
    def root(self, node: Root, nested: int) -> Piece:
        """Return a root."""

    @abstractmethod
    def accent(self, node: Accent, nested: int) -> Piece:
        """Return something under an accent."""

    def fence(self, node: Fence, nested: int) -> Piece:
        """Return something between delimiters."""
        text = (
            f"{self.sign(node.left)}{self.write(node.body, nested=nested)}{self.sign(node.right)}"
        )
        return piece(text, "fence")

    def sign(self, text: str) -> str:
        """Return a delimiter."""
        return text

    @abstractmethod
    def table(self, node: Table, nested: int) -> Piece:
        """Return lines, a matrix or cases."""

    @abstractmethod
    def note(self, node: Note, nested: int) -> Piece:
        """Return something under a brace."""

    @abstractmethod
    def drawn(self, node: Drawn, nested: int) -> Piece:
        """Return what is left when a picture's part is taken away."""


def is_sum(node: Node) -> bool:
    """Whether `node` is more than one thing, so that an exponent would bind to its end only."""
    inner = lone(node)
    if isinstance(inner, Row):
        return len([item for item in inner.items if not is_empty(item)]) > 1
    return isinstance(inner, Frac | Root | Note) and not (isinstance(inner, Frac) and inner.left)

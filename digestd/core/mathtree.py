"""A formula as a tree, between its LaTeX and the forms that people read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from digestd.core.mathsymbols import Kind
from digestd.frozen import dataclass

TableShape = Literal["lines", "matrix", "array", "cases"]


@dataclass(frozen=True, slots=True)
class Atom:
    """One sign, number or word. `text` is what is read, its alphabet already applied."""

    text: str
    kind: Kind = "ord"
    italic: bool = False
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """Things beside each other."""

    items: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Script:
    """A base with what stands below and above it. `stacked`: right over it, not beside."""

    base: Node
    sub: Node | None = None
    sup: Node | None = None
    stacked: bool = False


@dataclass(frozen=True, slots=True)
class Frac:
    """A fraction; without a `rule` a binomial or the like, in `left` and `right`."""

    top: Node
    bottom: Node
    rule: bool = True
    left: str = ""
    right: str = ""


@dataclass(frozen=True, slots=True)
class Root:
    """A root, square unless it has an index."""

    body: Node
    index: Node | None = None


@dataclass(frozen=True, slots=True)
class Accent:
    """A body under a combining `mark`, called `name` where it covers more than one sign."""

    body: Node
    mark: str
    name: str


@dataclass(frozen=True, slots=True)
class Fence:
    r"""`\left` … `\right`; an empty delimiter is an invisible one."""

    left: str
    body: Node
    right: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells: lines of a display, a matrix or array with its delimiters, or cases."""

    shape: TableShape
    rows: tuple[tuple[Node, ...], ...]
    left: str = ""
    right: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """A body with a brace, and what the brace says."""

    body: Node
    label: Node


@dataclass(frozen=True, slots=True)
class Drawn:
    """A body with something only a picture shows: a colour, a frame, a line through it."""

    body: Node


Node = Atom | Row | Script | Frac | Root | Accent | Fence | Table | Note | Drawn


def row(items: list[Node]) -> Node:
    """Return `items` as one node; a single one is itself."""
    return items[0] if len(items) == 1 else Row(tuple(items))


def lone(node: Node) -> Node:
    """Return what a group of one holds, however often it is wrapped."""
    while isinstance(node, Row) and len(node.items) == 1:
        node = node.items[0]
    return node


def is_empty(node: Node | None) -> bool:
    """Whether there is nothing to see."""
    if isinstance(node, Row):
        return all(is_empty(item) for item in node.items)
    if isinstance(node, Drawn):
        return is_empty(node.body)
    return node is None or (isinstance(node, Atom) and not node.text)


def atoms(node: Node) -> Iterator[Node]:
    """Yield what stands in a row, rows within it opened."""
    if isinstance(node, Row):
        for item in node.items:
            yield from atoms(item)
    else:
        yield node

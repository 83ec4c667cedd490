"""LaTeX to a tree: a tokenizer and a parser by recursive descent.

It reads what blogs, abstracts and papers write inside formulas: amsmath and its
neighbours, not the programming language. Depth, length and macro expansion are
bounded, so any text is read in time linear in its length, or refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from digestd.core.mathgrammar import (
    BREAKS,
    INFIX,
)
from digestd.core.mathsymbols import (
    ALPHABETS,
    GREEK_SMALL,
    MACROS,
    SIGNS,
    SYMBOLS,
    Kind,
)
from digestd.core.mathtree import (
    Atom,
    Frac,
    Node,
    Row,
    Script,
    Table,
    is_empty,
    row,
)

MAX_LENGTH = 20_000  # characters; the longest formula of a blog has some 3,000
MAX_DEPTH = 40  # groups within groups; each costs some six frames of Python's stack
MAX_EXPANSIONS = 500
MAX_TOKENS = 40_000  # after expansion

TOKEN = re.compile(r"\\(?:[A-Za-z]+|.)|%[^\n]*\n|\s+|.", re.DOTALL)
_LENGTH = re.compile(r"\s*-?[\d.]+\s*[a-z]{2}\s*\Z")
_DELIMITERS = ((r"\[", r"\]"), (r"\(", r"\)"), ("$$", "$$"), ("$", "$"))
NOTHING: Node = Row()

_DASHES = (("---", "—"), ("--", "–"), ("``", "“"), ("''", "”"), ("`", "‘"), ("'", "’"))


class BrokenFormulaError(ValueError):
    """LaTeX whose structure does not hold: a brace, a fence or an environment is left open."""


Command = Callable[["Parser", str], Node]


class Parser:
    """Reads tokens from left to right. `commands` have a grammar of their own."""

    def __init__(self, tokens: list[str], commands: Mapping[str, Command]) -> None:
        self.tokens = tokens
        self.commands = commands
        self.at = 0
        self.depth = 0
        self.expansions = 0
        self.macros = dict(MACROS)
        self.alphabet = ""
        self.bold = False

    # --- tokens ------------------------------------------------------------------------

    def peek(self) -> str:
        """The next lexeme, or "" at the end."""
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def skip_blanks(self) -> bool:
        start = self.at
        while (lexeme := self.peek()) and (lexeme.isspace() or (lexeme[0] == "%" and lexeme[1:])):
            self.at += 1
        return self.at > start

    def next(self) -> str:
        self.skip_blanks()
        lexeme = self.peek()
        if not lexeme:
            raise BrokenFormulaError("it ends where something should follow")
        self.at += 1
        return lexeme

    def raw_argument(self) -> list[str]:
        """Return the tokens of an argument, as they are."""
        first = self.next()
        if first != "{":
            return [first]
        start, open_braces = self.at, 1
        while lexeme := self.peek():
            self.at += 1
            open_braces += (lexeme == "{") - (lexeme == "}")
            if not open_braces:
                return self.tokens[start : self.at - 1]
        raise BrokenFormulaError("a brace is never closed")

    def raw_option(self) -> list[str] | None:
        """Return the tokens between square brackets, if they come next."""
        before = self.at
        self.skip_blanks()
        if self.peek() != "[":
            self.at = before
            return None
        start, open_braces = self.at + 1, 0
        for end in range(start, len(self.tokens)):
            lexeme = self.tokens[end]
            open_braces += (lexeme == "{") - (lexeme == "}")
            if open_braces < 0:
                break
            if lexeme == "]" and not open_braces:
                self.at = end + 1
                return self.tokens[start:end]
        raise BrokenFormulaError("a square bracket is never closed")

    def word(self) -> str:
        return "".join(self.raw_argument()).strip()

    def inner(self, tokens: list[str]) -> Node:
        """Parse tokens that were taken out, in the font of here."""
        outer, self.tokens = self.tokens, tokens
        at, self.at = self.at, 0
        self.enter()
        tree = self.lines()
        if self.at < len(self.tokens):
            raise BrokenFormulaError(f"{self.peek()} closes nothing")
        self.depth -= 1
        self.tokens, self.at = outer, at
        return tree

    def enter(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise BrokenFormulaError("nested too deeply")

    # --- rows --------------------------------------------------------------------------

    def lines(self) -> Node:
        """Parse up to the end of a group: one row, or several if it has line breaks."""
        rows = self.cells(frozenset(("}", r"\right", r"\end")))
        if len(rows) == 1 and len(rows[0]) == 1:
            return rows[0][0]
        return Table("lines", tuple(rows))

    def cells(self, stops: frozenset[str]) -> list[tuple[Node, ...]]:
        rows: list[tuple[Node, ...]] = []
        cells: list[Node] = []
        while True:
            cells.append(self.row(stops | BREAKS | {"&"}))
            lexeme = self.peek()
            if lexeme == "&":
                self.at += 1
                continue
            rows.append(tuple(cells))
            cells = []
            if lexeme not in BREAKS:
                break
            self.at += 1
            self.skip_break_height()
        while len(rows) > 1 and all(is_empty(cell) for cell in rows[-1]):
            rows.pop()  # a break after the last row makes no row
        return rows

    def skip_break_height(self) -> None:
        r"""Pass the `*` and the `[6pt]` of a line break."""
        if self.peek() == "*":
            self.at += 1
        end = self.at
        if self.peek() == "[":
            while end < min(len(self.tokens), self.at + 16) and self.tokens[end] != "]":
                end += 1
            if _LENGTH.match("".join(self.tokens[self.at + 1 : end])):
                self.at = end + 1

    def row(self, stops: frozenset[str]) -> Node:
        self.enter()
        font = self.alphabet, self.bold
        items: list[Node] = []
        while True:
            blank = self.skip_blanks()
            lexeme = self.peek()
            if not lexeme or lexeme in stops:
                break
            if lexeme[0] == "\\" and lexeme[1:] in INFIX:
                self.at += 1
                rule, left, right = INFIX[lexeme[1:]]
                items = [Frac(row(items), self.row(stops), rule, left, right)]
                break
            self.item(items, blank=blank)
        self.alphabet, self.bold = font
        self.depth -= 1
        return row(items)

    def item(self, items: list[Node], *, blank: bool) -> None:
        """Parse one thing with its scripts and add it to `items`."""
        lexeme = self.peek()
        if lexeme in ("^", "_", "'", "’"):
            # A script without a base belongs to what stands before it, if anything does.
            node: Node = items.pop() if items and _takes_script(items[-1]) else NOTHING
        elif lexeme.isdigit():
            node = self.number()
        elif lexeme == ":":
            node = self.colon(spaced=blank)
        else:
            node = self.nucleus()
        if _takes_script(node) and self.peek_script():
            node = self.scripts(node)
        if not (isinstance(node, Row) and not node.items):
            items.append(node)

    def peek_script(self) -> bool:
        before = self.at
        self.skip_blanks()
        while self.peek() in (r"\limits", r"\nolimits", r"\displaylimits"):
            self.at += 1
            self.skip_blanks()
        if self.peek() in ("^", "_", "'", "’"):
            return True
        self.at = before
        return False

    def scripts(self, base: Node) -> Node:
        """Parse what stands below and above `base`; primes go first."""
        sub: Node | None = None
        sup: list[Node] = []
        while self.peek_script():
            lexeme = self.next()
            if lexeme in ("'", "’"):
                sup.append(Atom("′"))
            elif lexeme == "^":
                sup.append(self.argument())
            elif sub is None:
                sub = self.argument()
            else:
                self.enter()  # x_a_b_c_… nests without end, and is no TeX anyway
                base = Script(base, sub, row(sup) if sup else None)
                sub, sup = self.argument(), []
        return Script(base, sub, row(sup) if sup else None)

    def number(self) -> Node:
        digits = [self.next()]
        while self.peek().isdigit() or (self.peek() in (".", ",") and self.continues_number()):
            digits.append(self.next())
        drawn = ALPHABETS.get(self.alphabet, {})
        return Atom("".join(drawn.get(digit, digit) for digit in digits), "num", bold=self.bold)

    def continues_number(self) -> bool:
        """Whether the point or comma here is part of a number: 0.5, 12,345."""
        following = self.tokens[self.at + 1 : self.at + 5]
        if self.peek() == ".":
            return bool(following) and following[0].isdigit()
        return len(following) >= 3 and [t.isdigit() for t in following] in (
            [True, True, True],
            [True, True, True, False],
        )

    def colon(self, *, spaced: bool) -> Node:
        r"""A colon as its author set it: `f: X`, `x : y`, `1:2`, `x_{1:n}`, `:=`."""
        in_range = self.at > 0 and self.tokens[self.at - 1].isdigit()
        self.at += 1
        if self.peek() in ("=", ":"):
            return Atom(":" + self.next(), "rel")
        if spaced:
            return Atom(":", "rel")
        return Atom(":", "ord" if in_range or self.peek().isdigit() else "punct")

    # --- one thing ---------------------------------------------------------------------

    def argument(self) -> Node:
        """Parse an argument: a group, or the next thing alone."""
        self.skip_blanks()
        if self.peek() in ("", "}", "&", r"\right", r"\end") or self.peek() in BREAKS:
            raise BrokenFormulaError("an argument is missing")
        return self.nucleus()

    def nucleus(self) -> Node:
        self.enter()
        lexeme = self.next()
        if lexeme == "{":
            node = self.group("}")
        elif lexeme[0] == "\\" and len(lexeme) > 1:
            node = self.command(lexeme[1:])
        else:
            node = self.sign(lexeme)
        self.depth -= 1
        return node

    def group(self, end: str) -> Node:
        body = self.lines()
        if self.next() != end:
            raise BrokenFormulaError("a group is never closed")
        # Braces make one thing of what they hold; scripts and fractions look at that.
        return body if isinstance(body, Row) else Row((body,))

    def sign(self, lexeme: str) -> Node:
        if lexeme in ("^", "_"):
            raise BrokenFormulaError("a script has no base")
        if lexeme in SIGNS:
            text, kind = SIGNS[lexeme]
            return Atom(text, kind)
        if lexeme.isdigit():
            kind = "num"
        elif lexeme.isspace():
            return Atom(" ", "space")
        else:
            kind = "ord"
        return self.letter(lexeme, kind, italic=lexeme.isascii() and lexeme.isalpha())

    def letter(self, text: str, kind: Kind, *, italic: bool) -> Atom:
        drawn = ALPHABETS.get(self.alphabet, {}).get(text, text)
        upright = self.alphabet not in ("", "it") or drawn != text
        return Atom(drawn, kind, italic=italic and not upright, bold=self.bold)

    def command(self, name: str) -> Node:
        if name in self.macros:
            return self.expand(name)
        if name in self.commands:
            return self.commands[name](self, name)
        if name not in SYMBOLS:
            return self.unknown(name)
        text, kind = SYMBOLS[name]
        # Small Greek letters slant; others only take part in bold.
        small = name in GREEK_SMALL or name in ("ell", "imath", "jmath", "partial")
        return self.letter(text, kind, italic=small) if small or self.bold else Atom(text, kind)

    def unknown(self, name: str) -> Node:
        if not name.isalpha():
            return Atom(name)
        self.skip_star()
        return Atom(name, "word", bold=self.bold)

    def skip_star(self) -> None:
        if self.peek() == "*":
            self.at += 1

    # --- macros ------------------------------------------------------------------------

    def expand(self, name: str) -> Node:
        count, body = self.macros[name]
        self.expansions += 1
        if self.expansions > MAX_EXPANSIONS:
            raise BrokenFormulaError("too many macros")
        arguments = [self.raw_argument() for _ in range(count)]
        expanded: list[str] = []
        tokens = iter(TOKEN.findall(body))
        for lexeme in tokens:
            if lexeme == "#":
                number = next(tokens, "")
                if number.isdigit() and 0 < int(number) <= count:
                    expanded += ["{", *arguments[int(number) - 1], "}"]
            else:
                expanded.append(lexeme)
        if len(self.tokens) + len(expanded) > MAX_TOKENS:
            raise BrokenFormulaError("macros grow too long")
        self.tokens[self.at : self.at] = expanded
        self.skip_blanks()
        return self.nucleus() if self.peek() not in ("", "^", "_", "}", "&") else NOTHING


def _takes_script(node: Node) -> bool:
    r"""Whether an index belongs to `node`: after a blank, as in 25\,^\circ, it stands alone."""
    return not isinstance(node, Script) and not (isinstance(node, Atom) and node.kind == "space")

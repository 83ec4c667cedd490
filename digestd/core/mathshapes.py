r"""Commands of LaTeX that place things over, under and around each other.

Delimiters and environments, fractions and roots, arrows and braces with words.
"""

from __future__ import annotations

from digestd.core.mathgrammar import (
    ARRAYS,
    BIGS,
    BINOMIALS,
    CASES,
    ENV_ARGUMENTS,
    FRACTIONS,
    LINES,
    MATRICES,
)
from digestd.core.mathparse import NOTHING, BrokenFormulaError, Command, Parser
from digestd.core.mathsymbols import ARROWS, SIGNS, STACKED, SYMBOLS, Kind
from digestd.core.mathtree import (
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
    TableShape,
    is_empty,
    lone,
    row,
)


def _delimiter(parser: Parser) -> str:
    lexeme = parser.next()
    if lexeme == ".":
        return ""
    if lexeme[0] == "\\":
        if lexeme[1:] not in SYMBOLS:
            raise BrokenFormulaError(f"{lexeme} is no delimiter")
        return SYMBOLS[lexeme[1:]][0]
    if lexeme in "{}":
        raise BrokenFormulaError("a brace is no delimiter")
    return {"<": "⟨", ">": "⟩"}.get(lexeme, lexeme)


def _big(parser: Parser, name: str) -> Node:
    text = _delimiter(parser)
    sides: dict[str, Kind] = {"l": "open", "r": "close", "m": "rel"}
    return Atom(text, sides.get(name[-1]) or SIGNS.get(text, (text, "ord"))[1])


def _left(parser: Parser, _: str) -> Node:
    left = _delimiter(parser)
    body = parser.lines()
    if parser.next() != r"\right":
        raise BrokenFormulaError(r"\left has no \right")
    return Fence(left, body, _delimiter(parser))


def _middle(parser: Parser, _: str) -> Node:
    return Atom(_delimiter(parser), "rel")


def _sqrt(parser: Parser, _: str) -> Node:
    option = parser.raw_option()
    index = None if option is None else parser.inner(option)
    return Root(parser.argument(), index)


def _root(parser: Parser, _: str) -> Node:
    start = parser.at
    while parser.peek() not in (r"\of", ""):
        parser.at += 1
    index = parser.inner(parser.tokens[start : parser.at])
    parser.next()
    return Root(parser.argument(), index)


def _environment(parser: Parser, _: str) -> Node:
    name = parser.word()
    plain = name.rstrip("*")
    shape: TableShape
    if plain in MATRICES:
        shape, (left, right) = "matrix", MATRICES[plain]
    elif plain in ARRAYS:
        shape, left, right = "array", "", ""
    elif plain in CASES:
        shape, (left, right) = "cases", CASES[plain]
    elif plain in LINES:
        shape, left, right = "lines", "", ""
    else:
        raise BrokenFormulaError(f"{name} is no environment of a formula")
    placed = parser.tokens[parser.at : parser.at + 3]
    if placed[:1] == ["["] and placed[2:] == ["]"] and placed[1] in "tbclr":
        parser.at += 3  # aligned[t], bmatrix*[r]
    for _argument in range(ENV_ARGUMENTS.get(plain, 0)):
        parser.raw_argument()
    rows = parser.cells(frozenset(("}", r"\right", r"\end")))
    if parser.next() != r"\end" or parser.word() != name:
        raise BrokenFormulaError(f"{name} is never closed")
    if shape == "lines" and len(rows) == 1:
        return row([cell for cell in rows[0] if not is_empty(cell)])
    return Table(shape, tuple(rows), left, right)


def _substack(parser: Parser, _: str) -> Node:
    body = lone(parser.argument())
    return body if isinstance(body, Table) else Row((body,))


def _stacked(parser: Parser, name: str) -> Node:
    note, base = parser.argument(), parser.argument()
    sign, said = lone(base), lone(note)
    over = name != "underset"
    if over and isinstance(sign, Atom) and isinstance(said, Atom):
        single = STACKED.get((sign.text, said.text.strip()))
        if single:
            return Atom(single, sign.kind)
    return Script(base, None if over else note, note if over else None, stacked=True)


def _overunderset(parser: Parser, _: str) -> Node:
    over, under, base = parser.argument(), parser.argument(), parser.argument()
    return Script(base, under, over, stacked=True)


def _brace(parser: Parser, _: str) -> Node:
    body = parser.argument()
    if parser.peek_script():
        parser.next()
        return Note(body, parser.argument())
    return Drawn(body)


def _sideset(parser: Parser, _: str) -> Node:
    before, after, base = parser.argument(), lone(parser.argument()), parser.nucleus()
    if isinstance(after, Script):
        base = Script(base, after.sub, after.sup)
    return Row((before, base))


def _prescript(parser: Parser, _: str) -> Node:
    over, under, base = parser.argument(), parser.argument(), parser.argument()
    return Row((Script(NOTHING, under, over), base))


def _arrow(parser: Parser, name: str) -> Node:
    option = parser.raw_option()
    below = None if option is None else parser.inner(option)
    return Script(Atom(ARROWS[name], "rel"), below, parser.argument(), stacked=True)


def _fraction(parser: Parser, name: str) -> Node:
    if name == "cfrac":
        parser.raw_option()
    return Frac(parser.argument(), parser.argument())


def _binomial(parser: Parser, _: str) -> Node:
    return Frac(parser.argument(), parser.argument(), rule=False, left="(", right=")")


def _genfrac(parser: Parser, _: str) -> Node:
    left, right = (parser.raw_argument() for _ in range(2))
    rule = "".join(parser.raw_argument()).strip()
    parser.raw_argument()
    return Frac(
        parser.argument(),
        parser.argument(),
        not rule.startswith("0"),
        *("".join(side).lstrip("\\") for side in (left, right)),
    )


def _end(_: Parser, __: str) -> Node:
    raise BrokenFormulaError("something ends that never began")


SHAPES: dict[str, Command] = {
    **dict.fromkeys(ARROWS, _arrow),
    **dict.fromkeys(FRACTIONS, _fraction),
    **dict.fromkeys(BINOMIALS, _binomial),
    **dict.fromkeys(BIGS, _big),
    **dict.fromkeys(("right", "end"), _end),
    **dict.fromkeys(("overset", "stackrel", "underset"), _stacked),
    **dict.fromkeys(("underbrace", "overbrace", "underbracket", "overbracket"), _brace),
    "left": _left,
    "middle": _middle,
    "begin": _environment,
    "sqrt": _sqrt,
    "root": _root,
    "substack": _substack,
    "overunderset": _overunderset,
    "sideset": _sideset,
    "prescript": _prescript,
    "genfrac": _genfrac,
}

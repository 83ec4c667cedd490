r"""Commands of LaTeX that have a grammar of their own, and `parse`, which knows them all."""

from __future__ import annotations

from itertools import takewhile

from digestd.core import mathchem
from digestd.core.mathgrammar import (
    SILENT,
    TEXTS,
    WRAPPERS,
)
from digestd.core.mathparse import NOTHING, TOKEN, BrokenFormulaError, Command, Parser
from digestd.core.mathshapes import SHAPES
from digestd.core.mathsymbols import ACCENTS, FONTS, SWITCHES
from digestd.core.mathtextmode import untex_group
from digestd.core.mathtree import (
    Accent,
    Atom,
    Drawn,
    Node,
    Row,
    Script,
    atoms,
    is_empty,
    lone,
    row,
)
from digestd.frozen import replace

MAX_LENGTH = 20_000  # characters; the longest formula of a blog has some 3,000

_DELIMITERS = ((r"\[", r"\]"), (r"\(", r"\)"), ("$$", "$$"), ("$", "$"))


def _silent(parser: Parser, name: str) -> Node:
    for _ in range(SILENT[name]):
        parser.raw_argument()
    return Drawn(Atom(" ", "space")) if name.endswith("phantom") else NOTHING


def _font(parser: Parser, name: str) -> Node:
    before = parser.alphabet, parser.bold
    alphabet, bold = FONTS[name]
    parser.alphabet, parser.bold = alphabet or parser.alphabet, bold or parser.bold
    if name in SWITCHES and parser.peek() != "{":
        return NOTHING  # holds until the row ends, which puts the font back
    body = parser.argument()
    parser.alphabet, parser.bold = before
    return _words(body, italic=alphabet == "it") if alphabet in ("rm", "it") else body


def _words(body: Node, *, italic: bool) -> Node:
    r"""Make words of the letters that `\mathrm` sets upright: `km` is not k times m."""
    items: list[Node] = []
    for node in body.items if isinstance(body, Row) else (body,):
        inner = lone(node)
        last = items[-1] if items else None
        if not (isinstance(inner, Atom) and inner.kind == "ord" and inner.text.isalpha()):
            items.append(node)
        elif isinstance(last, Atom) and last.text.isalpha() and last.kind in ("ord", "text"):
            items[-1] = Atom(last.text + inner.text, "text", italic=italic, bold=inner.bold)
        else:
            items.append(inner)
    return row(items)


def _accent(parser: Parser, name: str) -> Node:
    mark, word = ACCENTS[name]
    body = parser.argument()
    inner = lone(body)
    if isinstance(inner, Script) and isinstance(lone(inner.base), Atom) and not inner.stacked:
        # On the letter, not on the index that stands in the same braces.
        return Script(Accent(inner.base, mark, word), inner.sub, inner.sup)
    return Accent(body, mark, word)


def _wrapper(parser: Parser, name: str) -> Node:
    count, drawn = WRAPPERS[name]
    if name in ("smash", "textcolor", "colorbox"):
        parser.raw_option()
    for _ in range(count - 1):
        parser.raw_argument()
    body = parser.argument()
    if drawn:
        return Drawn(body)
    if name == "mathop":
        return _as_operator(body) or body
    inner = lone(body)
    if name in ("mathrel", "mathbin") and isinstance(inner, Atom):
        return replace(inner, kind="rel" if name == "mathrel" else "bin")
    return body


def _as_operator(body: Node) -> Node | None:
    """Return `arg min` as one operator; None for an operator that is no word."""
    words: list[str] = []
    for node in atoms(body):
        if isinstance(node, Atom) and node.kind in ("text", "word"):
            words.append(node.text.strip())
        elif not (is_empty(node) or (isinstance(node, Atom) and node.kind == "space")):
            return None
    return Atom(" ".join(words), "word") if words else None


def _text(parser: Parser, name: str) -> Node:
    bold = name == "textbf" or parser.bold
    italic = name in ("textit", "emph", "textsl")
    return row(_text_nodes(parser, parser.raw_argument(), bold=bold, italic=italic))


def _text_nodes(parser: Parser, lexemes: list[str], *, bold: bool, italic: bool) -> list[Node]:
    r"""Return the content of `\text`, dollars inside it opened as formulas again."""
    nodes: list[Node] = []
    run: list[str] = []
    ends = {"$": "$", r"\(": r"\)"}
    rest = iter(lexemes)
    for lexeme in rest:
        if lexeme not in ends:
            run.append(lexeme)
            continue
        nodes.append(Atom(untex_group("".join(run)), "text", italic=italic, bold=bold))
        run.clear()
        nodes.append(parser.inner(list(takewhile(ends[lexeme].__ne__, rest))))
    nodes.append(Atom(untex_group("".join(run)), "text", italic=italic, bold=bold))
    return [node for node in nodes if not is_empty(node)]


def _operatorname(parser: Parser, _: str) -> Node:
    parser.skip_star()
    return Atom(untex_group("".join(parser.raw_argument())).strip(), "word")


def _not(parser: Parser, _: str) -> Node:
    body = lone(parser.argument())
    return Atom(body.text + "\u0338", body.kind) if isinstance(body, Atom) else Drawn(body)


def _color(parser: Parser, _: str) -> Node:
    parser.raw_argument()
    # TeX colours the rest of the group; MathJax's older \color, and blogs, one argument.
    parser.skip_blanks()
    return Drawn(parser.nucleus() if parser.peek() == "{" else NOTHING)


def _space(parser: Parser, _: str) -> Node:
    parser.skip_star()
    length = parser.word()
    return NOTHING if length.startswith("-") else Atom(" ", "space")


def _kern(parser: Parser, _: str) -> Node:
    length = ""
    while (
        parser.peek() and len(length) < 12 and not length.endswith(("mu", "em", "ex", "pt", "cm"))
    ):
        if parser.peek()[0] in "\\{}&":
            break
        length += parser.next()
    return NOTHING if length.startswith("-") else Atom(" ", "space")


def _tag(parser: Parser, _: str) -> Node:
    starred = parser.peek() == "*"
    parser.skip_star()
    nodes = _text_nodes(parser, parser.raw_argument(), bold=False, italic=False)
    if starred:
        return Drawn(Row((Atom(" ", "space"), *nodes)))
    return Drawn(Row((Atom(" (", "text"), *nodes, Atom(")", "text"))))


def _reference(parser: Parser, name: str) -> Node:
    label = parser.word()
    return Atom(f"({label})") if name == "eqref" else Atom(label, "text")


def _unicode(parser: Parser, _: str) -> Node:
    parser.raw_option()
    code = parser.word()
    try:
        sign = chr(int(code.removeprefix("x"), 16 if code.startswith("x") else 10))
    except (ValueError, OverflowError):
        raise BrokenFormulaError(f"{code[:20]} is no character") from None
    return Atom(sign if sign.isprintable() else "\ufffd")


def _char(parser: Parser, _: str) -> Node:
    while parser.peek() and (parser.peek() in "\"'" or parser.peek().isalnum()):
        parser.next()
    return Drawn(NOTHING)


def _chemistry(parser: Parser, _: str) -> Node:
    latex = mathchem.to_latex("".join(parser.raw_argument()))
    return parser.inner(TOKEN.findall(latex))


def _verbatim(parser: Parser, _: str) -> Node:
    return Atom("".join(parser.raw_argument()), "text")


def _define(parser: Parser, _: str) -> Node:
    r"""Learn `\newcommand{\R}[1]{…}` for the rest of this formula."""
    parser.skip_star()
    name = parser.word().lstrip("\\")
    count = "".join(parser.raw_option() or ["0"]).strip()
    parser.raw_option()
    body = "".join(parser.raw_argument())
    if name.isalpha() and count.isdigit() and int(count) < 10:
        parser.macros[name] = int(count), body
    return NOTHING


def _def(parser: Parser, _: str) -> Node:
    name = parser.next().lstrip("\\")
    count = 0
    while parser.peek() == "#":
        parser.at += 2
        count += 1
    body = "".join(parser.raw_argument())
    if name.isalpha() and count < 10:
        parser.macros[name] = count, body
    return NOTHING


def _operator_definition(parser: Parser, _: str) -> Node:
    parser.skip_star()
    name = parser.word().lstrip("\\")
    body = "".join(parser.raw_argument())
    if name.isalpha():
        parser.macros[name] = 0, rf"\operatorname{{{body}}}"
    return NOTHING


_COMMANDS: dict[str, Command] = {
    **SHAPES,
    **dict.fromkeys(SILENT, _silent),
    **dict.fromkeys(FONTS, _font),
    **dict.fromkeys(ACCENTS, _accent),
    **dict.fromkeys(TEXTS, _text),
    **dict.fromkeys(WRAPPERS, _wrapper),
    **dict.fromkeys(("operatorname", "operatornamewithlimits"), _operatorname),
    **dict.fromkeys(("kern", "mkern", "hskip", "mskip"), _kern),
    **dict.fromkeys(("hspace", "mspace"), _space),
    **dict.fromkeys(("eqref", "ref", "cite"), _reference),
    **dict.fromkeys(("ce", "cf"), _chemistry),
    **dict.fromkeys(("newcommand", "renewcommand", "providecommand"), _define),
    **dict.fromkeys(("def", "gdef"), _def),
    "not": _not,
    "color": _color,
    "tag": _tag,
    "unicode": _unicode,
    "char": _char,
    "verb": _verbatim,
    "DeclareMathOperator": _operator_definition,
}


def bare(latex: str) -> str:
    r"""Return `latex` without the dollars or brackets around it, and without blanks at its ends."""
    latex = latex.strip()
    for left, right in _DELIMITERS:
        inner = latex[len(left) : -len(right)]
        whole = len(latex) >= len(left + right) and (latex[: len(left)], latex[-len(right) :])
        if whole == (left, right) and not inner.endswith("\\") and "$" not in inner:
            return inner.strip()
    return latex


def parse(latex: str) -> Node:
    """Return the tree of a formula, with or without its dollars.

    Raises `BrokenFormulaError` for what is no formula, too long or too deep.
    """
    if len(latex) > MAX_LENGTH:
        raise BrokenFormulaError(f"longer than {MAX_LENGTH} characters")
    parser = Parser(TOKEN.findall(bare(latex)), _COMMANDS)
    tree = parser.lines()
    if parser.at < len(parser.tokens):
        raise BrokenFormulaError(f"{parser.tokens[parser.at]} closes nothing")
    return tree

"""Words with styles in the markup of a service, every mark closed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from html import escape
from urllib.parse import quote

from digestd.delivery.atoms import Atom, Style
from digestd.delivery.limits import Markup


def render(atoms: Sequence[Atom], markup: Markup) -> str:
    """Return `atoms` in a service's markup, every mark closed."""
    if markup == "text":
        return _render_text(atoms)
    begin, end, literal, newline = _DIALECTS[markup]
    parts: list[str] = []
    opened: list[Style] = []
    for atom in atoms:
        styles = () if atom.text == "\n" else _one_code(atom.styles)
        if atom.text.isspace():
            styles = styles[: len(opened)]  # "** word**" is no bold: a blank opens nothing
        keep = 0
        while keep < min(len(opened), len(styles)) and opened[keep] == styles[keep]:
            keep += 1
        # Line ends are written outside of marks, where no dialect stumbles over them.
        while len(opened) > keep:
            blanks = _pull_blanks(parts)
            parts.append(end(opened.pop()))
            parts.append(blanks)
        for style in styles[keep:]:
            parts.append(begin(style))
            opened.append(style)
        if atom.text == "\n":
            parts.append(newline)
        else:
            in_code = any(kind == "code" for kind, _ in opened)
            parts.append(literal(atom.text, in_code))
    while opened:
        parts.append(end(opened.pop()))
    return "".join(parts).strip("\n")


def _one_code(styles: tuple[Style, ...]) -> tuple[Style, ...]:
    """Return each style once; code, which takes no mark inside, innermost."""
    once = tuple(dict.fromkeys(styles))
    return tuple(sorted(once, key=lambda style: style[0] == "code"))


def _pull_blanks(parts: list[str]) -> str:
    """Take the blanks off the end of `parts`: "**word **" is no bold in Markdown."""
    if not parts:
        return ""
    text = parts[-1]
    bare = text.rstrip(" ")
    parts[-1] = bare
    return text[len(bare) :]


def _html_begin(style: Style) -> str:
    kind, href = style
    return f'<a href="{escape(href)}">' if kind == "a" else f"<{kind}>"


def _html_end(style: Style) -> str:
    return f"</{style[0]}>"


def _html_text(text: str, _in_code: bool) -> str:
    return escape(text, quote=False)


_MARKDOWN_SIGNS = re.compile(r"([\\`*_~|\[\]<>])")
_LINE_SIGNS = re.compile(r"^(\s*)([-+#])(?=\s|#)")


def _markdown_begin(style: Style) -> str:
    return {"b": "**", "i": "*", "code": "`", "a": "["}[style[0]]


def _markdown_end(style: Style) -> str:
    kind, href = style
    if kind != "a":
        return _markdown_begin(style)
    # In angle brackets an address may hold brackets, and Discord shows no preview.
    return f"](<{href.replace('<', '%3C').replace('>', '%3E').replace(' ', '%20')}>)"


def _markdown_text(text: str, in_code: bool) -> str:
    if in_code:
        return text.replace("`", "'")
    if text.startswith(("http://", "https://")):
        # An escaped address would lead elsewhere: what could be a mark is percent-encoded.
        return re.sub(r"[\\`*|\[\]<>]", lambda sign: f"%{ord(sign[0]):02X}", text)
    return _LINE_SIGNS.sub(r"\1\\\2", _MARKDOWN_SIGNS.sub(r"\\\1", text))


def _robot_end(style: Style) -> str:
    kind, href = style
    return f"]({quote(href, safe=_ADDRESS_SIGNS)})" if kind == "a" else _markdown_begin(style)


_ADDRESS_SIGNS = "%/:?#@!$&'*+,;=-._~"


def _robot_text(text: str, in_code: bool) -> str:
    """Return `text` with the signs that would begin or end a link as their wide forms."""
    if in_code:
        return text.replace("`", "'")
    if text.startswith(("http://", "https://")):
        return text
    return text.translate(_WIDE)


_WIDE = str.maketrans("[]`", "［］'")

_Dialect = tuple[Callable[[Style], str], Callable[[Style], str], Callable[[str, bool], str], str]
_DIALECTS: dict[Markup, _Dialect] = {
    "telegram": (_html_begin, _html_end, _html_text, "\n"),
    "html": (_html_begin, _html_end, _html_text, "<br>\n"),
    "page": (_html_begin, _html_end, _html_text, "<br>\n"),
    "markdown": (_markdown_begin, _markdown_end, _markdown_text, "\n"),
    "commonmark": (_markdown_begin, _markdown_end, _markdown_text, "  \n"),
    "robot": (_markdown_begin, _robot_end, _robot_text, "  \n"),
}


def _render_text(atoms: Sequence[Atom]) -> str:
    """Return plain text; a link's address follows its words, unless they are the address."""
    parts: list[str] = []
    link, words = "", ""
    for atom in (*atoms, Atom("")):
        href = next((detail for kind, detail in atom.styles if kind == "a"), "")
        if link and href != link:
            if not _same_address(words, link):
                blank = _pull_blanks(parts)
                parts.append(f" ({link}){blank}")
            words = ""
        link = href
        words += atom.text if href else ""
        parts.append(atom.text)
    return "".join(parts).strip("\n")


def _same_address(words: str, link: str) -> bool:
    bare = words.strip().removeprefix("https://").removeprefix("http://").rstrip("/…")
    return bool(bare) and link.removeprefix("https://").removeprefix("http://").startswith(bare)

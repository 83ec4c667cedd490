"""A message shaped for a service: its markup, cut into parts that fit, nothing left out.

The chat form (a small HTML) becomes a flat list of atoms, each a word with its
styles. A part is a run of atoms that, rendered, fits the limit; the cut falls at
the best border within reach: between entries, paragraphs, lines, words. Styles
that are open at a cut are closed before it and opened again after it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from html.parser import HTMLParser
from typing import Any

import regex

from digestd.core.models import Message
from digestd.core.text import one_line, scrub
from digestd.delivery.limits import Markup, Shape

_MAX_TITLE = 200
_MAX_PARTS = 200  # a bound for the loop; no message comes near

Style = tuple[str, str]  # tag and, of a link, its address


@dataclass(frozen=True, slots=True)
class Atom:
    """A piece of text that is not cut, in its styles, outermost first."""

    text: str
    styles: tuple[Style, ...] = ()


def shape_message(message: Message, shape: Shape) -> tuple[dict[str, Any], ...]:
    """Return the parts of `message` as facts for the sender, at least one.

    title, body, format (text, html or markdown: never undeclared), plain (the
    same without markup, for a service that refuses ours), link (where a tap on
    a notification leads) and group.
    """
    title = one_line(message.title, _MAX_TITLE)
    common: dict[str, Any] = {
        "link": message.entries[0].link if len(message.entries) == 1 else "",
        "group": message.entries[0].feed_name if message.feed and message.entries else "",
    }
    if shape.markup == "page" and message.html:
        body = _without_images(scrub(message.html))
        return ({"title": title, "body": body, "format": "html", **common},)
    markup: Markup = "html" if shape.markup == "page" else shape.markup
    atoms = defused(atoms_of(scrub(message.chat)) if message.chat else _text_atoms(message.text))
    atoms = _with_title(atoms, title, shape, chat=bool(message.chat))
    parts = split(atoms, lambda run: _fits(run, markup, shape))
    return tuple(
        {
            "title": _numbered(title, number, len(parts), shape.title),
            "body": render(part, markup),
            "format": _FORMATS[markup],
            **({} if markup == "text" else {"plain": _plain(part, shape)}),
            **common,
        }
        for number, part in enumerate(parts, start=1)
    )


_FORMATS: dict[Markup, str] = {
    "text": "text",
    "telegram": "html",
    "html": "html",
    "page": "html",
    "markdown": "markdown",
    "commonmark": "markdown",
}


def _numbered(title: str, number: int, count: int, limit: int) -> str:
    """Return the title of one part, "" where the service has no field for it."""
    if limit <= 0:
        return ""
    suffix = f" ({number}/{count})" if count > 1 else ""
    return one_line(title, max(1, min(limit, _MAX_TITLE) - len(suffix))) + suffix


# --- reading ---------------------------------------------------------------------------


_STYLES = {"b": "b", "strong": "b", "i": "i", "em": "i", "code": "code", "pre": "code"}
_BLOCKS = frozenset({"p", "div", "blockquote", "pre", "ul", "ol", "h1", "h2", "h3", "h4"})
_HIDDEN = frozenset({"script", "style"})


class _ChatReader(HTMLParser):
    """Reads the chat form into atoms. Unknown tags lose their mark-up and keep their text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.atoms: list[Atom] = []
        self._open: list[Style] = []
        self._lists: list[int | None] = []
        self._hidden = 0
        self._pre = 0
        self._link_at = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _HIDDEN:
            self._hidden += 1
        elif tag == "br":
            self._newlines(1, at_most=2)
        elif tag in ("hr", *_BLOCKS):
            self._newlines(2 if tag in ("p", "hr") else 1)
        if tag in ("ul", "ol"):
            self._lists.append(0 if tag == "ol" else None)
        elif tag == "li":
            self._newlines(1)
            self._item()
        elif tag == "img":
            self.handle_data(dict(attrs).get("alt") or "")
        self._pre += tag == "pre"
        if tag in _STYLES and len(self._open) < 16:
            self._open.append((_STYLES[tag], tag))
        elif tag == "a" and len(self._open) < 16:
            self._open.append(("a", (dict(attrs).get("href") or "").strip()))
            self._link_at = len(self.atoms)

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        for index in range(len(self._open) - 1, -1, -1):
            kind, detail = self._open[index]
            if (kind == "a" and tag == "a") or (kind != "a" and detail == tag):
                if kind == "a" and not _shown(self.atoms[self._link_at :]).strip():
                    self.handle_data(detail)  # a link without words: an address is better
                del self._open[index]
                break
        if tag in ("ul", "ol") and self._lists:
            self._lists.pop()
        if tag in _BLOCKS or tag == "li":
            self._newlines(2 if tag == "p" else 1)
        self._pre = max(0, self._pre - (tag == "pre"))

    def handle_data(self, data: str) -> None:
        if self._hidden:
            return
        if not self._pre:
            data = re.sub(r"[ \t\n\r\f]+", " ", data)
            if not self.atoms or self.atoms[-1].text.endswith(("\n", " ")):
                data = data.lstrip(" ")
        styles = tuple(
            (kind, detail if kind == "a" else "")
            for kind, detail in self._open
            if kind != "a" or detail
        )
        self.atoms.extend(Atom(word, styles) for word in _words(data))

    def _item(self) -> None:
        number = self._lists[-1] if self._lists else None
        mark = "• "
        if number is not None:
            self._lists[-1] = number + 1
            mark = f"{number + 1}. "
        self.atoms.append(Atom("  " * max(0, min(len(self._lists), 4) - 1) + mark))

    def _newlines(self, wanted: int, at_most: int = 0) -> None:
        """End the line, `wanted` times; what is already there counts unless `at_most` is set."""
        there = 0
        for atom in reversed(self.atoms):
            if atom.text != "\n":
                break
            there += 1
        if not self.atoms or there == len(self.atoms):
            return
        add = min(wanted, at_most - there) if at_most else wanted - there
        self.atoms.extend([Atom("\n")] * add)


_WORD = regex.compile(r"\n|[^\S\n]+|https?://[!-~]{1,240}|[!-~]{1,60}[^\S\n]?|\X")


def _words(text: str) -> list[str]:
    """Return `text` in pieces that are not cut: words with their blank, else grapheme clusters.

    Linear: each alternative is bounded or a single class.
    """
    return [match[0] for match in _WORD.finditer(text)]


def atoms_of(chat: str) -> list[Atom]:
    """Return the chat form as atoms, blank lines at both ends gone."""
    reader = _ChatReader()
    reader.feed(chat)
    reader.close()
    return _trimmed(reader.atoms)


def _text_atoms(text: str) -> list[Atom]:
    return _trimmed([Atom(word) for word in _words(scrub(text))])


def _trimmed(atoms: Sequence[Atom]) -> list[Atom]:
    """Return `atoms` without blanks at the ends."""
    start, end = 0, len(atoms)
    while start < end and not atoms[start].text.strip():
        start += 1
    while end > start and not atoms[end - 1].text.strip():
        end -= 1
    return list(atoms[start:end])


def _with_title(atoms: list[Atom], title: str, shape: Shape, *, chat: bool) -> list[Atom]:
    """Return `atoms` so that the title is said once: in its field, or else in the text.

    The chat form says its own titles; where a field above repeats the first of
    them, only its link is left of it.
    """
    if not title:
        return atoms or [Atom("…")]
    end = next((i for i, atom in enumerate(atoms) if atom.text == "\n"), len(atoms))
    first, rest = atoms[:end], _trimmed(atoms[end:])
    if shape.title > 0:
        if one_line(_shown(first), _MAX_TITLE * 2) != title:
            return atoms or [Atom(title)]
        link = next((href for atom in first for kind, href in atom.styles if kind == "a"), "")
        if not link:
            return rest or atoms
        return [Atom(link), Atom("\n"), *rest] if shape.markup == "text" else atoms
    if chat or title in _shown(atoms[:400]):
        return atoms
    head = [Atom(word, (("b", ""),)) for word in _words(title)]
    return [*head, Atom("\n"), Atom("\n"), *atoms] if atoms else head


# --- making it harmless ----------------------------------------------------------------

_JOINER = "\u2060"  # word joiner: shows nothing, breaks a mention
_EVERYBODY = re.compile(
    r"@(?=(?:everyone|here|channel|all|room|everybody|group|所有人|全体成员)(?![a-z0-9]))",
    re.IGNORECASE,
)
_BRACKET = re.compile(r"<(?=[@!#&])")


def defused(atoms: Sequence[Atom]) -> list[Atom]:
    """Return `atoms` so that nothing in them calls people (@everyone, <!here>, <@U123>).

    Inside an address the sign is percent-encoded, so that the link still works.
    A mention may span atoms, hence the look at the neighbour.
    """
    result: list[Atom] = []
    for index, atom in enumerate(atoms):
        text = atom.text
        if "@" in text or "<" in text:
            after = "".join(each.text for each in atoms[index + 1 : index + 5])
            joined = text + after
            safe = "%40" if re.match(r"https?://", text, re.IGNORECASE) else f"@{_JOINER}"
            pieces = []
            for position, sign in enumerate(text):
                if sign == "@" and _EVERYBODY.match(joined, position):
                    pieces.append(safe)
                elif sign == "<" and _BRACKET.match(joined, position):
                    pieces.append(f"<{_JOINER}")
                else:
                    pieces.append(sign)
            text = "".join(pieces)
        result.append(Atom(text, atom.styles) if text != atom.text else atom)
    return result


# --- rendering -------------------------------------------------------------------------


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


_Dialect = tuple[Callable[[Style], str], Callable[[Style], str], Callable[[str, bool], str], str]
_DIALECTS: dict[Markup, _Dialect] = {
    "telegram": (_html_begin, _html_end, _html_text, "\n"),
    "html": (_html_begin, _html_end, _html_text, "<br>\n"),
    "page": (_html_begin, _html_end, _html_text, "<br>\n"),
    "markdown": (_markdown_begin, _markdown_end, _markdown_text, "\n"),
    "commonmark": (_markdown_begin, _markdown_end, _markdown_text, "  \n"),
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


def _shown(atoms: Sequence[Atom]) -> str:
    return "".join(atom.text for atom in atoms)


def _plain(part: Sequence[Atom], shape: Shape) -> str:
    """Return a part without markup, with its links' addresses where they fit."""
    text = _render_text(part)
    if not shape.limit or measure(text, shape) <= shape.limit - shape.margin:
        return text
    return _shown(part).strip("\n")


def _without_images(html: str) -> str:
    """Return `html` with inline images, which mail by HTTP cannot carry, as their alt text."""

    def alt(found: re.Match[str]) -> str:
        text = re.search(r'\balt="([^"]*)"', found[0])
        return text[1] if text else ""

    return re.sub(r'<img\b[^<>]{0,2000}\bsrc="cid:[^<>]{0,2000}>', alt, html)


# --- measuring and cutting -------------------------------------------------------------


def measure(text: str, shape: Shape) -> int:
    """Return the length of `text` in the service's unit."""
    match shape.unit:
        case "characters":
            return len(text)
        case "utf16":
            return len(text.encode("utf-16-le")) // 2
        case "bytes":
            return len(text.encode())


def _fits(atoms: Sequence[Atom], markup: Markup, shape: Shape) -> bool:
    if not shape.limit:
        return True
    # Apprise ends Telegram's lines in CR LF, and each of the two counts.
    shown = _shown(atoms).strip("\n").replace("\n", "\r\n") if shape.shown else None
    text = render(atoms, markup) if shown is None else shown
    return measure(text, shape) <= shape.limit - shape.margin


def split(atoms: Sequence[Atom], fits: Callable[[Sequence[Atom]], bool]) -> list[list[Atom]]:
    """Return `atoms` in runs that fit, cut at the best borders. Never empty, nothing lost."""
    rest = list(atoms)
    parts: list[list[Atom]] = []
    while rest and len(parts) < _MAX_PARTS:
        longest = _longest(rest, fits)
        cut = longest if longest == len(rest) else _best_cut(rest, longest)
        part = _trimmed(rest[:cut])
        if part:
            parts.append(part)
        rest = _trimmed(rest[cut:])
    return parts or [[Atom("…")]]


def _longest(atoms: Sequence[Atom], fits: Callable[[Sequence[Atom]], bool]) -> int:
    """Return how many atoms fit, at least one: by doubling, then halving, so little is rendered."""
    low, high = 1, 64
    while high < len(atoms) and fits(atoms[:high]):
        low, high = high, high * 2
    high = min(high, len(atoms))
    if fits(atoms[:high]):
        return high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(atoms[:middle]) else (low, middle)
    return low


def _best_cut(atoms: Sequence[Atom], longest: int) -> int:
    """Return where to cut, at most at `longest`: the better the border, the further back."""
    best, best_rank = longest, 0
    for cut in range(longest, max(1, longest // 2) - 1, -1):
        rank = _border(atoms, cut)
        reach = {4: 0.5, 3: 0.6, 2: 0.7, 1: 0.85}.get(rank, 1.0)
        if rank > best_rank and cut >= longest * reach:
            best, best_rank = cut, rank
    return best


def _border(atoms: Sequence[Atom], cut: int) -> int:
    """Return how good a place before `atoms[cut]` is: 4 between entries, …, 1 between words."""
    before, after = atoms[cut - 1], atoms[cut]
    if before.text == "\n":
        blank_line = cut > 1 and atoms[cut - 2].text == "\n"
        begins = any(kind in ("b", "a") for kind, _ in after.styles) or after.text == "• "
        return (4 if begins else 3) if blank_line else 2
    return 1 if before.text.endswith(" ") else 0

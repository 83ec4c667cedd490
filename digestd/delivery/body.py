"""An entry's tokens in the forms that messages take: mail HTML, chat HTML, text.

Mail programs honour no style sheet that one can rely on, so styles are inline; but
font, colour and line height are inherited from the cell that the template makes,
or a digest would be twice its size.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from markupsafe import Markup

from digestd.core.language import Direction, direction_of
from digestd.core.pictures import PANEL, Picture, Pictures
from digestd.delivery import formulas
from digestd.formats.borders import wrap
from digestd.formats.tokens import HEADINGS, INLINE, Element, Token

ACCENT = "#8a3b2a"
LINE = "#e5e1d8"

_MONO = "font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'Liberation Mono',monospace"
_CELL = f"padding:4px 14px 4px 0;border-bottom:1px solid {LINE}"
_CONTAINERS = {
    "ul": '<ul style="margin:10px 0 0;padding:0 0 0 22px">',
    "ol": '<ol style="margin:10px 0 0;padding:0 0 0 26px">',
    "li": '<li style="margin:4px 0 0">',
    "blockquote": (
        f'<blockquote class="ln" style="margin:14px 0 0;padding:0 0 0 16px;border:0;'
        f'border-left:3px solid {LINE}">'
    ),
    "table": (
        '<table cellpadding="0" cellspacing="0" border="0"'
        ' style="margin:12px 0 0;border-collapse:collapse;font:inherit;color:inherit">'
    ),
    "tr": "<tr>",
    "td": f'<td class="ln" style="{_CELL};vertical-align:top">',
    "th": f'<td class="ln" style="{_CELL};font-weight:600">',
}


def _mirrored(markup: str) -> str:
    """Return a start tag for text that runs from right to left."""
    markup = re.sub(r"padding:(\S+) (\S+) (\S+) ([^;\"]+)", r"padding:\1 \4 \3 \2", markup)
    return markup.replace("border-left:", "border-right:")


_MIRRORED = {tag: _mirrored(markup) for tag, markup in _CONTAINERS.items()}
_MANY_BREAKS = re.compile(r"(?:<br>){3,}")
_TAGS = {"strong": "b", "em": "i", "var": "i", "cite": "i", "dfn": "i", "del": "s", "ins": "u"}
_PLAIN = frozenset({"span", "abbr", "q", "bdi", "small", "mark"})
_CELLS = frozenset({"li", "td", "th"})


def mail_html(
    tokens: Sequence[Token],
    pictures: Pictures | None = None,
    page: str = "",
    direction: Direction = "ltr",
) -> Markup:
    """Return an entry's text for a mail: paragraphs with styles, formulas set, nothing else.

    `page` is where its images are from; `direction` is that of the cell around it.
    """
    return Markup(_Mail(pictures or Pictures(), page, direction).write(tokens))  # noqa: S704 - each token is escaped in `_Mail`


def title_html(tokens: Sequence[Token], pictures: Pictures | None = None) -> Markup:
    """Return a title's formulas and words, everything else of it as text."""
    shown = pictures or Pictures()
    return Markup("".join(_inline(token, shown, in_title=True) for token in tokens))  # noqa: S704 - each token is escaped


def chat_html(tokens: Sequence[Token]) -> Markup:
    """Return an entry's text in the few tags that chats know (b, i, a, code, pre, br)."""
    parts: list[str] = []
    opened: list[tuple[Element, str]] = []
    for token in tokens:
        wanted = [element for element in token.path if _chat_tag(element)]
        shared = _shared([element for element, _ in opened], wanted)
        while len(opened) > shared:
            parts.append(f"</{opened.pop()[1]}>")
        if token.kind in {"block", "br", "display"}:
            parts.append(_chat_break(token, parts))
        for element in wanted[shared:] if token.kind != "block" else ():
            tag = _chat_tag(element)
            href = f' href="{escape(element.href)}"' if tag == "a" else ""
            parts.append(f"<{tag}{href}>")
            opened.append((element, tag))
        parts.append(_chat_text(token))
    parts.extend(f"</{tag}>" for _, tag in reversed(opened))
    text = _MANY_BREAKS.sub("<br><br>", "".join(parts)).removesuffix("<br>")
    return Markup(text)  # noqa: S704 - each token is escaped


def mail_text(plain: str, columns: int = 76) -> str:
    """Return an entry's text (`tokens.as_text`) wrapped; what stands indented stays as it is."""
    return "\n".join(
        line.rstrip() if line.startswith("    ") else wrap(line, columns)
        for line in plain.split("\n")
    )


class _Mail:
    """Writes tokens: containers as they nest, paragraphs where text begins, then inline tags."""

    def __init__(self, pictures: Pictures, page: str, direction: Direction) -> None:
        self._pictures = pictures
        self._page = page
        self._starts = _MIRRORED if direction == "rtl" else _CONTAINERS
        self._parts: list[str] = []
        self._containers: list[Element] = []
        self._inline: list[Element] = []
        self._paragraph = ""  # its closing tag; empty: none is open
        self._is_open = False
        self._begun: set[int] = set()  # list items and cells that have their first paragraph

    def write(self, tokens: Sequence[Token]) -> str:
        for token in tokens:
            if token.kind == "block":
                self._close_paragraph()
                continue
            self._nest([element for element in token.path if element.tag in _CONTAINERS])
            if token.kind in {"display", "pre"}:
                self._close_paragraph()
                self._parts.append(
                    formulas.display(token, self._pictures)
                    if token.kind == "display"
                    else _listing(token)
                )
            elif token.kind == "image":
                self._close_paragraph()
                self._parts.append(_image(token, self._pictures.image(token.source, self._page)))
            elif token.kind != "cell":
                self._open_paragraph(token)
                if not self._is_open:
                    continue  # a blank between blocks
                self._open_inline([e for e in token.path if e.tag in INLINE])
                self._parts.append("<br>" if token.kind == "br" else _inline(token, self._pictures))
        self._nest([])
        self._close_paragraph()
        return "".join(self._parts)

    def _nest(self, wanted: list[Element]) -> None:
        shared = _shared(self._containers, wanted)
        if shared == len(self._containers) == len(wanted):
            return
        self._close_paragraph()
        while len(self._containers) > shared:
            tag = self._containers.pop().tag
            self._parts.append(f"</{'td' if tag == 'th' else tag}>")
        for element in wanted[shared:]:
            self._parts.append(self._starts[element.tag])
            self._containers.append(element)

    def _open_paragraph(self, token: Token) -> None:
        if self._is_open or (token.kind in {"space", "br"}):
            return
        self._is_open = True
        holder = self._containers[-1] if self._containers else None
        if holder is not None and holder.tag in _CELLS and id(holder) not in self._begun:
            self._begun.add(id(holder))
            self._paragraph = ""
            return
        heading = any(element.tag in HEADINGS for element in token.path)
        style = "margin:20px 0 0;font-weight:700" if heading else "margin:12px 0 0"
        self._parts.append(f'<p{_direction(token)} style="{style}">')
        self._paragraph = "</p>"

    def _close_paragraph(self) -> None:
        self._open_inline([])
        if self._is_open:
            self._parts.append(self._paragraph)
        self._is_open, self._paragraph = False, ""

    def _open_inline(self, wanted: list[Element]) -> None:
        shared = _shared(self._inline, wanted)
        while len(self._inline) > shared:
            self._parts.append(f"</{_inline_tag(self._inline.pop())}>")
        for element in wanted[shared:]:
            tag = _inline_tag(element)
            extra = ""
            if element.href:
                extra = (
                    f' href="{escape(element.href)}" class="lk"'
                    f' style="color:{ACCENT};text-decoration:underline"'
                )
            self._parts.append(f"<{tag}{extra}>")
            self._inline.append(element)


def _shared(ours: Sequence[Element], theirs: Sequence[Element]) -> int:
    count = 0
    for one, other in zip(ours, theirs, strict=False):
        if one is not other:
            break
        count += 1
    return count


def _inline_tag(element: Element) -> str:
    if element.tag in _PLAIN or (element.tag == "a" and not element.href):
        return "span"
    return _TAGS.get(element.tag, element.tag)


def _direction(token: Token) -> str:
    """Return the attributes of a paragraph that runs otherwise than its surroundings."""
    declared = next((e.dir for e in reversed(token.path) if e.dir in {"ltr", "rtl"}), "")
    language = next((e.lang for e in reversed(token.path) if e.lang), "")
    declared = declared or (direction_of(language) if language else "")
    tag = f' lang="{escape(language)}"' if language else ""
    # Outlook for Windows aligns by the attribute alone.
    side = {"rtl": ' dir="rtl" align="right"', "ltr": ' dir="ltr" align="left"'}.get(declared, "")
    return tag + side


def _inline(token: Token, pictures: Pictures, *, in_title: bool = False) -> str:
    if token.kind == "code":
        code = escape(token.text, quote=False)
        return f'<code dir="ltr" style="{_MONO};font-size:88%">{code}</code>'
    if token.kind in {"formula", "display"}:
        return formulas.inline(token, pictures, in_title=in_title)
    return escape(token.text, quote=False)


def _image(token: Token, picture: Picture | None) -> str:
    """Return an image with its link; what it would say, if it does not come along."""
    href = token.link.href if token.link else ""
    if picture is None:
        if not token.text:
            return ""
        shown = escape(token.text, quote=False)
        href = href or token.source
    else:
        size = f' width="{picture.width}" height="{picture.height}"' if picture.width else ""
        shown = (
            f'<img src="{escape(picture.source)}"{size} alt="{escape(token.text.strip("[]"))}"'
            ' style="border:0;max-width:100%;height:auto;border-radius:4px">'
        )
    if href:
        shown = f'<a href="{escape(href)}" class="lk" style="color:{ACCENT}">{shown}</a>'
    return f'<p style="margin:14px 0 0">{shown}</p>'


def _listing(token: Token) -> str:
    return (
        '<pre class="eq" dir="ltr" style="margin:14px 0 2px;padding:12px 14px;text-align:left;'
        f"background-color:{PANEL};border-radius:8px;{_MONO};font-size:13px;line-height:20px;white-space:pre-wrap;"
        f'word-wrap:break-word">{escape(token.text, quote=False)}</pre>'
    )


def _chat_tag(element: Element) -> str:
    if element.tag == "a":
        return "a" if element.href else ""
    if element.tag in HEADINGS:
        return "b"
    tag = _TAGS.get(element.tag, element.tag)
    return tag if tag in {"b", "i"} else ""


def _chat_break(token: Token, parts: list[str]) -> str:
    if not parts:
        return escape(token.text.strip())
    bullet = token.text.strip() if token.kind == "block" else ""
    one_line = token.kind == "br" or (token.kind == "block" and token.text.count("\n") == 1)
    return ("<br>" if one_line else "<br><br>") + (f"{bullet} " if bullet else "")


def _chat_text(token: Token) -> str:
    if token.kind in {"block", "br"}:
        return ""
    text = escape(token.text, quote=False)
    if token.kind == "pre":
        return f"<pre>{text}</pre>"
    if token.kind == "code":
        return f"<code>{text}</code>"
    return text.replace("\n", "<br>") + ("<br>" if token.kind == "display" else "")

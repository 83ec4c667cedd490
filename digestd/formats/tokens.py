"""Entry HTML as a sequence of tokens, and back.

A token is a grapheme cluster (or a run of text, before it is split), a formula, a
piece of code, or a border between blocks; each knows the elements it stands in. So
whoever drops tokens gets balanced HTML by construction, and one walk serves every
form a message takes: mail, chat, text. The parser bounds depth; the walk is one pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Literal

import regex
from lxml import etree
from lxml.html import HtmlElement, HTMLParser, document_fromstring

from digestd.frozen import dataclass, replace

Kind = Literal["text", "space", "formula", "display", "code", "pre", "br", "block", "cell", "image"]
FormulaForm = Literal["unicode", "tex"]


def names(text: str) -> frozenset[str]:
    """Return the words of `text` as a set: a table that reads as a line."""
    return frozenset(text.split())


INLINE = names("a b strong i em u s del ins sub sup small mark q cite abbr dfn var span bdi")
HEADINGS = names("h1 h2 h3 h4 h5 h6")
_BLOCKS = HEADINGS | names(
    "p div section article header footer main aside nav address blockquote ul ol li dl dt dd"
    " center details summary body figure figcaption table tr"
)
_KEPT = HEADINGS | names("p div blockquote ul ol li dl dt dd figcaption table tr td th")
_NEVER = names(
    "script style head title template noscript iframe object embed audio video canvas svg img"
    " picture source button input select textarea option map math annotation link meta base"
)
_NOT_IN_EXCERPTS = _NEVER | names("form figure figcaption table hr")
_NOT_IN_SCRAPS = _NEVER | names("form hr")
_CODE = names("code kbd samp tt")
_LETTER, _LONGEST_ALT = 48, 300
_TIGHT = names("li dt dd tr td th")
_HIDDEN = regex.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all|font-size\s*:\s*0(?![.\d])",
    regex.IGNORECASE,
)
_ROOT = "digestd-root"  # our own wrapper, which the result leaves out
_SAFE_LINK = regex.compile(r"(?:https?|mailto):", regex.IGNORECASE)
# Signs that take no room and would only get in the way of counting and joining.
_INVISIBLE = regex.compile("[\u200b\ufeff\u00ad\u2060\x00-\x08\x0e-\x1f\x7f]")


# A line end in the source of Chinese text is no blank: there are none between its words.
_EAST_ASIAN = r"[\p{Han}\p{Hiragana}\p{Katakana}，。、；：！？…—“”‘’（）《》「」『』【】]"
_EMPTY_LINES = regex.compile(r"[ \n]*\n\n[\n]*(?: (?! {3}))*")
_LINE_END = regex.compile(rf"(?<={_EAST_ASIAN})\s+(?={_EAST_ASIAN})")


@dataclass(frozen=True, slots=True, eq=False)
class Element:
    """An element of the source that the result keeps, with the attributes that survive."""

    tag: str
    dir: str = ""
    lang: str = ""
    href: str = ""

    @property
    def attributes(self) -> str:
        """Return them as they stand in a tag."""
        pairs = (("dir", self.dir), ("lang", self.lang), ("href", self.href))
        return "".join(f' {name}="{escape(value)}"' for name, value in pairs if value)


Path = tuple[Element, ...]


@dataclass(slots=True, eq=False)  # not frozen: there is one for each sign, and frozen is slow
class Token:
    """The smallest thing that is kept or dropped as a whole; never changed.

    `cost` is what it counts towards a limit. Of a block border, `text` is what
    stands for it in plain text: one or two line ends, and a list's bullet.
    """

    kind: Kind
    text: str
    path: Path
    cost: int = 1
    tex: str = ""  # of a formula
    markup: str = ""  # of formulas and code, as it stands in HTML
    link: Element | None = None
    source: str = ""  # of an image: where it is


def runs(html: str, formulas: FormulaForm = "unicode", *, whole: bool = False) -> list[Token]:
    """Return an entry as tokens, text not yet split.

    Hidden elements and scripts are left out; without `whole` images and forms too, and
    tables and figures where there is anything else to read. `formulas` says how
    formulas are written.
    """
    if whole:
        return list(_Walk(formulas, _NEVER - {"img"}).tokens(_parse(html)))
    found = list(_Walk(formulas, _NOT_IN_EXCERPTS).tokens(_parse(html)))
    if any(token.kind not in ("block", "br", "cell") and token.text.strip() for token in found):
        return found
    # Laid out in a table, as Reddit does it, or a picture and what is written beneath.
    return list(_Walk(formulas, _NOT_IN_SCRAPS).tokens(_parse(html)))


def _parse(html: str) -> HtmlElement:
    # Bytes, since lxml refuses a str that carries an encoding declaration.
    parser = HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
    source = f"<body><div id={_ROOT}>{_INVISIBLE.sub('', html)}</div></body>"
    return document_fromstring(source.encode("utf-8", "replace"), parser=parser)


class _Walk:
    """One walk over a tree: the elements that are open, and the counters of open lists."""

    def __init__(self, formulas: FormulaForm, left_out: frozenset[str]) -> None:
        self._formulas = formulas
        self._left_out = left_out
        self._path: Path = ()
        self._lists: list[int] = []
        self._cells = 0  # of the row so far

    def tokens(self, tree: HtmlElement) -> Iterator[Token]:
        walker = etree.iterwalk(tree, events=("start", "end"))
        opened: list[bool] = []  # of the elements around: whether each is more than an atom
        for event, element in walker:
            if event == "start":
                is_atom = self._is_left_out(element) or _is_whole(element)
                opened.append(not is_atom)
                yield from self._atom(element) if is_atom else self._start(element)
                if is_atom:
                    walker.skip_subtree()
                elif element.text:
                    yield self._token("text", element.text)
                continue
            if opened.pop():
                yield from self._end(element.tag)
            if element.tail:
                yield self._token("text", element.tail)

    def _token(
        self, kind: Kind, text: str, cost: int = 1, *, tex: str = "", markup: str = ""
    ) -> Token:
        if kind == "text" and "\n" in text and not text.isascii():
            text = _LINE_END.sub(lambda m: "" if "\n" in m[0] else m[0], text)
        link = None
        for element in self._path:
            if element.tag == "a":
                link = element
                break
        return Token(kind, text, self._path, cost, tex, markup, link)

    def _start(self, element: HtmlElement) -> Iterator[Token]:
        tag = element.tag
        if tag == "br":
            yield self._token("br", "\n")
            return
        if tag == "img":
            yield from self._image(element)
            return
        if tag in ("ol", "ul"):
            self._lists.append(1 if tag == "ol" else 0)
        if tag == "tr":
            self._cells = 0
        if tag in _KEPT or tag in INLINE:
            self._path = (*self._path, _element(element))
        if tag == "li" and self._lists:
            number = self._lists[-1]
            self._lists[-1] += 1 if number else 0
            yield self._token("block", f"\n{number}. " if number else "\n• ")
        elif tag in ("td", "th"):
            yield self._token("cell", " | " if self._cells else "", 0)
            self._cells += 1
        elif tag in _BLOCKS:
            yield self._token("block", "\n" if tag in _TIGHT else "\n\n")

    def _image(self, element: HtmlElement) -> Iterator[Token]:
        """Yield an image; of one as small as a letter what it would say."""
        alt = " ".join((element.get("alt") or "").split())[:_LONGEST_ALT]
        sides = [element.get(side) or "" for side in ("width", "height")]
        source = (element.get("src") or "").strip()
        if any(side.isdecimal() and int(side) <= _LETTER for side in sides) or not source:
            if alt:
                yield self._token("text", alt)
        elif _SAFE_LINK.match(source):
            yield replace(self._token("image", f"[{alt}]" if alt else ""), source=source)

    def _end(self, tag: str) -> Iterator[Token]:
        if tag in ("ol", "ul") and self._lists:
            self._lists.pop()
        if tag in _KEPT or tag in INLINE:
            self._path = self._path[:-1]
        if tag in _BLOCKS:
            yield self._token("block", "\n" if tag in _TIGHT else "\n\n")

    def _atom(self, element: HtmlElement) -> Iterator[Token]:
        """Yield what is kept whole or dropped whole; a border for the blocks that are left out."""
        if self._is_left_out(element):
            if element.tag in _BLOCKS or element.tag in ("form", "hr"):
                yield self._token("block", "\n\n")
            return
        text = element.text_content()
        if _is_formula(element):
            yield self._formula(element, text)
        elif element.tag == "pre":
            shown = text.expandtabs(4).strip("\n").rstrip()
            if shown:
                yield self._token("block", "\n\n")
                yield self._token("pre", shown, len(shown))
                yield self._token("block", "\n\n")
        else:
            shown = " ".join(text.split())
            if shown:
                yield self._token("code", shown, len(shown), markup=f"<code>{escape(shown)}</code>")

    def _formula(self, element: HtmlElement, shown: str) -> Token:
        tex = element.get("data-tex") or ""
        is_display = element.get("data-display") == "block"
        if self._formulas == "tex":
            is_environment = is_display and tex.startswith("\\begin")
            fence = "" if is_environment else ("$$" if is_display else "$")
            shown = element.get("data-source") or fence + tex + fence
            markup = escape(shown)
        else:
            markup = (
                f'<span class="math" data-tex="{escape(tex)}"'
                f' data-display="{"block" if is_display else "inline"}">{escape(shown)}</span>'
            )
        # LaTeX stands where it stood; what is shown stands apart.
        stands_apart = is_display and self._formulas != "tex"
        return self._token("display" if stands_apart else "formula", shown, tex=tex, markup=markup)

    def _is_left_out(self, element: HtmlElement) -> bool:
        if element.tag in self._left_out:
            return True
        style = element.get("style")
        is_hidden = style is not None and bool(_HIDDEN.search(style[:1000]))
        return is_hidden or element.get("hidden") is not None


def _is_whole(element: HtmlElement) -> bool:
    return element.tag == "pre" or element.tag in _CODE or _is_formula(element)


def _is_formula(element: HtmlElement) -> bool:
    return element.tag == "span" and "data-tex" in element.attrib


def _element(element: HtmlElement) -> Element:
    if element.get("id") == _ROOT:
        return Element("")
    href = (element.get("href") or "").strip() if element.tag == "a" else ""
    return Element(
        element.tag,
        (element.get("dir") or "").lower(),
        element.get("lang") or "",
        href if _SAFE_LINK.match(href) else "",
    )


# --- writing it down -----------------------------------------------------------------------


def as_text(tokens: Sequence[Token]) -> str:
    parts = [_indented(token) if token.kind == "display" else token.text for token in tokens]
    text: str = _EMPTY_LINES.sub("\n\n", "".join(parts))
    return text.strip("\n").strip() if not text.startswith("\n\n    ") else text.strip("\n")


def _indented(token: Token) -> str:
    lines = "\n".join("    " + line.strip() for line in token.text.splitlines())
    return f"\n\n{lines}\n\n"


def as_html(tokens: Sequence[Token]) -> str:
    parts: list[str] = []
    open_elements: list[Element] = []
    for token in tokens:
        if token.kind == "block":
            continue
        shared = 0
        for ours, theirs in zip(open_elements, token.path, strict=False):
            if ours is not theirs:
                break
            shared += 1
        while len(open_elements) > shared:
            parts.append(_end(open_elements.pop()))
        for element in token.path[shared:]:
            parts.append(f"<{element.tag}{element.attributes}>" if element.tag else "")
            open_elements.append(element)
        parts.append(_token_html(token))
    parts.extend(map(_end, reversed(open_elements)))
    return "".join(parts)


def _end(element: Element) -> str:
    return f"</{element.tag}>" if element.tag else ""


def _token_html(token: Token) -> str:
    if token.kind == "br":
        return "<br>"
    if token.kind == "cell":
        return ""  # the cell is among the elements
    if token.kind == "pre":
        return f"<pre>{escape(token.text, quote=False)}</pre>"
    return token.markup or escape(token.text, quote=False)

"""Entry HTML as a sequence of tokens, and back.

A token is a grapheme cluster (or a run of text, before it is split), a formula, a
piece of code, or a border between blocks; each knows the elements it stands in. So
whoever drops tokens gets balanced HTML by construction, and one walk serves every
form a message takes: mail, chat, text. The parser bounds depth; the walk is one pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Literal

import regex
from lxml import etree

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
_OPENING = INLINE | _KEPT  # those that stand in the path of what is in them
_NEVER = names(
    "script style head title template noscript iframe object embed audio video canvas svg img"
    " picture source button input select textarea option map math annotation link meta base"
)
_NOT_IN_EXCERPTS = _NEVER | names("form figure figcaption table hr")
_NOT_IN_SCRAPS = _NEVER | names("form hr")
_CODE = names("code kbd samp tt")
_LETTER, _LONGEST_ALT = 48, 300
_TIGHT = names("li dt dd tr td th")
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all|font-size\s*:\s*0(?![.\d])",
    re.IGNORECASE,
)
_ROOT = "digestd-root"  # our own wrapper, which the result leaves out
_SAFE_LINK = re.compile(r"(?:https?|mailto):", re.IGNORECASE)
# Signs that take no room and would only get in the way of counting and joining.
_INVISIBLE = re.compile("[\u200b\ufeff\u00ad\u2060\x00-\x08\x0e-\x1f\x7f]")


# A line end in the source of Chinese text is no blank: there are none between its words.
_EAST_ASIAN = r"[\p{Han}\p{Hiragana}\p{Katakana}，。、；：！？…—“”‘’（）《》「」『』【】]"
_EMPTY_LINES = re.compile(r"[ \n]*\n\n[\n]*(?: (?! {3}))*")
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


def runs(
    html: str,
    formulas: FormulaForm = "unicode",
    *,
    whole: bool = False,
    is_beginning: bool = False,
) -> list[Token]:
    """Return an entry as tokens, text not yet split.

    Hidden elements and scripts are left out; without `whole` images and forms too, and
    tables and figures where there is anything else to read (there may be, where `html`
    `is_beginning` of an entry). `formulas` says how formulas are written.
    """
    if whole:
        return list(_Walk(formulas, _NEVER - {"img"}).tokens(_parse(html)))
    found = list(_Walk(formulas, _NOT_IN_EXCERPTS).tokens(_parse(html)))
    if is_beginning or any(
        token.kind not in ("block", "br", "cell") and token.text.strip() for token in found
    ):
        return found
    # Laid out in a table, as Reddit does it, or a picture and what is written beneath.
    return list(_Walk(formulas, _NOT_IN_SCRAPS).tokens(_parse(html)))


def _parse(html: str) -> etree._Element:
    # Bytes, since lxml refuses a str that carries an encoding declaration.
    parser = etree.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
    source = f"<body><div id={_ROOT}>{_INVISIBLE.sub('', html)}</div></body>"
    return etree.fromstring(source.encode("utf-8", "replace"), parser)


class _Walk:
    """One walk over a tree: the elements that are open, and the counters of open lists."""

    def __init__(self, formulas: FormulaForm, left_out: frozenset[str]) -> None:
        self._formulas = formulas
        self._left_out = left_out
        self._path: Path = ()
        self._link: Element | None = None  # the outermost in it
        self._around: list[tuple[Path, Element | None]] = []  # the same, of what is around
        self._lists: list[int] = []
        self._cells = 0  # of the row so far

    def tokens(self, tree: etree._Element) -> Iterator[Token]:
        walker = etree.iterwalk(tree, events=("start", "end"))
        opened: list[bool] = []  # of the elements around: whether each is more than an atom
        for event, element in walker:
            tag = element.tag
            if event == "start":
                facts = dict(element.items())
                is_left_out = tag in self._left_out or (bool(facts) and _is_hidden(facts))
                is_atom = is_left_out or tag == "pre" or tag in _CODE or _is_formula(tag, facts)
                opened.append(not is_atom)
                if is_atom:
                    yield from self._dropped(tag) if is_left_out else self._atom(element, facts)
                    walker.skip_subtree()
                    continue
                if token := self._start(tag, facts):
                    yield token
                if text := element.text:
                    yield self._token("text", text)
                continue
            if opened.pop() and (token := self._end(tag)):
                yield token
            if tail := element.tail:
                yield self._token("text", tail)

    def _token(
        self, kind: Kind, text: str, cost: int = 1, *, tex: str = "", markup: str = ""
    ) -> Token:
        if kind == "text" and "\n" in text and not text.isascii():
            text = _LINE_END.sub(lambda m: "" if "\n" in m[0] else m[0], text)
        return Token(kind, text, self._path, cost, tex, markup, self._link)

    def _start(self, tag: str, facts: Mapping[str, str]) -> Token | None:
        if tag in _OPENING:
            self._around.append((self._path, self._link))
            element = _element(tag, facts) if facts else Element(tag)
            self._path = (*self._path, element)
            if tag == "a" and self._link is None:
                self._link = element
            if tag in INLINE:
                return None
        if tag == "br":
            return self._token("br", "\n")
        return self._image(facts) if tag == "img" else self._border(tag)

    def _border(self, tag: str) -> Token | None:
        """Return what stands before a block."""
        if tag in ("ol", "ul"):
            self._lists.append(1 if tag == "ol" else 0)
        if tag == "tr":
            self._cells = 0
        if tag == "li" and self._lists:
            number = self._lists[-1]
            self._lists[-1] += 1 if number else 0
            return self._token("block", f"\n{number}. " if number else "\n• ")
        if tag in ("td", "th"):
            self._cells += 1
            return self._token("cell", " | " if self._cells > 1 else "", 0)
        if tag in _BLOCKS:
            return self._token("block", "\n" if tag in _TIGHT else "\n\n")
        return None

    def _image(self, facts: Mapping[str, str]) -> Token | None:
        """Return an image; of one as small as a letter what it would say."""
        alt = " ".join(facts.get("alt", "").split())[:_LONGEST_ALT]
        sides = [facts.get(side, "") for side in ("width", "height")]
        source = facts.get("src", "").strip()
        if any(side.isdecimal() and int(side) <= _LETTER for side in sides) or not source:
            return self._token("text", alt) if alt else None
        if not _SAFE_LINK.match(source):
            return None
        return replace(self._token("image", f"[{alt}]" if alt else ""), source=source)

    def _end(self, tag: str) -> Token | None:
        if tag in ("ol", "ul") and self._lists:
            self._lists.pop()
        if tag in _OPENING:
            self._path, self._link = self._around.pop()
        if tag in _BLOCKS:
            return self._token("block", "\n" if tag in _TIGHT else "\n\n")
        return None

    def _atom(self, element: etree._Element, facts: Mapping[str, str]) -> Iterator[Token]:
        """Yield what is kept whole."""
        text = "".join(map(str, element.itertext()))
        if _is_formula(element.tag, facts):
            yield self._formula(facts, text)
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

    def _dropped(self, tag: str) -> Iterator[Token]:
        """Yield what stands for an element that is left out: a border, if it is a block."""
        if tag in _BLOCKS or tag in ("form", "hr"):
            yield self._token("block", "\n\n")

    def _formula(self, facts: Mapping[str, str], shown: str) -> Token:
        tex = facts["data-tex"]
        is_display = facts.get("data-display") == "block"
        if self._formulas == "tex":
            is_environment = is_display and tex.startswith("\\begin")
            fence = "" if is_environment else ("$$" if is_display else "$")
            shown = facts.get("data-source") or fence + tex + fence
            markup = escape(shown)
        else:
            markup = (
                f'<span class="math" data-tex="{escape(tex)}"'
                f' data-display="{"block" if is_display else "inline"}">{escape(shown)}</span>'
            )
        # LaTeX stands where it stood; what is shown stands apart.
        stands_apart = is_display and self._formulas != "tex"
        return self._token("display" if stands_apart else "formula", shown, tex=tex, markup=markup)


def _is_hidden(facts: Mapping[str, str]) -> bool:
    style = facts.get("style")
    return "hidden" in facts or (style is not None and bool(_HIDDEN.search(style[:1000])))


def _is_formula(tag: str, facts: Mapping[str, str]) -> bool:
    return tag == "span" and "data-tex" in facts


def _element(tag: str, facts: Mapping[str, str]) -> Element:
    if facts.get("id") == _ROOT:
        return Element("")
    href = facts.get("href", "").strip() if tag == "a" else ""
    return Element(
        tag,
        facts.get("dir", "").lower(),
        facts.get("lang", ""),
        href if _SAFE_LINK.match(href) else "",
    )


# --- writing it down -----------------------------------------------------------------------


def as_text(tokens: Sequence[Token]) -> str:
    parts = [_indented(token) if token.kind == "display" else token.text for token in tokens]
    text = _EMPTY_LINES.sub("\n\n", "".join(parts))
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

"""Finding formulas in HTML and in titles, and marking them.

Runs before sanitising: feeds forget to escape `<`, and HTML parsers eat
`$a<b$`. So the document is read here as a run of tags and text, where a `<`
that opens no tag is text. Formulas that are ready made (MathML, KaTeX,
MathJax, images) are taken as they are; the rest is found by its delimiters,
never across a block border, never in code.
"""

from __future__ import annotations

import html as entities
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote, unquote_plus, urlsplit

from digestd.core.mathtext import to_text
from digestd.core.mathtextmode import looks_texed, untex
from digestd.formats.mathscan import (
    BREAK,
    EMPHASIS,
    INLINE_TAG,
    MathMode,
    find_delimited,
)

__all__ = ["Formula", "MathMode", "find_math", "mark_html", "mark_title"]

_LONGEST_TEX = 8_000
_MOST_FORMULAS = 3_000
_MOST_UNCLOSED = 5

# Quantifiers are possessive and bounded: a tag that never ends costs its start alone.
_TAG = re.compile(
    r"<(?P<close>/?)(?P<name>[A-Za-z][A-Za-z0-9-]{0,30})"
    r"(?P<rest>(?=[\s/>])(?:[^<>\"']++|\"[^\"]{0,3000}+\"|'[^']{0,3000}+')*+)>"
    r"|<![^<>]{0,500}+>"
)
_ATTRIBUTE = re.compile(
    r"([A-Za-z][\w:-]{0,40})\s{0,9}=\s{0,9}(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))"
)
_INLINE = frozenset(
    "a abbr acronym b bdi bdo big cite del dfn em font i img ins label mark q s small span strike"
    " strong sub sup time u var wbr".split()
)
_SIGNS = {"br": BREAK, "em": EMPHASIS, "i": EMPHASIS}
# `$x<b and c>y$`: these are letters as often as tags.
_LETTERS = frozenset("a b i p q s u".split())
_VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())
_NEVER = frozenset("code pre kbd samp tt script style textarea svg noscript xmp listing".split())
_NEVER_CLASS = re.compile(
    r"tex2jax_ignore|mathjax_ignore|no-?mathjax|highlight|hljs|codehilite|syntaxhighlighter"
    r"|crayon|prettyprint",
    re.IGNORECASE,
)
_READY_CLASS = re.compile(
    r"(?:^|\s)(?:katex(?:-display|-block)?|mwe-math-element|MathJax(?:_Display|_SVG|_CHTML)?"
    r"|mjx-chtml)(?:\s|$)"
)
_PREVIEW_CLASS = re.compile(r"MathJax_Preview")
_ANNOTATION = re.compile(
    r"<annotation[^<>]{0,300}application/x-tex[^<>]{0,100}>(.{0,8000}?)</annotation>",
    re.DOTALL | re.IGNORECASE,
)
_ALTTEXT = re.compile(r"\balttext\s*=\s*(?:\"([^\"]{1,8000})\"|'([^']{1,8000})')", re.IGNORECASE)
_BLOCK_MATH = re.compile(
    r"display\s*=\s*[\"']?(?:block|true)|katex-display|MathJax_Display|fallback-image-display",
    re.IGNORECASE,
)
_IMAGE_CLASS = re.compile(r"(?:^|\s)(?:latex|tex|mwe-math-[\w-]+|ee_img|math)(?:\s|$)")
_IMAGE_URL = re.compile(
    r"zhihu\.com/equation|latex\.codecogs\.com|\.wp\.com/latex\.php|/latex\.php|chart\?cht=tx"
    r"|math\.now\.sh|/mathtex\.cgi|/mimetex\.cgi",
    re.IGNORECASE,
)
_DISPLAYSTYLE = re.compile(r"^\{\\(?:displaystyle|textstyle)\s?(.*)\}$", re.DOTALL)
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});?")
_OUR_SIGNS = re.compile(f"[{BREAK}{EMPHASIS}{INLINE_TAG}]")


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula without its delimiters; `tex` is LaTeX, or plain text where there was no source."""

    tex: str
    display: bool


# What a document is made of here: markup as it stands, or a formula. The flag says whether
# the markup is text (to be read) or tags and code (to be left alone).
_Chunk = tuple[str, bool] | Formula


def find_math(html: str, context: Literal["html", "title"] = "html") -> list[Formula]:
    """Return the formulas of an entry's HTML, or of a title, in order."""
    del context  # titles follow the same rules
    return [chunk for chunk in _chunks(html, "auto") if isinstance(chunk, Formula)]


def mark_html(html: str, mode: MathMode = "auto") -> str:
    """Return `html` with each formula as a marked span that carries its source.

    `<span class="math" data-tex="…" data-display="inline|block">` holds the
    formula's Unicode form. A `<` that opened no tag is escaped.
    """
    if mode == "off":
        return html
    return "".join(
        _span(chunk) if isinstance(chunk, Formula) else chunk[0] for chunk in _chunks(html, mode)
    )


def mark_title(text: str) -> tuple[str, str]:
    """Return a title as one line of plain text, and as HTML with marked formulas.

    `text` is the title as the feed gives it, entities and markup included. The
    HTML is empty where there is no formula; the plain form has them in Unicode.
    """
    plain: list[str] = []
    marked: list[str] = []
    has_formula = False
    for chunk in _chunks(text[:5_000], "auto"):
        if isinstance(chunk, Formula):
            has_formula = True
            plain.append(to_text(chunk.tex, one_line=True))
            marked.append(_span(Formula(chunk.tex, display=False)))
            continue
        markup, is_text = chunk
        if not is_text:
            continue
        words = entities.unescape(markup)
        if looks_texed(words):
            words = untex(words)
        plain.append(words)
        marked.append(entities.escape(words))
    line = " ".join("".join(plain).split())
    return line, " ".join("".join(marked).split()) if has_formula else ""


def _span(formula: Formula) -> str:
    tex = entities.escape(formula.tex)
    where = "block" if formula.display else "inline"
    shown = entities.escape(to_text(formula.tex, one_line=not formula.display))
    return f'<span class="math" data-tex="{tex}" data-display="{where}">{shown}</span>'


def _chunks(html: str, mode: MathMode) -> Iterator[_Chunk]:
    """Yield the document's parts in order."""
    html = _OUR_SIGNS.sub("", _without_comments(html))
    run = _Run(mode)
    left = _MOST_FORMULAS
    at = 0
    while left > 0 and (tag := _TAG.search(html, at)) is not None:
        run.text(html[at : tag.start()])
        at = tag.end()
        name = (tag["name"] or "").lower()
        if _is_letter(tag, run):
            run.text(tag[0])
        elif not tag["close"] and name and (whole := _whole(html, tag, name, run)) is not None:
            at, formula = whole
            yield from _as_one(run, name, html[tag.start() : at], formula)
        elif name in _INLINE or name == "br" or not name:
            run.tag(tag[0], _SIGNS.get(name, INLINE_TAG))
        else:
            for chunk in run.take():
                left -= isinstance(chunk, Formula)
                yield chunk
            yield tag[0], False
    if left > 0:
        run.text(html[at:])
        at = len(html)
    yield from run.take()
    yield html[at:], True


def _without_comments(html: str) -> str:
    kept, at = [], 0
    while (start := html.find("<!--", at)) >= 0 and (end := html.find("-->", start)) >= 0:
        kept.append(html[at:start])
        at = end + 3
    return "".join(kept) + html[at:]


def _as_one(run: _Run, name: str, markup: str, formula: Formula | None) -> Iterator[_Chunk]:
    """Yield what an element comes to that is taken as a whole: a formula, or code."""
    if formula is None and name in _NEVER and name not in {"script", "style"}:
        run.code(markup)
        return
    yield from run.take()
    yield formula if formula is not None else (markup, False)


def _is_letter(tag: re.Match[str], run: _Run) -> bool:
    """Say whether what looks like a tag is `x<b and c>y` inside a formula."""
    rest = (tag["rest"] or "").strip().strip("/")
    return bool(
        tag["name"] and tag["name"].lower() in _LETTERS and rest and "=" not in rest and run.is_open
    )


def _whole(
    html: str, tag: re.Match[str], name: str, run: _Run
) -> tuple[int, Formula | None] | None:
    """Return the end of an element that is taken as one, and the formula that it is, if any."""
    rest = tag["rest"] or ""
    if name == "img":
        formula = _image_formula(rest)
        return (tag.end(), formula) if formula else None
    if name in _VOID:
        return None
    attributes = _attributes(rest) if "=" in rest else {}
    kind = attributes.get("class", "")
    if name == "script" and attributes.get("type", "").startswith("math/tex"):
        end = _end(html, tag, name, run.never_closed)
        tex = entities.unescape(_inside(html, tag, end)).strip()
        return end, _formula(tex, display="mode=display" in attributes["type"].replace(" ", ""))
    if name in {"math", "mjx-container"} or _READY_CLASS.search(kind):
        end = _end(html, tag, name, run.never_closed)
        return end, _ready(html[tag.start() : end])
    if name in _NEVER or _NEVER_CLASS.search(kind) or _PREVIEW_CLASS.search(kind):
        return _end(html, tag, name, run.never_closed), None
    return None


def _end(html: str, tag: re.Match[str], name: str, never_closed: Counter[str]) -> int:
    """Return where the element ends that `tag` opens; right behind it if it never does."""
    if never_closed[name] > _MOST_UNCLOSED:
        return tag.end()  # each further search would read the whole rest again
    depth = 1
    for found in re.compile(rf"<(/?){name}\b[^<>]*+>", re.IGNORECASE).finditer(html, tag.end()):
        if found[1]:
            depth -= 1
        elif not found[0].endswith("/>"):
            depth += 1
        if depth == 0:
            return found.end()
    never_closed[name] += 1
    # Never closed: take the opening tag alone, or one stray tag would hide the rest.
    return len(html) if name in {"script", "style", "textarea"} else tag.end()


def _inside(html: str, tag: re.Match[str], end: int) -> str:
    return html[tag.end() : max(tag.end(), html.rfind("<", tag.end(), end))]


def _ready(markup: str) -> Formula | None:
    """Return the formula of MathML, KaTeX, MathJax or Wikipedia markup."""
    display = bool(_BLOCK_MATH.search(markup[:2_000]))
    annotation = _ANNOTATION.search(markup)
    alttext = None if annotation else _ALTTEXT.search(markup)
    if annotation:
        tex = entities.unescape(annotation[1])
    elif alttext:
        tex = entities.unescape(alttext[1] or alttext[2])
    else:
        tex = entities.unescape(re.sub(r"<[^<>]*+>", "", markup))
    return _formula(tex, display=display)


def _image_formula(rest: str) -> Formula | None:
    attributes = _attributes(rest)
    kind, source = attributes.get("class", ""), entities.unescape(attributes.get("src", ""))
    is_known = bool(_IMAGE_URL.search(source))
    if not is_known and not _IMAGE_CLASS.search(kind):
        return None
    tex = entities.unescape(attributes.get("alt", "")).strip() or _from_query(source)
    display = attributes.get("eeimg") == "2" or "display" in kind or tex.endswith("\\\\")
    return _formula(tex.removesuffix("\\\\"), display=display)


def _from_query(url: str) -> str:
    try:
        query = urlsplit(url).query
    except ValueError:
        return ""
    named = re.search(r"(?:^|&)(?:tex|latex|chl|formula)=([^&]*)", query)
    return unquote_plus(named[1]) if named else unquote(query)


def _formula(tex: str, *, display: bool) -> Formula | None:
    tex = " ".join(tex.split())
    if found := _DISPLAYSTYLE.match(tex):
        tex = found[1].strip()
    if not tex or len(tex) > _LONGEST_TEX:
        return None
    return Formula(_OUR_SIGNS.sub("", tex), display)


def _attributes(rest: str) -> dict[str, str]:
    return {
        found[1].lower(): found[2] or found[3] or found[4] or ""
        for found in _ATTRIBUTE.finditer(rest[:10_000])
    }


class _Run:
    """Text and inline tags between two block borders."""

    def __init__(self, mode: MathMode) -> None:
        self._mode = mode
        self._parts: list[tuple[str, str, bool]] = []  # flat, markup, whether it is text
        self.never_closed: Counter[str] = Counter()

    @property
    def is_open(self) -> bool:
        """Whether an odd number of dollars, or an opened bracket, stands before."""
        flat = "".join(part[0] for part in self._parts[-40:])
        if flat.count("$") % 2:
            return True
        return flat.rfind("\\(") > flat.rfind("\\)") or flat.rfind("\\[") > flat.rfind("\\]")

    def text(self, markup: str) -> None:
        """Take text, entities still in it."""
        at = 0
        for found in _ENTITY.finditer(markup):
            self._plain(markup[at : found.start()])
            decoded = entities.unescape(found[0])
            self._parts.append((decoded, found[0], True))
            at = found.end()
        self._plain(markup[at:])

    def _plain(self, text: str) -> None:
        for at, part in enumerate(text.split("<")):
            if at:
                self._parts.append(("<", "&lt;", True))
            if part:
                self._parts.append((part, part, True))

    def tag(self, markup: str, sign: str) -> None:
        """Take an inline tag."""
        self._parts.append((sign, markup, False))

    def code(self, markup: str) -> None:
        """Take an element that no formula reaches into."""
        self._parts.append((INLINE_TAG, markup, False))

    def take(self) -> Iterator[_Chunk]:
        """Yield the run with its formulas, and begin the next one."""
        parts, self._parts = self._parts, []
        flat = "".join(part[0] for part in parts)
        if self._mode == "off" or ("$" not in flat and "\\" not in flat):
            yield from ((markup, is_text) for _, markup, is_text in parts)
            return
        cursor = _Cursor(parts)
        for found in find_delimited(flat, self._mode):
            yield from cursor.until(found.start)
            cursor.skip(found.end)
            if found.tex is None:
                yield "…", True
            elif found.tex == "$":
                yield "$", True
            else:
                yield Formula(found.tex, found.display)
        yield from cursor.until(len(flat))


class _Cursor:
    """Walks the parts of a run by positions of its flat text."""

    def __init__(self, parts: list[tuple[str, str, bool]]) -> None:
        self._parts = parts
        self._index = 0
        self._inside = 0  # characters of the present part that are done
        self._at = 0

    def until(self, end: int) -> Iterator[_Chunk]:
        """Yield the markup up to `end`."""
        yield from self._walk(end)

    def skip(self, end: int) -> None:
        """Pass over everything up to `end`."""
        for _ in self._walk(end):
            pass

    def _walk(self, end: int) -> Iterator[tuple[str, bool]]:
        while self._index < len(self._parts) and self._at < end:
            flat, markup, is_text = self._parts[self._index]
            room = len(flat) - self._inside
            step = min(room, end - self._at)
            if flat == markup:
                yield markup[self._inside : self._inside + step], is_text
            elif self._inside == 0:
                yield markup, is_text  # an entity or a tag is whole or not at all
            self._at += step
            self._inside += step
            if self._inside == len(flat):
                self._index += 1
                self._inside = 0

"""Finding formulas in HTML and in titles.

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
from itertools import chain

from digestd.core.parsed import MathMode
from digestd.formats import mathready
from digestd.formats.mathready import Formula
from digestd.formats.mathrun import Chunk, Run
from digestd.formats.mathsigns import (
    BREAK,
    EMPHASIS,
    INLINE_TAG,
    MARK,
    NO_MATHS,
    without_signs,
)
from digestd.frozen import dataclass

_MOST_FORMULAS = 3_000
_MOST_UNCLOSED = 5
_MOST_IN_VAIN = 10

# Quantifiers are possessive: of the starts before a place, two at most are not done with by
# then, as each `<` outside of quotes ends one (an inlined picture is a long attribute).
_TAG = re.compile(
    rf"{MARK.pattern}|<(?P<close>/?)(?P<name>[A-Za-z][A-Za-z0-9-]{{0,30}})"
    r"(?P<rest>(?=[\s/>])(?:[^<>\"']++|\"[^\"]*+\"|'[^']*+')*+)>"
    r"|<![^<>]{0,500}+>"
)
_INLINE = frozenset(
    "a abbr acronym b bdi bdo big cite del dfn em font i img ins label mark q s small span strike"
    " strong sub sup time u var wbr".split()
)
_SIGNS = {"br": BREAK, "em": EMPHASIS, "i": EMPHASIS}
# `$x<b and c>y$`: these are letters as often as tags.
_LETTERS = frozenset("a b i p q s u".split())
_VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())
_NEVER = frozenset("code pre kbd samp tt script style textarea svg xmp".split())
_BORDERS = frozenset("p div h1 h2 h3 h4 h5 h6".split())
_KNOWN = _INLINE | _VOID | _NEVER | _BORDERS | frozenset(
    "address article aside audio blockquote body button canvas caption center colgroup dd details"
    " dir dl dt fieldset figcaption figure footer form frame frameset head header hgroup html"
    " iframe legend li main map math menu mjx-container nav object ol optgroup option picture"
    " section select summary table tbody td template tfoot th thead title tr ul video".split()
)  # fmt: skip
# What may be markup in a title; `<div>` and `Vec<T>` are what it talks about.
_IN_TITLES = _INLINE | _BORDERS | frozenset(("br", "code", "tt", "math"))
_READY_CLASS = re.compile(
    r"(?:^|\s)(?:katex(?:-display|-block)?|mwe-math-element|MathJax(?:_Display|_SVG|_CHTML)?"
    r"|MathJax_SVG_Display|mjx-chtml)(?:\s|$)"
)
_MATH_CLASS = re.compile(r"(?:^|\s)math(?:\s|$)")


def formulas(html: str, *, is_title: bool) -> list[Formula]:
    """Return the formulas of an entry's HTML, or of a title, in order."""
    chunks = _chunks(html, "auto", is_title=is_title)
    return [chunk for chunk in chunks if isinstance(chunk, Formula)]


def marked(html: str, mode: MathMode, *, sources: bool) -> str:
    """Return `html` as `maths.mark_html` does."""
    return "".join(
        _span(chunk, sources=sources) if isinstance(chunk, Formula) else chunk[0]
        for chunk in _chunks(html, mode)
    )


def title(text: str, mode: MathMode) -> tuple[str, str]:
    """Return a title as `maths.mark_title` does."""
    # What reads LaTeX is loaded with the first title, or formula: a price is neither.
    from digestd.core.mathtext import to_text  # noqa: PLC0415
    from digestd.core.mathtextmode import looks_texed, untex  # noqa: PLC0415

    parts = list(_title_parts(text, mode))
    words = [part for part in parts if isinstance(part, str)]
    if mode == "on" or (mode == "auto" and any(map(looks_texed, words))):
        parts = [untex(part) if isinstance(part, str) else part for part in parts]
    plain = "".join(p if isinstance(p, str) else to_text(p.tex, one_line=True) for p in parts)
    if len(words) == len(parts):
        return " ".join(plain.split()), ""
    marked = "".join(entities.escape(p) if isinstance(p, str) else _span(p) for p in parts)
    return " ".join(plain.split()), " ".join(marked.split())


def _title_parts(text: str, mode: MathMode) -> Iterator[str | Formula]:
    """Yield a title's text, decoded, as long as no formula divides it, and its formulas."""
    from digestd.core.mathtext import lower, raised  # noqa: PLC0415 (as above)

    run: list[str] = []
    shift = None
    for chunk in _chunks(text, mode, is_title=True):
        if isinstance(chunk, Formula):
            yield "".join(run)
            yield Formula(chunk.tex, display=False)
            run.clear()
        elif chunk[1]:
            words = entities.unescape(chunk[0])
            run.append((shift(words) if shift else None) or words)
        else:
            name = chunk[0].strip("</> ").lower()
            shift = {"sub": lower, "sup": raised}.get(name) if chunk[0][:2] != "</" else None
            run.append("" if name.split(" ")[0] in _INLINE else " ")
    yield "".join(run)


def _span(formula: Formula, *, sources: bool = False) -> str:
    from digestd.core.mathtext import to_text  # noqa: PLC0415 (as above)

    tex = entities.escape(formula.tex)
    where = "block" if formula.display else "inline"
    shown = entities.escape(to_text(formula.tex, one_line=not formula.display))
    source = f' data-source="{entities.escape(without_signs(formula.source))}"' if sources else ""
    return f'<span class="math" data-tex="{tex}" data-display="{where}"{source}>{shown}</span>'


def _chunks(html: str, mode: MathMode, *, is_title: bool = False) -> Iterator[Chunk]:
    """Yield the document's parts in order."""
    html = without_signs(_without_comments(html))
    run = Run(mode)
    page = _Page(html, run, is_title=is_title)
    left = _MOST_FORMULAS
    at = 0
    while left > 0 and (tag := _TAG.search(html, at)) is not None:
        run.text(html[at : tag.start()])
        at = tag.end()
        name = (tag["name"] or "").lower()
        chunks: Iterator[Chunk] = iter(())
        if page.is_text(tag):
            run.text(tag[0])
        elif (whole := page.whole(tag)) is not None:
            at = whole.end
            chunks = _as_one(run, name, html[tag.start() : at], whole)
        elif name in _INLINE or name == "br" or not name:
            run.tag(tag[0], _SIGNS.get(name, INLINE_TAG))
        else:
            chunks = chain(run.take(), [(tag[0], False)])
        for chunk in chunks:
            left -= isinstance(chunk, Formula)
            yield chunk
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


@dataclass(frozen=True, slots=True)
class _Whole:
    """An element that is taken as one: a formula, or code, or a copy that is left out."""

    end: int
    formula: Formula | None = None
    is_copy: bool = False


def _as_one(run: Run, name: str, markup: str, whole: _Whole) -> Iterator[Chunk]:
    """Yield what an element comes to that is taken as a whole."""
    if whole.is_copy:
        run.tag("", INLINE_TAG)
    elif whole.formula is None and name in _NEVER and name not in {"script", "style"}:
        run.tag(markup, INLINE_TAG)  # code: no formula reaches into it
    else:
        yield from run.take()
        yield whole.formula if whole.formula is not None else (markup, False)


class _Page:
    """What a tag is, in the document that it stands in."""

    def __init__(self, html: str, run: Run, *, is_title: bool) -> None:
        self._html = html
        self._run = run
        self._is_title = is_title
        self._has_scripts = "math/tex" in html
        self._never_closed: Counter[str] = Counter()
        self._in_vain = 0  # elements that looked like maths and were none
        self._last_close: dict[str, int] = {}

    def is_text(self, tag: re.Match[str]) -> bool:
        """Say whether what looks like a tag is text: `x<b and c>y`, or `Vec<T>` in a title."""
        name = (tag["name"] or "").lower()
        if not name:
            return False
        if self._is_title:
            return name not in _IN_TITLES or not (name in _VOID or self._has_partner(tag, name))
        rest = (tag["rest"] or "").strip().strip("/")
        if "=" in rest or tag["close"] or (name in _KNOWN and name not in _LETTERS):
            return False
        if name in _KNOWN and not rest and (name == "p" or self._is_closed(tag, name)):
            return False
        return self._run.is_open

    def _has_partner(self, tag: re.Match[str], name: str) -> bool:
        if not tag["close"]:
            return self._is_closed(tag, name)
        return f"<{name}" in self._html[: tag.start()].lower()

    def _is_closed(self, tag: re.Match[str], name: str) -> bool:
        if name not in self._last_close:
            last = max(self._html.rfind(f"</{name}"), self._html.rfind(f"</{name.upper()}"))
            self._last_close[name] = last
        return self._last_close[name] >= tag.end()

    def whole(self, tag: re.Match[str]) -> _Whole | None:
        """Return an element that is taken as one; None for any other tag."""
        name, rest = (tag["name"] or "").lower(), tag["rest"] or ""
        if tag["tex"] and tag["where"]:
            tex = without_signs(entities.unescape(tag["tex"]))
            return _Whole(tag.end(), Formula(tex, display=tag["where"] == "block"))
        if not name or tag["close"] or (name in _VOID and name != "img"):
            return None
        found = mathready.attributes(rest) if "=" in rest else {}
        if name == "img":
            formula = mathready.from_image(found)
            return _Whole(tag.end(), formula) if formula else None
        if name == "script" and found.get("type", "").startswith("math/tex"):
            end = self._end(tag, name)
            return _Whole(end, mathready.from_script(self._inside(tag, end), found["type"]))
        ready = self._ready(tag, name, found)
        if ready is None and (name in _NEVER or NO_MATHS.search(found.get("class", ""))):
            return _Whole(self._end(tag, name))
        return ready

    def _ready(self, tag: re.Match[str], name: str, found: dict[str, str]) -> _Whole | None:
        """Return an element that holds a formula; only so many may turn out to hold none."""
        kind = found.get("class", "")
        if self._in_vain > _MOST_IN_VAIN:
            return None
        if name in {"span", "div"} and ("data-tex" in found or "data-attrs" in found):
            formula = mathready.from_attributes(found)
            return _Whole(self._end(tag, name), formula) if formula else None
        if self._has_scripts and ("MathJax" in kind or name == "mjx-container"):
            return _Whole(self._end(tag, name), is_copy=True)  # the script is the formula
        if _MATH_CLASS.search(kind):
            return self._plain(tag, name, kind)
        if name not in {"math", "mjx-container"} and not _READY_CLASS.search(kind):
            return None
        end = self._end(tag, name)
        source = entities.unescape(found.get("data-mathml", ""))
        formula = mathready.from_markup(source or self._html[tag.start() : end])
        self._in_vain += formula is None
        return _Whole(end, formula) if formula else None

    def _plain(self, tag: re.Match[str], name: str, kind: str) -> _Whole | None:
        """Return `<span class="math">` with LaTeX in it that has no delimiters."""
        end = self._html.find("<", tag.end(), tag.end() + 8_000)
        close = re.compile(rf"</{name}\s?>", re.IGNORECASE).match(self._html, max(end, 0))
        if close is None:
            return None
        display = "display" in kind or name == "div"
        formula = mathready.from_plain(self._html[tag.end() : end], kind, display=display)
        return _Whole(close.end(), formula) if formula else None

    def _end(self, tag: re.Match[str], name: str) -> int:
        """Return where the element ends that `tag` opens; right behind it if it never does."""
        if self._never_closed[name] > _MOST_UNCLOSED:
            return tag.end()  # each further search would read the whole rest again
        depth = 1
        tags = re.compile(rf"<(/?){name}\b[^<>]*+>", re.IGNORECASE)
        for found in tags.finditer(self._html, tag.end()):
            if found[1]:
                depth -= 1
            elif not found[0].endswith("/>"):
                depth += 1
            if depth == 0:
                return found.end()
        self._never_closed[name] += 1
        # Never closed: take the opening tag alone, or one stray tag would hide the rest.
        return len(self._html) if name in {"script", "style", "textarea"} else tag.end()

    def _inside(self, tag: re.Match[str], end: int) -> str:
        return self._html[tag.end() : max(tag.end(), self._html.rfind("<", tag.end(), end))]

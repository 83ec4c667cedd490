"""Formulas in HTML and in titles, marked.

What finds them is loaded where something may be one: most documents have none, as can be
told at a glance.
"""

from __future__ import annotations

from html import unescape
from typing import TYPE_CHECKING, Literal

from digestd.core.parsed import MathMode
from digestd.formats.mathsigns import BREAK, EMPHASIS, INLINE_TAG
from digestd.patterns import pattern

if TYPE_CHECKING:
    from digestd.formats.mathready import Formula

_LONGEST_TITLE = 5_000

# Quantifiers are possessive: see `mathfind`.
_ANY_TAG = pattern(
    r"<(?:/?[A-Za-z][A-Za-z0-9-]{0,30}(?=[\s/>])(?:[^<>\"']++|\"[^\"]*+\"|'[^']*+')*+|![^<>]{0,500}+)>"
)
# Without one of these in its text, or of those in its tags, nothing is a formula: delimiters, and
# what names of classes, attributes, elements and drawing services of `mathready` have in common.
_IN_TEXT = (BREAK, EMPHASIS, INLINE_TAG, "$", "\\", "&dollar", "&bsol", "<!--")
_IN_TAGS = (
    *("math", "katex", "mjx", "data-attrs", "ee_img", "ql-img", "equation", "codecogs", "cht=tx"),
    "cht&equals;tx",
)
# ASCII written by its number, other than what has to be: it may be a trace.
_ENCODED = pattern(
    r"&#0*(?!(?:34|38|39|60|62)(?!\d))(?:\d{1,2}|1[01]\d|12[0-7])(?!\d)"
    r"|&#x0*(?!(?:22|26|27|3c|3e)(?![0-9a-f]))[0-7]?[0-9a-f](?![0-9a-f])"
)
# Without one of these in it, a title is its text: markup, delimiters, dashes and quotes of LaTeX,
# and references that may stand for them.
_IN_TITLE = pattern(
    rf"[<$\\{BREAK}{EMPHASIS}{INLINE_TAG}]|--|``|&(?!(?:amp|lt|gt|quot|apos|nbsp);)"
)


def find_math(html: str, context: Literal["html", "title"] = "html") -> list[Formula]:
    """Return the formulas of an entry's HTML, or of a title, in order."""
    from digestd.formats import mathfind  # noqa: PLC0415 (see the module)

    return mathfind.formulas(html, is_title=context == "title")


def mark_html(html: str, mode: MathMode = "auto", *, sources: bool = False) -> str:
    """Return `html` with each formula as a marked span that carries its LaTeX.

    `<span class="math" data-tex="…" data-display="inline|block">` holds the
    formula's Unicode form. A `<` that opened no tag is escaped. With `sources`,
    `data-source` holds it with its delimiters, for whoever writes LaTeX again.
    """
    if mode == "off" or _has_nothing_to_mark(html):
        return html
    from digestd.formats import mathfind  # noqa: PLC0415 (see the module)

    return mathfind.marked(html, mode, sources=sources)


def _has_nothing_to_mark(html: str) -> bool:
    """Tell at a glance whether an entry has no formula, as most, and each `<` opens a tag."""
    if any(trace in html for trace in _IN_TEXT):
        return False
    if "&#" in html and _ENCODED.search(html.lower()):
        return False
    tags = _ANY_TAG.findall(html)
    if len(tags) != html.count("<"):
        return False
    names = "".join(set(tags)).lower()
    is_tex = names.count("tex") > names.count("text")
    return not is_tex and not any(trace in names for trace in _IN_TAGS)


def mark_title(text: str, mode: MathMode = "auto") -> tuple[str, str]:
    """Return a title as one line of plain text, and as HTML with marked formulas.

    `text` is the title as the feed gives it, entities and markup included; a
    tag that is not closed is what the title speaks of. The HTML is empty where
    there is no formula; the plain form has them in Unicode. In a title that
    shows traces of LaTeX, or in mode "on", its accents and dashes are resolved.
    """
    text = text[:_LONGEST_TITLE]
    if mode != "on" and not _IN_TITLE.search(text):
        return " ".join(unescape(text).split()), ""
    from digestd.formats import mathfind  # noqa: PLC0415 (see the module)

    return mathfind.title(text, mode)

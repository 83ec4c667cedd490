"""Maths that a page brings ready made: MathML, KaTeX, MathJax, images, attributes.

Each function takes the markup of one element and gives its formula, or None
where the element is none after all. Sizes are bounded, so hostile markup costs
what it weighs.
"""

from __future__ import annotations

import html as entities
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, unquote_plus, urlsplit

from lxml import etree

from digestd.formats.mathscan import reads_like_maths
from digestd.formats.mathsigns import LONGEST_TEX, without_signs
from digestd.frozen import dataclass
from digestd.patterns import pattern

if TYPE_CHECKING:
    from lxml.html import HtmlElement

_LONGEST_MATHML = 60_000
_DEEPEST_MATHML = 50

_ATTRIBUTE = pattern(
    r"([A-Za-z][\w:-]{0,40})\s{0,9}=\s{0,9}(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))"
)
_ANNOTATION = pattern(
    r"<annotation[^<>]{0,300}(?:application/x-(?:la)?tex|\"(?:La)?TeX\")[^<>]{0,100}>"
    r"(.{0,8000}?)</annotation>",
    re.DOTALL | re.IGNORECASE,
)
_ALTTEXT = pattern(
    r"\b(?:alttext|data-latex)\s*=\s*(?:\"([^\"]{1,8000})\"|'([^']{1,8000})')", re.IGNORECASE
)
_BLOCK = pattern(
    r"display\s*=\s*[\"']?(?:block|true)|katex-display|MathJax_Display|fallback-image-display",
    re.IGNORECASE,
)
_IMAGE_CLASS = pattern(
    r"(?:^|\s)(?:latex|tex|math|ee_img|mwe-math-[\w-]+|ql-img-[\w-]+|quicklatex-[\w-]+"
    r"|mathtex-equation-editor)(?:\s|$)"
)
_IMAGE_URL = pattern(
    r"zhihu\.com/equation|juejin\.cn/equation|codecogs\.com/|/latex\.php|chart\?cht=tx"
    r"|math\.now\.sh|math\.vercel\.app|/mathtex\.cgi|/mimetex\.cgi|//i\.upmath\.me/|tex\.s2cms\.ru/"
    r"|githubusercontent\.com/render/math",
    re.IGNORECASE,
)
# What sites write where the formula should stand: Zhihu's "[公式]" most of all.
_NO_ALT = frozenset(("", "[公式]", "公式", "equation", "formula", "latex", "math", "image", "tex"))
_NAMED = pattern(r"(?:^|&)(?:tex|latex|chl|formula|math|from|inline)=([^&]*)")
_IMAGE_STYLE = pattern(
    r"^(?:\\(?:dpi\{\d+\}|bg_\w+|fn_\w+|inline|large|Large|huge|LARGE)(?![A-Za-z])\s?)+"
)
_DISPLAYSTYLE = pattern(r"^\{\\(?:displaystyle|textstyle)\s?(.*)\}$", re.DOTALL)
_CDATA = pattern(r"%?\s*<!\[CDATA\[|%?\s*\]\]>")


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula without its delimiters; `tex` is LaTeX, or plain text where there was no source."""

    tex: str
    display: bool
    source: str = ""  # with its delimiters, where it had some, as it stood


def make(tex: str, *, display: bool) -> Formula | None:
    """Return a formula in one line; None for an empty or an endless one."""
    tex = " ".join(tex.split())
    if found := _DISPLAYSTYLE.match(tex):
        tex = found[1].strip()
    if not tex or len(tex) > LONGEST_TEX:
        return None
    return Formula(without_signs(tex), display)


def attributes(rest: str) -> dict[str, str]:
    """Return the attributes of a tag, entities still in them."""
    return {
        found[1].lower(): found[2] or found[3] or found[4] or ""
        for found in _ATTRIBUTE.finditer(rest[:10_000])
    }


def from_attributes(found: dict[str, str]) -> Formula | None:
    """Return what an element says in `data-tex` (Zhihu, and our own marks) or to Substack."""
    display = found.get("data-display") == "block" or found.get("data-eeimg") == "2"
    if found.get("data-tex"):
        return make(entities.unescape(found["data-tex"]), display=display)
    if "latex-rendered" in found.get("class", "") and found.get("data-attrs"):
        import json  # noqa: PLC0415 (Substack alone writes it so)

        try:
            said = json.loads(entities.unescape(found["data-attrs"]))
        except (ValueError, RecursionError):
            return None
        tex = said.get("persistentExpression") if isinstance(said, dict) else None
        return make(tex, display=True) if isinstance(tex, str) else None
    return None


def from_script(content: str, kind: str) -> Formula | None:
    """Return the formula of MathJax's `<script type="math/tex">`, which kramdown wraps in CDATA."""
    tex = _CDATA.sub(" ", entities.unescape(content))
    return make(tex, display="mode=display" in kind.replace(" ", ""))


def from_markup(markup: str) -> Formula | None:
    """Return the formula of MathML, KaTeX, MathJax or Wikipedia; the copy for the eye is left."""
    display = bool(_BLOCK.search(markup[:2_000]))
    annotation = _ANNOTATION.search(markup)
    if annotation:
        return make(entities.unescape(annotation[1]), display=display)
    alttext = _ALTTEXT.search(markup)
    if alttext:
        return make(entities.unescape(alttext[1] or alttext[2]), display=display)
    start, end = markup.find("<math"), markup.rfind("</math>")
    if 0 <= start < end and end - start <= _LONGEST_MATHML:
        return make(_mathml(markup[start : end + 7]), display=display)
    return None


def from_plain(content: str, kind: str, *, display: bool) -> Formula | None:
    """Return what stands in an element of class `math` without delimiters, if it is LaTeX.

    Pandoc says `math inline`; `math` alone may as well be a category of posts.
    """
    if len(content) > LONGEST_TEX or re.search(r"[<$]|\\[(\[]|\\begin\b", content):
        return None
    tex = entities.unescape(content).strip()
    is_sure = "inline" in kind or "display" in kind or re.search(r"[\\^_=]", tex)
    return make(tex, display=display) if is_sure and reads_like_maths(tex) else None


def from_image(found: dict[str, str]) -> Formula | None:
    """Return the formula that an image shows, by its class or by the service that drew it."""
    kind, source = found.get("class", ""), entities.unescape(found.get("src", ""))
    is_known = bool(_IMAGE_URL.search(source))
    if not is_known and not _IMAGE_CLASS.search(kind):
        return None
    tex = entities.unescape(found.get("alt", "")).strip()
    if tex.lower() in _NO_ALT:
        tex = _from_query(source) if is_known else ""
    if not is_known and "latex" not in kind and not reads_like_maths(tex):
        return None  # a picture of something else
    display = found.get("eeimg") == "2" or "display" in kind or tex.endswith("\\\\")
    return make(_IMAGE_STYLE.sub("", tex.removesuffix("\\\\")), display=display)


def _from_query(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    named = _NAMED.search(parts.query)
    if named:
        return unquote_plus(named[1])
    if parts.query:
        return unquote(parts.query.replace("&space;", " "))
    return unquote(parts.path.partition("/svg/")[2] or parts.path.partition("/png/")[2])


# --- MathML without a source -----------------------------------------------------------

_STRUCTURE = pattern(r"<m(?:sup|sub|frac|sqrt|root|under|over|table|fenced)", re.IGNORECASE)
_FORMS = {
    "mfrac": r"\frac{#1}{#2}",
    "msup": "#1^{#2}",
    "msub": "#1_{#2}",
    "msubsup": "#1_{#2}^{#3}",
    "munderover": "#1_{#2}^{#3}",
    "munder": r"\underset{#2}{#1}",
    "mover": r"\overset{#2}{#1}",
    "mroot": r"\sqrt[#2]{#1}",
}
_BRACED = frozenset(("mfrac", "munder", "mover", "mroot"))
_JOINTS = {"mtable": r"\\", "mtr": "&"}
_AROUND = {"msqrt": (r"\sqrt{", "}"), "mtable": (r"\begin{array}{}", r"\end{array}")}
_INVISIBLE = dict.fromkeys(map(ord, "\u2061\u2062\u2063\u2064\u200b"))
_SPECIAL = pattern(r"[\\{}$%#&_^]")
_OVER = {"^": "hat", "ˆ": "hat", "¯": "bar", "‾": "bar", "~": "tilde", "˜": "tilde", "→": "vec",
         "⇀": "vec", "˙": "dot", "¨": "ddot", "_": "underline"}  # fmt: skip


def _mathml(markup: str) -> str:
    """Return MathML as LaTeX; what is but a row of signs as those signs."""
    if not _STRUCTURE.search(markup):
        text = entities.unescape(re.sub(r"<[^<>]*+>", "", markup))
        return text.translate(_INVISIBLE)
    from lxml.html import HTMLParser, fromstring  # noqa: PLC0415 (few pages bring MathML)

    parser = HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
    try:
        return _tex(fromstring(markup.encode("utf-8", "replace"), parser=parser), 0)
    except (etree.ParserError, ValueError):
        return ""


def _tex(node: HtmlElement, depth: int) -> str:  # noqa: PLR0911 (one for each sort)
    if depth > _DEEPEST_MATHML or not isinstance(node.tag, str):
        return ""
    tag = node.tag
    if tag in ("mi", "mn", "mo", "ms", "mtext"):
        return _leaf(tag, "".join(node.itertext()))
    if tag in ("annotation", "annotation-xml", "mphantom"):
        return ""
    parts = [_tex(child, depth + 1) for child in node]
    if tag == "mfenced":
        left, right = node.get("open", "("), node.get("close", ")")
        return _leaf("mo", left) + ",".join(parts) + _leaf("mo", right)
    if tag == "mover" and len(parts) == 2 and (accent := _OVER.get(parts[1].removeprefix("\\"))):
        return f"\\{accent}{{{parts[0]}}}"
    if tag in _FORMS and len(parts) >= 2:
        slots = [*parts, ""]
        if tag not in _BRACED and len(slots[0]) > 1:
            slots[0] = f"{{{slots[0]}}}"  # the index belongs to all of it
        return re.sub("#([123])", lambda slot: slots[int(slot[1]) - 1], _FORMS[tag])
    joined = _JOINTS.get(tag, "").join(parts)
    before, after = _AROUND.get(tag, ("", ""))
    return before + joined + after


def _leaf(tag: str, text: str) -> str:
    text = " ".join(text.translate(_INVISIBLE).split())
    escaped = _SPECIAL.sub(lambda sign: "\\" + sign[0] if sign[0] in "{}$%#&_" else "", text)
    if tag == "mtext":
        return rf"\text{{{escaped}}}"
    if len(text) > 1 and text.isalpha():
        return rf"\operatorname{{{escaped}}}"
    return escaped

"""A stranger's HTML made safe, small and absolute, in one order.

Formulas are marked first (cleaning would eat the `<` inside them), then nesting is
bounded, then the tree is tidied with lxml (addresses, images, trackers), and nh3 has
the last word: nothing reaches a reader that is not on the allow-list of `policy`.

Every step is linear in its input: patterns look at bounded stretches, elements are
renamed rather than moved, and the flat tree keeps the parser's stack searches short.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from html import escape, unescape

import nh3
from lxml import etree

from digestd.core.parsed import MathMode
from digestd.core.text import scrub
from digestd.formats import policy
from digestd.formats.attributes import kept, taken_from
from digestd.formats.htmltree import parse
from digestd.formats.maths import mark_html
from digestd.formats.mathsigns import MARK, NO_MATHS, without_signs
from digestd.formats.media import help_image, link_to_media, tidy_image
from digestd.patterns import pattern

MAX_HTML = 1_000_000  # characters of one piece
MAX_REFERENCES = 200_000  # in it: nh3 takes time by the square of how many stand in a row
_MAX_DEPTH = 100
_MAX_PASSES = 4

_TAG = re.compile(r"<(/?)([a-zA-Z][^\s/<>]{0,40})[^<>]*>?")
_TAG_NAME = re.compile(r"<(/?[a-zA-Z][^\s/<>]{0,40})")
# As nh3 writes them.
_IMAGE = re.compile(r'<img((?: [a-z-]+="[^"]*+")*+)>')
_ATTRIBUTE = re.compile(r' ([a-z-]+)="([^"]*+)"')
# What follows each "<", as far as it may be the name of a tag.
_BEGINNING = re.compile(r"<(/?[^\s/<>]*+)")
# Tags that are none of HTML's: a body that ends early would end the document for lxml;
# instructions, declarations and <o:p> come from word processors.
_FOREIGN = pattern(
    r"</?(?:html|body|head)(?:\s[^<>]*)?>|<[?!](?!--)[^<>]*>"
    r"|</?[a-z]{1,12}:[a-z][a-z0-9]{0,20}(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)
_MATHML_PREFIX = pattern(r"(</?)mml?:(?=[a-z])", re.IGNORECASE)
_CLEANER = nh3.Cleaner(
    tags=set(policy.ALLOWED),
    attributes={tag: set(names | policy.EVERYWHERE) for tag, names in policy.ALLOWED.items()},
    allowed_classes={tag: {policy.NO_MATHS_CLASS} for tag in policy.ALLOWED}
    | {"span": {policy.MATH_CLASS, policy.NO_MATHS_CLASS}},
    clean_content_tags={policy.GONE, "script", "style"},
    url_schemes=set(policy.SCHEMES),
    link_rel="noopener noreferrer",
)
# HTML has no line end right after <pre>: a browser drops the first.
_PRE_START = re.compile(r"(<pre(?: [^<>]*)?>)\n+")
# A player that is never closed would take the rest of the text with it.
_UNCLOSED_PLAYER = re.compile(
    r"<iframe\b[^<>]{0,4000}>(?!(?:[^<]|<(?!/?iframe)){0,2000}</iframe)", re.IGNORECASE
)
# Before parsing: what may stand in what depends on the name.
_RENAMED = pattern(rf"(</?)({'|'.join(policy.RENAMED)})(?=[\s/>])", re.IGNORECASE)
# In "a<b: c" and "x<y,z" nobody means a tag.
_NO_TAG = re.compile(r"<(?=/?[a-zA-Z][a-zA-Z0-9-]{0,60}[^a-zA-Z0-9\s/<>-])")
# Elements that HTML closes by itself, or that have no content: they nest only through others.
_SHALLOW = frozenset(
    "area base br caption col colgroup dd dt embed hr img input li link meta option p param source"
    " tbody td tfoot th thead tr track wbr".split()
)
_NAMES = frozenset(
    {*policy.ALLOWED, *policy.RENAMED, *policy.DROPPED, *policy.WITH_FALLBACK, "big", "font"}
)
# Names by which nothing has to be done about a tag, and those by which, without attributes,
# nothing has to be done about an element.
_USUAL = frozenset(slash + name for name in policy.ALLOWED for slash in ("", "/"))
_SETTLED = frozenset(policy.ALLOWED.keys() - {"img"})
_HIDDEN = re.compile(r"(?:^|;)\s?(?:display\s?:\s?none|visibility\s?:\s?hidden)", re.IGNORECASE)


def clean(html: str, base_url: str | None, *, math: MathMode = "auto") -> str:
    """Return `html` as safe HTML: allow-listed, absolute, formulas marked, trackers gone.

    `base_url` is what relative addresses are relative to; without one they are dropped.
    Never fails; what is beyond MAX_HTML characters or MAX_REFERENCES is cut off. Cleaning
    twice changes nothing (but where more than _MAX_PASSES formulas are cut off, each within
    the one before).
    """
    html = html[:MAX_HTML]
    if html.count("&") > MAX_REFERENCES:
        html = "&".join(html.split("&", MAX_REFERENCES)[:MAX_REFERENCES])
    for _ in range(4):
        cleaned = _clean(html, base_url, math)
        excess = max(len(cleaned) / MAX_HTML, cleaned.count("&") / MAX_REFERENCES)
        if excess <= 1:
            return cleaned
        # Escaping, and closing what was left open, can make it longer.
        html = html[: int(len(html) / (2 * excess))]
    return ""


def _clean(html: str, base_url: str | None, math: MathMode) -> str:
    """Return `html` cleaned, until cleaning it once more would change nothing."""
    cleaned, steady = _clean_once(html, base_url, math)
    for _ in range(_MAX_PASSES):
        if steady or not cleaned:
            break
        before = cleaned
        cleaned, steady = _clean_once(before, base_url, math)
        steady = steady or cleaned == before
    return cleaned


def _clean_once(html: str, base_url: str | None, math: MathMode) -> tuple[str, bool]:
    text = _with_known_tags(scrub(html))
    if not text.strip():
        return "", True
    marked = _flatten(mark_html(_flatten(text, _NAMES), math))
    root = parse(marked)
    body = root.find("body") if root is not None else None
    if body is None:
        return "", True
    _tidy_all(body, base_url)
    tidied = etree.tostring(body, encoding="unicode", method="html", with_tail=False)
    written = _PRE_START.sub(r"\1", _CLEANER.clean(tidied)).strip()
    cleaned = without_signs(scrub(written))  # entities are decoded now
    # Without the elements that are gone, and by another parser's rules, others may stand where
    # they are not left; and what stands wrong in a table is moved before it.
    steady = (
        cleaned == written
        and "<table" not in cleaned
        and cleaned.count(policy.NO_MATHS_CLASS) == text.count(policy.NO_MATHS_CLASS)
        and _TAG_NAME.findall(cleaned) == _TAG_NAME.findall(tidied)[1:-1]  # but for <body>
        and _has_its_marks(marked, cleaned, math)
    )
    return cleaned, steady


def _with_known_tags(text: str) -> str:
    """Return `text` without the tags that are none of HTML's, or have a better name."""
    if _USUAL.issuperset(_BEGINNING.findall(text)):
        return text
    if "<![CDATA[" in text:  # wrapped twice
        text = text.replace("<![CDATA[", "").replace("]]>", "")
    if "iframe" in text:
        text = _UNCLOSED_PLAYER.sub(lambda tag: tag[0] + "</iframe>", text)
    text = _RENAMED.sub(lambda tag: tag[1] + policy.RENAMED[tag[2].lower()], text)
    return _NO_TAG.sub("&lt;", _FOREIGN.sub("", _MATHML_PREFIX.sub(r"\1", text)))


def _has_its_marks(marked: str, cleaned: str, math: MathMode) -> bool:
    """Say whether `cleaned` has the marks that were made, and nothing more to be marked.

    Where a tag was dropped, a formula may stand now; of a damaged one, a mark may be made.
    """
    bare, marks = MARK.subn("<hr>", cleaned)
    if f'class="{policy.MATH_CLASS}"' in bare or (marks and marks != len(MARK.findall(marked))):
        return False
    return ("$" not in bare and "\\" not in bare) or mark_html(bare, math) == bare


def from_text(text: str) -> str:
    """Return plain text as HTML: paragraphs at blank lines, `<br>` at line ends."""
    paragraphs = (p.strip("\n") for p in re.split(r"\n[ \t]*\n", scrub(text[:MAX_HTML])))
    return "".join(
        f"<p>{escape(p, quote=False)}</p>".replace("\n", "<br>") for p in paragraphs if p.strip()
    )


def clean_text(text: str, math: MathMode) -> str:
    """Return plain text as HTML, its formulas marked. What has no markup needs no tree."""
    html = from_text(text)
    return _CLEANER.clean(mark_html(html, math)) if "$" in html or "\\" in html else html


def images(html: str) -> Iterator[str]:
    """Yield the addresses of the images of cleaned `html` that are no mere icons."""
    for image in _IMAGE.finditer(html):
        attributes = dict(_ATTRIBUTE.findall(image[1]))
        sides = [attributes[side] for side in ("width", "height") if side in attributes]
        source = unescape(attributes.get("src", ""))
        if source and all(int(side) > 48 for side in sides if side.isdecimal()):
            yield source


def first_image(html: str) -> str | None:
    """Return the first of `images`."""
    return next(images(html), None)


def _flatten(html: str, names: frozenset[str] | None = None) -> str:
    """Return `html` without the tags that nest deeper than _MAX_DEPTH; their text stays.

    100,000 nested elements take an HTML5 parser 20 s and lxml loses what is in them.
    Only elements of `names` count, if given: before formulas are marked, `$a<b$` is none.
    """
    if html.count("<") <= _MAX_DEPTH or not _is_deep(html, names):
        return html
    opened: Counter[str] = Counter()
    dropped: Counter[str] = Counter()
    depth = 0

    def keep(tag: re.Match[str]) -> str:
        nonlocal depth
        name = tag[2].lower()
        if name in _SHALLOW or (names is not None and name not in names):
            return tag[0]
        if not tag[1]:
            if depth >= _MAX_DEPTH:
                dropped[name] += 1
                return ""
            depth += 1
            opened[name] += 1
        elif dropped[name]:
            dropped[name] -= 1
            return ""
        elif opened[name]:
            opened[name] -= 1
            depth -= 1
        return tag[0]

    return _TAG.sub(keep, html)


def _is_deep(html: str, names: frozenset[str] | None) -> bool:
    """Tell whether `_flatten` has anything to do: the same count, without writing."""
    tags = _TAG_NAME.findall(html)
    # What each counts as: nothing (""), or an element of this name.
    counted = {tag: tag.lstrip("/").lower() for tag in set(tags)}
    for tag, name in counted.items():
        if name in _SHALLOW or (names is not None and name not in names):
            counted[tag] = ""
    opened = dict.fromkeys(counted.values(), 0)
    depth = 0
    for tag in tags:
        name = counted[tag]
        if not name:
            continue
        if tag[0] != "/":
            depth += 1
            opened[name] += 1
            if depth > _MAX_DEPTH:
                return True
        elif opened[name]:
            opened[name] -= 1
            depth -= 1
    return False


# --- one element at a time -------------------------------------------------------------


def _tidy_all(body: etree._Element, base_url: str | None) -> None:
    """Rename and rewrite what is in a body, so that nh3 has little left to object to."""
    unread = []
    for element in list(body.iter(etree.Element)):
        written = element.items()
        if written or element.tag not in _SETTLED:
            if NO_MATHS.search(element.get("class", "")[:1_000]):
                unread.append(element)
            _tidy(element, base_url)
        if not element.text and len(element) == 0:
            element.text = ""  # else libxml2 leaves out the end tag of an empty <li> or <p>
    for element in unread:
        _keep_unread(element)


def _tidy(element: etree._Element, base_url: str | None) -> None:
    name = str(element.tag).lower()
    attributes = taken_from(element)
    if "hidden" in attributes or _HIDDEN.search(attributes.get("style", "")[:500]):
        element.tag = policy.GONE
    elif name in ("iframe", "video", "audio"):
        link_to_media(element, name, attributes, base_url)
    elif name in policy.DROPPED:
        element.tag = policy.GONE
    elif name in policy.WITH_FALLBACK:
        element.tag = "span" if _shows_something(element) else policy.GONE
    elif name == "noscript":
        # The twin of a lazy image before it; else the content for readers like ours.
        before = element.getprevious()
        element.tag = policy.GONE if before is not None and before.tag == "img" else "span"
    elif name == "img":
        tidy_image(element, attributes, base_url)
    elif name == "picture":
        help_image(element)
    elif attributes:
        for key, value in kept(name, attributes, base_url):
            element.set(key, value)


def _keep_unread(element: etree._Element) -> None:
    """Let an element go on saying that its dollars are dollars."""
    if _holds_dollars(element):
        element.tag = element.tag if element.tag in policy.ALLOWED else "span"
        element.set("class", policy.NO_MATHS_CLASS)


def _holds_dollars(element: etree._Element) -> bool:
    """Say whether there is, outside of code, what may be read as a formula some day."""
    if element.tag in (policy.GONE, "code", "kbd", "pre", "samp"):
        return False
    texts = [element.text, *(child.tail for child in element)]
    return any(text and ("$" in text or "\\" in text) for text in texts) or any(
        _holds_dollars(child) for child in element
    )


def _shows_something(element: etree._Element) -> bool:
    return any(text.strip() for text in element.itertext()) or any(
        True for _ in element.iter("img")
    )

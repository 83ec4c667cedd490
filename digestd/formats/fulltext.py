"""The text of an entry's page, where its feed has only the beginning.

By the owner's selector, else by readability-lxml, which keeps the markup (formulas,
listings, tables) where other libraries keep words alone. Runs in the worker process.
"""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Mapping

from lxml import etree
from lxml.html import HtmlElement, tostring

from digestd.core.mathmacros import macro
from digestd.core.parsed import FullText, MathMode
from digestd.core.selectors import compiled
from digestd.formats.discovery import base_of, parse_html
from digestd.formats.encoding import decode
from digestd.formats.html import clean
from digestd.formats.mathmarks import expand_marks
from digestd.formats.maths import mark_html
from digestd.formats.plaintext import to_text

AUTO = "auto"  # for a selector: find it yourself
# Fewer signs are no article: a notice, a wall, a page that a script fills.
_LEAST = 200
# A feed whose text is longer, and not cut off, has it all.
_TEASER = 1_500
_NO_TEASER = 60_000  # characters of HTML: whatever it is, there is enough to read
_MAX_PAGE = 3_000_000
_CUT = re.compile(
    r"(?:\[?(?:\.\.\.|…|&hellip;|&#8230;|\[…\])\]?|阅读全文|阅读更多|继续阅读|查看全文|read more"
    r"|continue reading|read the full|read full|weiterlesen|lire la suite|leer más|続きを読む)"
    r"[^\w。.]{0,20}$",
    re.IGNORECASE,
)


def is_teaser(html: str) -> bool:
    """Return whether a feed's text looks like the beginning of a longer one."""
    if len(html) > _NO_TEASER:
        return False
    text = to_text(html).strip()
    return len(text) < _TEASER or bool(_CUT.search(text[-120:]))


def read_article(
    page: bytes,
    content_type: str,
    url: str,
    selector: str = AUTO,
    *,
    math: MathMode = "auto",
    macros: Mapping[str, str] | None = None,
) -> FullText:
    """Return the article of a page, cleaned as a feed's text is; `why` says why there is none."""
    # Formulas first: what reads a page for its words would take them for noise.
    text = mark_html(decode(page, content_type)[0][:_MAX_PAGE], math)
    root = parse_html(text)
    if root is None:
        return FullText("", "is no page")
    base = base_of(root, url)
    found = _readable(text) if selector == AUTO else _selected(root, selector)
    known = {name: macro(body) for name, body in (macros or {}).items()}
    html = expand_marks(clean(found, base, math=math), known)
    length = len(to_text(html).strip())
    if not html or length < _LEAST:
        missing = "no article was found" if selector == AUTO else "the selector found nothing"
        return FullText("", missing if not length else "only a few words were found")
    return FullText(html)


def _selected(root: HtmlElement, selector: str) -> str:
    try:
        found = root.xpath(compiled(selector)[0])
    except (ValueError, etree.XPathError):
        return ""
    elements = [one for one in found if isinstance(one, HtmlElement)]
    chosen = set(elements)
    outermost = [one for one in elements if chosen.isdisjoint(one.iterancestors())]
    return "".join(tostring(one, encoding="unicode", with_tail=False) for one in outermost)


def _readable(text: str) -> str:
    # Its import, with chardet's tables, takes a tenth of a second; few feeds need it.
    from readability import Document  # noqa: PLC0415
    from readability.readability import Unparseable  # noqa: PLC0415

    logging.getLogger("readability").setLevel(logging.CRITICAL)
    with contextlib.suppress(Unparseable, etree.LxmlError, ValueError, AttributeError, TypeError):
        return str(Document(text).summary(html_partial=True))
    return ""

"""A page that has no feed, read as one by its owner's selectors."""

from __future__ import annotations

from collections.abc import Mapping

from lxml import etree, html

from digestd.core.parsed import MathMode, PageSelectors, ParsedEntry, ParsedFeed, Unreadable
from digestd.core.selectors import compiled
from digestd.core.text import one_line
from digestd.formats import fields
from digestd.formats.dates import parse_date
from digestd.formats.discovery import base_of, parse_html
from digestd.formats.encoding import decode
from digestd.formats.mathmarks import with_macros
from digestd.formats.pages import what_it_is

_MOST_ENTRIES = 500
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_LEFT_OUT = ("script", "style", "noscript", "template")
_MAX_TEXT = 2_000
_MAX_BLOCK = 200_000  # characters of one entry


def read_page(
    body: bytes,
    *,
    url: str,
    content_type: str,
    selectors: PageSelectors,
    math: MathMode = "auto",
    macros: Mapping[str, str] | None = None,
) -> ParsedFeed | Unreadable:
    """Return what `selectors` find in a page, as a feed. Never raises on any bytes."""
    text, _ = decode(body, content_type)
    root = parse_html(text)
    if root is None:
        return Unreadable("not a page, though its selectors are for one")
    blocks = select(root, selectors.entry)[:_MOST_ENTRIES]
    base = base_of(root, url)
    found = [entry for block in blocks if (entry := _entry(block, base, selectors, math))]
    if not found:
        kind = what_it_is(text[:200_000])
        where = f"{kind}: " if kind else ""
        missing = "nothing there has a title or a link" if blocks else "nothing there fits"
        return Unreadable(f'{where}{missing} (page.entry = "{selectors.entry}")')
    page = ParsedFeed(
        title=one_line("".join(root.xpath("string(//title)"))[:_MAX_TEXT], 200),
        home_url=fields.link(url, None),
        language=fields.language(root.get("lang") or ""),
        self_url=next(iter(_head_links(root, "self", base)), None),
        hub_urls=_head_links(root, "hub", base)[:5],
        entries=tuple({(entry.link, entry.title): entry for entry in found}.values()),
    )
    return with_macros(page, macros or {})


def _head_links(root: html.HtmlElement, relation: str, base: str) -> tuple[str, ...]:
    """Return where the links of a page's head lead; those of its body may be anybody's (WebSub)."""
    found = (
        fields.link(link.get("href"), base)
        for link in root.xpath("/html/head/link[@rel][@href]")
        if relation in link.get("rel").lower().split()
    )
    return tuple(dict.fromkeys(address for address in found if address))


def select(root: html.HtmlElement, selector: str) -> list[html.HtmlElement]:
    """Return the elements that a selector finds in `root`, which itself may be one."""
    xpath, _ = compiled(selector)
    try:
        found = root.xpath(xpath)
    except (etree.XPathError, ValueError):  # an escape that means a character of no XML
        return []
    return [one for one in found if isinstance(one, html.HtmlElement)]


def main_link(block: html.HtmlElement) -> html.HtmlElement | None:
    """Return the link of an entry: its heading's, else itself, else the one that says most."""
    for name in _HEADINGS:
        for heading in block.iter(name):
            links = [*heading.iter("a"), *heading.iterancestors("a")]
            found = next((link for link in links if link.get("href")), None)
            if found is not None:
                return found
    if block.tag == "a" and block.get("href"):
        return block
    links = [link for link in block.iter("a") if link.get("href")]
    return max(links, key=lambda link: len(text_of(link)), default=None)


def text_of(element: html.HtmlElement) -> str:
    """Return the visible text of an element on one line, bounded."""
    pieces: list[str] = []
    size = 0
    for node in element.iter():
        if not isinstance(node.tag, str) or node.tag in _LEFT_OUT:
            piece = "" if node is element else node.tail or ""
        else:
            piece = (node.text or "") + ("" if node is element else " ")
            if node.tail and node is not element:
                pieces.append(piece)
                piece = node.tail
        pieces.append(piece)
        size += len(piece)
        if size > _MAX_TEXT:
            break
    return " ".join(" ".join(pieces).split())[:_MAX_TEXT]


def _entry(
    block: html.HtmlElement, base: str, selectors: PageSelectors, math: MathMode
) -> ParsedEntry | None:
    link = _link(block, base, selectors.link)
    title, title_html = fields.title(_title(block, selectors.title), is_html=False, math=math)
    if not title and link is None:
        return None
    date = _date(block, selectors.date)
    bodies = select(block, selectors.content) if selectors.content else [block]
    source = "".join(_source(one) for one in bodies)[:_MAX_BLOCK]
    text = fields.body(source, is_html=True, base_url=base, math=math)
    content, summary = (text, "") if selectors.content else ("", text)
    return fields.with_text(
        ParsedEntry(
            guid=None,
            link=link,
            title=title,
            title_html=title_html,
            published_at=parse_date(date) if date else None,
        ),
        content,
        summary,
    )


def _link(block: html.HtmlElement, base: str, selector: str) -> str | None:
    if selector:
        raw = _value(block, selector, ("href",))
    else:
        found = main_link(block)
        raw = "" if found is None else found.get("href") or ""
    return fields.link(raw, base)


def _title(block: html.HtmlElement, selector: str) -> str:
    if selector:
        return _value(block, selector, ())
    heading = next((h for name in _HEADINGS for h in block.iter(name)), None)
    named = heading if heading is not None else main_link(block)
    return text_of(named) if named is not None else ""


def _date(block: html.HtmlElement, selector: str) -> str:
    if selector:
        return _value(block, selector, ("datetime", "content"))
    found = next(iter(block.iter("time")), None)
    return "" if found is None else found.get("datetime") or text_of(found)


def _value(block: html.HtmlElement, selector: str, attributes: tuple[str, ...]) -> str:
    """Return the attribute that is meant, one of the usual ones, or the text."""
    _, named = compiled(selector)
    for element in select(block, selector):
        wanted = (named,) if named else attributes
        value = next((v for name in wanted if (v := (element.get(name) or "").strip())), "")
        if not value and not named and "href" in attributes:
            inner = next((a for a in element.iter("a") if a.get("href")), None)
            value = "" if inner is None else inner.get("href") or ""
        elif not value and not named:
            value = text_of(element)
        if value:
            return value[:_MAX_TEXT]
    return ""


def _source(element: html.HtmlElement) -> str:
    try:
        return etree.tostring(element, encoding="unicode", method="html", with_tail=False)
    except (etree.SerialisationError, UnicodeError, ValueError):
        return ""

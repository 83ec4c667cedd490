"""Selectors for a page that has no feed, found by what repeats in it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from math import log2

from lxml import html

from digestd.core.discovery import Proposal
from digestd.core.parsed import PageSelectors, ParsedFeed
from digestd.formats.dates import parse_date
from digestd.formats.discovery import parse_html
from digestd.formats.encoding import decode
from digestd.formats.page import main_link, read_page, select, text_of
from digestd.frozen import dataclass

_FEWEST, _MOST = 3, 200
_MOST_GROUPS = 400
_PROPOSED = 3
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_AROUND = ("nav", "header", "footer", "aside", "form", "menu")
_BLOCKS = frozenset(
    "article section div li tr dl dd dt a p h1 h2 h3 h4 h5 h6 td figure details span".split()
)
_CLASS = re.compile(r"[A-Za-z_][\w-]{0,60}")
# Classes that tell entries from each other, or say how they look, not what they are.
_FLEETING = re.compile(
    r"\d{2,}|^(?:odd|even|first|last|active|clearfix|row|col|hidden|visible|lazy|new|current)\b"
    r"|^(?:css|sc|jsx|svelte|emotion)-|^[a-z]{1,2}$|--|__[a-z0-9]{5}",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class _Group:
    selector: str
    blocks: Sequence[html.HtmlElement]
    score: float


def propose(body: bytes, *, url: str, content_type: str) -> tuple[Proposal, ...]:
    """Return selectors that may be meant, the likeliest first, with what each of them gives."""
    text, _ = decode(body, content_type)
    root = parse_html(text)
    if root is None:
        return ()
    groups = sorted(_groups(root), key=lambda group: -group.score)
    made: list[Proposal] = []
    seen: set[frozenset[str]] = set()
    for group in groups[:20]:
        selectors = _within(group)
        feed = read_page(body, url=url, content_type=content_type, selectors=selectors)
        if not isinstance(feed, ParsedFeed):
            continue
        links = frozenset(entry.link or "" for entry in feed.entries)
        if len(links) < _FEWEST or any(len(links & known) * 2 > len(links) for known in seen):
            continue
        seen.add(links)
        made.append(Proposal(selectors, feed))
        if len(made) == _PROPOSED:
            break
    return tuple(made)


# --- what repeats ----------------------------------------------------------------------


def _groups(root: html.HtmlElement) -> Iterator[_Group]:
    for selector, blocks in _repeated(root).items():
        score = _score(blocks)
        if score > 0:
            # Of two that are equally good the shorter one says more clearly what is meant.
            yield _Group(selector, blocks, score - len(selector) / 100)


def _repeated(root: html.HtmlElement) -> dict[str, list[html.HtmlElement]]:
    """Return what occurs often enough, by selector: by its class, or as the children of one."""
    by_class: dict[str, list[html.HtmlElement]] = {}
    by_parent: dict[tuple[html.HtmlElement, str], int] = {}
    for element in root.iter(*_BLOCKS):
        for name in _classes(element):
            by_class.setdefault(f"{element.tag}.{name}", []).append(element)
        parent = element.getparent()
        if parent is not None:
            key = (parent, str(element.tag))
            by_parent[key] = by_parent.get(key, 0) + 1
    often = [(s, blocks) for s, blocks in by_class.items() if _FEWEST <= len(blocks) <= _MOST]
    found = dict(often[: _MOST_GROUPS // 2])
    # Each takes a walk through the page: those with most children first, and not all of them.
    for (parent, tag), count in sorted(by_parent.items(), key=lambda one: -one[1]):
        if len(found) >= _MOST_GROUPS:
            break
        selector = tag if tag == "article" else f"{_named(parent)} > {tag}"
        if _FEWEST <= count <= _MOST and selector not in found:
            with suppress(ValueError):  # an element's name may be `a<b`, or the path too long
                found[selector] = select(root, selector)
    return found


def _named(element: html.HtmlElement) -> str:
    """Return a selector for a parent: its id, else its class, else its own parent's too."""
    identity = element.get("id") or ""
    if _CLASS.fullmatch(identity) and not _FLEETING.search(identity):
        return f"#{identity}"
    classes = _classes(element)
    if classes:
        return f"{element.tag}.{classes[0]}"
    parent = element.getparent()
    if parent is None or element.tag in ("body", "main"):
        return str(element.tag)
    return f"{_named(parent)} > {element.tag}"


def _classes(element: html.HtmlElement) -> list[str]:
    names = (element.get("class") or "")[:500].split()
    return [name for name in names if _CLASS.fullmatch(name) and not _FLEETING.search(name)]


def _score(blocks: Sequence[html.HtmlElement]) -> float:
    """Return how much these look like the entries of a page; below zero: not at all."""
    sample = list(blocks)[:40]
    links = [main_link(block) for block in sample]
    titles = [text_of(link) if link is not None else "" for link in links]
    targets = {link.get("href") for link in links if link is not None}
    valid = sum(8 <= len(title) <= 300 for title in titles)
    if valid < _FEWEST or valid < 0.6 * len(sample) or len(targets) < 0.7 * valid:
        return -1
    headed = sum(_has_heading(block) for block in sample) / len(sample)
    dated = sum(_date_of(block) is not None for block in sample) / len(sample)
    crowded = sum(_heads(block) > 1 for block in sample) / len(sample)
    around = sum(_is_around(block) for block in sample) / len(sample)
    length = sum(map(len, titles)) / len(titles)
    told = sum(min(len(text_of(block)), 400) for block in sample) / len(sample)
    return (
        4 * log2(min(len(blocks), 64))
        + 25 * dated
        + 15 * headed
        + min(length, 60) / 4
        + (told - length) / 40
        - 40 * crowded
        - 40 * around
    )


def _has_heading(block: html.HtmlElement) -> bool:
    return block.tag in _HEADINGS or _heads(block) > 0


def _heads(block: html.HtmlElement) -> int:
    return sum(1 for name in _HEADINGS for _ in block.iter(name))


def _is_around(block: html.HtmlElement) -> bool:
    if block.tag == "header" or any(a.tag in _AROUND for a in block.iterancestors()):
        return True
    words = f"{block.get('class') or ''} {block.get('id') or ''}".lower()
    parent = block.getparent()
    words += "" if parent is None else f" {parent.get('class') or ''}".lower()
    aside = ("menu", "nav", "footer", "sidebar", "breadcrumb", "share")
    return any(word in words for word in aside)


# --- what is in each -------------------------------------------------------------------


def _within(group: _Group) -> PageSelectors:
    blocks = list(group.blocks)[:40]
    link = _common(blocks, [main_link(block) for block in blocks], _link_choices(blocks))
    heading = next(
        (h for h in _HEADINGS if sum(bool(select(b, h)) for b in blocks) >= 0.8 * len(blocks)), ""
    )
    dates = [_date_of(block) for block in blocks]
    date = _common(blocks, dates, _choices(dates)) if any(d is not None for d in dates) else ""
    return PageSelectors(
        entry=group.selector,
        title=heading if heading and blocks[0].tag != heading else link,
        link=link,
        date=date,
    )


def _link_choices(blocks: Sequence[html.HtmlElement]) -> list[str]:
    links = [main_link(block) for block in blocks]
    headed = [f"{name} a" for name in _HEADINGS]
    return [*headed, *_choices(links), "a"]


def _choices(elements: Sequence[html.HtmlElement | None]) -> list[str]:
    """Return selectors of single elements, those that fit most of them first.

    A class says more than a tag, and that more than a place among others.
    """
    counted: Counter[str] = Counter()
    for element in elements:
        if element is not None:
            tag = str(element.tag)
            place = sum(1 for _ in element.itersiblings(tag, preceding=True)) + 1
            names = [f"{tag}.{name}" for name in _classes(element)]
            counted.update([*names, tag, f"{tag}:nth-of-type({place})"])
    return sorted(counted, key=lambda choice: (-counted[choice], ":" in choice, "." not in choice))


def _common(
    blocks: Sequence[html.HtmlElement],
    wanted: Sequence[html.HtmlElement | None],
    choices: Sequence[str],
) -> str:
    """Return the first of `choices` that finds what is wanted in nearly every block."""
    pairs = [(b, w) for b, w in zip(blocks, wanted, strict=True) if w is not None]
    for choice in choices:
        hits = sum(next(iter(select(block, choice)), None) is want for block, want in pairs)
        if pairs and hits >= 0.8 * len(pairs):
            return choice
    return ""


def _date_of(block: html.HtmlElement) -> html.HtmlElement | None:
    """Return the innermost element of a block that holds a date and little else."""
    for element in block.iter("time"):
        return element
    best: html.HtmlElement | None = None
    for element in block.iter("span", "div", "p", "small", "td", "em", "i", "li", "dd", "b"):
        text = text_of(element) if len(element) < 4 else ""
        if 6 <= len(text) <= 40 and re.search(r"\d", text) and parse_date(text) is not None:
            best = element
            if not len(element):
                return element
    return best

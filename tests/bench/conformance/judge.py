"""What a suite expects of a document, beside what we make of it.

A suite's words are not ours: it may leave markup in titles that are plain text here, or
give the body as it came where ours is cleaned. So an expected text is put through the
same cleaning before it is compared, and no further: letters and their order count.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from digestd.core.parsed import ParsedEntry, ParsedFeed, Unreadable
from digestd.core.text import one_line
from digestd.formats import fields
from digestd.formats.dates import parse_date
from digestd.formats.document import read_document
from digestd.formats.html import clean
from digestd.formats.plaintext import to_text

Field = Literal["title", "link", "id", "date", "content", "feed title", "feed link"]
FIELDS: tuple[Field, ...] = ("title", "link", "id", "date", "content", "feed title", "feed link")
BASE = "http://example.org/suite/document.xml"


@dataclass(frozen=True)
class Wanted:
    """One expectation: this field, of this entry where it is an entry's."""

    field: Field
    value: str | datetime | None
    entry: int = 0


@dataclass(frozen=True)
class Case:
    """One document of a suite, and what is expected of it."""

    name: str
    body: bytes
    wanted: tuple[Wanted, ...]
    content_type: str = ""
    url: str = BASE


@dataclass
class Score:
    """How a suite went."""

    name: str
    cases: int = 0
    good: int = 0
    failed: list[str] = field(default_factory=list)
    meant: list[str] = field(default_factory=list)  # where we differ on purpose: not good either

    @property
    def share(self) -> float:
        return 100 * self.good / self.cases if self.cases else 0.0


def judge(name: str, cases: Iterable[Case], meant: dict[str, str]) -> Score:
    """Read every document; `meant` says of cases, by name, why we differ on purpose."""
    score = Score(name)
    for case in cases:
        score.cases += 1
        wrong = list(faults(case))
        if not wrong:
            score.good += 1
        elif case.name in meant:
            score.meant.append(f"{case.name}: {meant[case.name]}")
        else:
            score.failed.append(f"{case.name}: {'; '.join(wrong)[:400]}")
    return score


def faults(case: Case) -> Iterator[str]:
    """Yield what is not as expected."""
    document = read_document(case.body, url=case.url, content_type=case.content_type)
    if isinstance(document, Unreadable):
        yield f"unreadable: {document.reason}"
        return
    for wanted in case.wanted:
        got = _got(document, wanted)
        if isinstance(got, str):
            yield got
        elif not _same(wanted, got, case.url):
            yield f"{wanted.field}[{wanted.entry}] {wanted.value!r}, not {_shown(wanted, got)!r}"


def _got(document: ParsedFeed, wanted: Wanted) -> ParsedFeed | ParsedEntry | str:
    if wanted.field in ("feed title", "feed link"):
        return document
    entries = document.entries
    if not -len(entries) <= wanted.entry < len(entries):
        return f"no entry {wanted.entry} of {len(entries)}"
    return entries[wanted.entry]


def _same(wanted: Wanted, got: ParsedFeed | ParsedEntry, url: str) -> bool:
    if isinstance(wanted.value, datetime):
        return isinstance(got, ParsedEntry) and wanted.value in (got.published_at, got.updated_at)
    expected = wanted.value or ""
    shown = _shown(wanted, got)
    match wanted.field:
        case "title" | "feed title":
            return any(_squeezed(shown) == _squeezed(form) for form in _plain_forms(expected))
        case "link" | "feed link" | "id":
            absolute = fields.link(expected, url) or ""
            forms = (expected, absolute, html.unescape(absolute))
            return bool(
                {_squeezed(shown), _squeezed(html.unescape(shown))} & {*map(_squeezed, forms)}
            )
        case "date":
            date = parse_date(expected)
            dates = (got.published_at, got.updated_at) if isinstance(got, ParsedEntry) else ()
            return date in dates if date else True
        case "content":
            return isinstance(got, ParsedEntry) and _same_body(expected, got, url)


def _shown(wanted: Wanted, got: ParsedFeed | ParsedEntry) -> str:
    if isinstance(got, ParsedFeed):
        return (got.title if wanted.field == "feed title" else got.home_url) or ""
    match wanted.field:
        case "title":
            return got.title
        case "link":
            return got.link or ""
        case "id":
            return got.guid or ""
        case "date":
            return f"{got.published_at} {got.updated_at}"
        case _:
            return got.content_html or got.summary_html


def _plain_forms(text: str) -> Iterator[str]:
    """Yield an expected title as it may be plain: as it is, and with its markup taken out."""
    yield one_line(text)
    yield fields.title(text, is_html=True, math="auto")[0]
    yield one_line(to_text(clean(text, BASE, math="off")))


def _same_body(expected: str, got: ParsedEntry, url: str) -> bool:
    base = got.link or url
    forms = {_squeezed(to_text(clean(text, base))) for text in (expected, html.escape(expected))}
    forms.add(_squeezed(expected))
    bodies = {_squeezed(to_text(body)) for body in (got.content_html, got.summary_html)}
    return bool(forms & bodies)


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)

"""What is attacked. Each takes bytes, and raises only where something is wrong."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from html.parser import HTMLParser

import regex

from digestd.core.links import canonical_link, next_page, path_of, strip_tracking, without_password
from digestd.core.parsed import PageSelectors, ParsedFeed, Unreadable
from digestd.core.reading import familiar, put_together
from digestd.core.recognition import Memory, recognise
from digestd.core.selectors import compiled
from digestd.formats import fields
from digestd.formats.dates import parse_date
from digestd.formats.discovery import examine
from digestd.formats.document import read_document
from digestd.formats.encoding import decode
from digestd.formats.fulltext import read_article
from digestd.formats.html import clean
from digestd.formats.news import read_news
from digestd.formats.opml import Outline, UnreadableOpmlError, read_opml, write_opml
from digestd.formats.page import read_page
from digestd.formats.plaintext import to_text
from digestd.formats.propose import propose
from digestd.frozen import replace
from digestd.net.decoding import BodyReader, UnreadableBodyError

URL = "https://example.org/feed"
_FORBIDDEN = frozenset(
    "script style iframe object embed form input button base svg math template frame link"
    " meta".split()
)


class _Reader(HTMLParser):
    """A browser's eye, as far as the standard library has one."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in _FORBIDDEN, tag
        for name, value in attrs:
            assert not name.startswith("on"), name
            assert name not in ("style", "srcdoc", "formaction"), name
            if name in ("href", "src"):
                address = re.sub(r"[\x00-\x20]", "", value or "").lower()
                assert address.startswith(("http://", "https://", "mailto:")), address


def check_safe(markup: str) -> None:
    """Assert that nothing is left that could run."""
    _Reader().feed(markup)


def check_feed(found: ParsedFeed | Unreadable) -> None:
    """Assert what holds of everything that is read."""
    if isinstance(found, Unreadable):
        assert found.reason
        assert len(found.reason.splitlines()) == 1
        return
    assert len(found.entries) <= 2_000
    for entry in found.entries:
        assert len(entry.title.splitlines()) <= 1
        assert len(regex.findall(r"\X", entry.title)) <= 200  # as people count signs
        assert entry.link is None or entry.link.startswith(("http://", "https://"))
        for markup in (entry.title_html, entry.content_html, entry.summary_html):
            check_safe(markup)
        for date in (entry.published_at, entry.updated_at):
            assert date is None or date.tzinfo is UTC
    recognise(found.entries, Memory())


def read(body: bytes) -> None:
    """Read a document as one that was never seen."""
    check_feed(read_document(body, url=URL, content_type=""))


def read_twice(body: bytes) -> None:
    """Read the news of a document: there are none the second time, and it says the same."""
    first = read_news(body, url=URL, content_type="")
    found, outline = put_together(first, None)
    whole = read_document(body, url=URL, content_type="")
    assert isinstance(found, ParsedFeed) == isinstance(whole, ParsedFeed)
    if isinstance(found, ParsedFeed) and isinstance(whole, ParsedFeed):
        said = [replace(entry, fingerprint=None, ladder=()) for entry in found.entries]
        assert replace(found, entries=tuple(said)) == whole
    if outline is not None:
        again = read_news(body, url=URL, content_type="", known=familiar(outline))
        same, _ = put_together(again, outline)
        assert isinstance(same, ParsedFeed)


def sanitise(body: bytes) -> None:
    """Clean markup: it is safe, and cleaning it once more changes nothing."""
    cleaned = clean(body.decode("utf-8", "replace"), URL)
    check_safe(cleaned)
    assert clean(cleaned, URL) == cleaned
    to_text(cleaned)


def titles(body: bytes) -> None:
    """Make plain lines of whatever a title holds."""
    text = body.decode("utf-8", "replace")
    for is_html in (True, False):
        plain, marked = fields.title(text, is_html=is_html, math="auto")
        assert len(plain.splitlines()) <= 1
        check_safe(marked)


def opml(body: bytes) -> None:
    """Read a list of feeds, or say why not; what was read can be written and read again."""
    try:
        found = read_opml(body)
    except UnreadableOpmlError as exc:
        assert len(str(exc).splitlines()) == 1
        return
    again = read_opml(_written(found))
    assert read_opml(_written(again)) == again


def _written(outlines: Sequence[Outline]) -> bytes:
    return write_opml(outlines, title="x", now=datetime(2026, 1, 1, tzinfo=UTC))


def pages(body: bytes) -> None:
    """Read a page by selectors; the first lines are those."""
    head, _, page = body.partition(b"\n\n")
    lines = head.decode("utf-8", "replace").split("\n")
    wanted = [*lines, "", "", "", ""][:5]
    try:
        for line in filter(None, wanted):
            compiled(line)
    except ValueError:
        return  # the configuration is refused
    if wanted[0]:
        check_feed(read_page(page, url=URL, content_type="", selectors=PageSelectors(*wanted)))


def discover(body: bytes) -> None:
    """Look for feeds in a page, and for what in it may be one."""
    examine(body, url=URL, content_type="text/html")
    for proposal in propose(body, url=URL, content_type="text/html"):
        check_feed(read_page(body, url=URL, content_type="", selectors=proposal.selectors))


def articles(body: bytes) -> None:
    """Find the article in a page."""
    found = read_article(body, "text/html", URL)
    check_safe(found.html)


def small(body: bytes) -> None:
    """Try what reads a line or a header."""
    text, complaint = decode(body, "text/xml; charset=utf-7")
    assert len(complaint.splitlines()) <= 1
    line = text[:300]
    date = parse_date(line)
    assert date is None or date.tzinfo is UTC
    for change in (strip_tracking, canonical_link, path_of, without_password, next_page):
        change(line)
    fields.duration(line)
    fields.guid(line)
    fields.language(line)
    for encoding in ("gzip", "deflate", ""):
        reader = BodyReader(encoding, max_bytes=1 << 20)
        try:
            reader.feed(body)
            reader.finish()
        except UnreadableBodyError:
            pass

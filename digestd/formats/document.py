"""The one way from bytes to values: a document as a feed, or why it is none."""

from __future__ import annotations

from collections.abc import Mapping

from digestd.core.parsed import MathMode, ParsedFeed, Unreadable
from digestd.core.text import one_line
from digestd.formats.encoding import decode
from digestd.formats.mathmarks import with_macros
from digestd.formats.xmltext import Document, legal, open_document
from digestd.frozen import dataclass

_HEAD = 200_000  # characters of a page that are looked at to name it
_SIGNATURES = (
    (b"\x1f\x8b", "compressed data (gzip) that the server did not declare"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"GIF8", "an image"),
    (b"RIFF", "a media file"),
    (b"ID3", "a media file"),
)


def read_document(
    body: bytes,
    *,
    url: str,
    content_type: str,
    math: MathMode = "auto",
    macros: Mapping[str, str] | None = None,
) -> ParsedFeed | Unreadable:
    """Return what `body` says as a feed, or in one line why it says nothing.

    `url` is where it came from, `content_type` the header as it came, `macros` what its
    author's commands stand for in formulas. Never raises on any bytes; the same bytes give
    the same value. The newest 2,000 entries are kept and every field is bounded, but time is
    not: a document made to be slow may take minutes, so this runs in the worker process,
    under its deadline and memory limit.
    """
    found = read_opened(open_body(body, content_type), url, math)
    return with_macros(found, macros or {}) if isinstance(found, ParsedFeed) else found


def read_opened(
    opened: Json | Xml | Unreadable, url: str, math: MathMode
) -> ParsedFeed | Unreadable:
    """Return what a document says that `open_body` has opened; see `read_document`."""
    if isinstance(opened, Unreadable):
        return opened
    if isinstance(opened, Json):
        from digestd.formats.jsonfeed import read_json  # noqa: PLC0415 (few are)

        return read_json(opened.text, url, math=math, complaint=opened.complaint)
    from digestd.formats import feed  # noqa: PLC0415 (feedparser, 60 ms: if needed)

    document = opened.document()
    if feed.is_feed(document.root):
        return feed.read_xml(document, url, math=math, complaint=opened.complaint)
    if document.root.rpartition(":")[2] == "urlset":
        from digestd.formats.sitemap import read_sitemap  # noqa: PLC0415 (few are)

        return read_sitemap(document, url)
    return Unreadable(_name_other(document.root, opened.text[:_HEAD]))


@dataclass(frozen=True, slots=True)
class Json:
    """A document that can only be JSON, and what was wrong with its encoding."""

    text: str
    complaint: str


@dataclass(frozen=True, slots=True)
class Xml:
    """Any other: as the text that it was."""

    text: str
    complaint: str

    def document(self) -> Document:
        """Return it opened as XML."""
        return open_document(legal(self.text))


def open_body(body: bytes, content_type: str) -> Json | Xml | Unreadable:
    """Return the document in `body`, decoded, or why there is none."""
    if not body.strip(b"\0\t\r\n\f \xef\xbb\xbf"):
        return Unreadable("an empty document")
    for signature, name in _SIGNATURES:
        if body.startswith(signature):
            return Unreadable(f"{name}, not a feed")
    text, complaint = decode(body, content_type)
    start = text[:2_000].lstrip("\ufeff\0 \t\r\n\f")
    if start.startswith(("{", "[")):
        return Json(text.lstrip("\ufeff\0 \t\r\n\f"), complaint)
    return Xml(text, complaint)


def _name_other(root: str, text: str) -> str:
    from digestd.formats.pages import is_page, name_page  # noqa: PLC0415 (few are)

    if is_page(text):
        return name_page(text)
    start = text.lstrip("\ufeff\0 \t\r\n\f")[:500]
    if root and start.startswith("<"):
        from digestd.formats.feed import describe_other  # noqa: PLC0415 (feedparser)

        return describe_other(root)
    return one_line(f"neither XML nor JSON, not a feed: {start}", 120)

"""One entry of RSS, RDF, Atom or CDF, from what feedparser found in it.

Dictionaries only: feedparser's own type is a subclass whose `get` maps names and warns,
so it is read as the plain dictionary that it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from digestd.core.parsed import Enclosure, MathMode, ParsedEntry
from digestd.core.text import one_line
from digestd.formats import fields
from digestd.formats.dates import parse_date

HTML_TYPES = ("text/html", "application/xhtml+xml", "html", "xhtml")

_SAYING = tuple("id title link links summary subtitle content published updated created".split())

Dict = Mapping[str, Any]


def get(found: object, key: str) -> Any:  # noqa: ANN401 (whatever feedparser put there)
    """Return a value as it is; FeedParserDict's own `get` maps names and warns."""
    return dict.get(found, key) if isinstance(found, dict) else None


def string(found: object, key: str) -> str:
    """Return a value if it is a string, else an empty one."""
    value = get(found, key)
    return value if isinstance(value, str) else ""


def dicts(found: object, key: str) -> list[dict[str, Any]]:
    """Return the dictionaries in a list, 200 at most."""
    values = get(found, key)
    return [v for v in values[:200] if isinstance(v, dict)] if isinstance(values, list) else []


def says(found: Dict) -> bool:
    """Tell whether an entry says anything at all; what is left of it once clean is its affair."""
    return any(get(found, key) for key in _SAYING)


def read_entry(found: Dict, base: str, url: str, math: MathMode) -> ParsedEntry:
    """Return an entry; its links are relative to `base`, an `xml:base` to the document's `url`."""
    link = _entry_link(found, base)
    title, title_html = read_title(found, math)
    published, updated = published_at(found), updated_at(found)
    enclosures, image = media(found, base)
    return fields.with_text(
        ParsedEntry(
            guid=fields.guid(string(found, "id")),
            link=link,
            title=title,
            title_html=title_html,
            author=author(
                [string(a, "name") or string(a, "email") for a in dicts(found, "authors")]
            )
            or one_line(string(found, "author"), 200),
            categories=fields.labels(
                string(t, "label") or string(t, "term") for t in dicts(found, "tags")
            ),
            published_at=published or updated,
            updated_at=updated,
            image_url=image,
            enclosures=enclosures,
            language=_entry_language(found),
        ),
        *bodies(found, link or base, url, math),
    )


def _entry_link(found: Dict, base: str) -> str | None:
    """Return where the entry is to be read: HTML before other forms, the site before a counter."""
    links = dicts(found, "links")
    alternates = [x for x in links if get(x, "rel") == "alternate"]
    pages = [x for x in alternates if string(x, "type") in ("", *HTML_TYPES)]
    own = string(found, "link")
    if (
        get(found, "guidislink")
        and own == string(found, "id")
        and not own.lower().startswith(("http://", "https://", "/"))
    ):
        own = ""  # a guid that forgot to say that it is no permanent link
    candidates = [
        string(found, "feedburner_origlink"),
        *(string(x, "href") for x in pages),
        own,
        *(string(x, "href") for x in alternates),
    ]
    for candidate in candidates:
        link = fields.link(candidate, base)
        if link:
            return link
    return None


def read_title(found: Dict, math: MathMode) -> tuple[str, str]:
    """Return the title of an entry or a feed, plain and marked."""
    detail = get(found, "title_detail")
    raw = string(detail, "value") or string(found, "title")
    kind = string(detail, "type")
    return fields.title(raw, is_html=kind in HTML_TYPES, math=math)


def _pieces(found: Dict) -> list[tuple[str, Dict]]:
    """Return the bodies of an entry with their details, of those that are text."""
    details = [(string(d, "value"), d) for d in dicts(found, "content")[:10]]
    return [(v, d) for v, d in details if v.strip() and not _is_binary(string(d, "type"), v)]


def longest_body(found: Dict) -> str:
    """Return the raw text that says most."""
    bodies = [value for value, _ in _pieces(found)]
    return max((*bodies, string(found, "summary")), key=len)


def bodies(found: Dict, base: str, url: str, math: MathMode) -> tuple[str, str]:
    """Return content and summary, cleaned: the longest text is the content.

    Which element holds the whole post and which its beginning differs by publisher; RSS
    with a description alone says neither, and gives a summary.
    """
    pieces = sorted(_pieces(found), key=lambda piece: -len(piece[0]))
    summary = string(found, "summary") or string(found, "subtitle")
    detail = get(found, "summary_detail") or {}
    content = pieces[0][0] if pieces else ""
    if content and len(summary) > len(content):
        content, summary = summary, content
        details = detail, pieces[0][1]
    else:
        details = pieces[0][1] if pieces else {}, detail
    if summary.strip() == content.strip():
        summary = ""
    cleaned = _cleaned(content, details[0], base, url, math)
    short = _cleaned(summary, details[1], base, url, math)
    return cleaned, short if short != cleaned else ""


def _cleaned(value: str, detail: Dict, base: str, url: str, math: MathMode) -> str:
    kind = string(detail, "type") or "text/html"
    own = string(detail, "base")
    base = (fields.link(own, url) or base) if own else base
    is_html = kind in HTML_TYPES or kind.endswith("xml") or fields.looks_like_html(value)
    return fields.body(value, is_html=is_html, base_url=base, math=math)


def _is_binary(kind: str, value: str) -> bool:
    if kind == "application/octet-stream":  # base64, decoded; for some it is the post
        return "\ufffd" in value or not value.replace("\n", "").isprintable()
    return (
        bool(kind)
        and not kind.startswith("text/")
        and not kind.endswith("xml")
        and kind not in HTML_TYPES
    )


def _entry_language(found: Dict) -> str:
    details = [
        *dicts(found, "content")[:1],
        get(found, "summary_detail"),
        get(found, "title_detail"),
    ]
    return next(
        (tag for tag in (fields.language(string(d, "language")) for d in details) if tag), ""
    )


def author(named: Sequence[str]) -> str:
    """Return the names of authors, each once."""
    names = dict.fromkeys(one_line(name, 100) for name in named[:10])
    return one_line(", ".join(filter(None, names)), 200)


# --- dates and media -------------------------------------------------------------------


def published_at(found: Dict) -> datetime | None:
    """Return when it says that it was published."""
    return _date(found, "published") or _date(found, "created")


def updated_at(found: Dict) -> datetime | None:
    """Return when it says that it was changed."""
    return _date(found, "updated")


def _date(found: Dict, key: str) -> datetime | None:
    date = parse_date(string(found, key))
    # feedparser reads more, but also "1714730400" as a day of the year 1714.
    parts = get(found, key + "_parsed")
    if date is not None or parts is None:
        return date
    year, month, day, hour, minute, second = parts[:6]
    try:
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    except (ValueError, TypeError, OverflowError):
        return None


def media(found: Dict, base: str) -> tuple[tuple[Enclosure, ...], str | None]:
    """Return the files that come with an entry, and its picture."""
    files: dict[str, Enclosure] = {}
    thumbnails = dicts(found, "media_thumbnail")
    # GitHub's are the author's face, 30 px wide.
    pictures = [
        string(x, "url") for x in thumbnails if (fields.size(string(x, "width")) or 99) > 48
    ]
    pictures.append(string(get(found, "image"), "href"))
    running_time = fields.duration(string(found, "itunes_duration"))
    enclosures = [x for x in dicts(found, "links") if get(x, "rel") == "enclosure"]
    for item in (*enclosures, *dicts(found, "media_content")):
        address = string(item, "href") or string(item, "url")
        mime = one_line(string(item, "type").lower(), 80)
        if mime.startswith("image/") or string(item, "medium") == "image":
            pictures.append(address)
            continue
        attached = item in enclosures
        link = fields.link(address, base)
        if link and link not in files and (attached or mime.startswith(("audio/", "video/"))):
            length = fields.size(string(item, "length") or string(item, "filesize"))
            time = fields.duration(string(item, "duration")) or (running_time if attached else None)
            files[link] = Enclosure(link, mime, length, time)
    picture = next((p for p in (fields.link(x, base) for x in pictures[:20]) if p), None)
    return tuple(files.values())[: fields.MAX_ENCLOSURES], picture

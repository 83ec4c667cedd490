"""JSON Feed 1.0 and 1.1 (jsonfeed.org) as a `ParsedFeed`.

Publishers get the types wrong (numbers as ids, one author for a list), so every field is
read as what it can be taken for, and left out if it can be taken for nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from digestd.core.parsed import Enclosure, MathMode, ParsedEntry, ParsedFeed, Unreadable
from digestd.core.text import one_line
from digestd.formats import fields
from digestd.formats.dates import parse_date
from digestd.formats.mathmarks import defines_macros
from digestd.formats.teaser import Glanced, beginning
from digestd.frozen import replace

Object = Mapping[str, Any]


def read_json(
    text: str, url: str, *, math: MathMode = "auto", complaint: str = ""
) -> ParsedFeed | Unreadable:
    """Return the feed in `text`, or why it is none. Never raises."""
    found = open_json(text)
    if isinstance(found, Unreadable):
        return found
    chosen = listed(found)
    mode = fields.math_mode([raw_text(x) for x in chosen], math)
    entries = read_items(found, chosen, url, mode)
    return replace(
        read_head(found, url),
        entries=tuple(e for e in entries if e.guid or e.link or e.title or e.content_html),
        complaint=complaint,
    )


def open_json(text: str) -> Object | Unreadable:
    """Return the object that is a JSON Feed, or why there is none."""
    try:
        # Numbers stay as they were written: an id of 20 digits is an id.
        found = json.loads(text, parse_int=str, parse_float=str, strict=False)
    except RecursionError:  # the decoder counts, and stops at about 1,000
        return Unreadable("JSON that is nested too deeply to be a feed")
    except ValueError as exc:
        return Unreadable(one_line(f"broken JSON: {exc}", 200))
    if not isinstance(found, dict):
        return Unreadable("a JSON document, not a JSON Feed")
    if "jsonfeed.org" not in _text(found, "version") and not _looks_like_feed(found):
        said = _text(found, "message") or _text(found, "error") or _text(found, "detail")
        return Unreadable(
            one_line("a JSON document, not a JSON Feed" + (f": {said}" if said else ""), 200)
        )
    return found


def listed(found: Object) -> list[Object]:
    """Return the entries of a feed, as many as we keep."""
    items = found.get("items")
    objects = [x for x in items if isinstance(x, dict)] if isinstance(items, list) else []
    return [objects[i] for i in fields.newest([_date(x, "date_published") for x in objects])]


def raw_text(item: Object) -> str:
    """Return the text of an entry as it stands."""
    return _text(item, "content_html") or _text(item, "content_text")


def read_items(
    found: Object, chosen: Iterable[Object], url: str, math: MathMode
) -> list[ParsedEntry]:
    """Return these entries of a feed, in a mode that `math_mode` has settled."""
    base = fields.link(_text(found, "home_page_url"), url) or url
    return [_entry(item, base, math) for item in chosen]


def glance(
    found: Object, chosen: Iterable[Object], url: str, math: MathMode
) -> list[Glanced] | None:
    """Return these entries of a feed without their texts; None if one must be read."""
    base = fields.link(_text(found, "home_page_url"), url) or url
    glanced = []
    for item in chosen:
        entry = _without_text(item, base, math)
        text = raw_text(item)
        if not (entry.title and (entry.link or entry.guid)) or defines_macros(text):
            return None
        is_html = bool(_text(item, "content_html").strip())
        start = (
            beginning(text, is_html=is_html)
            if text
            else beginning(_text(item, "summary"), is_html=False)
        )
        glanced.append(Glanced(entry, start, fields.has_tex(text)))
    return glanced


def read_head(found: Object, url: str) -> ParsedFeed:
    """Return what a feed says besides its entries."""
    return ParsedFeed(
        title=fields.title(_text(found, "title"), is_html=False, math="off")[0],
        home_url=fields.link(_text(found, "home_page_url"), url),
        description=one_line(_text(found, "description"), 500),
        language=fields.language(_text(found, "language")),
        icon_url=fields.link(_text(found, "icon") or _text(found, "favicon"), url),
        self_url=fields.link(_text(found, "feed_url"), url),
        hub_urls=_hubs(found, url),
        older_url=fields.link(_text(found, "next_url"), url),
    )


def _looks_like_feed(found: Object) -> bool:
    items = found.get("items")
    if not isinstance(items, list):
        return False
    keys = {"content_html", "content_text"} | ({"date_published"} if "title" in found else set())
    return any(isinstance(x, dict) and keys & x.keys() for x in items[:10])


def _entry(found: Object, base: str, math: MathMode) -> ParsedEntry:
    entry = _without_text(found, base, math)
    base = entry.link or base
    markup = _text(found, "content_html")
    content = fields.body(raw_text(found), is_html=bool(markup.strip()), base_url=base, math=math)
    summary = fields.body(_text(found, "summary"), is_html=False, base_url=base, math=math)
    return fields.with_text(entry, content, summary if summary != content else "")


def _without_text(found: Object, base: str, math: MathMode) -> ParsedEntry:
    page = fields.link(_text(found, "url"), base)
    # A linkblog's `external_url` is what it writes about: worth a link only without its own.
    link = page or fields.link(_text(found, "external_url"), base)
    title, title_html = fields.title(_text(found, "title"), is_html=False, math=math)
    published, updated = _date(found, "date_published"), _date(found, "date_modified")
    tags = found.get("tags")
    return ParsedEntry(
        guid=fields.guid(_text(found, "id")),
        link=link,
        title=title,
        title_html=title_html,
        author=_authors(found),
        categories=fields.labels(t for t in _list(tags)[:200] if isinstance(t, str)),
        published_at=published or updated,
        updated_at=updated,
        image_url=fields.link(_text(found, "image") or _text(found, "banner_image"), base),
        enclosures=_attachments(found, base),
        language=fields.language(_text(found, "language")),
    )


def _authors(found: Object) -> str:
    """Return the names of 1.1's `authors`, or of 1.0's `author`."""
    named = [
        _text(a, "name") if isinstance(a, dict) else a for a in _list(found.get("authors"))[:10]
    ]
    author = found.get("author")
    if not named and author:
        named = [_text(author, "name") if isinstance(author, dict) else author]
    names = dict.fromkeys(one_line(n, 100) for n in named if isinstance(n, str))
    return one_line(", ".join(n for n in names if n), 200)


def _attachments(found: Object, base: str) -> tuple[Enclosure, ...]:
    files: dict[str, Enclosure] = {}
    for item in _list(found.get("attachments"))[:200]:
        link = fields.link(_text(item, "url"), base) if isinstance(item, dict) else None
        if link:
            running = fields.duration(_text(item, "duration_in_seconds"))
            mime = one_line(_text(item, "mime_type").lower(), 80)
            files[link] = Enclosure(link, mime, fields.size(_text(item, "size_in_bytes")), running)
    return tuple(files.values())[: fields.MAX_ENCLOSURES]


def _hubs(found: Object, url: str) -> tuple[str, ...]:
    """Return the hubs that speak WebSub; the specification leaves the list open to others."""
    hubs = [h for h in _list(found.get("hubs"))[:20] if isinstance(h, dict)]
    named = [h for h in hubs if _text(h, "type").lower() in ("websub", "pubsubhubbub")]
    links = (fields.link(_text(h, "url"), url) for h in named)
    return tuple(dict.fromkeys(x for x in links if x))[:5]


def _date(found: Object, key: str) -> datetime | None:
    return parse_date(_text(found, key))


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _text(found: Object, key: str) -> str:
    """Return a string, or a number as it was written."""
    value = found.get(key)
    return value if isinstance(value, str) else ""

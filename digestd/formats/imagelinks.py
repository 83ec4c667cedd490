"""Where the pictures are that may stand for an entry or for a feed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from digestd.core.models import Entry
from digestd.formats.attributes import absolute
from digestd.formats.discovery import base_of, parse_html
from digestd.formats.html import images

_MOST = 4  # of one entry; one that shows nothing within so many shows nothing
# Counters, badges, faces, buttons, formulas: what is no picture of anything.
_NOT_ONE = re.compile(
    r"shields\.io|badge|emoji|smil(?:ey|ies)|gravatar\.com|/avatars?[/_.-]|/favicon"
    r"|spacer|blank\.(?:gif|png)|pixel|\b1x1\b|transparent\.(?:gif|png)|feedburner|doubleclick"
    r"|/ads?/|adserver|/share[-_]|button|\.svg(?:[?#]|$)|paypal|patreon|ko-fi|buymeacoffee"
    r"|quicklatex|latex\.php|codecogs|/equation\?tex|data:",
    re.IGNORECASE,
)
_RASTER = re.compile(r"\.(?:png|jpe?g|gif|webp|ico|bmp)(?:[?#]|$)", re.IGNORECASE)
_SIZE = re.compile(r"(\d{2,4})x\d{2,4}", re.IGNORECASE)


def entry_images(entry: Entry) -> tuple[str, ...]:
    """Return addresses of images that may stand beside an entry, best first."""
    found = dict.fromkeys(
        url for url in _entry_images(entry) if url and not _NOT_ONE.search(url[:600])
    )
    return tuple(found)[:_MOST]


def _entry_images(entry: Entry) -> Iterator[str | None]:
    yield entry.image_url
    yield from (one.url for one in entry.enclosures if one.mime_type.startswith("image/"))
    yield from images(entry.content_html or entry.summary_html)


def page_icons(text: str, url: str) -> tuple[str, ...]:
    """Return addresses of a page's icons, the one that suits a small tile first."""
    root = parse_html(text)
    if root is None:
        return ()
    base = base_of(root, url)
    found: list[tuple[int, str]] = []
    for element in root.iter("link"):
        rel = (element.get("rel") or "").lower().split()
        address = absolute(element.get("href") or "", base)
        is_touch = bool({"apple-touch-icon", "apple-touch-icon-precomposed"} & set(rel))
        if address is None or not (is_touch or "icon" in rel):
            continue
        kind = (element.get("type") or "").lower()
        if "svg" in kind or ".svg" in address.lower() or not (kind or _RASTER.search(address)):
            continue
        found.append((_distance(element.get("sizes") or ("180x180" if is_touch else "")), address))
    return tuple(dict.fromkeys(address for _, address in sorted(found)))[:_MOST]


def _distance(sizes: str) -> int:
    """Return how far an icon's best size is from 48 pixels; a smaller one is further off."""
    widths = [int(found[1]) for found in _SIZE.finditer(sizes[:200])] or [32]
    return min(width - 48 if width >= 48 else 1_000 + 48 - width for width in widths)

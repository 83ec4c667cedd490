"""What a document of RSS, RDF, Atom or CDF says besides its entries, from what was found in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import timedelta

from digestd.core.links import next_page
from digestd.core.parsed import ParsedFeed
from digestd.core.text import one_line
from digestd.formats import feedentry, fields
from digestd.formats.feedentry import Dict, dicts, get, string
from digestd.formats.html import clean
from digestd.formats.plaintext import to_text

_PERIODS = {
    "hourly": timedelta(hours=1),
    "daily": timedelta(days=1),
    "weekly": timedelta(weeks=1),
    "monthly": timedelta(days=30),
    "yearly": timedelta(days=365),
}
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MARKUP = re.compile("<|&[a-zA-Z#]")
_MAX_TTL = timedelta(days=365)


def base(parsed: Dict, url: str) -> str:
    """Return what addresses in a document are relative to."""
    atom = str(parsed.get("version") or "").startswith("atom")
    # RSS is mostly served by others than the site: what is relative is so to the site.
    return url if atom else _home(parsed["feed"], url) or url


def read_head(parsed: Dict, url: str, text: str) -> ParsedFeed:
    """Return what a document says besides its entries."""
    channel = parsed["feed"]
    home = _home(channel, url)
    links = dicts(channel, "links")
    icon = (
        string(channel, "icon") or string(channel, "logo") or string(get(channel, "image"), "href")
    )
    title, _ = feedentry.read_title(channel, "off")
    subtitle = string(channel, "subtitle") or string(channel, "summary")
    hours, days = _skipped(text)
    return ParsedFeed(
        title=title,
        home_url=home,
        description=one_line(_plain(subtitle[:5_000], home or url), 500),
        language=fields.language(string(channel, "language")),
        icon_url=fields.link(icon, base(parsed, url)),
        self_url=next(_hrefs(links, "self", url), None),
        hub_urls=tuple(dict.fromkeys(_hrefs(links, "hub", url)))[:5],
        ttl=_ttl(channel),
        skip_hours=hours,
        skip_days=days,
        older_url=_older(links, string(channel, "generator"), url),
    )


def _plain(subtitle: str, base: str) -> str:
    if not _MARKUP.search(subtitle):
        return subtitle
    return to_text(clean(subtitle, base, math="off"))


def _home(channel: Dict, url: str) -> str | None:
    links = dicts(channel, "links")
    alternates = [string(x, "href") for x in links if get(x, "rel") == "alternate"]
    for candidate in (string(channel, "link"), *alternates):
        found = fields.link(candidate, url)
        if found:
            return found
    return None


def _hrefs(links: Iterable[Dict], rel: str, base: str) -> Iterator[str]:
    for found in links:
        if rel in string(found, "rel").split():
            href = fields.link(string(found, "href"), base)
            if href:
                yield href


def _older(links: Iterable[Dict], generator: str, url: str) -> str | None:
    """Return where older entries are: an archive or a next page (RFC 5005), or WordPress' own."""
    for rel in ("prev-archive", "next"):
        found = next(_hrefs(links, rel, url), None)
        if found:
            return found
    return next_page(url) if "wordpress" in generator.lower() else None


def _ttl(channel: Dict) -> timedelta | None:
    """Return the longest of RSS `ttl` (minutes) and `sy:updatePeriod` / `sy:updateFrequency`."""
    found = timedelta()
    minutes = string(channel, "ttl").strip()
    if re.fullmatch(r"[0-9]{1,7}", minutes):
        found = timedelta(minutes=int(minutes))
    period = _PERIODS.get(string(channel, "sy_updateperiod").strip().lower())
    frequency = string(channel, "sy_updatefrequency").strip()
    if period:
        times = int(frequency) if re.fullmatch(r"[0-9]{1,5}", frequency) else 1
        found = max(found, period / max(times, 1))
    return min(found, _MAX_TTL) or None


def _skipped(text: str) -> tuple[frozenset[int], frozenset[int]]:
    """Return `skipHours` and `skipDays`, of which feedparser keeps the last alone."""
    hours = {
        int(h)
        for h in re.findall(r"<hour>\s{0,9}([0-9]{1,2})\s{0,9}</hour>", _within(text, "skipHours"))
    }
    named = re.findall(r"<day>\s{0,9}([A-Za-z]{6,9})\s{0,9}</day>", _within(text, "skipDays"))
    days = {_DAYS.index(d.lower()) for d in named if d.lower() in _DAYS}
    # Midnight is 24 in RSS 0.91. Who skips everything means nothing by it.
    hours = {h % 24 for h in hours if h <= 24}
    return (
        frozenset(hours) if len(hours) < 24 else frozenset(),
        frozenset(days) if len(days) < 7 else frozenset(),
    )


def _within(text: str, tag: str) -> str:
    start = text.find(f"<{tag}>")
    return text[start : start + 3_000].partition(f"</{tag}>")[0] if start >= 0 else ""

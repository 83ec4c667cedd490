"""Addresses whose feed is known without looking, by the table in `presets.toml`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from digestd.core.links import strip_tracking
from digestd.frozen import dataclass, field


@dataclass(frozen=True, slots=True)
class Preset:
    """One kind of page; the table says what each field means."""

    name: str
    address: re.Pattern[str]
    feeds: tuple[tuple[str, str], ...]
    pages: tuple[str, ...] = ()
    find: tuple[re.Pattern[str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    guess: bool = False
    example: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class Known:
    """A preset that an address fits, and what is known of its feeds.

    `feeds` are (what it holds, the addresses to try in turn), best first.
    """

    preset: Preset
    caught: Mapping[str, str]

    @property
    def feeds(self) -> list[tuple[str, tuple[str, ...]]]:
        """Return the feeds whose templates can be filled."""
        return _filled(self.preset, self.caught)

    @property
    def pages(self) -> list[str]:
        """Return the pages that may say what is missing."""
        urls = (_fill(template, self.caught) for template in self.preset.pages)
        return list(dict.fromkeys(url for url in urls if url))

    def looked_up(self, page: str) -> list[tuple[str, tuple[str, ...]]]:
        """Return the feeds that the source of one of `pages` leads to."""
        plain = page.replace("\\/", "/").replace("\\u0026", "&").replace("\\u002F", "/")
        for pattern in self.preset.find:
            found = pattern.search(plain)
            if found:
                return _filled(self.preset, {**self.caught, **_caught(found)})
        return []


def read_presets(text: str) -> tuple[Preset, ...]:
    """Return the table of presets in `text`."""
    table = tomllib.loads(text)
    words: dict[str, str] = table["words"]
    return tuple(_preset(row, words) for row in table["preset"])


def _preset(row: Mapping[str, object], words: Mapping[str, str]) -> Preset:
    def texts(key: str) -> Sequence[str]:
        value = row.get(key, [])
        return [str(one) for one in value] if isinstance(value, list) else []

    pairs = row["feeds"]
    headers = row.get("headers", {})
    example = texts("example")
    address = _WORD.sub(lambda found: words[found[1]], str(row["address"]))
    return Preset(
        name=str(row["name"]),
        address=re.compile(address),
        feeds=tuple((str(what), str(url)) for what, url in pairs)
        if isinstance(pairs, list)
        else (),
        pages=tuple(texts("pages")),
        find=tuple(re.compile(pattern) for pattern in texts("find")),
        headers=dict(headers) if isinstance(headers, Mapping) else {},
        guess=row.get("guess") is True,
        example=(example[0], example[1]),
    )


_WORD = re.compile(r"\{([a-z_]+)\}")
_FIELD = re.compile(r"\{(\w+)(?::([^{}]*))?\}")
_FEED_FILE = re.compile(r"\.(?:rss|atom|rdf|xml|json)$")  # an address that needs no preset
_BLANK = re.compile(r"\+|%20| ")


def known(presets: Sequence[Preset], address: str) -> Iterator[Known]:
    """Yield the presets that `address` fits, in the order of the table."""
    place = _place(address)
    for preset in presets if place else ():
        found = preset.address.fullmatch(place)
        if found:
            yield Known(preset, _caught(found) | {"address": address})


def _filled(preset: Preset, caught: Mapping[str, str]) -> list[tuple[str, tuple[str, ...]]]:
    ways: dict[str, tuple[str, ...]] = {}
    for what, template in preset.feeds:
        url = _fill(template, caught)
        if url is not None:
            ways[what] = (*ways.get(what, ()), url)
    return list(ways.items())


def _fill(template: str, caught: Mapping[str, str]) -> str | None:
    if any(name not in caught for name, _ in _FIELD.findall(template)):
        return None

    def value(found: re.Match[str]) -> str:
        text, separator = caught[found[1]], found[2]
        return separator.join(filter(None, _BLANK.split(text))) if separator else text

    return _FIELD.sub(value, template).rstrip("?")


def _caught(found: re.Match[str]) -> dict[str, str]:
    return {name: value or "" for name, value in found.groupdict().items()}


def _place(address: str) -> str:
    """Return what patterns are matched against; nothing for what is no web address."""
    try:
        parts = urlsplit(strip_tracking(address))
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not host or _FEED_FILE.search(parts.path):
        return ""
    host = host.removeprefix("www.") + (f":{port}" if port else "")
    query = f"?{parts.query}" if parts.query else ""
    return host + parts.path.rstrip("/") + query

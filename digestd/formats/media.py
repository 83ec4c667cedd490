"""Pictures and players among a stranger's elements: shown, linked to, or gone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from lxml import etree

from digestd.core.links import PLAIN, split
from digestd.core.text import one_line
from digestd.formats import policy
from digestd.formats.attributes import NUMBER, absolute, kept
from digestd.patterns import pattern

_TINY_STYLE = pattern(
    r"(?:^|;)\s?(?:max-)?(?:width|height)\s?:\s?[01](?:px)?\s?(?:;|!|$)", re.IGNORECASE
)
_PLACEHOLDER = re.compile(
    r"blank|placeholder|spacer|transparent|1x1|loading|lazy|grey\.|gray\.", re.IGNORECASE
)


def tidy_image(element: etree._Element, attributes: dict[str, str], base_url: str | None) -> None:
    """Give an image its address, or show what it would say; what counts readers goes."""
    source = _image_source(attributes, base_url)
    alt = one_line(attributes.get("alt", ""))
    if source is not None and (_is_tiny(attributes) or _is_tracker(source)):
        element.tag = policy.GONE
    elif source is None or ("emoji" in attributes.get("class", "").lower() and 0 < len(alt) <= 8):
        element.tag = "span"  # what the image would say
        element.text = alt
    else:
        element.set("src", source)
        for key, value in kept(
            "img", {k: v for k, v in attributes.items() if k != "src"}, base_url
        ):
            element.set(key, value)


def _image_source(attributes: dict[str, str], base_url: str | None) -> str | None:
    """Return the image's address, behind the tricks of lazy loaders."""
    for candidate in _candidates(attributes):
        found = absolute(candidate, base_url) if candidate.strip() else None
        if found:
            return found
    return None


def _candidates(attributes: dict[str, str]) -> Iterator[str]:
    yield from (attributes[name] for name in policy.LAZY_SOURCES if name in attributes)
    source = attributes.get("src", "")
    sets = [attributes[name] for name in policy.LAZY_SETS if name in attributes]
    if sets and not _PLACEHOLDER.search(source[-200:]):
        yield source
    yield from map(_best_of_set, sets)
    yield source


def help_image(picture: etree._Element) -> None:
    """Give the image of a `<picture>` that has no address the one of its first source."""
    image, source = next(picture.iter("img"), None), next(picture.iter("source"), None)
    if image is not None and source is not None and not image.get("src"):
        image.set("src", _best_of_set(source.get("srcset") or source.get("data-srcset") or ""))


def _best_of_set(srcset: str) -> str:
    """Return the widest candidate of a `srcset` up to 1600 px (HTML, section 4.8.4.2.1)."""
    best, best_width, url = "", -1.0, ""
    for token in srcset.split(maxsplit=60)[:60]:
        described = re.fullmatch(r"([0-9.]{1,8})([wx]),?", token)
        if not described:
            url = token.rstrip(",")
            best = best or url
            continue
        size = float(described[1]) if described[1].count(".") <= 1 and described[1] != "." else 0.0
        width = size * (640 if described[2] == "x" else 1)
        if best_width < width <= 1600:
            best, best_width = url, width
    return best


def _is_tiny(attributes: dict[str, str]) -> bool:
    sides = [NUMBER.match(attributes.get(side, "")) for side in ("width", "height")]
    return any(side and int(side[1]) <= 1 for side in sides) or bool(
        _TINY_STYLE.search(attributes.get("style", "")[:500])
    )


def _is_tracker(url: str) -> bool:
    if found := PLAIN.fullmatch(url):
        host = found[1].partition("/")[0]
    else:
        parts = split(url)
        host = (parts.hostname or "") if parts is not None else ""
    if _counts_readers(host):
        return True
    lowered = url.lower()
    return any(part in lowered for part in policy.TRACKER_PARTS)


@lru_cache(maxsize=256)
def _counts_readers(host: str) -> bool:
    names = host.split(".")
    return any(".".join(names[i:]) in policy.TRACKER_HOSTS for i in range(len(names)))


def link_to_media(
    element: etree._Element, name: str, attributes: dict[str, str], base_url: str | None
) -> None:
    """Turn a player into a link to what it plays, if that is known."""
    source = attributes.get("src") or attributes.get("data-src") or ""
    if not source and name != "iframe":
        source = next((s.get("src", "") for s in element.iter("source")), "")
    url = absolute(source, base_url) if source.strip() else None
    title = one_line(attributes.get("title", ""), 100)
    if url and name == "iframe":
        title = next((title or name for part, name in policy.PLAYERS if part in url), "")
        url = re.sub(
            r"//www\.youtube(?:-nocookie)?\.com/embed/([\w-]{11})(?:\?.*)?$",
            r"//www.youtube.com/watch?v=\1",
            url,
        )
    element.clear(keep_tail=True)  # type: ignore[call-arg]  # not in the stubs
    if url and (title or name != "iframe"):
        element.tag = "a"
        element.set("href", url)
        element.text = "▶ " + (title or url.rsplit("/", 1)[-1][:80] or url)
    else:
        element.tag = policy.GONE

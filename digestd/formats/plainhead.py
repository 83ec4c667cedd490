"""What a feed says besides its entries, from its tree: the dictionary that feedparser makes.

For feeds as most are written. One that says more than is understood here has none, and
feedparser has to read it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from lxml import etree

from digestd.formats import element as el
from digestd.formats.feedentry import HTML_TYPES, Dict

Channel = dict[str, Any]

_ABSOLUTE = re.compile(r"https?://")
_NAME = re.compile(r"(?!https?:|file:|feed:)[a-z][a-z0-9+.-]*:(?!//)[\x21-\x3a\x3c-\x7e]+")
_IN_IMAGES = frozenset(("title", "link", "description", "url", "width", "height"))
_PERSON = frozenset(f"{el.ATOM}{name}" for name in ("name", "uri", "email"))

# Of no account to us, whatever is in them of these names.
_NONE: frozenset[str] = frozenset()
_BESIDE = {
    **dict.fromkeys("author category cloud copyright docs lastBuildDate".split(), _NONE),
    **dict.fromkeys("managingEditor pubDate rating webMaster".split(), _NONE),
    "skipHours": frozenset(("hour",)),
    "skipDays": frozenset(("day",)),
    "items": frozenset((f"{el.RDF}Seq", f"{el.RDF}li")),
    **dict.fromkeys(map(el.ATOM.__add__, "category published rights updated".split()), _NONE),
    **dict.fromkeys((f"{el.ATOM}author", f"{el.ATOM}contributor"), _PERSON),
    **dict.fromkeys(map(el.DC.__add__, "creator date publisher rights subject".split()), _NONE),
    **dict.fromkeys(
        map(el.ITUNES.__add__, "author block complete explicit keywords new-feed-url type".split()),
        _NONE,
    ),
    f"{el.ITUNES}category": frozenset((f"{el.ITUNES}category",)),
    f"{el.ITUNES}owner": frozenset((f"{el.ITUNES}name", f"{el.ITUNES}email")),
    f"{el.SYNDICATION}updateBase": _NONE,
    f"{el.FEEDBURNER}info": _NONE,
    el.LICENSE: _NONE,
}


def read_plain_head(root: etree._Element, entry: str, *, has_base: bool) -> Dict | None:
    """Return what feedparser would make of a document without its elements of name `entry`.

    `has_base`: addresses may be relative to something else than the document's own.
    """
    spaces = set(root.nsmap.values())
    channel: etree._Element | None = root
    if root.tag == f"{el.ATOM}feed":
        version, is_known = "atom10", el.RSS1[1:-1] not in spaces
    elif root.tag == "rss":
        version, is_known = "rss", True
        channel = _only_child(root, "channel", entry)
    else:
        version = "rss10"
        is_known = root.tag == f"{el.RDF}RDF" and el.RSS1[1:-1] in spaces
        is_known = is_known and el.ATOM[1:-1] not in spaces
        channel = _only_child(root, f"{el.RSS1}channel", entry)
    if not is_known or channel is None:
        return None
    found: Channel = {"links": []}
    language = root.get(el.LANG)
    if language and version != "rss10":
        found["language"] = language.replace("_", "-")
    understood = all(
        _is_understood(found, child)
        for child in channel.iterchildren(etree.Element)
        if child.tag != entry
    )
    if not (understood and el.is_known_place(root) and el.is_known_place(channel)):
        return None
    if has_base and not all(map(_ABSOLUTE.match, _addresses(found))):
        return None
    return {"version": version, "feed": found, "entries": []}


def _only_child(root: etree._Element, name: str, entry: str) -> etree._Element | None:
    """Return the only child of this name, if beside it there are entries alone."""
    channels = [child for child in root.iterchildren(etree.Element) if child.tag != entry]
    if len(channels) != 1 or channels[0].tag != name or set(channels[0].keys()) - {el.RDF_ABOUT}:
        return None
    return channels[0]


def _addresses(found: Channel) -> Iterator[str]:
    yield from (link["href"] for link in found["links"])
    yield found.get("link", "http://")
    yield from (found[key] for key in ("icon", "logo") if key in found)
    if image := found.get("image"):
        yield image.get("href", "")


def _is_understood(found: Channel, child: etree._Element) -> bool:
    tag = child.tag.removeprefix(el.RSS1)
    take = _TAKEN.get(tag)
    if take is not None:
        is_usual = el.is_in_place if take is _generator else el.is_usual
        return is_usual(child) and take(found, child)
    inside = _BESIDE.get(tag)
    if inside is None:
        return el.is_foreign(child)
    nested = child.iterdescendants(etree.Element)
    return all(node.tag in inside or el.is_foreign(node) for node in nested)


# --- one element at a time: whether it is understood -------------------------------------


def _kept(key: str) -> Callable[[Channel, etree._Element], bool]:
    """Keep the text of an element; of several, the last one's."""

    def take(found: Channel, child: etree._Element) -> bool:
        found[key] = el.value(child)
        return found[key] is not None and not child.keys()

    return take


def _title(found: Channel, child: etree._Element) -> bool:
    text = el.value(child)
    kind = "text/html" if text and el.looks_like_html(text) else "text/plain"
    return not child.keys() and _titled(found, text, kind)


def _atom_title(found: Channel, child: etree._Element) -> bool:
    kinds = {"text": "text/plain", "html": "text/html"}
    kind = kinds.get(child.get("type", "text"), "")
    return bool(kind) and _titled(found, el.value(child), kind)


def _titled(found: Channel, text: str | None, kind: str) -> bool:
    is_first = "title" not in found
    found["title"], found["title_detail"] = text, {"value": text, "type": kind}
    return is_first and text is not None


def _link(found: Channel, child: etree._Element) -> bool:
    page = el.value(child) or ""
    found["link"] = page
    found["links"].append({"rel": "alternate", "type": "text/html", "href": page})
    return not child.keys() and bool(el.WEB.fullmatch(page))


def _atom_link(found: Channel, child: etree._Element) -> bool:
    relation, href = child.get("rel", "alternate").lower(), child.get("href", "")
    usual = "application/atom+xml" if relation == "self" else "text/html"
    kind = child.get("type", usual).lower()
    found["links"].append({"rel": relation, "type": kind, "href": href})
    if relation == "alternate" and kind in HTML_TYPES:
        found["link"] = href
    return child.get("url") is None and bool(el.WEB.fullmatch(href))


def _id(found: Channel, child: etree._Element) -> bool:
    """Take what names a feed: where there is no link, feedparser takes it for one."""
    text = el.value(child) or ""
    found.setdefault("link", text)
    return not child.keys() and bool(el.WEB.fullmatch(text) or _NAME.fullmatch(text))


def _description(found: Channel, child: etree._Element) -> bool:
    found["subtitle"] = el.value(child)
    # After a summary it would be the content.
    return found["subtitle"] is not None and "summary" not in found and not child.keys()


def _subtitle(found: Channel, child: etree._Element) -> bool:
    found["subtitle"] = el.value(child)
    return found["subtitle"] is not None and child.get("type", "text") in ("text", "html")


def _summary(found: Channel, child: etree._Element) -> bool:
    is_first = "summary" not in found
    found["summary"] = el.value(child)
    return found["summary"] is not None and is_first and not child.keys()


def _generator(found: Channel, child: etree._Element) -> bool:
    found["generator"] = el.value(child)
    return found["generator"] is not None


def _image(found: Channel, child: etree._Element) -> bool:
    image = found.setdefault("image", {})
    for node in child.iterchildren(etree.Element):
        name = node.tag.removeprefix(el.RSS1)
        if name not in _IN_IMAGES or len(node) or node.keys():
            return False
        if name == "url":
            image["href"] = el.value(node) or ""
            if not el.WEB.fullmatch(image["href"]):
                return False
    return True


def _itunes_image(found: Channel, child: etree._Element) -> bool:
    found["image"] = {"href": child.get("href", "")}
    return not len(child) and child.keys() == ["href"]


def _picture(key: str) -> Callable[[Channel, etree._Element], bool]:
    def take(found: Channel, child: etree._Element) -> bool:
        found[key] = el.value(child) or ""
        return not child.keys() and bool(el.WEB.fullmatch(found[key]))

    return take


_TAKEN: dict[str, Callable[[Channel, etree._Element], bool]] = {
    "title": _title,
    f"{el.ATOM}title": _atom_title,
    "link": _link,
    f"{el.ATOM}link": _atom_link,
    "description": _description,
    f"{el.ATOM}subtitle": _subtitle,
    f"{el.ITUNES}subtitle": _subtitle,
    f"{el.ITUNES}summary": _summary,
    "language": _kept("language"),
    f"{el.DC}language": _kept("language"),
    "generator": _generator,
    f"{el.ATOM}generator": _generator,
    "ttl": _kept("ttl"),
    f"{el.SYNDICATION}updatePeriod": _kept("sy_updateperiod"),
    f"{el.SYNDICATION}updateFrequency": _kept("sy_updatefrequency"),
    "image": _image,
    f"{el.ITUNES}image": _itunes_image,
    f"{el.ATOM}id": _id,
    f"{el.ATOM}icon": _picture("icon"),
    f"{el.ATOM}logo": _picture("logo"),
}

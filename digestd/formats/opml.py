"""OPML 2.0, the format in which readers hand over lists of feeds.

What we do not know is kept and given back. A list of feeds needs no DTD, no entities and
no deep nesting; one that has them is refused, unread.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from email.utils import format_datetime
from itertools import chain

from lxml import etree

from digestd.core.text import one_line, scrub
from digestd.formats.encoding import decode
from digestd.formats.xmltext import legal, open_document, repair
from digestd.frozen import dataclass, field

MAX_BYTES = 32_000_000
MAX_FEEDS = 100_000
_MAX_DEPTH = 32
_MAX_VALUE = 4_000
_MAX_KEPT = 50
_MAX_LABEL = 200
OURS = "urn:digestd:opml"  # the namespace of what only we understand
_PLAIN = frozenset(("text", "title", "type", "xmlurl"))
_DTD = re.compile(r"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_NAMESPACED = re.compile(r"\{([^{}]{1,500})\}([A-Za-z_][\w.-]{0,100})")
_NAME = re.compile(r"[A-Za-z_][\w.-]{0,100}")


class UnreadableOpmlError(ValueError):
    """The document is no list of feeds, or not one that is read; `str()` says why."""


@dataclass(frozen=True, slots=True)
class Outline:
    """One feed of a list. `kept` holds what we do not know, by name or "{namespace}name".

    `folders_kept` holds the same of folders, at the first feed in them.
    """

    url: str
    title: str = ""
    folders: tuple[str, ...] = ()  # from the outermost
    ours: Mapping[str, str] = field(default_factory=dict)
    kept: Mapping[str, str] = field(default_factory=dict)
    folders_kept: Mapping[tuple[str, ...], Mapping[str, str]] = field(default_factory=dict)


# --- in --------------------------------------------------------------------------------


def read_opml(body: bytes) -> list[Outline]:
    """Return the feeds of a list, in order. Raises UnreadableOpmlError."""
    root = _parse(body)
    found: list[Outline] = []
    untold: dict[tuple[str, ...], Mapping[str, str]] = {}  # of folders without a feed so far
    # A stack of our own: depth is counted, not recursed into.
    todo: list[tuple[etree._Element, tuple[str, ...]]] = [
        (element, ()) for element in reversed(_outlines(_body_of(root)))
    ]
    while todo:
        element, folders = todo.pop()
        attributes = _attributes(element)
        named = {name.lower(): value for name, value in attributes.items()}
        url = named.get("xmlurl") or (named.get("url", "") if named.get("type") == "rss" else "")
        if url.strip():
            above = [folders[:depth] for depth in range(1, len(folders) + 1)]
            told = {path: kept for path in above if (kept := untold.pop(path, None))}
            found.append(_outline(url.strip(), attributes, folders, told))
            if len(found) > MAX_FEEDS:
                raise UnreadableOpmlError(f"holds more than {MAX_FEEDS} feeds")
        inner = _outlines(element)
        if inner:
            label = one_line(named.get("text") or named.get("title") or "", _MAX_LABEL)
            below = (*folders, label) if label and not url.strip() else folders
            if below != folders and (kept := _kept_of_folder(attributes)):
                untold[below] = {**kept, **untold.get(below, {})}
            if len(below) > _MAX_DEPTH:
                raise UnreadableOpmlError("is nested too deeply for a list of feeds")
            todo += [(one, below) for one in reversed(inner)]
    return found


def _parse(body: bytes) -> etree._Element:
    if len(body) > MAX_BYTES:
        raise UnreadableOpmlError(f"is larger than {MAX_BYTES // 1_000_000} MB")
    text, _ = decode(body)
    if _DTD.search(text):
        raise UnreadableOpmlError("holds a DTD, which a list of feeds has no need of")
    document = open_document(legal(text))
    if document.root != "opml":
        what = f"<{document.root}>" if document.root else "no XML"
        raise UnreadableOpmlError(f"is no OPML ({what})")
    # Recovering only where it must: it drops what it does not understand.
    for source, recover in ((document.text, False), (repair(document.text), True)):
        parser = etree.XMLParser(
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            recover=recover,
            remove_comments=True,
            remove_pis=True,
        )
        try:
            root = etree.fromstring(source.encode("utf-8", "replace"), parser)
        except (etree.XMLSyntaxError, ValueError) as exc:
            if "depth" in str(exc).lower():
                raise UnreadableOpmlError("is nested too deeply for a list of feeds") from None
            continue
        if root is not None:
            return root
    raise UnreadableOpmlError("is no XML that can be read")


def _body_of(root: etree._Element) -> etree._Element:
    return next((e for e in root if _local(e) == "body"), root)


def _outlines(element: etree._Element) -> list[etree._Element]:
    return [one for one in element if _local(one) == "outline"]


def _local(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2].lower()


def _attributes(element: etree._Element) -> dict[str, str]:
    return {
        str(name): scrub(str(value))[:_MAX_VALUE].strip() for name, value in element.attrib.items()
    }


def _kept_of_folder(attributes: Mapping[str, str]) -> Mapping[str, str]:
    kept = _unknown(attributes)
    if attributes.get("type"):
        kept["type"] = attributes["type"]
    return dict(list(kept.items())[:_MAX_KEPT])


def _unknown(attributes: Mapping[str, str]) -> dict[str, str]:
    """Return the attributes that we do not know."""
    kept = {
        name: value
        for name, value in attributes.items()
        if name.lower() not in _PLAIN and not name.startswith(f"{{{OURS}}}")
    }
    text, title = attributes.get("text", ""), attributes.get("title", "")
    if text and title and text != title:
        kept["title"] = title
    return kept


def _outline(
    url: str,
    attributes: Mapping[str, str],
    folders: tuple[str, ...],
    folders_kept: Mapping[tuple[str, ...], Mapping[str, str]],
) -> Outline:
    mark = f"{{{OURS}}}"
    text, title = attributes.get("text", ""), attributes.get("title", "")
    kept = _unknown(attributes)
    kind = attributes.get("type", "")
    if kind and kind != "rss":
        kept["type"] = kind
    return Outline(
        url=url,
        title=one_line(text or title, 200),
        folders=folders,
        ours={n.removeprefix(mark): v for n, v in attributes.items() if n.startswith(mark)},
        kept=dict(list(kept.items())[:_MAX_KEPT]),
        folders_kept=folders_kept,
    )


# --- out -------------------------------------------------------------------------------


def write_opml(outlines: Sequence[Outline], *, title: str, now: datetime) -> bytes:
    """Return a list of feeds as a document, folders in the order in which they appear."""
    root = etree.Element("opml", {"version": "2.0"}, nsmap={"digestd": OURS, **_spaces(outlines)})
    head = etree.SubElement(root, "head")
    etree.SubElement(head, "title").text = title
    etree.SubElement(head, "dateCreated").text = format_datetime(now, usegmt=True)
    body = etree.SubElement(root, "body")
    folders: dict[tuple[str, ...], etree._Element] = {(): body}
    for outline in outlines:
        place = _folder(folders, outline.folders)
        etree.SubElement(place, "outline", _written(outline))
        for path, kept in outline.folders_kept.items():
            if path in folders:
                for name, value in _legal(kept).items():
                    folders[path].set(name, value)
    etree.indent(root, "  ")
    return etree.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"


def _folder(made: dict[tuple[str, ...], etree._Element], path: tuple[str, ...]) -> etree._Element:
    if path not in made:
        above = _folder(made, path[:-1])
        label = legal(path[-1])
        made[path] = etree.SubElement(above, "outline", {"text": label, "title": label})
    return made[path]


def _written(outline: Outline) -> dict[str, str]:
    label = outline.title or outline.url
    attributes = {"type": "rss", "text": label, "title": label, "xmlUrl": outline.url}
    ours = {f"{{{OURS}}}{name}": value for name, value in outline.ours.items()}
    return _legal(attributes | dict(outline.kept) | ours)


def _legal(attributes: Mapping[str, str]) -> dict[str, str]:
    """Return the attributes that XML has names for, with what it takes as their values."""
    return {
        name: legal(scrub(value))
        for name, value in attributes.items()
        if _NAME.fullmatch(name) or _NAMESPACED.fullmatch(name)
    }


def _spaces(outlines: Iterable[Outline]) -> dict[str, str]:
    """Return prefixes for the namespaces of what is kept, declared once instead of everywhere."""
    found: dict[str, None] = {}
    for outline in outlines:
        for name in chain(outline.kept, *outline.folders_kept.values()):
            spaced = _NAMESPACED.fullmatch(name)
            if spaced and spaced[1] != OURS and not spaced[1].startswith("http://www.w3.org/"):
                found[spaced[1]] = None
    return {f"n{number}": space for number, space in enumerate(list(found)[:100])}

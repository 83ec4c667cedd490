"""What is new in a document: of what was read before, nothing is read again.

The result equals that of `document.read_document`, entry by entry: where that is not
certain, it is what is asked. Only at a first fetch of which nothing is wanted, entries
are left unread: they keep all but their text, and of that the beginning, for lists and
previews.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from digestd.core.identity import identified
from digestd.core.parsed import MathMode, ParsedEntry, ParsedFeed, Unreadable
from digestd.core.reading import Familiar, Reading
from digestd.formats import feedhead, fields, outline
from digestd.formats.document import Json, Xml, open_body, read_opened
from digestd.formats.mathmarks import defines_macros, written_out
from digestd.formats.xmltext import (
    Document,
    has_base,
)
from digestd.frozen import dataclass, replace

if TYPE_CHECKING:
    from lxml import etree

    from digestd.formats.feedentry import Dict
    from digestd.formats.teaser import Glanced


def read_news(
    body: bytes,
    *,
    url: str,
    content_type: str,
    known: Familiar | None = None,
    spare: bool = False,
    math: MathMode = "auto",
) -> Reading:
    """Return what `body` says that `known` does not; `spare` old entries their reading.

    Never raises on any bytes. See `read_document` for time and memory.
    """
    opened = open_body(body, content_type)
    found: Reading | None = None
    if isinstance(opened, Json):
        with suppress(RecursionError):  # an extension nested deeply: not for us to judge
            found = _json(opened, url, known, spare, math)
    elif isinstance(opened, Xml):
        found = _xml(opened, url, known, spare, math)
    if found is not None:
        return found
    document = read_opened(opened, url, math)
    if isinstance(document, ParsedFeed):
        document = replace(document, entries=_named(document.entries))
    return Reading(document)


@dataclass(frozen=True, slots=True)
class _Source:
    """A document whose entries can be read one by one, in whichever format."""

    context: bytes
    names: tuple[bytes, ...]
    # Reads the entries at these places; None where it does not find just as many. Gives the
    # head, which of them have TeX, and what makes them entries once the mode is settled.
    read: Callable[[Sequence[int]], _Found | None]
    # Reads them without the head, which is as it was; None where that is not certain.
    read_plainly: Callable[[Sequence[int]], _Found | None]
    # Glances at all of them; None where that is not enough to know them by.
    glance: Callable[[], tuple[ParsedFeed, list[Glanced]] | None]


@dataclass(frozen=True, slots=True)
class _Found:
    head: ParsedFeed | None  # None: the same as before
    with_tex: tuple[bool, ...]
    entries: Callable[[MathMode], list[ParsedEntry]]


def _news(
    source: _Source, known: Familiar | None, math: MathMode, *, spare: bool
) -> Reading | None:
    """Return what is new, by an outline if there is one that still holds; None: read the whole."""
    if known is None and spare and (reading := _spared(source, math)) is not None:
        return reading
    if known is not None and known.context == source.context:
        unseen = [i for i, name in enumerate(source.names) if name not in known.pieces]
        if not unseen:
            tex = [known.pieces[name] for name in source.names]
            if _mode(tex, math) == known.math:
                return Reading(None, source.context, known.math, source.names)
        elif len(unseen) < len(source.names):
            reading = _unseen(source, known, unseen, math)
            if reading is not None:
                return reading
    places = range(len(source.names))
    found = source.read(places)
    if found is None:
        return None
    return _reading(source, found, places, _mode(found.with_tex, math))


def _unseen(
    source: _Source, known: Familiar, unseen: Sequence[int], math: MathMode
) -> Reading | None:
    found = source.read_plainly(unseen) or source.read(unseen)
    if found is None:
        return None
    new = dict(zip(unseen, found.with_tex, strict=True))
    tex = [new[i] if i in new else known.pieces[name] for i, name in enumerate(source.names)]
    # With one more formula a feed may become one whose dollars are maths: all is read anew.
    if _mode(tex, math) != known.math:
        return None
    return _reading(source, found, unseen, _mode(tex, math))


def _spared(source: _Source, math: MathMode) -> Reading | None:
    """Return a first reading with all entries unread; None: their text is needed to know them."""
    found = source.glance()
    if found is None:
        return None
    head, glanced = found
    with_tex = tuple(one.has_tex for one in glanced)
    mode = _mode(with_tex, math)
    entries = tuple(one.unread(mode) for one in glanced)
    if len({entry.ladder[-1] for entry in entries}) < len(entries):
        return None  # they differ by their text
    document = replace(head, entries=entries)
    places = tuple(range(len(entries)))
    return Reading(document, source.context, mode, source.names, places, with_tex)


def _mode(with_tex: Sequence[bool], math: MathMode) -> MathMode:
    return math if math != "auto" else fields.math_of(with_tex)


def _reading(
    source: _Source, found: _Found, places: Sequence[int], mode: MathMode
) -> Reading | None:
    entries = _named(found.entries(mode))
    if not all(e.guid or e.link or e.title or e.content_html for e in entries):
        return None
    document = replace(found.head or ParsedFeed(title=""), entries=entries)
    return Reading(
        document,
        source.context,
        mode,
        source.names,
        tuple(places),
        found.with_tex,
        same_head=found.head is None,
    )


def _named(entries: Sequence[ParsedEntry]) -> tuple[ParsedEntry, ...]:
    """Return entries with what identifies them, so that nobody has to find it out again."""
    return tuple(identified(written_out(entry, {})) for entry in entries)


# --- XML -------------------------------------------------------------------------------


def _xml(
    opened: Xml, url: str, known: Familiar | None, spare: bool, math: MathMode
) -> Reading | None:
    grown = outline.grow(opened.text, opened.complaint, url, known)
    if grown is None:
        return None
    document, pieces, root, complaint = grown.document, grown.cut, grown.root, grown.complaint

    def read(places: Sequence[int]) -> _Found | None:
        whole = _read_tree(grown, url, math) if len(places) == len(grown.names) else None
        if whole is not None:
            return whole
        return _read_xml(document, pieces.with_only(set(places)), len(places), url, complaint)

    def read_plainly(places: Sequence[int]) -> _Found | None:
        home_url = known.home_url if known else None
        return _read_plainly(root, places, url, home_url, math, has_base=has_base(grown.text))

    def glance() -> tuple[ParsedFeed, list[Glanced]] | None:
        if defines_macros(grown.text):
            return None  # what titles say may depend on it
        return _glance_xml(grown, url, math, has_base=has_base(grown.text))

    source = _Source(grown.context, grown.names, read, read_plainly, glance)
    return _news(source, known, math, spare=spare)


def _read_tree(grown: outline.Grown, url: str, math: MathMode) -> _Found | None:
    """Read a document without feedparser; None: something in it is not as most have it."""
    bases = has_base(grown.text)
    parsed = _plain_head(grown, has_base=bases) if grown.is_whole and grown.names else None
    if parsed is None:
        return None
    head = replace(feedhead.read_head(parsed, url, grown.document.text), complaint=grown.complaint)
    places = range(len(grown.names))
    found = _read_plainly(grown.root, places, url, head.home_url, math, has_base=bases)
    return replace(found, head=head) if found is not None else None


def _plain_head(grown: outline.Grown, *, has_base: bool) -> Dict | None:
    """Return what feedparser would make of a head; None: that is not certain."""
    from digestd.formats.glance import entry_name  # noqa: PLC0415 (if needed)
    from digestd.formats.plainhead import read_plain_head  # noqa: PLC0415

    if grown.document.entities:
        return None
    return read_plain_head(grown.root, entry_name(grown.root), has_base=has_base)


def _read_plainly(
    root: etree._Element,
    places: Sequence[int],
    url: str,
    home_url: str | None,
    math: MathMode,
    *,
    has_base: bool,
) -> _Found | None:
    from digestd.formats import plainentry  # noqa: PLC0415 (if needed)
    from digestd.formats.glance import entry_name, surroundings  # noqa: PLC0415

    is_atom = plainentry.is_atom(root)
    elements = list(root.iter("{*}item", "{*}entry"))
    if is_atom is None or any(elements[place].tag != entry_name(root) for place in places):
        return None
    base = url if is_atom else home_url or url
    around = surroundings(elements[0], base, has_base=has_base, has_tex=False, is_atom=is_atom)
    if around is None:
        return None
    read = []
    for place in places:
        one = plainentry.read(elements[place], around, url, math)
        if one is None:
            return None
        read.append(one)
    return _Found(
        None, tuple(one.has_tex for one in read), lambda mode: [one.entry(mode) for one in read]
    )


def _read_xml(
    document: Document, text: str, expected: int, url: str, complaint: str
) -> _Found | None:
    from digestd.formats import feed, feedentry  # noqa: PLC0415 (feedparser, 60 ms: if needed)

    parsed = _parsed(document, text, expected)
    if parsed is None:
        return None
    raw = list(parsed["entries"])
    return _Found(
        replace(feedhead.read_head(parsed, url, document.text), complaint=complaint),
        tuple(fields.has_tex(feedentry.longest_body(entry)) for entry in raw),
        lambda mode: feed.read_entries(parsed, raw, url, mode),
    )


def _parsed(document: Document, text: str, expected: int) -> Dict | None:
    """Return what feedparser finds, if it is well and has as many entries as there should be."""
    from digestd.formats import feed, feedentry  # noqa: PLC0415 (feedparser)

    source = Document(document.root, document.entities, text).as_bytes()
    parsed, broken = feed.parse([source])
    raw = list(parsed["entries"])
    if broken or len(raw) != expected or not parsed.get("version"):
        return None
    return parsed if all(map(feedentry.says, raw)) else None


def _glance_xml(
    grown: outline.Grown, url: str, math: MathMode, *, has_base: bool
) -> tuple[ParsedFeed, list[Glanced]] | None:
    from digestd.formats.glance import entry_name, glance, surroundings  # noqa: PLC0415 (if needed)

    elements = list(grown.root.iter("{*}item", "{*}entry"))
    if not elements or {element.tag for element in elements} != {entry_name(grown.root)}:
        return None
    has_tex = any("\\" in piece for piece in grown.cut.pieces)
    parsed = _plain_head(grown, has_base=has_base)
    parsed = parsed or _parsed(grown.document, grown.cut.with_only(()), 0)
    if parsed is None:
        return None
    base = feedhead.base(parsed, url)
    around = surroundings(elements[0], base, has_base=has_base, has_tex=has_tex)
    if around is None:
        return None
    glanced = []
    for element in elements:
        one = glance(element, around, math)
        if one is None:
            return None
        glanced.append(one)
    head = feedhead.read_head(parsed, url, grown.document.text)
    return replace(head, complaint=grown.complaint), glanced


# --- JSON Feed -------------------------------------------------------------------------


def _json(
    opened: Json, url: str, known: Familiar | None, spare: bool, math: MathMode
) -> Reading | None:
    from digestd.formats import jsonfeed  # noqa: PLC0415 (rare)

    found = jsonfeed.open_json(opened.text)
    if isinstance(found, Unreadable):
        return None
    items = jsonfeed.listed(found)
    # Members with an underscore are extensions, and of no meaning to us.
    head = {k: v for k, v in found.items() if k != "items" and not k.startswith("_")}
    context = outline.fingerprint(
        "\n".join((outline.VERSION, url, opened.complaint, _written(head)))
    )

    def read(places: Sequence[int]) -> _Found:
        chosen = [items[i] for i in places]
        return _Found(
            replace(jsonfeed.read_head(found, url), complaint=opened.complaint),
            tuple(fields.has_tex(jsonfeed.raw_text(item)) for item in chosen),
            lambda mode: jsonfeed.read_items(found, chosen, url, mode),
        )

    def glance() -> tuple[ParsedFeed, list[Glanced]] | None:
        glanced = jsonfeed.glance(found, items, url, math)
        if glanced is None:
            return None
        return replace(jsonfeed.read_head(found, url), complaint=opened.complaint), glanced

    names = tuple(outline.fingerprint(_written(item)) for item in items)
    source = _Source(context, names, read, lambda _places: None, glance)
    return _news(source, known, math, spare=spare)


def _written(value: Any) -> str:  # noqa: ANN401 (whatever JSON holds)
    import json  # noqa: PLC0415 (few documents are JSON)

    return json.dumps(value, ensure_ascii=False, sort_keys=True)

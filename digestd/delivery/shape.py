"""A message shaped for a service: its markup, cut into parts that fit, nothing left out.

The chat form (a small HTML) becomes a flat list of atoms, each a word with its
styles. A part is a run of atoms that, rendered, fits the limit; the cut falls at
the best border within reach: between entries, paragraphs, lines, words. Styles
that are open at a cut are closed before it and opened again after it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from digestd.core.messages import Message
from digestd.core.text import one_line, scrub
from digestd.delivery.atoms import Atom, atoms_of, defused, shown, trimmed, words
from digestd.delivery.dialects import render
from digestd.delivery.limits import Markup, Shape

_MAX_TITLE = 200


def shape_message(
    message: Message, shape: Shape, *, prefix: str = ""
) -> tuple[dict[str, Any], ...]:
    """Return the parts of `message` as facts for the sender, at least one.

    title, body, format (text, html or markdown: never undeclared), plain (the
    same without markup, for a service that refuses ours), link (where a tap on
    a notification leads) and group. `prefix` begins the title of each part, or
    its text where the service has no title.
    """
    head = [Atom(f"{prefix} ")] if prefix and shape.title <= 0 else []
    title = _harmless(message.title, names=shape.names)
    common: dict[str, Any] = {
        "link": message.entries[0].link if len(message.entries) == 1 else "",
        "group": message.entries[0].feed_name if message.feed and message.entries else "",
    }
    named = f"{prefix} {title}".strip()
    if shape.markup == "page" and message.html:
        return tuple(
            {
                "title": f"{prefix} {_harmless(letter.title)}".strip(),
                "body": _without_images(scrub(letter.html)),
                "format": "html",
                **common,
            }
            for letter in message.letters or (message,)
        )
    markup: Markup = "html" if shape.markup == "page" else shape.markup
    written = atoms_of(scrub(message.chat)) if message.chat else _text_atoms(message.text)
    atoms = defused(written, names=shape.names)
    atoms = _with_title(atoms, title, shape, chat=bool(message.chat))
    parts = [head + part for part in split(atoms, lambda run: _fits([*head, *run], markup, shape))]
    return tuple(
        {
            "title": _numbered(named, number, len(parts), shape.title),
            "body": render(part, markup),
            "format": shape.declared or _FORMATS[markup],
            **({"markup": markup, "subject": title} if markup == "robot" else {}),
            **({} if markup == "text" else {"plain": _plain(part, shape)}),
            **common,
        }
        for number, part in enumerate(parts, start=1)
    )


_FORMATS: dict[Markup, str] = {
    "text": "text",
    "telegram": "html",
    "html": "html",
    "page": "html",
    "markdown": "markdown",
    "commonmark": "markdown",
    "robot": "markdown",
}


def _harmless(title: str, *, names: bool = False) -> str:
    """Return a title in one line that calls nobody."""
    return shown(defused([Atom(word) for word in words(one_line(title, _MAX_TITLE))], names=names))


def _numbered(title: str, number: int, count: int, limit: int) -> str:
    """Return the title of one part, "" where the service has no field for it."""
    if limit <= 0:
        return ""
    suffix = f" ({number}/{count})" if count > 1 else ""
    room = max(1, min(limit, _MAX_TITLE) - len(suffix))
    # Cutting takes out what keeps a mention from calling, so that comes last, and takes room.
    text = _harmless(one_line(title, room))
    if len(text) > room:
        text = _harmless(one_line(title, max(1, 2 * room - len(text))))
    return text + suffix


def _text_atoms(text: str) -> list[Atom]:
    return trimmed([Atom(word) for word in words(scrub(text))])


def _with_title(atoms: list[Atom], title: str, shape: Shape, *, chat: bool) -> list[Atom]:
    """Return `atoms` so that the title is said once: in its field, or else in the text.

    The chat form says its own titles; where a field above repeats the first of
    them, only its link is left of it, at the end: a notification shows the beginning.
    """
    if not title:
        return atoms or [Atom("…")]
    end = next((i for i, atom in enumerate(atoms) if atom.text == "\n"), len(atoms))
    first, rest = atoms[:end], trimmed(atoms[end:])
    if shape.title > 0:
        if one_line(shown(first), _MAX_TITLE * 2) != title:
            return atoms or [Atom(title)]
        link = next((href for atom in first for kind, href in atom.styles if kind == "a"), "")
        if not link:
            return rest or atoms
        ending = Atom(link, (("a", link),))
        return [*rest, Atom("\n"), ending] if rest else [ending]
    if chat or title in shown(atoms[:400]):
        return atoms
    head = [Atom(word, (("b", ""),)) for word in words(title)]
    return [*head, Atom("\n"), Atom("\n"), *atoms] if atoms else head


def _plain(part: Sequence[Atom], shape: Shape) -> str:
    """Return a part without markup, with its links' addresses where they fit."""
    text = render(part, "text")
    if not shape.limit or measure(text, shape) <= shape.limit - shape.margin:
        return text
    return shown(part).strip("\n")


def _without_images(html: str) -> str:
    """Return `html` with inline images, which mail by HTTP cannot carry, as their alt text."""

    def alt(found: re.Match[str]) -> str:
        text = re.search(r'\balt="([^"]*)"', found[0])
        return text[1] if text else ""

    return re.sub(r'<img\b[^<>]{0,2000}\bsrc="cid:[^<>]{0,2000}>', alt, html)


# --- measuring and cutting -------------------------------------------------------------


def measure(text: str, shape: Shape) -> int:
    """Return the length of `text` in the service's unit."""
    match shape.unit:
        case "characters":
            return len(text)
        case "utf16":
            return len(text.encode("utf-16-le")) // 2
        case "bytes":
            return len(text.encode())


def _fits(atoms: Sequence[Atom], markup: Markup, shape: Shape) -> bool:
    if not shape.limit:
        return True
    # Apprise ends Telegram's lines in CR LF, and each of the two counts.
    seen = shown(atoms).strip("\n").replace("\n", "\r\n") if shape.shown else None
    text = render(atoms, markup) if seen is None else seen
    return measure(text, shape) <= shape.limit - shape.margin


def split(atoms: Sequence[Atom], fits: Callable[[Sequence[Atom]], bool]) -> list[list[Atom]]:
    """Return `atoms` in runs that fit, cut at the best borders. Never empty, nothing lost."""
    rest = list(atoms)
    parts: list[list[Atom]] = []
    while rest:  # each turn takes an atom at least
        longest = _longest(rest, fits)
        cut = longest if longest == len(rest) else _best_cut(rest, longest)
        part = trimmed(rest[:cut])
        if part:
            parts.append(part)
        rest = trimmed(rest[cut:])
    return parts or [[Atom("…")]]


def _longest(atoms: Sequence[Atom], fits: Callable[[Sequence[Atom]], bool]) -> int:
    """Return how many atoms fit, at least one: by doubling, then halving, so little is rendered."""
    low, high = 1, 64
    while high < len(atoms) and fits(atoms[:high]):
        low, high = high, high * 2
    high = min(high, len(atoms))
    if fits(atoms[:high]):
        return high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(atoms[:middle]) else (low, middle)
    return low


def _best_cut(atoms: Sequence[Atom], longest: int) -> int:
    """Return where to cut, at most at `longest`: the better the border, the further back."""
    best, best_rank = longest, 0
    for cut in range(longest, max(1, longest // 2) - 1, -1):
        rank = _border(atoms, cut)
        reach = {4: 0.5, 3: 0.6, 2: 0.7, 1: 0.85}.get(rank, 1.0)
        if rank > best_rank and cut >= longest * reach:
            best, best_rank = cut, rank
    return best


def _border(atoms: Sequence[Atom], cut: int) -> int:
    """Return how good a place before `atoms[cut]` is: 4 between entries, …, 1 between words."""
    before, after = atoms[cut - 1], atoms[cut]
    if before.text == "\n":
        blank_line = cut > 1 and atoms[cut - 2].text == "\n"
        begins = any(kind in ("b", "a") for kind, _ in after.styles) or after.text == "• "
        return (4 if begins else 3) if blank_line else 2
    return 1 if before.text.endswith(" ") else 0

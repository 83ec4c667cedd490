"""The chat form, a small HTML, as a flat list of words with their styles; harmless to people."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html.parser import HTMLParser

import regex

from digestd.frozen import dataclass

Style = tuple[str, str]  # tag and, of a link, its address


@dataclass(frozen=True, slots=True)
class Atom:
    """A piece of text that is not cut, in its styles, outermost first."""

    text: str
    styles: tuple[Style, ...] = ()


def shown(atoms: Sequence[Atom]) -> str:
    """Return the words alone."""
    return "".join(atom.text for atom in atoms)


# --- reading ---------------------------------------------------------------------------


_STYLES = {"b": "b", "strong": "b", "i": "i", "em": "i", "code": "code", "pre": "code"}
_BLOCKS = frozenset({"p", "div", "blockquote", "pre", "ul", "ol", "h1", "h2", "h3", "h4"})
_HIDDEN = frozenset({"script", "style"})


class _ChatReader(HTMLParser):
    """Reads the chat form into atoms. Unknown tags lose their mark-up and keep their text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.atoms: list[Atom] = []
        self._open: list[Style] = []
        self._lists: list[int | None] = []
        self._hidden = 0
        self._pre = 0
        self._link_at = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _HIDDEN:
            self._hidden += 1
        elif tag == "br":
            self._newlines(1, at_most=2)
        elif tag in ("hr", *_BLOCKS):
            self._newlines(2 if tag in ("p", "hr") else 1)
        if tag in ("ul", "ol"):
            self._lists.append(0 if tag == "ol" else None)
        elif tag == "li":
            self._newlines(1)
            self._item()
        elif tag == "img":
            self.handle_data(dict(attrs).get("alt") or "")
        self._pre += tag == "pre"
        if tag in _STYLES and len(self._open) < 16:
            self._open.append((_STYLES[tag], tag))
        elif tag == "a" and len(self._open) < 16:
            self._open.append(("a", (dict(attrs).get("href") or "").strip()))
            self._link_at = len(self.atoms)

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        for index in range(len(self._open) - 1, -1, -1):
            kind, detail = self._open[index]
            if (kind == "a" and tag == "a") or (kind != "a" and detail == tag):
                if kind == "a" and not shown(self.atoms[self._link_at :]).strip():
                    self.handle_data(detail)  # a link without words: an address is better
                del self._open[index]
                break
        if tag in ("ul", "ol") and self._lists:
            self._lists.pop()
        if tag in _BLOCKS or tag == "li":
            self._newlines(2 if tag == "p" else 1)
        self._pre = max(0, self._pre - (tag == "pre"))

    def handle_data(self, data: str) -> None:
        if self._hidden:
            return
        if not self._pre:
            data = re.sub(r"[ \t\n\r\f]+", " ", data)
            if not self.atoms or self.atoms[-1].text.endswith(("\n", " ")):
                data = data.lstrip(" ")
        styles = tuple(
            (kind, detail if kind == "a" else "")
            for kind, detail in self._open
            if kind != "a" or detail
        )
        self.atoms.extend(Atom(word, styles) for word in words(data))

    def _item(self) -> None:
        number = self._lists[-1] if self._lists else None
        mark = "• "
        if number is not None:
            self._lists[-1] = number + 1
            mark = f"{number + 1}. "
        self.atoms.append(Atom("  " * max(0, min(len(self._lists), 4) - 1) + mark))

    def _newlines(self, wanted: int, at_most: int = 0) -> None:
        """End the line, `wanted` times; what is already there counts unless `at_most` is set."""
        there = 0
        for atom in reversed(self.atoms):
            if atom.text != "\n":
                break
            there += 1
        if not self.atoms or there == len(self.atoms):
            return
        add = min(wanted, at_most - there) if at_most else wanted - there
        self.atoms.extend([Atom("\n")] * add)


_WORD = regex.compile(r"\n|[^\S\n]+|https?://[!-~]{1,240}|[!-~]{1,60}[^\S\n]?|\X")


def words(text: str) -> list[str]:
    """Return `text` in pieces that are not cut: words with their blank, else grapheme clusters.

    Linear: each alternative is bounded or a single class.
    """
    return [match[0] for match in _WORD.finditer(text)]


def atoms_of(chat: str) -> list[Atom]:
    """Return the chat form as atoms, blank lines at both ends gone."""
    reader = _ChatReader()
    reader.feed(chat)
    reader.close()
    return trimmed(reader.atoms)


def trimmed(atoms: Sequence[Atom]) -> list[Atom]:
    """Return `atoms` without blanks at the ends."""
    start, end = 0, len(atoms)
    while start < end and not atoms[start].text.strip():
        start += 1
    while end > start and not atoms[end - 1].text.strip():
        end -= 1
    return list(atoms[start:end])


# --- making it harmless ----------------------------------------------------------------

_JOINER = "\u2060"  # word joiner: shows nothing, breaks a mention
_EVERYBODY = re.compile(
    r"@(?=(?:everyone|here|channel|all|room|everybody|group|所有人|全体成员)(?![a-z0-9])|_?\*)",
    re.IGNORECASE,
)
# Not of a mail address: ann@example.org calls nobody.
_ANYBODY = re.compile(r"(?<![A-Za-z0-9._+-])@(?=[\w*])")
_BRACKET = re.compile(r"<(?=[@!#&]|at\b|users/)", re.IGNORECASE)


def defused(atoms: Sequence[Atom], *, names: bool = False) -> list[Atom]:
    """Return `atoms` so that nothing in them calls people (@everyone, <!here>, <@U123>).

    With `names` no single person either (@alice), where a service calls by name.
    Inside an address the sign is percent-encoded, so that the link still works.
    A mention may span atoms, hence the look at the neighbour.
    """
    result: list[Atom] = []
    called = _ANYBODY if names else _EVERYBODY
    for index, atom in enumerate(atoms):
        text = atom.text
        if "@" in text or "<" in text:
            after = "".join(each.text for each in atoms[index + 1 : index + 5])
            joined = text + after
            safe = "%40" if re.match(r"https?://", text, re.IGNORECASE) else f"@{_JOINER}"
            pieces = []
            for position, sign in enumerate(text):
                if sign == "@" and called.match(joined, position):
                    pieces.append(safe)
                elif sign == "<" and _BRACKET.match(joined, position):
                    pieces.append(f"<{_JOINER}")
                else:
                    pieces.append(sign)
            text = "".join(pieces)
        result.append(Atom(text, atom.styles) if text != atom.text else atom)
    return result

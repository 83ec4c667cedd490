"""Text and inline tags between two block borders, and the formulas in them.

The text is read decoded and given back as it was written; only formulas and a
`<` that opens no tag come out changed.
"""

from __future__ import annotations

import html as entities
import re
from collections.abc import Iterator

from digestd.core.parsed import MathMode
from digestd.formats.mathready import Formula
from digestd.formats.mathscan import find_delimited

_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});?")

# What a document is made of here: markup as it stands, or a formula. The flag says whether
# the markup is text (to be read) or tags and code (to be left alone).
Chunk = tuple[str, bool] | Formula


class Run:
    """Text and inline tags between two block borders."""

    def __init__(self, mode: MathMode) -> None:
        self._mode = mode
        self._parts: list[tuple[str, str, bool]] = []  # flat, markup, whether it is text

    @property
    def is_open(self) -> bool:
        """Whether an odd number of dollars, or an opened bracket, stands before."""
        flat = "".join(part[0] for part in self._parts[-40:])
        if flat.count("$") % 2:
            return True
        return flat.rfind("\\(") > flat.rfind("\\)") or flat.rfind("\\[") > flat.rfind("\\]")

    def text(self, markup: str) -> None:
        """Take text, entities still in it."""
        at = 0
        for found in _ENTITY.finditer(markup):
            self._plain(markup[at : found.start()])
            decoded = entities.unescape(found[0])
            self._parts.append((decoded, found[0], True))
            at = found.end()
        self._plain(markup[at:])

    def _plain(self, text: str) -> None:
        for at, part in enumerate(text.split("<")):
            if at:
                self._parts.append(("<", "&lt;", True))
            if part:
                self._parts.append((part, part, True))

    def tag(self, markup: str, sign: str) -> None:
        """Take an inline tag."""
        self._parts.append((sign, markup, False))

    def take(self) -> Iterator[Chunk]:
        """Yield the run with its formulas, and begin the next one."""
        parts, self._parts = self._parts, []
        flat = "".join(part[0] for part in parts)
        if self._mode == "off" or ("$" not in flat and "\\" not in flat):
            yield from ((markup, is_text) for _, markup, is_text in parts)
            return
        cursor = _Cursor(parts)
        for found in find_delimited(flat, self._mode):
            yield from cursor.until(found.start)
            cursor.skip(found.end)
            if found.tex is None:
                yield "…", True
            elif found.tex == "$":
                yield "$", True
            else:
                yield Formula(found.tex, found.display, flat[found.start : found.end])
        yield from cursor.until(len(flat))


class _Cursor:
    """Walks the parts of a run by positions of its flat text."""

    def __init__(self, parts: list[tuple[str, str, bool]]) -> None:
        self._parts = parts
        self._index = 0
        self._inside = 0  # characters of the present part that are done
        self._at = 0

    def until(self, end: int) -> Iterator[Chunk]:
        """Yield the markup up to `end`."""
        yield from self._walk(end)

    def skip(self, end: int) -> None:
        """Pass over everything up to `end`."""
        for _ in self._walk(end):
            pass

    def _walk(self, end: int) -> Iterator[tuple[str, bool]]:
        while self._index < len(self._parts) and self._at < end:
            flat, markup, is_text = self._parts[self._index]
            room = len(flat) - self._inside
            step = min(room, end - self._at)
            if flat == markup:
                yield markup[self._inside : self._inside + step], is_text
            elif self._inside == 0:
                yield markup, is_text  # an entity or a tag is whole or not at all
            self._at += step
            self._inside += step
            if self._inside == len(flat):
                self._index += 1
                self._inside = 0

"""One table of a file, read key by key; what is wrong is collected, never raised.

No complaint quotes what a `${…}` stands for, and parsers of values that hold
secrets (`parse_proxy`, the URLs) do not quote at all.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import timedelta
from typing import TypeVar

from digestd.config import keys
from digestd.config.source import KeyPath, Source
from digestd.config.values import (
    describe_duration,
    has_reference,
    nearest,
    parse_duration,
    parse_name,
    parse_size,
    substitute,
)
from digestd.errors import ConfigError
from digestd.frozen import dataclass, field

T = TypeVar("T")
D = TypeVar("D")

_BARE = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Reading:
    """What all tables share: the environment, and what has been found wrong so far."""

    environ: Mapping[str, str] = field(repr=False)
    complaints: list[ConfigError] = field(default_factory=list)


class Table:
    """A table at `path` whose keys are those of `kind` in `keys.KNOWN`.

    Unknown keys, and those whose feature is not there yet, are complained of at
    once and then ignored. A getter gives its default where a key is missing,
    and where it is wrong, after saying so.
    """

    __slots__ = ("_reading", "path", "raw", "source")

    def __init__(
        self, source: Source, reading: Reading, kind: str, path: KeyPath, raw: Mapping[str, object]
    ) -> None:
        self.source = source
        self.path = path
        self._reading = reading
        usable = _usable(kind)
        self.raw: Mapping[str, object] = raw
        if not raw.keys() <= usable:
            self.raw = {key: value for key, value in raw.items() if key in usable}
            for key in raw:
                if key not in usable:
                    self.complain(key, _unusable(kind, key))

    def __contains__(self, key: str) -> bool:
        """Say whether `key` is set."""
        return key in self.raw

    def complain(self, key: str, reason: str) -> None:
        """Note that the value of `key` cannot be meant; "" is the table itself."""
        path = (*self.path, key) if key else self.path
        self._reading.complaints.append(
            ConfigError(
                dotted(path), reason, file=str(self.source.path), line=self.source.line(path)
            )
        )

    # --- tables within ---

    def table(self, key: str) -> Table:
        """Return the table `key`, empty where there is none."""
        raw = self.raw.get(key, {})
        if not isinstance(raw, Mapping):
            self.complain(key, f"expects a table, [{dotted((*self.path, key))}], not {_noun(raw)}")
            raw = {}
        return Table(self.source, self._reading, key, (*self.path, key), raw)

    def named(self, key: str, *, short: str = "") -> Iterator[tuple[str, Table]]:
        """Yield the tables within `key` by the names that their owner chose.

        With `short`, a text instead of a table is the value of that key alone.
        """
        raw = self.raw.get(key, {})
        if not isinstance(raw, Mapping):
            self.complain(key, f"expects tables by name, [{key}.NAME], not {_noun(raw)}")
            return
        for name, value in raw.items():
            inner = value
            if short and isinstance(value, str):
                inner = {short: value}
            if not isinstance(inner, Mapping):
                self.complain(key, f"{name!r} expects a table, not {_noun(value)}")
                continue
            table = Table(self.source, self._reading, f"{key}.*", (*self.path, key, name), inner)
            try:
                parse_name(name)
            except ValueError as exc:
                table.complain("", str(exc))
            yield name, table

    def rows(self, key: str) -> Iterator[Table]:
        """Yield the tables of the list `key`; a single one will do."""
        raw = self.raw.get(key, [])
        rows = [raw] if isinstance(raw, Mapping) and "url" in raw else raw
        if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
            self.complain(key, f"expects a list of tables: [[{key}]], with two brackets")
            return
        for place, row in enumerate(rows):
            path = (*self.path, key, place)
            yield Table(self.source, self._reading, f"{key}.*", path, row)

    # --- values ---

    def text(self, key: str, default: D, *, verbatim: bool = False) -> str | D:
        """Return a line of text, references replaced; `verbatim`: as it stands, lines too."""
        value = self.raw.get(key)
        if value is None:
            return default
        if not isinstance(value, str):
            self.complain(key, f"expects a text in quotes, not {_noun(value)}")
            return default
        if verbatim:
            return value
        filled = self._fill(key, value)
        return default if filled is None else filled

    def words(self, key: str, default: D) -> tuple[str, ...] | D:
        """Return a list of texts, each once; a single one will do."""
        value = self.raw.get(key)
        if value is None:
            return default
        items = value if isinstance(value, list) else [value]
        filled: dict[str, None] = {}
        for item in items:
            if not isinstance(item, str):
                self.complain(key, f"expects texts in quotes, not {_noun(item)}")
                return default
            word = self._fill(key, item)
            if word is None:
                return default
            filled[word] = None
        return tuple(filled)

    def pairs(self, key: str, *, verbatim: bool = False) -> tuple[tuple[str, str], ...] | None:
        """Return a table of texts by name; `verbatim`: references in them are not replaced."""
        raw = self.raw.get(key)
        if raw is None:
            return None
        if not isinstance(raw, Mapping) or not all(isinstance(v, str) for v in raw.values()):
            self.complain(key, f'expects a table of texts: {key} = {{ Name = "value" }}')
            return None
        if verbatim:
            return tuple((str(name), value) for name, value in raw.items())
        filled = [(str(name), self._fill(key, value)) for name, value in raw.items()]
        return tuple((name, value) for name, value in filled if value is not None)

    def parsed(self, key: str, parse: Callable[[str], T], default: D) -> T | D:
        """Return what `parse` makes of a text; its ValueError becomes a complaint."""
        text = self.text(key, None)
        if text is None:
            return default
        try:
            return parse(text)
        except ValueError as exc:
            self._complain_of(key, exc)
            return default

    def parsed_words(self, key: str, parse: Callable[[tuple[str, ...]], T], default: D) -> T | D:
        """Return what `parse` makes of a list of texts."""
        words = self.words(key, None)
        if words is None:
            return default
        try:
            return parse(words)
        except ValueError as exc:
            self._complain_of(key, exc)
            return default

    def choice(self, key: str, allowed: Mapping[str, T], default: D) -> T | D:
        """Return one of a few words' meanings."""

        def parse(word: str) -> T:
            if word not in allowed:
                names = ", ".join(f'"{name}"' for name in allowed)
                raise ValueError(f'"{word}" is none of {names}' + nearest(word, allowed))
            return allowed[word]

        return self.parsed(key, parse, default)

    def duration(
        self,
        key: str,
        default: D,
        *,
        low: timedelta = timedelta(seconds=1),
        high: timedelta | None = None,
    ) -> timedelta | D:
        """Return a span of time between `low` and `high`."""

        def parse(text: str) -> timedelta:
            span = parse_duration(text)
            if span < low:
                raise ValueError(f'"{text}" is too short; it is at least {describe_duration(low)}')
            if high is not None and span > high:
                raise ValueError(f'"{text}" is too long; it is at most {describe_duration(high)}')
            return span

        if isinstance(self.raw.get(key), int | float):
            self.complain(key, 'expects a duration with its unit, in quotes: "90s", "15m", "2h"')
            return default
        return self.parsed(key, parse, default)

    def size(self, key: str, default: D) -> int | D:
        """Return a number of bytes, at least one kilobyte."""

        def parse(text: str) -> int:
            size = parse_size(text)
            if not size:
                raise ValueError(f'"{text}" is too small')
            return size

        if isinstance(self.raw.get(key), int | float):
            self.complain(key, 'expects a size with its unit, in quotes: "500KB", "10MB"')
            return default
        return self.parsed(key, parse, default)

    def flag(self, key: str, default: D) -> bool | D:
        """Return true or false."""
        value = self.raw.get(key)
        if value is None or isinstance(value, bool):
            return default if value is None else value
        self.complain(key, f"expects true or false, without quotes, not {_noun(value)}")
        return default

    def number(self, key: str, default: D, *, low: int, high: int) -> int | D:
        """Return a whole number from `low` to `high`."""
        value = self.raw.get(key)
        if value is None:
            return default
        if isinstance(value, str) and has_reference(value):
            return self.parsed(key, lambda text: _in_range(_whole(text), low, high), default)
        try:
            return _in_range(value, low, high)
        except ValueError as exc:
            self.complain(key, str(exc))
            return default

    def yes_or_no(self, key: str, default: bool) -> bool:
        """Return true or false."""
        value = self.raw.get(key, default)
        if not isinstance(value, bool):
            self.complain(key, f"expects true or false without quotes, not {_noun(value)}")
            return default
        return value

    def decimal(self, key: str, default: float, *, low: float, high: float) -> float:
        """Return a number from `low` to `high`, whole or not."""
        value = self.raw.get(key)
        if value is None:
            return default
        if isinstance(value, str) and has_reference(value):
            return self.parsed(key, lambda text: _between(_decimal(text), low, high), default)
        try:
            return _between(value, low, high)
        except ValueError as exc:
            self.complain(key, str(exc))
            return default

    def names(
        self,
        key: str,
        known: Collection[str],
        what: str,
        *,
        elsewhere: tuple[str, Collection[str]] = ("", ()),
    ) -> tuple[str, ...] | None:
        """Return names of things of the kind `what`; `elsewhere` is a kind easily mistaken for it.

        Unknown ones are left out.
        """
        names = self.words(key, None)
        if names is None:
            return None
        for name in names:
            if name in known:
                continue
            shown = "${…}" if self._refers(key) else name
            hint = nearest(name, known)
            if name in elsewhere[1]:
                hint = f"; that is a {elsewhere[0]}"
            elif not hint:
                defined = ", ".join(sorted(known)[:10]) or "none"
                hint = f"; defined: {defined}"
            self.complain(key, f'there is no {what} "{shown}"{hint}')
        return tuple(name for name in names if name in known)

    # --- inside ---

    def _fill(self, key: str, value: str) -> str | None:
        try:
            filled = substitute(value, self._reading.environ)
        except ValueError as exc:
            self.complain(key, str(exc))
            return None
        if _CONTROL.search(filled):
            self.complain(key, "holds control characters, or more than one line")
            return None
        return filled

    def _complain_of(self, key: str, exc: ValueError) -> None:
        """Pass on what a parser said, unless its words could hold a secret."""
        reason = str(exc)
        if self._refers(key):
            reason = f"{self.raw[key]!r} stands for something that is not valid here"
        self.complain(key, reason)

    def _refers(self, key: str) -> bool:
        value = self.raw.get(key)
        items = value if isinstance(value, list) else [value]
        if isinstance(value, Mapping):
            items = list(value.values())
        return any(isinstance(item, str) and has_reference(item) for item in items)


@functools.cache
def _usable(kind: str) -> frozenset[str]:
    """Return the keys that a table of this kind may hold in this version."""
    return frozenset(
        key for key in keys.KNOWN[kind] if f"{kind}.{key}".lstrip(".") not in keys.NOT_YET
    )


def _unusable(kind: str, key: str) -> str:
    """Say why a table of this kind cannot hold `key`."""
    if f"{kind}.{key}".lstrip(".") in keys.NOT_YET:
        return "is not available in this version yet"
    if kind == "tags.*" and key in keys.FEED_ONLY:
        return "belongs to a feed; a tag's defaults cannot hold it"
    usable = [name for name in keys.KNOWN[kind] if name in _usable(kind)]
    hint = nearest(key, usable) or nearest(key, keys.KNOWN[kind])
    return "unknown key" + (hint or f"; known are {', '.join(usable)}")


def dotted(path: KeyPath) -> str:
    """Return a path as one would write it; places in lists are counted from 1, in brackets."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            word = part if part and set(part) <= _BARE else f'"{part}"'
            text += f".{word}" if text else word
    return text


def _noun(value: object) -> str:
    """Say what a value is, without quoting it."""
    if isinstance(value, bool):
        return "true or false"
    kinds = {str: "a text", int: "a number", float: "a number", list: "a list", dict: "a table"}
    return kinds.get(type(value), "a date or time")


def _whole(text: str) -> object:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else text


def _decimal(text: str) -> object:
    return float(text) if re.fullmatch(r"[0-9]{1,11}(\.[0-9]{0,9})?", text, re.ASCII) else text


def _between(value: object, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        reason = f"expects a number without quotes, not {_noun(value)}"
        raise ValueError(reason)  # noqa: TRY004 (what an owner wrote, like any other value)
    if not low <= value <= high:
        raise ValueError(f"{value} is not between {low:g} and {high:g}")
    return float(value)


def _in_range(value: object, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        reason = f"expects a whole number without quotes, not {_noun(value)}"
        raise ValueError(reason)  # noqa: TRY004 (what an owner wrote, like any other value)
    if not low <= value <= high:
        raise ValueError(f"{value} is not between {low} and {high}")
    return value

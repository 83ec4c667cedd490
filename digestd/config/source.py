"""A TOML file with the lines its keys stand on, which its parser does not tell."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import tomli

from digestd.errors import ConfigError
from digestd.frozen import dataclass, field
from digestd.patterns import pattern

# ("feeds", 0, "url"): names, and places in lists of tables from 0.
KeyPath = tuple[str | int, ...]

# Strings first, so that no bracket, hash or newline inside one counts. No two
# branches begin alike but for the quotes, so nothing is tried twice.
_TOKEN = pattern(
    r'"""(?:\\.|[^\\])*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|#[^\n]*"
    r"|[\[\]{}\n]"
    r"|[^\[\]{}\"'#\n]+",
    re.DOTALL,
)
_PART = re.compile(r"""\s*("(?:\\.|[^"\\])*"|'[^']*'|[A-Za-z0-9_-]+)\s*(\.?)""")


class Statement(NamedTuple):
    """A header or an assignment: its whole path, and its lines from `line` up to `end`."""

    path: KeyPath
    line: int  # from 1
    end: int  # of the last line
    is_header: bool


@dataclass(frozen=True)
class Source:
    """A file as it was read."""

    path: Path
    text: str = field(repr=False)
    data: dict[str, Any] = field(repr=False)

    def line(self, path: KeyPath) -> int | None:
        """Return the line of `path`, or of the nearest table that holds it."""
        for length in range(len(path), 0, -1):
            if path[:length] in self._lines:
                return self._lines[path[:length]]
        return None

    @cached_property
    def _lines(self) -> dict[KeyPath, int]:
        found: dict[KeyPath, int] = {}
        for statement in statements(self.text):
            for length in range(1, len(statement.path) + 1):  # [a.b] is where a begins, too
                found.setdefault(statement.path[:length], statement.line)
        return found


def located(error: ConfigError, path: Path, place: KeyPath) -> ConfigError:
    """Return `error`, found after loading, with the file and line of `place` in it."""
    line = read_source(path).line(place)
    return ConfigError(error.key, error.reason, file=str(path), line=line)


def read_source(path: Path, text: str | None = None) -> Source:
    """Return the file at `path`; raises ConfigError where it cannot be read as TOML.

    `text` is what would stand in it.
    """
    try:
        if text is None:
            text = path.read_bytes().decode("utf-8-sig")  # some editors write a byte order mark
        return Source(path, text, tomli.loads(text))
    except FileNotFoundError:
        raise ConfigError("", "there is no such file", file=str(path)) from None
    except OSError as exc:
        raise ConfigError("", exc.strerror or "cannot be read", file=str(path)) from None
    except UnicodeDecodeError:
        raise ConfigError("", "is not UTF-8 text", file=str(path)) from None
    except RecursionError:
        raise ConfigError("", "is nested too deeply", file=str(path)) from None
    except tomli.TOMLDecodeError as exc:
        reason, _, where = str(exc).rpartition(" (at ")
        number = re.search(r"line (\d+)", where)
        line = int(number[1]) if number else (text or "").rstrip().count("\n") + 1
        raise ConfigError("", f"not TOML: {reason}", file=str(path), line=line) from None


def statements(text: str) -> Iterator[Statement]:
    """Yield the headers and assignments of a text that is known to be TOML, in order."""
    table: KeyPath = ()
    counts: dict[KeyPath, int] = {}
    for chunk, line, end in _chunks(text):
        if chunk.startswith("["):
            is_list = chunk.startswith("[[")
            table = _place(_key(chunk.lstrip("[")), counts, is_list=is_list)
            yield Statement(table, line, end, is_header=True)
        else:
            yield Statement(table + _key(chunk), line, end, is_header=False)


def _chunks(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield (text, first line, last line) of what stands between newlines outside brackets."""
    depth, line, start, chunk = 0, 1, 1, ""
    for part in (found[0] for found in _TOKEN.finditer(text)):
        if part == "\n" and depth == 0:
            if chunk.strip():
                yield chunk.strip(), start, line
            chunk = ""
        elif not part.startswith("#"):
            if not chunk.strip():
                start = line
            depth += (part in "[{") - (part in "]}")
            chunk += part
        line += part.count("\n")
    if chunk.strip():
        yield chunk.strip(), start, line


def _key(text: str) -> tuple[str, ...]:
    """Return the dotted key at the beginning of `text`."""
    parts: list[str] = []
    position = 0
    while found := _PART.match(text, position):
        word = found[1]
        if word[0] in "\"'":
            word = str(tomli.loads(f"key = {word}")["key"])
        parts.append(word)
        position = found.end()
        if not found[2]:
            break
    return tuple(parts)


def _place(key: tuple[str, ...], counts: dict[KeyPath, int], *, is_list: bool) -> KeyPath:
    """Return where a header points to: into the last table of every list on its way."""
    path: KeyPath = ()
    for position, part in enumerate(key):
        path = (*path, part)
        if is_list and position == len(key) - 1:
            counts[path] = counts.get(path, 0) + 1
        if path in counts:
            path = (*path, counts[path] - 1)
    return path

"""`feeds.toml`, the file that commands write to: everything but the feed in question stays.

Feeds are added and removed as lines of text, comments and all. Comments right
above a `[[feeds]]` are that feed's; a parser that keeps comments would give
them to the feed before.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import tomli

from digestd.config import keys
from digestd.config.source import Source, read_source, statements
from digestd.config.values import escape, known_as, substitute
from digestd.errors import ConfigError, SubscriptionError

# A key and its text on one line; what follows it there is a comment.
_ASSIGNED = re.compile(r"""^(\s*[\w"'-]+\s*=\s*)(?:"(?:\\.|[^"\\])*"|'[^']*')""")

_BARE = re.compile(r"[A-Za-z0-9_-]+")
Value = str | bool | Sequence[str] | Mapping[str, str]
Row = Mapping[str, Value]


def add_feed(path: Path, feed: Row, *, comment: str = "") -> None:
    """Append a feed to the file at `path`, which is made if there is none.

    `feed` holds what `[[feeds]]` may (`url`, `name`, `tags` …) as it is meant:
    dollars are escaped here. Raises SubscriptionError for a URL that the file has.
    """
    if _position(_read(path), str(feed["url"]), {}) is not None:
        raise SubscriptionError(f"{path} has this feed already")
    note = "".join(c for c in comment if c.isprintable())
    _append(path, (f"# {note}\n" if note else "") + as_text([feed]))


def add_feeds(path: Path, feeds: Sequence[Row], *, verbatim: bool = False) -> None:
    """Append many feeds at once; `verbatim`: references in them are meant as such."""
    _append(path, as_text(feeds, verbatim=verbatim))


def as_text(feeds: Iterable[Row], *, verbatim: bool = False) -> str:
    """Return feeds as they stand in a file."""
    return "\n".join(_table(feed, str if verbatim else escape) for feed in feeds)


def _table(feed: Row, written: Callable[[str], str]) -> str:
    lines = ["[[feeds]]"]
    for key in keys.KNOWN["feeds.*"]:
        value = feed.get(key)
        if value is not None:
            lines.append(f"{key} = {_literal(value, written)}")
    return "\n".join(lines) + "\n"


def _literal(value: Value, written: Callable[[str], str]) -> str:
    """Return a value in TOML. By hand: tomlkit takes a second for five thousand feeds."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _quoted(written(value))
    if isinstance(value, Mapping):
        pairs = (
            f"{name if _BARE.fullmatch(name) else _quoted(name)} = {_quoted(written(text))}"
            for name, text in value.items()
        )
        return f"{{ {', '.join(pairs)} }}"
    return f"[{', '.join(_quoted(written(item)) for item in value)}]"


def _quoted(text: str) -> str:
    # A JSON string is a basic string of TOML, but for DEL, which TOML wants escaped too.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _append(path: Path, text: str) -> None:
    source = _read(path)
    before = source.text
    if before.strip():
        before = before.rstrip("\n") + "\n\n"
    added = tomli.loads(text)["feeds"]
    _write(path, before + text, [*_feeds(source), *added])


def change_feed(path: Path, url: str, changes: Mapping[str, str]) -> bool:
    """Set keys of the feed that is known as `url`; False if the file at `path` has none.

    Everything else stays, comments on the same lines included.
    """
    source = _read(path)
    position = _position(source, url, {})
    if position is None:
        return False
    feeds = _feeds(source)
    feeds[position] = {**feeds[position], **{k: escape(v) for k, v in changes.items()}}
    text = source.text
    for key, value in changes.items():
        text = _with(text, position, key, escape(value))
    _write(path, text, feeds)
    return True


def _with(text: str, position: int, key: str, value: str) -> str:
    """Return `text` with a key of its feed number `position` set; a new one follows the url."""
    lines = re.split(r"(?<=\n)", text)
    written = _quoted(value)
    places = {
        it.path[2:]: it.line - 1 for it in statements(text) if it.path[:2] == ("feeds", position)
    }
    if (key,) in places:
        line = places[key,]
        lines[line] = _ASSIGNED.sub(lambda found: found[1] + written, lines[line], count=1)
    else:
        line = places.get(("url",), places.get((), 0))
        end = "" if lines[line].endswith("\n") else "\n"
        lines[line] += f"{end}{key} = {written}\n"
    return "".join(lines)


def remove_feed(path: Path, url: str, *, environ: Mapping[str, str] | None = None) -> bool:
    """Take the feed with this URL out; False if the file at `path` has none.

    With `environ`, a URL with references is known by what it stands for.
    """
    source = _read(path)
    position = _position(source, url, environ or {})
    if position is None:
        return False
    rest = _feeds(source)
    del rest[position]
    _write(path, _without(source.text, position), rest)
    return True


def _read(path: Path) -> Source:
    if not path.exists():
        return Source(path, "", {})
    source = read_source(path)
    rows = source.data.get("feeds", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ConfigError("feeds", "expects a list of tables: [[feeds]]", file=str(path))
    return source


def _feeds(source: Source) -> list[dict[str, object]]:
    return list(source.data.get("feeds", []))


def _position(source: Source, url: str, environ: Mapping[str, str]) -> int | None:
    for position, feed in enumerate(_feeds(source)):
        written = str(feed.get("url", ""))
        meant = written
        with contextlib.suppress(ValueError):  # a reference that is not set here
            meant = substitute(written, environ)
        if url in (meant, known_as(written)):
            return position
    return None


def _without(text: str, position: int) -> str:
    """Return `text` less its feed number `position`, and the comments right above that one."""
    lines = re.split(r"(?<=\n)", text)  # not splitlines, which knows more ends of lines
    headers = [
        it.line - 1 for it in statements(text) if it.is_header and it.path[1:2] == (position,)
    ]
    if not headers:
        return text
    later = [
        it.line - 1
        for it in statements(text)
        if it.is_header and it.line - 1 > headers[-1] and it.path[1:2] != (position,)
    ]
    start = _above(lines, headers[0])
    end = _above(lines, later[0]) if later else len(lines)
    kept = "".join(lines[:start]), "".join(lines[end:])
    return kept[0] + kept[1] if kept[1] else kept[0].rstrip("\n") + "\n" * bool(kept[0].strip())


def _above(lines: list[str], header: int) -> int:
    """Return the first of the comment lines that stand right above line `header`."""
    while header > 0 and lines[header - 1].lstrip().startswith("#"):
        header -= 1
    return header


def _write(path: Path, text: str, feeds: list[dict[str, object]]) -> None:
    """Put `text` in place of the file, whole or not at all, with its mode and owner.

    Raises ConfigError, the file untouched, where `text` does not say `feeds`:
    a file in a form that cannot be edited line by line.
    """
    try:
        said = tomli.loads(text).get("feeds", [])
    except tomli.TOMLDecodeError:
        said = None
    if said != feeds:
        raise ConfigError(
            "feeds", "cannot be edited; write every feed under its own [[feeds]]", file=str(path)
        )
    target = path.resolve()  # behind a symbolic link is the file that is meant
    try:
        _replace(target, text)
    except OSError as exc:
        raise SubscriptionError(f"{path} could not be written: {exc.strerror}") from None


def _replace(target: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(prefix=".feeds-", suffix=".toml", dir=target.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            _take_after(file.fileno(), target)
            os.fsync(file.fileno())
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _take_after(handle: int, target: Path) -> None:
    """Give the open file the mode and owner of `target`, or of the configuration beside it.

    A daemon under a user of its own reads both, so what holds for one holds for the other.
    """
    models = [path for path in (target, target.parent / "config.toml") if path.exists()]
    if not models:
        os.fchmod(handle, 0o644)
        return
    old = models[0].stat()
    os.fchmod(handle, old.st_mode & 0o7777)
    with contextlib.suppress(PermissionError):  # only root may give files away
        os.fchown(handle, old.st_uid, old.st_gid)

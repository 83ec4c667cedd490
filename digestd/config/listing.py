"""Lists of feeds from and for other readers: what of them stands in `feeds.toml`, and how."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from digestd.config import folders as places
from digestd.config import keys
from digestd.config.feedsfile import Row, Value, as_text
from digestd.config.load import complaints
from digestd.config.source import read_source
from digestd.config.values import has_reference, parse_name, plain
from digestd.core.links import canonical_link, without_secret_user, without_secrets
from digestd.errors import ConfigError
from digestd.frozen import dataclass, field

_LISTS = ("tags", "alert", "digest")
# What says who asks; given away only where it is a reference.
_SECRET = ("password", "token", "cookies", "headers", "proxy")
_NOT_OURS = ("url", "name", "opml")
_IMPORT = Path("import")  # stands for a file in complaints
_ROW = re.compile(r"feeds\[(\d+)\](?:\.([\w-]+))?")


# --- in --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fitted:
    """Rows that the configuration takes, and one line for each thing that it does not."""

    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def row_of(
    url: str,
    title: str,
    folders: Sequence[str],
    ours: Mapping[str, str],
    kept: Mapping[str, str],
    folders_kept: Mapping[tuple[str, ...], Mapping[str, str]],
) -> Row:
    """Return a feed of a list as `[[feeds]]` has it.

    Folders are its tags, and so are the categories that OPML 2.0 gives a feed, unless it
    has tags of its own.
    """
    row: dict[str, Value] = {"url": url}
    unknown = dict(kept) | places.noted(tuple(folders), folders_kept)
    known = set(keys.KNOWN["feeds.*"]) - set(_NOT_OURS)
    for name, text in ours.items():
        if name in known:
            row[name] = _value(name, text)
        elif name != "name":
            unknown[f"{{urn:digestd:opml}}{name}"] = text
    name = ours.get("name", title)
    if name and name != url:
        row["name"] = name
    if "tags" not in row:
        labels = (*folders, *re.split("[/,]", kept.get("category", "")[:500]))
        tags = [tag for label in labels if (tag := as_tag(label))]
        if tags:
            row["tags"] = list(dict.fromkeys(tags))
    if unknown:
        row["opml"] = unknown
    return row


def _value(name: str, text: str) -> Value:
    if name in _LISTS:
        return [word for part in text.split(",") if (word := part.strip())]
    if text.startswith("{"):
        try:
            table = json.loads(text)
        except (ValueError, RecursionError):
            return text
        if isinstance(table, dict) and all(isinstance(v, str) for v in table.values()):
            return table
    return text == "true" if text in ("true", "false") else text


def as_tag(folder: str) -> str:
    """Return a folder's name as a tag: some signs mean something in tags."""
    word = " ".join(re.sub(r'[:/\\,"]', " ", folder).split())[:64].strip()
    try:
        return parse_name(word)
    except ValueError:
        return ""


def joined(rows: Sequence[Row]) -> list[Row]:
    """Return each feed once; one that is in several folders has the tags of all of them."""
    found: dict[str, Row] = {}
    for row in rows:
        key = canonical_link(str(row["url"]))
        found[key] = _united(found[key], row) if key in found else row
    return [_settled(row) for row in found.values()]


def _united(first: Row, again: Row) -> Row:
    kept = places.united(_texts(first.get("opml")), _texts(again.get("opml")))
    tags = list(dict.fromkeys([*tags_of(first), *tags_of(again)]))
    return {**first, **({"tags": tags} if tags else {}), "opml": kept}


def _settled(row: Row) -> Row:
    """Return `row` without what its tags say as well."""
    kept = places.without_plain(_texts(row.get("opml")), tags_of(row), as_tag)
    rest = {key: value for key, value in row.items() if key != "opml"}
    return {**rest, "opml": kept} if kept else rest


def _texts(value: object) -> dict[str, str]:
    return {str(k): str(v) for k, v in value.items()} if isinstance(value, Mapping) else {}


def _words(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list | tuple) else []


def fit(
    rows: Sequence[Row], config: Path, environ: Mapping[str, str], *, verbatim: bool = False
) -> Fitted:
    """Return the rows that can stand beside `config`, less what it would complain of.

    A channel that is not there, an interval in another's words: the key goes, the feed
    stays. A feed whose address is none goes whole.
    """
    left = list(rows)
    notes: list[str] = []
    while left:  # mending one key may bring another to light
        source = read_source(_IMPORT, as_text(left, verbatim=verbatim))
        wrong = [x for x in complaints(config, environ, more=[source]) if x.file == str(_IMPORT)]
        if not wrong:
            break
        mended = _mended(left, wrong, notes)
        if mended == left:
            return Fitted([], [*notes, str(wrong[0])])
        left = mended
    return Fitted(left, notes)


def without_requests(rows: Sequence[Row]) -> tuple[list[Row], int]:
    """Return rows without what only their owner may say of requests, and how many had it.

    A proxy goes wherever it is, the owner's own network included.
    """
    stripped = [{k: v for k, v in row.items() if k not in (*_SECRET, "user")} for row in rows]
    return list(stripped), sum(a != b for a, b in zip(rows, stripped, strict=True))


def _mended(rows: Sequence[Row], wrong: Sequence[ConfigError], notes: list[str]) -> list[Row]:
    changed: dict[int, Row | None] = dict(enumerate(rows))
    for one in wrong:
        found = _ROW.match(one.key)
        place = int(found[1]) - 1 if found else -1
        row = changed.get(place)
        if found is None or row is None:
            continue
        shown = without_secrets(str(row["url"]))[:200]
        key = found[2] or "url"
        if key == "url" or key not in row:
            changed[place] = None
            notes.append(f"left out: {shown}: {one.reason}")
        else:
            changed[place] = {k: v for k, v in row.items() if k != key}
            notes.append(f"{shown}: without its {key}: {one.reason}")
    return [row for row in changed.values() if row is not None]


# --- out -------------------------------------------------------------------------------


def rows_of(config: Path) -> list[Row]:
    """Return every feed as it is written, references unreplaced, of both files."""
    path = config.parent / "feeds.toml"
    rows: list[Row] = []
    for file in (config, path) if path.exists() and path != config else (config,):
        found = read_source(file).data.get("feeds", [])
        rows += [found] if isinstance(found, Mapping) else found
    return rows


def ours_of(row: Row) -> tuple[dict[str, str], list[str]]:
    """Return what only we understand of a feed as texts, and the keys that are secret."""
    texts: dict[str, str] = {"name": plain(str(row.get("name", "")))}
    secret: list[str] = []
    for name in keys.KNOWN["feeds.*"]:
        value = row.get(name)
        if value is None or name in _NOT_OURS:
            continue
        if name in _SECRET and not _all_references(value):
            secret.append(name)
            continue
        if isinstance(value, str):
            texts[name] = plain(value)
        elif name in _LISTS and isinstance(value, list):
            texts[name] = ", ".join(map(str, value))
        else:
            texts[name] = json.dumps(value, ensure_ascii=False)
    return texts, secret


def public_url(row: Row) -> tuple[str, bool]:
    """Return a feed's address as it is given away, and whether something was left out of it."""
    url = plain(str(row.get("url", "")))
    if has_reference(url):
        return url, False
    bare = without_secret_user(url)
    return bare, bare != url


@dataclass(frozen=True)
class Shelved:
    """What other readers said of a feed, and the folders that it is put into."""

    kept: dict[str, str]
    folders: list[tuple[str, ...]]
    folders_kept: dict[tuple[str, ...], dict[str, str]]


def shelved(row: Row) -> Shelved:
    """Return where a feed goes in a list: where it was, and under each of its other tags."""
    texts = {name: plain(text) for name, text in _texts(row.get("opml")).items()}
    kept, noted, folders_kept = places.apart(texts)
    return Shelved(kept, places.places(noted, tags_of(row), as_tag), folders_kept)


def tags_of(row: Row) -> list[str]:
    """Return a feed's tags."""
    tags = row.get("tags")
    return [tags] if isinstance(tags, str) else _words(tags)


def _all_references(value: object) -> bool:
    values = value.values() if isinstance(value, Mapping) else [value]
    return all(isinstance(one, str) and (has_reference(one) or not one) for one in values)

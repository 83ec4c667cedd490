"""The folders of an imported list, beside the tags they became, for `export` to make again.

They stand in a feed's `opml`, under keys that no attribute can have: `"@folders"` holds the
feed's places as OPML's `category` writes them, `"/News,/Study/Maths"`, and `"/News@sort"`
what another reader said of a folder, at the first feed in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

Path = tuple[str, ...]

_PLACES = "@folders"
_MARK = {"%": "%25", "/": "%2F", ",": "%2C", "@": "%40"}
_MARKED = re.compile("%(?:25|2F|2C|40)")
_MARKS = {code: sign for sign, code in _MARK.items()}


def noted(path: Path, folders_kept: Mapping[Path, Mapping[str, str]]) -> dict[str, str]:
    """Return what is kept of a feed's place, and of the folders that it is the first in."""
    notes = {_PLACES: _written(path)} if path else {}
    for folder, attributes in folders_kept.items():
        notes |= {f"{_written(folder)}@{name}": value for name, value in attributes.items()}
    return notes


def united(kept: Mapping[str, str], more: Mapping[str, str]) -> dict[str, str]:
    """Return what is kept of a feed that the list has once more."""
    places = dict.fromkeys((*_split(kept.get(_PLACES, "/")), *_split(more.get(_PLACES, "/"))))
    folders = {name: value for name, value in more.items() if name.startswith("/")}
    return {**folders, **kept, _PLACES: ",".join(places)}


def without_plain(
    kept: Mapping[str, str], tags: Sequence[str], as_tag: Callable[[str], str]
) -> dict[str, str]:
    """Return what is kept, less places that say no more than the feed's tags do."""
    said = [_read(place) for place in _split(kept.get(_PLACES, ""))]
    plain = not any(said) or set(places(said, tags, as_tag)) == set(places([], tags, as_tag))
    return {name: value for name, value in kept.items() if not (plain and name == _PLACES)}


def apart(
    kept: Mapping[str, str],
) -> tuple[dict[str, str], list[Path], dict[Path, dict[str, str]]]:
    """Return what is kept of a feed: its own attributes, its places, those of its folders."""
    own: dict[str, str] = {}
    folders: dict[Path, dict[str, str]] = {}
    for name, value in kept.items():
        if name.startswith("/"):
            folder, _, attribute = name.partition("@")
            folders.setdefault(_read(folder), {})[attribute] = value
        elif name != _PLACES:
            own[name] = value
    return own, [_read(place) for place in _split(kept.get(_PLACES, ""))], folders


def places(
    noted_places: Iterable[Path], tags: Sequence[str], as_tag: Callable[[str], str]
) -> list[Path]:
    """Return where a feed with these tags is put: where it was, and under every further tag.

    A place that one of its tags is gone from is none any more.
    """
    left = [p for p in noted_places if all(as_tag(label) in ("", *tags) for label in p)]
    covered = {as_tag(label) for path in left for label in path}
    found = [*left, *((tag,) for tag in tags if tag not in covered)]
    return found or [()]


def _split(text: str) -> list[str]:
    return [place for place in text.split(",") if place]


def _written(path: Path) -> str:
    return "/" + "/".join(re.sub("[%/,@]", lambda sign: _MARK[sign[0]], label) for label in path)


def _read(text: str) -> Path:
    labels = (_MARKED.sub(lambda code: _MARKS[code[0]], part) for part in text.split("/"))
    return tuple(label for label in labels if label)

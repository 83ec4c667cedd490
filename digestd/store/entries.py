"""Rows of `entries` and `seen_keys`: what was seen, and by which keys it is known."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from digestd.core.edits import Edit
from digestd.core.identity import content_fingerprint
from digestd.core.models import Entry
from digestd.core.owing import NewEntry
from digestd.core.parsed import Enclosure, ParsedEntry
from digestd.core.recognition import Known, Renamed
from digestd.core.rules import Ruling
from digestd.store.database import Database
from digestd.store.db import moment, moment_or_none, stamp, stamp_or_none

# SQLite takes 32,766 parameters; a document holds at most 2,000 entries of a few keys.
_KEYS_PER_QUERY = 5_000
# More than any document lists, and than a flood can hide.
_REMEMBERED = 2_500
_LATE = 100
_LATELY = 30 * 86_400_000_000  # microseconds


def seen_keys(db: Database, feed_pk: int, keys: Iterable[bytes]) -> dict[bytes, int]:
    """Return those of `keys` that this feed's entries are known by, with the entries' ids."""
    wanted = list(keys)
    found: dict[bytes, int] = {}
    for start in range(0, len(wanted), _KEYS_PER_QUERY):
        chunk = wanted[start : start + _KEYS_PER_QUERY]
        marks = ",".join("?" * len(chunk))
        rows = db.conn.execute(
            f"SELECT key, entry_id FROM seen_keys WHERE feed_pk = ? AND key IN ({marks})",
            (feed_pk, *chunk),
        )
        found.update((row[0], row[1] or 0) for row in rows)
    return found


def knows_any(db: Database, feed_pk: int) -> bool:
    """Tell whether anything is known of what a feed has ever brought."""
    key = db.conn.execute("SELECT 1 FROM seen_keys WHERE feed_pk = ? LIMIT 1", (feed_pk,))
    return key.fetchone() is not None


def remembered(
    db: Database, feed_pk: int, fresh: Sequence[ParsedEntry] = (), ids: Iterable[int] = ()
) -> tuple[Known, ...]:
    """Return the entries of a feed that recognition needs, newest first.

    Those of late, which tell how much the feed brings; of all others, however old, those
    with the link or the title of one of `fresh`, and `ids`. So it takes no longer the
    more a feed has brought in years.
    """
    rows = _late(db, feed_pk)
    rows += _matching(db, feed_pk, "link", [entry.link for entry in fresh if entry.link])
    rows += _matching(db, feed_pk, "title", [entry.title for entry in fresh if entry.title])
    rows += _matching(db, feed_pk, "id", list(ids))
    known = {row[0]: row for row in rows}
    newest_first = sorted(known.values(), key=lambda row: (row[5], row[0]), reverse=True)
    return tuple(map(_known, newest_first))


_KNOWN = "id, guid, link, title, published_at, seen_at, first_fetch, fingerprint, revision"


def _matching(db: Database, feed_pk: int, column: str, values: Sequence[object]) -> list[Any]:
    rows: list[Any] = []
    for start in range(0, len(values), _KEYS_PER_QUERY):
        chunk = values[start : start + _KEYS_PER_QUERY]
        marks = ",".join("?" * len(chunk))
        rows += db.conn.execute(
            f"SELECT {_KNOWN} FROM entries WHERE feed_pk = ? AND {column} IN ({marks})",
            (feed_pk, *chunk),
        )
    return rows


def _late(db: Database, feed_pk: int) -> list[Any]:
    """Return the rows of the newest entries: some hundred, and those of the last four weeks."""
    rows: list[Any] = []
    newest = db.conn.execute(
        f"SELECT {_KNOWN} FROM entries WHERE feed_pk = ? ORDER BY seen_at DESC, id DESC LIMIT ?",
        (feed_pk, _REMEMBERED),
    )
    for row in newest:
        if len(rows) >= _LATE and row[5] < rows[0][5] - _LATELY:
            break
        rows.append(row)
    newest.close()
    return rows


def _known(row: Any) -> Known:  # noqa: ANN401 (a row of SQLite's)
    id_, guid, link, title, published_at, seen_at, first_fetch, fingerprint, revision = row
    return Known(
        id=id_,
        guid=guid,
        link=link,
        title=title,
        published_at=moment_or_none(published_at),
        seen_at=moment(seen_at),
        first_fetch=bool(first_fetch),
        fingerprint=fingerprint,
        revision=revision,
    )


def add(db: Database, feed_pk: int, new: Iterable[NewEntry], seen_at: datetime) -> list[int]:
    """Store new entries with their keys; return their ids, in order.

    An entry of which another process has meanwhile recorded the first key is
    left out (None in its place would tempt a caller to owe it twice): its id is 0.
    The caller holds the transaction.
    """
    entries = list(new)
    if not entries:
        return []
    recorded = set(seen_keys(db, feed_pk, [entry.keys[0] for entry in entries]))
    (last,) = db.conn.execute("SELECT coalesce(max(id), 0) FROM entries").fetchone()
    ids, rows, known = [], [], []
    for entry in entries:
        if entry.keys[0] in recorded:
            ids.append(0)
            continue
        recorded.update(entry.keys)
        last += 1
        ids.append(last)
        rows.append(_row(last, feed_pk, entry, seen_at))
        known += [(feed_pk, key, last) for key in entry.keys]
    db.conn.executemany(_INSERT, rows)
    _know(db, sorted(known))  # in the order in which they are kept
    return ids


_INSERT = (
    "INSERT INTO entries (id, feed_pk, guid, link, title, title_html, content_html,"
    " summary_html, author, categories, published_at, updated_at, seen_at, first_fetch,"
    " image_url, enclosures, language, fingerprint, rules, dropped)"
    f" VALUES ({', '.join('?' * 20)})"
)


def _row(id_: int, feed_pk: int, new: NewEntry, seen_at: datetime) -> tuple[Any, ...]:
    parsed = new.entry
    return (
        id_,
        feed_pk,
        parsed.guid,
        parsed.link,
        parsed.title,
        parsed.title_html,
        parsed.content_html,
        parsed.summary_html,
        parsed.author,
        _list_out(parsed.categories),
        stamp_or_none(new.published_at),
        stamp_or_none(parsed.updated_at),
        stamp(seen_at),
        new.first_fetch,
        parsed.image_url,
        _list_out([_enclosure_out(e) for e in parsed.enclosures]),
        parsed.language,
        content_fingerprint(parsed),
        _rules_out(new.ruling),
        new.ruling.is_dropped,
    )


def _know(db: Database, keys: Iterable[tuple[int, bytes, int]]) -> None:
    """Let entries be known by keys: a feed's, each with an entry's id."""
    db.conn.executemany(
        "INSERT INTO seen_keys (feed_pk, key, entry_id) VALUES (?, ?, ?)"
        " ON CONFLICT (feed_pk, key) DO NOTHING",
        keys,
    )


def rename(db: Database, feed_pk: int, renamed: Iterable[Renamed]) -> None:
    """Let known entries be known by further keys, and by the guid and link they have now."""
    for one in renamed:
        db.conn.execute(
            "UPDATE entries SET guid = ?, link = ? WHERE id = ?",
            (one.entry.guid, one.entry.link or one.known.link, one.known.id),
        )
        _know(db, ((feed_pk, key, one.known.id) for key in one.keys))


def revise(db: Database, feed_pk: int, edits: Iterable[Edit]) -> None:
    """Give known entries the title and text that they have now, as a new revision."""
    for edit in edits:
        parsed = edit.entry
        db.conn.execute(
            "UPDATE entries SET revision = ?, title = ?, title_html = ?, content_html = ?,"
            " summary_html = ?, updated_at = ?, fingerprint = ?, rules = ?, dropped = ?"
            " WHERE id = ?",
            (
                edit.revision,
                parsed.title,
                parsed.title_html,
                parsed.content_html,
                parsed.summary_html,
                stamp_or_none(parsed.updated_at),
                content_fingerprint(parsed),
                _rules_out(edit.ruling),
                edit.ruling.is_dropped,
                edit.known.id,
            ),
        )
        _know(db, ((feed_pk, key, edit.known.id) for key in edit.keys))


def by_id(db: Database, ids: Iterable[int]) -> dict[int, Entry]:
    """Return the entries with these ids."""
    wanted = sorted(set(ids))
    found: dict[int, Entry] = {}
    for start in range(0, len(wanted), _KEYS_PER_QUERY):
        chunk = wanted[start : start + _KEYS_PER_QUERY]
        marks = ",".join("?" * len(chunk))
        rows = db.query(f"SELECT * FROM entries WHERE id IN ({marks})", chunk)
        found.update((row["id"], _entry(row)) for row in rows)
    return found


def recent(
    db: Database,
    *,
    feed_pks: Sequence[int] | None = None,
    since: datetime | None = None,
    search: str = "",
    limit: int = 50,
) -> list[Entry]:
    """Return what was seen, newest first: by publication, else by when we saw it.

    `search` finds entries in which every word occurs in title, author or body.
    """
    where: list[str] = ["1"]
    params: list[object] = []
    if feed_pks is not None:
        where.append(f"feed_pk IN ({','.join('?' * len(feed_pks))})")
        params.extend(feed_pks)
    if since is not None:
        where.append("seen_at >= ?")
        params.append(stamp(since))
    for word in search.split():
        where.append(
            "(title LIKE ? ESCAPE '!' OR author LIKE ? ESCAPE '!'"
            " OR content_html LIKE ? ESCAPE '!' OR summary_html LIKE ? ESCAPE '!')"
        )
        pattern = "%" + "".join("!" + c if c in "!%_" else c for c in word) + "%"
        params.extend([pattern] * 4)
    rows = db.query(
        f"SELECT * FROM entries WHERE {' AND '.join(where)}"
        " ORDER BY coalesce(published_at, seen_at) DESC, id DESC LIMIT ?",
        [*params, limit],
    )
    return [_entry(row) for row in rows]


def ids_since(db: Database, since: datetime) -> list[int]:
    """Return the entries that were seen from then on, the newest first."""
    rows = db.conn.execute(
        "SELECT id FROM entries WHERE seen_at >= ? ORDER BY seen_at DESC, id DESC", (stamp(since),)
    )
    return [row[0] for row in rows]


def _entry(row: dict[str, Any]) -> Entry:
    return Entry(
        id=row["id"],
        feed_pk=row["feed_pk"],
        revision=row["revision"],
        guid=row["guid"],
        link=row["link"],
        title=row["title"],
        title_html=row["title_html"],
        content_html=row["content_html"],
        summary_html=row["summary_html"],
        author=row["author"],
        categories=_list_in(row["categories"]),
        published_at=moment_or_none(row["published_at"]),
        updated_at=moment_or_none(row["updated_at"]),
        seen_at=moment(row["seen_at"]),
        first_fetch=bool(row["first_fetch"]),
        image_url=row["image_url"],
        enclosures=_enclosures_in(row["enclosures"]),
        language=row["language"],
        rules=_list_in(row["rules"]),
        is_dropped=bool(row["dropped"]),
    )


def _rules_out(ruling: Ruling) -> str:
    return _list_out(ruling.matched) if ruling.matched else ""


def _list_out(values: Sequence[object]) -> str:
    return json.dumps(values, ensure_ascii=False) if values else "[]"


def _list_in(stored: str | None) -> tuple[Any, ...]:
    # Most are empty.
    return () if not stored or stored == "[]" else tuple(json.loads(stored))


def _enclosure_out(enclosure: Enclosure) -> dict[str, Any]:
    seconds = enclosure.duration.total_seconds() if enclosure.duration else None
    said = {str(name): getattr(enclosure, name) for name in enclosure.__match_args__}
    return {**said, "duration": seconds}


def _enclosures_in(stored: str) -> tuple[Enclosure, ...]:
    def enclosure(fields: dict[str, Any]) -> Enclosure:
        seconds = fields.pop("duration")
        return Enclosure(**fields, duration=timedelta(seconds=seconds) if seconds else None)

    return tuple(enclosure(fields) for fields in _list_in(stored))

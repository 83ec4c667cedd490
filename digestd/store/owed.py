"""Rows of `owed`: which entry still has to be told to whom.

A debt is open until a message pays it, or until it is dropped with its reason:
because its owner asked for that, or because a digest tells it instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal

from digestd.core.messages import Debt
from digestd.frozen import dataclass
from digestd.store.db import Database, moment, moment_or_none, stamp

Kind = Literal["alert", "digest"]
_IDS_PER_QUERY = 5_000


@dataclass(frozen=True, slots=True)
class Owed:
    """An open debt: the entry has not been put into a message for its target.

    `held` says why it had to wait, once it had to: "quiet", "burst" or "paused".
    """

    pk: int
    entry_id: int
    feed_pk: int
    target: str
    due_at: datetime
    held: str = ""


def owe(db: Database, entry_id: int, revision: int, debts: Iterable[Debt]) -> None:
    """Note to whom an entry is owed; a known debt stays as it is.

    What is still owed in an older revision is owed in this one instead: nobody
    wants both in one message. The caller holds the transaction.
    """
    for debt in debts:
        raised = db.conn.execute(
            "UPDATE OR IGNORE owed SET revision = max(revision, ?) WHERE entry_id = ? AND kind = ?"
            " AND target = ? AND message_pk IS NULL AND dropped = ''",
            (revision, entry_id, debt.kind, debt.target),
        ).rowcount
        if not raised:
            # Not INSERT OR IGNORE: that would also swallow a missing entry.
            db.conn.execute(
                "INSERT INTO owed (entry_id, revision, kind, target, due_at)"
                " VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (entry_id, revision, kind, target) DO NOTHING",
                (entry_id, revision, debt.kind, debt.target, stamp(debt.due_at)),
            )


def owe_first(db: Database, owing: Iterable[tuple[int, Iterable[Debt]]]) -> None:
    """Note to whom entries stored just now are owed. The caller holds the transaction."""
    db.conn.executemany(
        "INSERT INTO owed (entry_id, revision, kind, target, due_at) VALUES (?, 1, ?, ?, ?)",
        [(id_, d.kind, d.target, stamp(d.due_at)) for id_, debts in owing for d in debts],
    )


def owe_nothing(db: Database, entry_id: int, revision: int, debt: Debt, why: str) -> None:
    """Note a debt that was dropped before it was one, with its reason."""
    db.conn.execute(
        "INSERT INTO owed (entry_id, revision, kind, target, due_at, dropped)"
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (entry_id, revision, kind, target) DO NOTHING",
        (entry_id, revision, debt.kind, debt.target, stamp(debt.due_at), why),
    )


def due(
    db: Database,
    kind: Kind,
    now: datetime,
    *,
    target: str | None = None,
    after: int = 0,
    limit: int = 10_000,
) -> list[Owed]:
    """Return open debts that are due, oldest first, those after row `after`."""
    rows = db.query(
        "SELECT o.pk, o.entry_id, e.feed_pk, o.target, o.due_at, o.held FROM owed o"
        " JOIN entries e ON e.id = o.entry_id"
        " WHERE o.message_pk IS NULL AND o.dropped = '' AND o.kind = :kind AND o.due_at <= :now"
        " AND o.pk > :after AND (:target IS NULL OR o.target = :target)"
        " ORDER BY o.pk LIMIT :limit",
        {"kind": kind, "now": stamp(now), "target": target, "after": after, "limit": limit},
    )
    return [
        Owed(r["pk"], r["entry_id"], r["feed_pk"], r["target"], moment(r["due_at"]), r["held"])
        for r in rows
    ]


def count(db: Database) -> dict[tuple[str, str], int]:
    """Return the number of open debts by kind and target."""
    rows = db.query(
        "SELECT kind, target, count(*) AS n FROM owed WHERE message_pk IS NULL AND dropped = ''"
        " GROUP BY 1, 2"
    )
    return {(row["kind"], row["target"]): row["n"] for row in rows}


def waiting(db: Database) -> list[tuple[str, str, int, datetime]]:
    """Return the alerts that are put off: channel, why, how many, and until when at the latest."""
    rows = db.conn.execute(
        "SELECT target, held, count(*), max(due_at) FROM owed WHERE message_pk IS NULL"
        " AND dropped = '' AND kind = 'alert' AND held <> '' GROUP BY 1, 2 ORDER BY 1, 2"
    )
    return [(row[0], row[1], row[2], moment(row[3])) for row in rows]


def next_alert_at(db: Database, now: datetime) -> datetime | None:
    """Return when the next alert that waits is to be looked at; None if none waits."""
    row = db.conn.execute(
        "SELECT min(due_at) FROM owed WHERE message_pk IS NULL AND dropped = '' AND kind = 'alert'"
        " AND due_at > ?",
        (stamp(now),),
    ).fetchone()
    return moment_or_none(row[0])


def in_digests(db: Database, entry_ids: Iterable[int]) -> set[int]:
    """Return those of the entries that a digest has told, or will tell."""
    wanted = sorted(set(entry_ids))
    found: set[int] = set()
    for start in range(0, len(wanted), _IDS_PER_QUERY):
        chunk = wanted[start : start + _IDS_PER_QUERY]
        rows = db.conn.execute(
            "SELECT DISTINCT entry_id FROM owed WHERE kind = 'digest' AND dropped = ''"
            f" AND entry_id IN ({','.join('?' * len(chunk))})",
            chunk,
        )
        found.update(row[0] for row in rows)
    return found


def are_open(db: Database, pks: Sequence[int]) -> bool:
    """Return whether nobody has paid or dropped any of these debts."""
    return all(
        db.conn.execute(
            "SELECT 1 FROM owed WHERE pk = ? AND message_pk IS NULL AND dropped = ''", (pk,)
        ).fetchone()
        for pk in pks
    )


def pay(db: Database, pks: Sequence[int], message_pk: int) -> None:
    """Note by which message these debts are paid."""
    db.conn.executemany(
        "UPDATE owed SET message_pk = ? WHERE pk = ?", [(message_pk, pk) for pk in pks]
    )


def hold(db: Database, held: Iterable[tuple[int, datetime, str]]) -> None:
    """Let open debts wait: each with its row, until when, and why."""
    db.conn.executemany(
        "UPDATE owed SET due_at = ?, held = ? WHERE pk = ? AND message_pk IS NULL",
        [(stamp(until), why, pk) for pk, until, why in held],
    )


def reconsider(db: Database, now: datetime) -> None:
    """Look again now at what is put off: what held it may have changed, or the clock was wrong."""
    db.conn.execute(
        "UPDATE owed SET due_at = :now WHERE message_pk IS NULL AND dropped = '' AND due_at > :now",
        {"now": stamp(now)},
    )


def drop(db: Database, dropped: Iterable[tuple[int, str]]) -> None:
    """Close open debts unpaid, each with its reason."""
    db.conn.executemany(
        "UPDATE owed SET dropped = ? WHERE pk = ? AND message_pk IS NULL AND dropped = ''",
        [(why, pk) for pk, why in dropped],
    )


def drop_all_of(db: Database, entry_id: int, why: str) -> None:
    """Close whatever an entry still owes, unpaid."""
    db.conn.execute(
        "UPDATE owed SET dropped = ? WHERE entry_id = ? AND message_pk IS NULL AND dropped = ''",
        (why, entry_id),
    )

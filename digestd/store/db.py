"""Opening the database, and transactions."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from digestd.errors import SchemaTooNewError, StoreError
from digestd.store.database import Database
from digestd.store.schema import MIGRATIONS

__all__ = [
    "Database",
    "backup",
    "changes_seen",
    "connect",
    "moment",
    "moment_or_none",
    "read_transaction",
    "savepoint",
    "stamp",
    "stamp_or_none",
    "whole_transaction",
    "write_transaction",
]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# Another process may hold the write lock while it commits a large poll.
_BUSY_MS = 15_000


def stamp(moment: datetime) -> int:
    """Return `moment` (aware) as microseconds since 1970, the form in which times are stored."""
    return (moment - _EPOCH) // _MICROSECOND


def stamp_or_none(moment: datetime | None) -> int | None:
    """Return `stamp(moment)`, or None for None."""
    return None if moment is None else stamp(moment)


def moment(stamped: int) -> datetime:
    """Return the UTC time that `stamp` stored."""
    return _EPOCH + timedelta(0, 0, stamped)


def moment_or_none(stamped: int | None) -> datetime | None:
    """Return `moment(stamped)`, or None for None."""
    return None if stamped is None else moment(stamped)


def connect(path: Path, *, create: bool = True) -> Database:
    """Open the database at `path` and bring its schema up to date.

    With `create=False` a missing file is a StoreError: commands that only look
    never make one. Raises SchemaTooNewError if a newer version wrote it.
    """
    if create:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    elif not path.exists():
        raise StoreError(f"nothing was seen yet: {path} does not exist; start `digestd run` first")
    try:
        if create and not path.exists():
            path.touch(mode=0o600)  # what people read is nobody else's business
        db = _open(path)
        _migrate(db)
    except sqlite3.Error as exc:
        raise StoreError(f"{path} cannot be used: {exc}") from exc
    except OSError as exc:
        raise StoreError(f"{path} cannot be used: {exc.strerror or exc}") from exc
    return db


def _open(path: Path) -> Database:
    # The connection is handed from the thread that opens to the one that works;
    # it is never used by two at once.
    conn = sqlite3.connect(path, timeout=_BUSY_MS / 1000, check_same_thread=False)
    conn.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    conn.execute("PRAGMA journal_mode = WAL")
    # FULL, not NORMAL: a delivery that was settled must stay settled when the power fails.
    conn.execute("PRAGMA synchronous = FULL")
    conn.execute("PRAGMA foreign_keys = ON")
    conn.execute("PRAGMA temp_store = MEMORY")
    conn.execute("PRAGMA cache_size = -4000")
    return Database(conn)


def _migrate(db: Database) -> None:
    applied = _applied(db)
    ours = {migration.__name__ for migration in MIGRATIONS}
    if strangers := applied - ours:
        raise SchemaTooNewError(
            "the database was written by a newer digestd"
            f" (it knows {', '.join(sorted(strangers))}); upgrade, or restore a backup"
        )
    if applied != ours:
        with write_transaction(db):
            _apply(db)


def _applied(db: Database) -> set[str]:
    """Return the names of the migrations that were run on this database."""
    tables = db.conn.execute("SELECT 1 FROM sqlite_master WHERE name = '_sqlite_migrations'")
    if tables.fetchone() is None:
        return set()
    names = db.conn.execute("SELECT name FROM _sqlite_migrations WHERE migration_set = 'digestd'")
    return {name for (name,) in names}


def _apply(db: Database) -> None:
    """Run the migrations that are missing. The caller holds the transaction."""
    import sqlite_utils  # noqa: PLC0415 (of no use once the schema is what it should be)
    from sqlite_utils.migrations import Migrations  # noqa: PLC0415

    known = Migrations("digestd")
    for migration in MIGRATIONS:
        known(name=migration.__name__)(lambda _, run=migration: run(db))
    known.apply(sqlite_utils.Database(db.conn, execute_plugins=False))


@contextlib.contextmanager
def write_transaction(db: Database) -> Iterator[Database]:
    """Run the block in one transaction that may write, from its first statement on.

    IMMEDIATE, because the command line and the daemon share a file: a deferred
    transaction that turns from reading to writing fails busy without waiting.
    Nests: an inner one is a savepoint.
    """
    if db.conn.in_transaction:
        with savepoint(db):
            yield db
        return
    db.conn.execute("BEGIN IMMEDIATE")
    try:
        yield db
        db.conn.execute("COMMIT")
    except BaseException:
        db.conn.rollback()
        raise


@contextlib.contextmanager
def whole_transaction(db: Database) -> Iterator[Database]:
    """Run the block in the transaction that is open, else in one of its own.

    For what fails as a whole with whatever is around it: it costs no savepoint.
    """
    if db.conn.in_transaction:
        yield db
        return
    with write_transaction(db):
        yield db


@contextlib.contextmanager
def savepoint(db: Database) -> Iterator[None]:
    """Undo the block alone if it fails; what is around it goes on. Nests."""
    # Not `db.atomic()`: that draws a random name each time, and names may repeat.
    db.conn.execute("SAVEPOINT part")
    try:
        yield
    except BaseException:
        if db.conn.in_transaction:  # some errors have undone all of it already
            db.conn.execute("ROLLBACK TO part")
            db.conn.execute("RELEASE part")
        raise
    db.conn.execute("RELEASE part")


@contextlib.contextmanager
def read_transaction(db: Database) -> Iterator[Database]:
    """Run the block on one snapshot."""
    db.conn.execute("BEGIN")
    try:
        yield db
    finally:
        db.conn.rollback()


def changes_seen(db: Database) -> int:
    """Return a number that differs after another connection has committed."""
    return int(db.conn.execute("PRAGMA data_version").fetchone()[0])


def backup(db: Database, target: Path) -> None:
    """Write a consistent copy to `target` while others go on working."""
    with contextlib.closing(sqlite3.connect(target)) as copy:
        db.conn.backup(copy)

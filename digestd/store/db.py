"""Opening the database, transactions, and the threads that the event loop talks to it through."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from digestd.errors import SchemaTooNewError, StoreError
from digestd.store.database import Database
from digestd.store.schema import MIGRATIONS

P = ParamSpec("P")
T = TypeVar("T")

__all__ = [
    "Database",
    "Store",
    "backup",
    "changes_seen",
    "connect",
    "moment",
    "moment_or_none",
    "read_transaction",
    "stamp",
    "stamp_or_none",
    "whole_transaction",
    "write_transaction",
]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# Another process may hold the write lock while it commits a large poll.
_BUSY_MS = 15_000
# Jobs that queue up while a commit is on its way share the next one: under load
# the price of an fsync is split, at rest nobody waits.
_MOST_PER_TRANSACTION = 64
# Under load, what nobody waits for is committed this often: a commit costs more than a poll.
_IN_COMPANY = 0.02  # seconds


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
        with _savepoint(db):
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
def _savepoint(db: Database) -> Iterator[None]:
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


class _Job:
    """What is to be run, and who waits for it; `again`: once more if it is undone."""

    __slots__ = ("again", "future", "run")

    def __init__(
        self, run: Callable[[Database], Any], future: asyncio.Future[Any], *, again: bool
    ) -> None:
        self.run = run
        self.future = future
        self.again = again


_Results = list[tuple[_Job, Any, BaseException | None]]


class _Lane:
    """One thread with one connection. Jobs run in the order in which they came.

    The thread is woken once for all jobs that come in one turn of the event loop. Those that
    are `patient` come at once after a rest, but no sooner than `_IN_COMPANY` after the last.
    """

    def __init__(
        self, db: Database, name: str, batch: Callable[[Database, list[_Job]], _Results]
    ) -> None:
        self._db = db
        self._batch = batch
        self._waiting: list[_Job] = []  # not passed on to the thread
        self._timer: asyncio.Handle | None = None  # when they will be
        self._is_soon = False
        self._passed_on_at = 0.0
        self._jobs: queue.SimpleQueue[list[_Job] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def submit(self, run: Callable[[Database], T], *, patient: bool = False) -> asyncio.Future[T]:
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        self._waiting.append(_Job(run, future, again=patient))
        if patient and self._timer is None:
            self._timer = loop.call_at(self._passed_on_at + _IN_COMPANY, self._pass_on, loop)
        elif not (patient or self._is_soon):
            if self._timer is not None:
                self._timer.cancel()
            self._timer, self._is_soon = loop.call_soon(self._pass_on, loop), True
        return future

    def close(self) -> None:
        self._jobs.put(self._waiting)
        self._waiting = []
        self._jobs.put(None)
        self._thread.join()
        self._db.conn.close()

    def _pass_on(self, loop: asyncio.AbstractEventLoop) -> None:
        self._jobs.put(self._waiting)
        self._waiting, self._timer, self._is_soon = [], None, False
        self._passed_on_at = loop.time()

    def _work(self) -> None:
        while (jobs := self._jobs.get()) is not None:
            last = self._gather(jobs)
            _tell(self._batch(self._db, [job for job in jobs if not job.future.cancelled()]))
            if last:
                return

    def _gather(self, jobs: list[_Job]) -> bool:
        """Add to `jobs` what has come meanwhile; say whether nothing more will come."""
        while len(jobs) < _MOST_PER_TRANSACTION:
            try:
                more = self._jobs.get_nowait()
            except queue.Empty:
                break
            if more is None:
                return True
            jobs += more
        return False


def _tell(results: _Results) -> None:
    """Tell each loop once of all that was done for it: waking it costs more than many a job."""
    by_loop: dict[asyncio.AbstractEventLoop, _Results] = {}
    for result in results:
        by_loop.setdefault(result[0].future.get_loop(), []).append(result)
    for loop, some in by_loop.items():
        with contextlib.suppress(RuntimeError):  # it has ended in the meantime
            loop.call_soon_threadsafe(_settle, some)


def _settle(results: _Results) -> None:
    for job, value, error in results:
        if job.future.done():
            continue  # nobody waits any more
        if error is None:
            job.future.set_result(value)
        else:
            job.future.set_exception(_translated(error))


def _write_batch(db: Database, jobs: list[_Job]) -> _Results:
    """Run `jobs` in one transaction; a failing one is undone alone.

    Nobody hears of success before the commit. If the commit itself fails
    (a full disk), each job is told so: none of them happened.
    """
    if len(jobs) == 1 or all(job.again for job in jobs):
        try:
            return _all_or_none(db, jobs)
        except Exception as exc:  # noqa: BLE001 (handed to the one who asked)
            if len(jobs) == 1:
                return [(jobs[0], None, exc)]
    results: _Results = []
    try:
        with write_transaction(db):
            for job in jobs:
                try:
                    with _savepoint(db):
                        results.append((job, job.run(db), None))
                except Exception as exc:
                    results.append((job, None, exc))
                    if not db.conn.in_transaction:
                        raise  # the error undid the whole transaction
    except Exception as exc:  # noqa: BLE001 (handed to those who asked)
        results = [(job, None, exc) for job in jobs]
    return results


def _all_or_none(db: Database, jobs: list[_Job]) -> _Results:
    """Run `jobs` in one transaction without a savepoint for each, which costs as much as most."""
    with write_transaction(db):
        return [(job, job.run(db), None) for job in jobs]


def _read_batch(db: Database, jobs: list[_Job]) -> _Results:
    results: _Results = []
    for job in jobs:
        try:
            with read_transaction(db):
                results.append((job, job.run(db), None))
        except Exception as exc:  # noqa: BLE001 (handed to the one who asked)
            results.append((job, None, exc))
    return results


def _translated(error: BaseException) -> BaseException:
    if isinstance(error, sqlite3.Error):
        translated = StoreError(f"database: {error}")
        translated.__cause__ = error
        return translated
    return error


class Store:
    """The database as the event loop sees it: one thread writes, another reads.

    `write(function, *args)` awaits `function(db, *args)` inside a write
    transaction and returns after its commit. Cancelling the wait does not undo
    the work: a job that was begun is finished.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writer = _Lane(connect(path), "digestd-write", _write_batch)
        self._reader = _Lane(connect(path), "digestd-read", _read_batch)

    async def write(
        self, function: Callable[Concatenate[Database, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `function(db, …)` in a write transaction; return its value after the commit."""
        return await self._writer.submit(lambda db: function(db, *args, **kwargs))

    async def write_in_company(
        self, function: Callable[Concatenate[Database, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Do what `write` does; where many write, wait a moment to share a commit with them.

        If another's part fails, `function` is undone and run once more.
        """
        return await self._writer.submit(lambda db: function(db, *args, **kwargs), patient=True)

    async def read(
        self, function: Callable[Concatenate[Database, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `function(db, …)` on one snapshot of the database."""
        return await self._reader.submit(lambda db: function(db, *args, **kwargs))

    def close(self) -> None:
        """Finish what was asked for and close both connections."""
        self._reader.close()
        self._writer.close()


def changes_seen(db: Database) -> int:
    """Return a number that differs after another connection has committed."""
    return int(db.conn.execute("PRAGMA data_version").fetchone()[0])


def backup(db: Database, target: Path) -> None:
    """Write a consistent copy to `target` while others go on working."""
    with contextlib.closing(sqlite3.connect(target)) as copy:
        db.conn.backup(copy)

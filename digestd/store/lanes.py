"""The database as the event loop sees it: two threads, one that writes and one that reads."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from digestd.errors import StoreError
from digestd.store.database import Database
from digestd.store.db import connect, read_transaction, savepoint, write_transaction

P = ParamSpec("P")
T = TypeVar("T")

# Jobs that queue up while a commit is on its way share the next one: under load
# the price of an fsync is split, at rest nobody waits.
_MOST_PER_TRANSACTION = 64
# Under load, what nobody waits for is committed this often: a commit costs more than a poll.
_IN_COMPANY = 0.02  # seconds


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

    def hand_over(self, run: Callable[[Database], Any], future: asyncio.Future[Any]) -> None:
        """Do what `submit` does, from another thread than the loop's, for a future of the loop."""
        self._jobs.put([_Job(run, future, again=False)])

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
    """Tell the loop once of all that was done for it: waking it costs more than many a job."""
    if results:
        loop = results[0][0].future.get_loop()
        with contextlib.suppress(RuntimeError):  # it has ended in the meantime
            loop.call_soon_threadsafe(_settle, results)


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
                    with savepoint(db):
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


class Promise:
    """A write to come: `written` is its value after the commit."""

    def __init__(self, writer: _Lane) -> None:
        self.written: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._writer = writer

    def begin(self, run: Callable[[Database], Any]) -> None:
        """Let `run(db)` be it. For any thread; once."""
        self._writer.hand_over(run, self.written)


class Store:
    """The database as the event loop sees it: one thread writes, another reads.

    `write(function, *args)` awaits `function(db, *args)` inside a write
    transaction and returns after its commit. Cancelling the wait does not undo
    the work: a job that was begun is finished. All who use it are on one loop.
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

    def promise(self) -> Promise:
        """Return a write that another thread will begin, and this loop may wait for."""
        return Promise(self._writer)

    async def read(
        self, function: Callable[Concatenate[Database, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `function(db, …)` on one snapshot of the database."""
        return await self._reader.submit(lambda db: function(db, *args, **kwargs))

    def close(self) -> None:
        """Finish what was asked for and close both connections."""
        self._reader.close()
        self._writer.close()

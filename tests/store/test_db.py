"""Opening, transactions, and the threads in front of the database."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.errors import SchemaTooNewError, StoreError
from digestd.store import channels
from digestd.store.db import (
    Database,
    backup,
    changes_seen,
    connect,
    moment,
    stamp,
    write_transaction,
)
from digestd.store.lanes import Store


@given(st.datetimes(datetime(1970, 1, 1), datetime(9998, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_a_stored_time_comes_back_to_the_microsecond(at: datetime) -> None:
    assert moment(stamp(at)) == at


def test_what_people_read_is_nobody_elses_business(tmp_path: Path) -> None:
    connect(tmp_path / "new" / "digestd.db").conn.close()
    assert stat.S_IMODE((tmp_path / "new" / "digestd.db").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


def test_looking_never_makes_a_database(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="nothing was seen yet"):
        connect(tmp_path / "digestd.db", create=False)
    assert not (tmp_path / "digestd.db").exists()


def test_a_newer_schema_is_refused_with_its_name(tmp_path: Path) -> None:
    db = connect(tmp_path / "digestd.db")
    with write_transaction(db):
        db.conn.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
            " VALUES ('digestd', 'm999_future', '2030-01-01')"
        )
    db.conn.close()
    with pytest.raises(SchemaTooNewError, match="m999_future"):
        connect(tmp_path / "digestd.db")


def test_a_broken_file_is_named_not_a_traceback(tmp_path: Path) -> None:
    path = tmp_path / "digestd.db"
    path.write_bytes(b"this is no database, but long enough to look like one" * 100)
    with pytest.raises(StoreError, match="cannot be used"):
        connect(path)


async def test_a_failing_job_undoes_itself_alone(tmp_path: Path) -> None:
    store = Store(tmp_path / "digestd.db")

    def fail(db: Database) -> None:
        channels.know(db, ["lost"])
        raise ValueError("no")

    jobs = [
        store.write(channels.know, ["a"]),
        store.write(fail),
        store.write(channels.know, ["b"]),
    ]
    results = await asyncio.gather(*jobs, return_exceptions=True)
    assert [type(r) for r in results] == [type(None), ValueError, type(None)]
    states = await store.read(channels.states)
    assert [s.name for s in states] == ["a", "b"]
    store.close()


async def test_what_nobody_waits_for_shares_commits(tmp_path: Path) -> None:
    store = Store(tmp_path / "digestd.db")
    commits = 0

    def count(db: Database) -> None:
        def on_statement(sql: str) -> None:
            nonlocal commits
            commits += sql == "COMMIT"

        db.conn.set_trace_callback(on_statement)

    async def write(name: str) -> None:
        await store.write_in_company(channels.know, [name])
        seen = await store.read(channels.states)
        assert name in {state.name for state in seen}  # committed when it returns

    await store.write(count)
    writes = []
    for n in range(40):  # each in a turn of its own of the event loop
        writes.append(asyncio.create_task(write(f"c{n:02}")))
        await asyncio.sleep(0)
    await asyncio.gather(*writes)
    assert commits < 20
    await store.write(channels.know, ["last"])  # takes along whatever waits
    assert len(await store.read(channels.states)) == 41
    store.close()


async def test_what_waits_for_company_is_written_at_the_end(tmp_path: Path) -> None:
    store = Store(tmp_path / "digestd.db")
    await store.write_in_company(channels.know, ["a"])
    late = asyncio.ensure_future(store.write_in_company(channels.know, ["b"]))
    await asyncio.sleep(0)
    store.close()
    await late
    db = connect(tmp_path / "digestd.db")
    assert [state.name for state in channels.states(db)] == ["a", "b"]
    db.conn.close()


async def test_who_fails_in_company_fails_alone(tmp_path: Path) -> None:
    store = Store(tmp_path / "digestd.db")

    def fail(db: Database) -> None:
        channels.know(db, ["lost"])
        raise ValueError("no")

    jobs = [
        store.write_in_company(channels.know, ["a"]),
        store.write_in_company(fail),
        store.write_in_company(channels.know, ["b"]),
    ]
    results = await asyncio.gather(*jobs, return_exceptions=True)
    assert [type(r) for r in results] == [type(None), ValueError, type(None)]
    assert [s.name for s in await store.read(channels.states)] == ["a", "b"]
    store.close()


async def test_a_full_disk_is_told_to_everyone_who_wrote(tmp_path: Path) -> None:
    store = Store(tmp_path / "digestd.db")

    def shrink(db: Database) -> None:
        pages = db.conn.execute("PRAGMA page_count").fetchone()[0]
        db.conn.execute(f"PRAGMA max_page_count = {pages + 2}")

    await store.write(shrink)
    names = [f"channel-{n:04}-{'x' * 200}" for n in range(400)]
    with pytest.raises(StoreError, match="full"):
        await store.write(channels.know, names)
    assert await store.read(channels.states) == []
    store.close()


def test_a_second_connection_sees_that_the_first_has_written(tmp_path: Path) -> None:
    one, two = connect(tmp_path / "digestd.db"), connect(tmp_path / "digestd.db")
    before = changes_seen(two)
    assert changes_seen(two) == before
    with write_transaction(one):
        channels.know(one, ["a"])
    assert changes_seen(two) != before
    one.conn.close()
    two.conn.close()


def test_a_backup_is_a_database_of_its_own(tmp_path: Path) -> None:
    db = connect(tmp_path / "digestd.db")
    with write_transaction(db):
        channels.know(db, ["a"])
    backup(db, tmp_path / "copy.db")
    db.conn.close()
    with sqlite3.connect(tmp_path / "copy.db") as copy:
        assert copy.execute("SELECT name FROM channels").fetchall() == [("a",)]
    copy.close()


def test_stamps_keep_the_order_of_times() -> None:
    early = datetime(2026, 1, 1, tzinfo=UTC)
    assert stamp(early) < stamp(early + timedelta(microseconds=1))

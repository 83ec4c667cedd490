"""Debts: each open one is paid once, and neither twice told nor silently forgotten."""

from __future__ import annotations

from datetime import timedelta

from digestd.core.messages import Debt
from digestd.store import owed
from digestd.store.db import Database
from tests.support.nouns import NOW, followed, new, seen

LATER = NOW + timedelta(hours=8)


def alerts(db: Database, *guids: str) -> list[owed.Owed]:
    [feed] = followed(db)
    seen(db, feed, *(new(guid, Debt("alert", "phone", NOW)) for guid in guids))
    return owed.due(db, "alert", NOW)


def test_a_revision_of_what_is_still_owed_is_owed_in_its_place(db: Database) -> None:
    [debt] = alerts(db, "1")
    owed.owe(db, debt.entry_id, 2, [Debt("alert", "phone", NOW)])
    assert owed.count(db) == {("alert", "phone"): 1}


def test_a_revision_of_what_was_told_is_owed_anew(db: Database) -> None:
    [debt] = alerts(db, "1")
    owed.drop(db, [(debt.pk, "told elsewhere")])
    owed.owe(db, debt.entry_id, 2, [Debt("alert", "phone", NOW)])
    owed.owe(db, debt.entry_id, 2, [Debt("alert", "phone", NOW)])
    assert owed.count(db) == {("alert", "phone"): 1}


def test_what_is_held_is_due_when_its_time_has_come_or_it_is_reconsidered(db: Database) -> None:
    [debt] = alerts(db, "1")
    owed.hold(db, [(debt.pk, LATER, "quiet")])
    assert owed.due(db, "alert", NOW) == []
    assert owed.next_alert_at(db, NOW) == LATER
    assert [one.held for one in owed.due(db, "alert", LATER)] == ["quiet"]
    owed.reconsider(db, NOW)
    assert [one.held for one in owed.due(db, "alert", NOW)] == ["quiet"]


def test_a_dropped_debt_is_neither_due_nor_counted(db: Database) -> None:
    one, two = alerts(db, "1", "2")
    owed.drop(db, [(one.pk, "paused")])
    assert owed.due(db, "alert", NOW) == [two]
    assert not owed.are_open(db, [one.pk])
    assert owed.count(db) == {("alert", "phone"): 1}


def test_what_is_in_a_digest_is_known(db: Database) -> None:
    [feed] = followed(db)
    seen(db, feed, new("1", Debt("digest", "daily", NOW)), new("2", Debt("alert", "phone", NOW)))
    [debt] = owed.due(db, "digest", NOW)
    assert owed.in_digests(db, range(10)) == {debt.entry_id}


def test_what_was_seen_by_a_clock_that_was_ahead_is_owed_all_the_same(db: Database) -> None:
    [feed] = followed(db)
    ahead = NOW + timedelta(days=4000)
    seen(db, feed, new("1", Debt("digest", "daily", ahead)), now=ahead)
    assert owed.due(db, "digest", NOW) == []
    owed.reconsider(db, NOW)
    assert len(owed.due(db, "digest", NOW)) == 1

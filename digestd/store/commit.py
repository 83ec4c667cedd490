"""A refresh as one transaction across the owners of its tables."""

from __future__ import annotations

from datetime import datetime

from sqlite_utils import Database

from digestd.core.refresh import RefreshPlan
from digestd.store import entries, feeds, owed, rhythms
from digestd.store.db import write_transaction


def commit_refresh(db: Database, plan: RefreshPlan, now: datetime) -> int:
    """Record one refresh: feed state, new entries, their seen keys, what they owe.

    All or nothing: an entry marked seen in one transaction and owed in another
    is an alert lost if we stop in between. Returns how many entries were new.
    """
    with write_transaction(db):
        feeds.record_poll(db, plan.feed)
        if plan.learned:
            rhythms.record(db, plan.feed.pk, plan.feed.rhythm)
        ids = entries.add(db, plan.feed.pk, plan.new_entries, seen_at=now)
        for entry_id, new in zip(ids, plan.new_entries, strict=True):
            if entry_id:
                owed.owe(db, entry_id, 1, new.debts)
    return sum(1 for entry_id in ids if entry_id)

"""A refresh as one transaction across the owners of its tables."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from digestd.core.reading import Outline
from digestd.core.refresh import RefreshPlan
from digestd.store import entries, feeds, held, hubs, outlines, owed, rhythms
from digestd.store.database import Database
from digestd.store.db import whole_transaction


def commit_refresh(
    db: Database,
    plan: RefreshPlan,
    now: datetime,
    outline: Outline | Literal["as it is"] | None = "as it is",
) -> int:
    """Record one refresh: feed state, new entries, their seen keys, what they owe.

    All or nothing: an entry marked seen in one transaction and owed in another
    is an alert lost if we stop in between. Returns how many entries were new.
    `outline` is that of the document, if it is another one than before.
    """
    with whole_transaction(db):
        match plan.outcome:
            case "pushed":
                feeds.record_push(db, plan.feed)
            case "fetched":
                feeds.record_poll(db, plan.feed)
                hubs.offer(db, plan.feed.pk, plan.offer)
            case _:
                feeds.record_asked(db, plan.feed)
        if plan.learned:
            rhythms.record(db, plan.feed.pk, plan.feed.rhythm)
        if outline != "as it is":
            outlines.record(db, plan.feed.pk, outline)
        if not (plan.new_entries or plan.renamed or plan.edits):
            return 0
        ids = entries.add(db, plan.feed.pk, plan.new_entries, seen_at=now)
        owing = [(i, new.debts) for i, new in zip(ids, plan.new_entries, strict=True) if i]
        if plan.held and owing:
            held.hold(db, plan.feed.pk, plan.held, owing, now)
        else:
            owed.owe_first(db, owing)
        entries.rename(db, plan.feed.pk, plan.renamed)
        entries.revise(db, plan.feed.pk, plan.edits)
        for edit in plan.edits:
            if edit.ruling.is_dropped:
                owed.drop_all_of(db, edit.known.id, edit.ruling.matched[-1])
            owed.owe(db, edit.known.id, edit.revision, edit.debts)
    return sum(1 for entry_id in ids if entry_id)

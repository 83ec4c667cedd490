"""What is remembered of a feed's entries."""

from __future__ import annotations

from datetime import timedelta

from digestd.store import entries
from digestd.store.db import Database
from tests.support.nouns import NOW, followed, new, parsed, seen

DAY = timedelta(days=1)


def test_late_entries_are_remembered_and_of_old_ones_those_that_may_have_come_back(
    db: Database,
) -> None:
    (feed,) = followed(db)
    for n in range(300):
        seen(db, feed, new(f"old{n}"), now=NOW - 900 * DAY + n * DAY)
    for n in range(120):
        seen(db, feed, new(f"late{n}"), now=NOW - 20 * DAY + n * DAY / 8)

    def remembered(*fresh: str, ids: tuple[int, ...] = ()) -> list[str]:
        found = entries.remembered(db, feed.pk, [parsed(guid) for guid in fresh], ids)
        return [known.guid or "" for known in found]

    late = [f"late{n}" for n in reversed(range(120))]
    assert remembered() == late
    assert remembered("old7", "late3", "never") == [*late, "old7"]
    assert remembered(ids=(2, 1)) == [*late, "old1", "old0"]


def test_of_a_quiet_feed_a_hundred_entries_are_late(db: Database) -> None:
    (feed,) = followed(db)
    for n in range(130):
        seen(db, feed, new(f"{n}"), now=NOW - 900 * DAY + 5 * n * DAY)
    found = [known.guid for known in entries.remembered(db, feed.pk)]
    assert found == [f"{n}" for n in reversed(range(30, 130))]

"""A row of `feeds` as the value that it stands for."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from digestd.core.models import Feed, Trial, Validators, Watch
from digestd.core.rhythm import Rhythm
from digestd.store.db import moment_or_none, stamp_or_none

_NOTHING = Watch()  # to be watched for: so most feeds are


def feed_of(row: dict[str, Any]) -> Feed:
    """Return the feed that `row` holds; its rhythm too, if that was selected."""
    return Feed(
        pk=row["pk"],
        id=row["id"],
        url=row["url"],
        title=row["title"],
        name=row["name"],
        home_url=row["home_url"],
        icon_url=row["icon_url"],
        language=row["language"],
        validators=Validators(row["etag"], row["last_modified"], row["validators_origin"]),
        body_hash=row["body_hash"],
        wire_hash=row["wire_hash"],
        next_poll_at=moment_or_none(row["next_poll_at"]),
        last_polled_at=moment_or_none(row["last_polled_at"]),
        last_ok_at=moment_or_none(row["last_ok_at"]),
        last_entry_at=moment_or_none(row["last_entry_at"]),
        failures=row["failures"],
        failing_since=moment_or_none(row["failing_since"]),
        last_error=row["last_error"],
        baseline_at=moment_or_none(row["baseline_at"]),
        gone_at=moment_or_none(row["gone_at"]),
        blocked_until=moment_or_none(row["blocked_until"]),
        recent_gaps=_numbers_in(row["recent_gaps"]),
        ttl=timedelta(seconds=row["ttl_seconds"]) if row["ttl_seconds"] is not None else None,
        skip_hours=frozenset(_list_in(row["skip_hours"])),
        skip_days=frozenset(_list_in(row["skip_days"])),
        listed=row["listed"],
        watch=_watch_in(row["watch"]),
        rhythm=Rhythm.from_bytes(blob) if (blob := row.get("rhythm")) else Rhythm(),
    )


def _list_in(stored: str) -> list[Any]:
    """Return a list as it was stored; most are empty, and parsing that is half of reading a row."""
    return [] if stored == "[]" else json.loads(stored)


def _numbers_in(stored: str) -> tuple[float, ...]:
    """Return a list of numbers as JSON has it; every poll reads one."""
    return tuple(map(float, stored[1:-1].split(","))) if stored != "[]" else ()


def stored_watch(watch: Watch) -> str:
    """Return what a feed is watched for as it is stored."""
    if watch == _NOTHING:
        return "{}"
    facts: dict[str, object] = {
        "moved_to": watch.moved_to,
        "moving": [watch.moving.value, watch.moving.count],
        "title": [watch.title.value, watch.title.count],
        "guid_changes": watch.guid_changes,
        "flood_at": stamp_or_none(watch.flood_at),
        "gap_at": stamp_or_none(watch.gap_at),
        "gap_wait": watch.gap_wait.total_seconds() if watch.gap_wait is not None else None,
    }
    return json.dumps(facts, ensure_ascii=False)


def _watch_in(stored: str) -> Watch:
    if stored == "{}":
        return _NOTHING
    facts = json.loads(stored)
    wait = facts["gap_wait"]
    return Watch(
        moved_to=facts["moved_to"],
        moving=Trial(*facts["moving"]),
        title=Trial(*facts["title"]),
        guid_changes=facts["guid_changes"],
        flood_at=moment_or_none(facts.get("flood_at")),
        gap_at=moment_or_none(facts["gap_at"]),
        gap_wait=timedelta(seconds=wait) if wait is not None else None,
    )

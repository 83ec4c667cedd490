"""How a feed fares, in one word."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from digestd.core.models import Feed

Health = Literal["gone", "failing", "new", "quiet", "well"]

# A feed is quiet when nothing came for so many of its usual gaps, and for days.
_QUIET_GAPS, _QUIET_AT_LEAST = 5, timedelta(days=3)


def health(feed: Feed, now: datetime) -> Health:
    """Return the state of `feed`; "new" until its first good fetch."""
    if feed.gone_at:
        return "gone"
    if feed.failures:
        return "failing"
    if feed.baseline_at is None:
        return "new"
    return "well" if quiet_since(feed, now) is None else "quiet"


def quiet_since(feed: Feed, now: datetime) -> datetime | None:
    """Return from when on a feed has been silent against its own rhythm; None if it is not."""
    if feed.last_entry_at is None or len(feed.recent_gaps) < 3:
        return None
    usual = timedelta(seconds=sorted(feed.recent_gaps)[len(feed.recent_gaps) // 2])
    begun = feed.last_entry_at + max(usual * _QUIET_GAPS, _QUIET_AT_LEAST)
    return begun if now > begun else None

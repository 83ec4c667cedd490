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
    if feed.last_entry_at and len(feed.recent_gaps) >= 3:
        usual = timedelta(seconds=sorted(feed.recent_gaps)[len(feed.recent_gaps) // 2])
        if now - feed.last_entry_at > max(usual * _QUIET_GAPS, _QUIET_AT_LEAST):
            return "quiet"
    return "well"

"""How a feed fares, in one word."""

from __future__ import annotations

from collections.abc import Sequence
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
    usual = usual_silence(feed.recent_gaps)
    if feed.last_entry_at is None or usual is None:
        return None
    begun = feed.last_entry_at + usual
    return begun if now > begun else None


def usual_silence(gaps: Sequence[float]) -> timedelta | None:
    """Return how long nothing may come from a feed with these `gaps` before it counts as quiet.

    None: it has too few of them to tell.
    """
    if len(gaps) < 3:
        return None
    usual = timedelta(seconds=sorted(gaps)[len(gaps) // 2])
    return max(usual * _QUIET_GAPS, _QUIET_AT_LEAST)

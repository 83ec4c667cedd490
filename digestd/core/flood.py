"""The flood breaker: is a batch of new entries news, or old posts that changed beyond recognition?

Whatever could be recognised is no longer among the new (`recognition`). What is left
is judged by one question: could so many have been posted since the last good fetch?
Entries dated after it could. The others could if the feed brings so many in that time, or
if they stand, undated, before all that is known, as new posts do. A title that an entry had
which has just vanished makes a date doubtful, too: of a feed that is made anew at every
fetch it is the time of that. If it cannot be decided, the batch is held, and its owner
decides: nothing is lost, and nobody is flooded.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from digestd.core.identity import clamp_date
from digestd.core.parsed import ParsedEntry
from digestd.core.recognition import Known, folded

AT_LEAST = 5
# Publishers date posts by when they began to write, or approve them days later.
_SLACK = timedelta(days=2)
_MARGIN = 3.0  # times the usual number of posts
_HISTORY = timedelta(days=28)


def is_flood(
    fresh: Collection[ParsedEntry],
    listed: Sequence[ParsedEntry],
    remembered: Sequence[Known],
    *,
    last_ok_at: datetime | None,
    now: datetime,
) -> bool:
    """Tell whether these new entries of one document, not its first, must be held."""
    if last_ok_at is None or len(fresh) < AT_LEAST or 2 * len(fresh) <= len(listed):
        return False
    leading = _leading(fresh, listed)
    echoes = _vanished_titles(fresh, listed, remembered)
    suspects = [
        entry
        for entry in fresh
        if folded(entry.title) in echoes
        or not _posted_since(entry, last_ok_at - _SLACK, leading, now)
    ]
    if len(suspects) < AT_LEAST or 2 * len(suspects) <= len(listed):
        return False
    return len(suspects) > AT_LEAST + _MARGIN * _usual(remembered, now - last_ok_at, now)


def _posted_since(
    entry: ParsedEntry, since: datetime, leading: Collection[int], now: datetime
) -> bool:
    date = clamp_date(entry.published_at or entry.updated_at, now)
    return date > since if date is not None else id(entry) in leading


def _leading(fresh: Collection[ParsedEntry], listed: Sequence[ParsedEntry]) -> set[int]:
    """Return the new entries that stand before all known ones, if there are known ones."""
    new = {id(entry) for entry in fresh}
    first_known = next((i for i, entry in enumerate(listed) if id(entry) not in new), None)
    return {id(entry) for entry in listed[:first_known]} if first_known is not None else set()


def _vanished_titles(
    fresh: Collection[ParsedEntry], listed: Sequence[ParsedEntry], remembered: Sequence[Known]
) -> frozenset[str]:
    new = {id(entry) for entry in fresh}
    still = {folded(entry.title) for entry in listed if id(entry) not in new}
    return frozenset(folded(known.title) for known in remembered if known.title) - still


def _usual(remembered: Sequence[Known], span: timedelta, now: datetime) -> float:
    """Return how many entries the feed brings in `span`, by what it lately brought."""
    seen = [known.seen_at for known in remembered if not known.first_fetch]
    recent = [at for at in seen if at > now - _HISTORY]
    if not recent:
        return 0.0
    return len(recent) * span / max(now - min(recent), timedelta(days=1))

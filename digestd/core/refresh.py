"""What one fetch means: every way by which bytes arrive ends here.

`decide` takes what is known of a feed and what was fetched, and returns
everything that follows, to be recorded in one transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import assert_never

from digestd.core import moving
from digestd.core.edits import Edit
from digestd.core.flood import is_flood
from digestd.core.freshness import parse_retry_after
from digestd.core.hubs import after_delivery
from digestd.core.identity import Fresh, clamp_date
from digestd.core.models import Feed, Subscription, Validators, Watch
from digestd.core.outcomes import Failed, Fetched, FetchOutcome, Gone, NotModified, Pushed
from digestd.core.owing import NewEntry, new_entries, wanted_edits
from digestd.core.parsed import ParsedFeed, Unreadable
from digestd.core.polling import USUAL_PRICE, PollLimits, gaps_between, next_poll_at
from digestd.core.recognition import WORTHLESS_AFTER, Memory, Recognised, Renamed, recognise
from digestd.core.rhythm import Rhythm, Sighting, caught_up, learn
from digestd.core.rules import Judge
from digestd.core.websub import Offer, find_offer
from digestd.frozen import dataclass, replace

# Two floods within this span are one feed that is made anew at every fetch.
_FLOODING = timedelta(hours=6)
# So long after a gap a feed is asked soon enough to have seen what it lost.
_GAP_REMEMBERED = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class RefreshPlan:
    """Everything that follows from one fetch. `feed` is the feed's new state as a whole."""

    feed: Feed
    # "fetched" | "same bytes" | "not modified" | "unreadable" | "gone" | "failed" | "pushed"
    outcome: str
    new_entries: tuple[NewEntry, ...] = ()  # oldest first
    listed: int = 0  # entries in the document
    learned: bool = False  # whether its rhythm is worth a write
    held: str = ""  # why the new entries are held; empty: they are not
    renamed: tuple[Renamed, ...] = ()
    edits: tuple[Edit, ...] = ()
    gap: bool = False  # nothing of the last good fetch is listed any more
    offer: Offer | None = None  # the hubs that a fetched document names


def decide(
    feed: Feed,
    subscription: Subscription,
    outcome: FetchOutcome | Pushed,
    document: ParsedFeed | Unreadable | None,
    memory: Memory,
    *,
    body_hash: bytes | None = None,
    now: datetime,
    chance: float,
    limits: PollLimits,
    price: float = USUAL_PRICE,
    pushed: bool = False,
    judge: Judge | None = None,
    found: Recognised | None = None,
) -> RefreshPlan:
    """Return what follows from `outcome`.

    `document` is what a `Fetched` body says; None where its bytes are those of
    last time (`body_hash`). `memory` is what is remembered of this feed, `found` what
    `recognise` makes of both, for whoever has asked already. `chance`
    in [0, 1) is for jitter; `price` and `pushed` are the planner's. `judge` knows the
    owner's rules; None: there are none.
    """
    whole = not isinstance(outcome, Pushed)
    if found is None:
        found = _recognised(feed, document, memory)
    held = _why_held(feed, document, found, memory, now, whole=whole)
    gap = whole and not held and has_gap(feed, found)
    rhythm, learned = _learned(feed, outcome, document, () if held else found.fresh, now)
    if isinstance(outcome, Pushed):
        feed = replace(feed, rhythm=rhythm)
        word, known = "pushed", document is None and bool(outcome.body.strip())
        state = (
            feed  # a poll was there before: the very same bytes
            if known
            else after_delivery(feed, document, found.fresh, now, limits.min_interval)
        )
    else:
        watch = _watched(feed, found, bool(held), gap, now)
        feed = replace(feed, rhythm=rhythm, watch=watch)
        due = next_poll_at(
            feed,
            subscription,
            outcome,
            document,
            now=now,
            chance=chance,
            limits=_soon_enough(limits, watch),
            price=price,
            pushed=pushed,
            overflow=gap,
        )
        state, word = _polled(feed, outcome, document, body_hash, due, now)
    if not isinstance(document, ParsedFeed) or (not whole and feed.baseline_at is None):
        return RefreshPlan(state, word, learned=learned)
    return RefreshPlan(
        state,
        word,
        new_entries(found.fresh, feed, subscription, now, judge, held=bool(held)),
        len(document.entries),
        learned,
        held,
        found.renamed,
        wanted_edits(found, memory, subscription, now, judge),
        gap,
        find_offer(outcome.headers, document, outcome.url)
        if isinstance(outcome, Fetched)
        else None,
    )


def _polled(
    feed: Feed,
    outcome: FetchOutcome,
    document: ParsedFeed | Unreadable | None,
    body_hash: bytes | None,
    due: datetime | None,
    now: datetime,
) -> tuple[Feed, str]:
    """Return the feed's state after a poll, due again at `due`, and what the poll is called."""
    match outcome:
        case Gone():
            reason = "gone (410): its publisher has ended it"
            return replace(_failed(feed, outcome, reason, due, now), gone_at=now), "gone"
        case Failed(reason):
            return _failed(feed, outcome, reason, due, now), "failed"
        case Fetched() | NotModified():
            pass
        case _:
            assert_never(outcome)
    if isinstance(document, Unreadable):
        return _failed(feed, outcome, document.reason, due, now), "unreadable"
    # At once: most polls end here, and a feed has many fields to copy.
    well = replace(
        feed,
        last_polled_at=now,
        next_poll_at=due,
        blocked_until=_asked_for(outcome, now),
        last_ok_at=now,
        failures=0,
        failing_since=None,
        last_error="",
        validators=_kept(feed.validators, outcome),
        wire_hash=outcome.wire_hash if isinstance(outcome, Fetched) else feed.wire_hash,
    )
    title = document.title if document is not None else None
    well = moving.after_good_fetch(well, outcome.moved_to, title)
    if isinstance(outcome, NotModified):
        return well, "not modified"
    if document is None:
        return well, "same bytes"
    return _described(well, document, body_hash, now), "fetched"


def has_gap(feed: Feed, found: Recognised) -> bool:
    """Tell whether posts may have come and gone between the last good fetch and this one.

    So it is where all that is listed is new; whoever asks knows that it is no flood.
    """
    before = feed.baseline_at is not None and feed.listed > 0
    return before and bool(found.fresh) and not found.overlaps


def may_walk_back(
    feed: Feed, document: ParsedFeed, found: Recognised, memory: Memory, now: datetime
) -> bool:
    """Tell whether older pages of a feed should be read for what was missed."""
    return has_gap(feed, found) and not _why_held(feed, document, found, memory, now)


def _recognised(feed: Feed, document: ParsedFeed | Unreadable | None, memory: Memory) -> Recognised:
    if not isinstance(document, ParsedFeed):
        return Recognised()
    entries = (*document.entries, *document.older)
    return recognise(entries, memory, trust_guids=trusts_guids(feed))


def trusts_guids(feed: Feed) -> bool:
    """Tell whether the guids of a feed are any good: those that change all the time are not."""
    return feed.watch.guid_changes < WORTHLESS_AFTER


def _why_held(
    feed: Feed,
    document: ParsedFeed | Unreadable | None,
    found: Recognised,
    memory: Memory,
    now: datetime,
    *,
    whole: bool = True,
) -> str:
    if not isinstance(document, ParsedFeed) or feed.baseline_at is None or not found.fresh:
        return ""
    # A delivery may hold one entry alone, under a title of the hub's.
    if whole and moving.is_taken_over(feed, document.title, overlaps=found.overlaps):
        return f"nothing seen before is listed, and the feed calls itself “{document.title}” now"
    fresh = [one.entry for one in found.fresh]
    if is_flood(fresh, found.listed, memory.entries, last_ok_at=feed.last_ok_at, now=now):
        return f"{len(fresh)} of {len(found.listed)} entries are suddenly new, though not recent"
    return ""


def _watched(feed: Feed, found: Recognised, held: bool, gap: bool, now: datetime) -> Watch:
    watch = feed.watch
    if held:
        again = watch.flood_at is not None and now - watch.flood_at < _FLOODING
        if again and not found.overlaps:
            watch = replace(watch, guid_changes=WORTHLESS_AFTER)
        return replace(watch, flood_at=now)
    if trusts_guids(feed) and found.listed:
        changed = found.guids_changed
        turns = watch.guid_changes + 1 if changed and changed >= len(found.known) else 0
        watch = replace(watch, guid_changes=turns)
    if gap:
        span = (now - (feed.last_ok_at or now)) / 2
        return replace(watch, gap_at=now, gap_wait=min(span, watch.gap_wait or span))
    if watch.gap_at and now - watch.gap_at > _GAP_REMEMBERED:
        return replace(watch, gap_at=None, gap_wait=None)
    return watch


def _soon_enough(limits: PollLimits, watch: Watch) -> PollLimits:
    if watch.gap_wait is None:
        return limits
    longest = max(watch.gap_wait, limits.min_interval)
    return replace(limits, max_interval=min(limits.max_interval, longest))


def _learned(
    feed: Feed,
    outcome: FetchOutcome | Pushed,
    document: ParsedFeed | Unreadable | None,
    fresh: Sequence[Fresh],
    now: datetime,
) -> tuple[Rhythm, bool]:
    """Return the feed's rhythm as of now, and whether that must be written down."""
    known = feed.rhythm
    if isinstance(outcome, Failed | Gone) or isinstance(document, Unreadable):
        return known, False
    if isinstance(outcome, Pushed):
        if not fresh or known.polled is None:
            return known, False
        # What a hub tells of has just appeared, whatever its date says.
        known = caught_up(known, now)
    if not fresh and known.polled is not None and (feed.last_ok_at or now) <= now:
        return learn(known, Sighting(), now), False  # what most polls come to
    known = caught_up(known, feed.last_ok_at)
    entries = [one.entry for one in fresh]
    if known.polled is None and document is not None:
        entries = list(document.entries)  # history, seen or not
    dates = [entry.published_at or entry.updated_at for entry in entries]
    rhythm = learn(known, Sighting(dates), now)
    return rhythm, bool(dates) or known.polled is None


def _asked_for(outcome: FetchOutcome, now: datetime) -> datetime | None:
    match outcome:
        case Failed():
            return parse_retry_after(outcome.retry_after, now)
        case Fetched() | NotModified():
            return parse_retry_after(outcome.headers.get("retry-after"), now)
        case Gone():
            return None


def _failed(
    feed: Feed, outcome: FetchOutcome, reason: str, due: datetime | None, now: datetime
) -> Feed:
    failed = replace(
        feed,
        last_polled_at=now,
        next_poll_at=due,
        blocked_until=_asked_for(outcome, now),
        failures=feed.failures + 1,
        failing_since=feed.failing_since or now,
        last_error=reason,
    )
    return moving.after_failure(failed)


def _kept(known: Validators, outcome: Fetched | NotModified) -> Validators:
    """Return the validators to keep; a 304 may refresh them (RFC 9111, section 4.3.4)."""
    fresh = outcome.validators
    if isinstance(outcome, Fetched):
        return fresh
    etag = fresh.etag or known.etag
    last_modified = fresh.last_modified or known.last_modified
    if (etag, last_modified) == (known.etag, known.last_modified):
        return known
    return replace(known, etag=etag, last_modified=last_modified)


def _described(feed: Feed, document: ParsedFeed, body_hash: bytes | None, now: datetime) -> Feed:
    dates = [
        date
        for entry in document.entries
        if (date := clamp_date(entry.published_at or entry.updated_at, now))
    ]
    newest = max([*dates, *([feed.last_entry_at] if feed.last_entry_at else [])], default=None)
    return replace(
        feed,
        home_url=document.home_url or feed.home_url,
        icon_url=document.icon_url or feed.icon_url,
        language=document.language or feed.language,
        body_hash=body_hash,
        last_entry_at=newest,
        baseline_at=feed.baseline_at or now,
        recent_gaps=gaps_between(dates) or feed.recent_gaps,
        ttl=document.ttl,
        skip_hours=document.skip_hours,
        skip_days=document.skip_days,
        listed=len(document.entries),
    )

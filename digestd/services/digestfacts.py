"""What a digest says besides its entries, gathered from the store and put into words."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

from digestd.core.models import Digest, Feed
from digestd.core.notices import Finding, of_channels, of_feeds
from digestd.core.pausing import link_token
from digestd.core.slots import Slot
from digestd.delivery.around import Around, Life
from digestd.frozen import dataclass, replace
from digestd.services import noticetexts
from digestd.store import alerted, feeds, notices, pauses
from digestd.store.db import Database
from digestd.store.sifted import Sifted, sifted
from digestd.store.unreached import Unreached, unreached

if TYPE_CHECKING:
    from digestd.delivery.words import Words  # loads babel: when a digest is made

# A slot closed later than this says that it catches up.
LATE = timedelta(minutes=30)
# Troubles that are named at the end of a digest, and feeds of which rules kept posts back.
_LINES = 5


@dataclass(frozen=True, slots=True)
class Limits:
    """How long an alert waits before it is told here instead; how long a feed fails unnamed."""

    fallback: timedelta
    after: timedelta


@dataclass(frozen=True, slots=True)
class Facts:
    """What the store says when a digest is made."""

    announced: dict[int, list[tuple[str, datetime]]]
    unreached: list[Unreached]
    life: Life
    troubles: list[Finding]
    sifted: list[tuple[Feed, Sifted]]
    pause_secret: bytes = b""


def gather(
    db: Database,
    digest: str,
    entry_ids: Collection[int],
    feed_pks: Sequence[int] | None,
    now: datetime,
    limits: Limits,
) -> Facts:
    """Read what is to be said; `feed_pks` are the digest's feeds, None: all."""
    wanted = None if feed_pks is None else set(feed_pks)
    states = feeds.healths(db, now, wanted)
    known = notices.known(db)
    told = [subject.removeprefix("feed:") for subject, _ in known]
    troubled = [f for f in feeds.in_trouble(db, told, now) if wanted is None or f.pk in wanted]
    troubles = [
        *of_feeds(sorted(troubled, key=lambda feed: feed.id), known, now, limits.after),
        *(
            one
            for one in of_channels(notices.channel_health(db), known, now, limits.after)
            if one.key in known
        ),
    ]
    counts = sifted(db, digest, wanted)
    of = feeds.by_pk(db, [one.feed_pk for one in counts])
    return Facts(
        alerted.announced(db, entry_ids),
        unreached(db, entry_ids, now - limits.fallback),
        Life(
            well=states["well"] + states["new"],
            failing=states["failing"] + states["gone"],
            quiet=states["quiet"],
        ),
        # Where a feed has moved to is followed anyway, and a notice has said so.
        [trouble for trouble in troubles if trouble.trouble != "moved"],
        [(of[one.feed_pk], one) for one in counts],
        pauses.link_secret(db),
    )


def around(
    facts: Facts,
    digest: Digest,
    words: Words,
    now: datetime,
    notes: Sequence[str] = (),
    web_url: str = "",
) -> Around:
    """Put `facts` into words. `web_url` is where our pages are reached; empty: nowhere."""
    link = pause = ""
    if web_url:
        token = link_token(facts.pause_secret, f"digest:{digest.name}")
        link = f"{web_url.rstrip('/')}/pause/{quote(digest.name, safe='')}/{token}"
        pause = words.say("Pause for a week")
    else:
        from shlex import quote as quoted  # noqa: PLC0415 (for this line alone)

        command = f"digestd pause {quoted(digest.name)} --for 7d"
        pause = words.say("To pause it for a week: {command}", command=command)
    return Around(
        notes=tuple(notes),
        marks=_marks(facts, words, now),
        life=replace(facts.life, extra=_by_rule(facts.sifted, words)),
        pause=pause,
        pause_link=link,
        footer=_lines(facts.troubles, words, now),
    )


def _by_rule(counts: Sequence[tuple[Feed, Sifted]], words: Words) -> tuple[str, ...]:
    """Return what the rules let through, of the feeds that brought most."""
    return tuple(
        words.say("{feed}: {kept} of {n} by rule", feed=feed.label, kept=one.kept, n=one.seen)
        for feed, one in counts[:_LINES]
    )


def _lines(troubles: Sequence[Finding], words: Words, now: datetime) -> tuple[str, ...]:
    """Return a line for each trouble; of many, for some, and how many more there are."""
    shown = troubles if len(troubles) <= _LINES + 1 else troubles[:_LINES]
    lines = [noticetexts.begun(one, "", words, now) for one in shown]
    if more := len(troubles) - len(shown):
        lines.append(words.count("and {n} more", "and {n} more", more))
    return tuple(lines)


def _marks(facts: Facts, words: Words, now: datetime) -> dict[int, tuple[str, ...]]:
    today = now.astimezone(words.zone).date()
    marks = {
        entry: tuple(
            words.say(
                "already on your {channel} {when}", channel=channel, when=_when(at, words, today)
            )
            for channel, at in told
        )
        for entry, told in facts.announced.items()
    }
    for one in facts.unreached:
        said = words.say("could not reach {channel}", channel=one.channel)
        known = marks.get(one.entry_id, ())
        marks[one.entry_id] = known if said in known else (*known, said)
    return marks


def _when(at: datetime, words: Words, today: object) -> str:
    """Return the time alone where it was today, else the day with it."""
    local = at.astimezone(words.zone)
    clock = words.clock(at)
    return clock if local.date() == today else f"{words.short_day(at)}, {clock}"


def lateness(slot: Slot, missed: int, words: Words, now: datetime) -> tuple[str, ...]:
    """Say why a digest comes when it comes; nothing if it is on time."""
    if missed:
        return (
            words.count(
                "This digest makes up for {n} that could not be sent in time.",
                "This digest makes up for {n} that could not be sent in time.",
                missed + 1,
            ),
        )
    if now - slot.due_at > LATE:
        return (words.say("It was due: {when}", when=words.when(slot.due_at, now)),)
    return ()

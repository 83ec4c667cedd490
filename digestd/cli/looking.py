"""Commands that only look: `feeds`, `entries`, `outbox`, `status`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import click

from digestd.app import App
from digestd.cli import Context
from digestd.cli.foresight import foresight
from digestd.cli.show import DURATION, JSON_OPTION, ago, rfc3339, rows, since
from digestd.core.health import health
from digestd.core.links import without_password, without_secrets
from digestd.core.models import Feed, Subscription
from digestd.store import entries as entry_rows
from digestd.store import feeds as feed_rows


@click.command()
@JSON_OPTION
@click.pass_obj
def feeds(context: Context, as_json: bool) -> None:
    """The table of feeds: last post, rhythm, next poll, health."""
    app = context.app()
    columns = [
        ("id", "ID"),
        ("name", "NAME"),
        ("_updated", "LAST POST"),
        ("rhythm", "RHYTHM"),
        ("_delay", "SEEN AFTER"),
        ("_next", "NEXT POLL"),
        ("_push", "BY"),
        ("_health", "HEALTH"),
    ]
    records = _feed_records(app, context.clock())
    rows(records, columns, as_json=as_json, empty="no feeds yet")


def _feed_records(app: App, now: datetime) -> Iterator[dict[str, Any]]:
    """Yield what is known of each feed, read as it is wanted: there may be very many."""
    if not app.config.store.path.exists():
        yield from map(_unasked, app.config.subscriptions)
        return
    with app.database() as db:
        weekly = feed_rows.posts_per_week(db, now)
        learned = foresight(app.config, db, now)
        for subscription in app.config.subscriptions:
            feed = feed_rows.at(db, subscription.url)
            if feed is None:
                yield _unasked(subscription)
            else:
                record = _feed_record(feed, weekly.get(feed.pk, 0.0), now)
                yield record | learned.of(feed, subscription)


def _feed_record(feed: Feed, weekly: float, now: datetime) -> dict[str, Any]:
    state = health(feed, now)
    return {
        "id": feed.id,
        "url": without_secrets(feed.url),
        "name": feed.label,
        "health": state,
        "error": feed.last_error,
        "last_updated": rfc3339(feed.last_entry_at),
        "last_polled": rfc3339(feed.last_polled_at),
        "next_poll": rfc3339(feed.next_poll_at) if feed.gone_at is None else None,
        "per_week": round(weekly, 1),
        "missed": rfc3339(feed.watch.gap_at),
        "moved_to": feed.watch.moved_to or None,
        "_updated": ago(feed.last_entry_at, now),
        "_next": "never" if feed.gone_at else ago(feed.next_poll_at, now),
        "_health": "; ".join(filter(None, [_in_words(state, feed), *_notes(feed, now)])),
    }


def _unasked(subscription: Subscription) -> dict[str, Any]:
    """Return the record of a feed that the daemon has yet to hear of."""
    url = without_password(subscription.url)
    empty = ("last_updated", "last_polled", "next_poll", "missed", "moved_to")
    unknown = ("published_to_seen", "seen_to_accepted", "expected_delay")
    return {
        "id": subscription.id or "",
        "url": url,
        "name": subscription.name or url,
        "health": "new",
        "error": "",
        **dict.fromkeys((*empty, *unknown)),
        "per_week": 0.0,
        "rhythm": "",
        "push": False,
        "_health": "new: asked when the daemon starts or reloads",
    }


def _in_words(state: str, feed: Feed) -> str:
    return f"{state}: {feed.last_error}" if feed.last_error else state


def _notes(feed: Feed, now: datetime) -> Iterator[str]:
    """Yield what its owner may want to know of a feed that is well."""
    if feed.watch.gap_at:
        yield f"posts may have been missed {ago(feed.watch.gap_at, now)}"
    if feed.watch.moved_to:
        yield f"moved to {feed.watch.moved_to}"


@click.command()
@click.argument("feed", required=False)
@click.option("--since", "span", type=DURATION, metavar="SPAN", help="Seen in the last 7d, 12h …")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("--search", default="", metavar="WORDS", help="With all of these words.")
@JSON_OPTION
@click.pass_obj
def entries(
    context: Context,
    feed: str | None,
    span: timedelta | None,
    limit: int,
    search: str,
    as_json: bool,
) -> None:
    """What was seen, newest first."""
    app = context.app()
    now = context.clock()
    with app.database() as db:
        chosen = None if feed is None else [feed_rows.find(db, feed).pk]
        found = entry_rows.recent(
            db, feed_pks=chosen, since=since(context.clock, span), search=search, limit=limit
        )
        of = feed_rows.by_pk(db, (entry.feed_pk for entry in found))
    records = [
        {
            "id": entry.id,
            "feed": of[entry.feed_pk].id,
            "guid": entry.guid,
            "title": entry.title,
            "link": entry.link,
            "published": rfc3339(entry.published_at),
            "seen": rfc3339(entry.seen_at),
            "first_fetch": entry.first_fetch,
            "_when": ago(entry.dated_at, now),
        }
        for entry in found
    ]
    columns = [
        ("id", "ID"),
        ("_when", "PUBLISHED"),
        ("feed", "FEED"),
        ("title", "TITLE"),
        ("link", "LINK"),
    ]
    rows(records, columns, as_json=as_json, empty="no entries")

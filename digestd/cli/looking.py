"""Commands that only look: `feeds`, `entries`, `outbox`, `status`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import click

from digestd.app import App
from digestd.cli import Context
from digestd.cli.show import DURATION, JSON_OPTION, ago, rfc3339, rows, safe, since
from digestd.core.health import health
from digestd.core.models import Feed
from digestd.core.slots import next_slot
from digestd.errors import StoreError
from digestd.store import channels as channel_rows
from digestd.store import daemons
from digestd.store import entries as entry_rows
from digestd.store import feeds as feed_rows
from digestd.store import held as held_rows
from digestd.store import outbox as outbox_rows
from digestd.store import owed as owed_rows
from digestd.store.db import Database

_LATE = timedelta(minutes=5)
# Between two passes of cron nobody runs, and nothing is wrong.
_FORGOTTEN = timedelta(hours=2)


@click.command()
@JSON_OPTION
@click.pass_obj
def feeds(context: Context, as_json: bool) -> None:
    """The table of feeds: last post, rhythm, next poll, health."""
    app = context.app()
    now = context.clock()
    with app.database() as db:
        known = {feed.url: feed for feed in feed_rows.all_active(db)}
        weekly = feed_rows.posts_per_week(db, now)
    records = []
    for subscription in app.config.subscriptions:
        feed = known.get(subscription.url)
        if feed is None:
            continue  # the daemon has not read this configuration yet; `check` shows it
        records.append(_feed_record(feed, weekly.get(feed.pk, 0.0), now))
    columns = [
        ("id", "ID"),
        ("name", "NAME"),
        ("_updated", "LAST POST"),
        ("_weekly", "A WEEK"),
        ("_next", "NEXT POLL"),
        ("_push", "BY"),
        ("_health", "HEALTH"),
    ]
    rows(records, columns, as_json=as_json, empty="no feeds yet")


def _feed_record(feed: Feed, weekly: float, now: datetime) -> dict[str, Any]:
    state = health(feed, now)
    return {
        "id": feed.id,
        "url": feed.url,
        "name": feed.label,
        "health": state,
        "error": feed.last_error,
        "last_updated": rfc3339(feed.last_entry_at),
        "last_polled": rfc3339(feed.last_polled_at),
        "next_poll": rfc3339(feed.next_poll_at) if feed.gone_at is None else None,
        "push": False,
        "per_week": round(weekly, 1),
        "missed": rfc3339(feed.watch.gap_at),
        "moved_to": feed.watch.moved_to or None,
        "_updated": ago(feed.last_entry_at, now),
        "_weekly": f"{weekly:.1f}" if weekly else "–",
        "_next": "never" if feed.gone_at else ago(feed.next_poll_at, now),
        "_push": "poll",
        "_health": "; ".join(filter(None, [_in_words(state, feed), *_notes(feed, now)])),
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


@click.group(invoke_without_command=True)
@click.pass_context
def outbox(ctx: click.Context) -> None:
    """What is owed, to whom, how often tried, the last error and the next try."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(outbox_list)


@outbox.command("list")
@click.option("--all", "every", is_flag=True, help="What was sent, too.")
@JSON_OPTION
@click.pass_obj
def outbox_list(context: Context, every: bool = False, as_json: bool = False) -> None:
    """List deliveries that are due, on their way, parked or dead."""
    app = context.app()
    now = context.clock()
    states = ("due", "sending", "parked", "dead", *(("sent",) if every else ()))
    with app.database() as db:
        listed = outbox_rows.listing(db, states)
    records = [
        {
            "id": one.id,
            "channel": one.channel,
            "kind": one.kind,
            "state": one.state,
            "title": one.title,
            "entries": list(one.entries),
            "attempts": one.attempts,
            "last_error": one.last_error,
            "next_try": rfc3339(one.due_at) if one.state == "due" else None,
            "sent": rfc3339(one.sent_at),
            "_next": ago(one.due_at, now) if one.state == "due" else "–",
        }
        for one in listed
    ]
    columns = [
        ("id", "ID"),
        ("channel", "CHANNEL"),
        ("state", "STATE"),
        ("attempts", "TRIED"),
        ("_next", "NEXT TRY"),
        ("title", "TITLE"),
        ("last_error", "LAST ERROR"),
    ]
    rows(records, columns, as_json=as_json, empty="nothing is owed")


@click.command()
@JSON_OPTION
@click.pass_obj
def status(context: Context, as_json: bool) -> int:
    """One screen: the daemon, feeds, the outbox, the next slots.

    Exit 1 if something needs you.
    """
    app = context.app()
    now = context.clock()
    try:
        with app.database() as db:
            report = _status(app, db, now)
    except StoreError as exc:
        report = {
            "running": False,
            "feeds": {},
            "owed": {},
            "slots": _slots(app, now),
            "problems": [str(exc)],
        }
    if as_json:
        click.echo(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        _print_status(report, now)
    return 1 if report["problems"] else 0


def _status(app: App, db: Database, now: datetime) -> dict[str, Any]:
    alive = daemons.running(db)
    known = feed_rows.all_active(db)
    states = [health(feed, now) for feed in known]
    late = [feed for feed in known if _is_late(feed, now, _LATE)]
    waiting = outbox_rows.counts(db)
    digests_owed = sum(
        n
        for (kind, target), n in owed_rows.count(db).items()
        if kind == "digest" and target in app.config.digests
    )
    problems = [
        f"feed {f.id}: {f.last_error}" for f in known if f.failures >= 3 or f.gone_at is not None
    ]
    problems += [
        f"channel {c.name} is parked: {c.parked_reason}; mend it, then `digestd test {c.name}`"
        for c in channel_rows.states(db)
        if c.parked_at
    ]
    names = {feed.pk: feed.id for feed in known}
    problems += [
        f"feed {names[b.feed_pk]}: {b.entries} entries are held ({b.reason}); `digestd held`"
        for b in held_rows.batches(db)
    ]
    if waiting["dead"]:
        problems.append(f"{waiting['dead']} deliveries were refused for ever: `digestd outbox`")
    abandoned = not alive and (
        daemons.crashed(db) or any(_is_late(f, now, _FORGOTTEN) for f in known)
    )
    if abandoned:
        problems.append("the daemon is not running, and feeds wait to be asked")
    return {
        "running": bool(alive),
        "since": rfc3339(alive[0][1]) if alive else None,
        "feeds": {
            "total": len(known),
            **{name: states.count(name) for name in ("well", "failing", "quiet", "gone", "new")},
            "late": len(late) if alive else 0,
        },
        "owed": {
            "deliveries": waiting["due"] + waiting["sending"],
            "parked": waiting["parked"],
            "dead": waiting["dead"],
            "for_digests": digests_owed,
        },
        "slots": _slots(app, now),
        "problems": problems,
    }


def _is_late(feed: Feed, now: datetime, by: timedelta) -> bool:
    due = feed.next_poll_at
    return feed.gone_at is None and due is not None and now - due > by


def _slots(app: App, now: datetime) -> list[dict[str, Any]]:
    found = []
    for digest in app.config.digests.values():
        slot = next_slot(digest.schedule, digest.zone, now)
        found.append(
            {
                "digest": digest.name,
                "slot": slot.key if slot else None,
                "due": rfc3339(slot.due_at) if slot else None,
            }
        )
    return found


def _print_status(report: dict[str, Any], now: datetime) -> None:
    running = "running" if report["running"] else "not running"
    if report.get("since"):
        running += f", since {ago(datetime.fromisoformat(report['since']), now)}"
    click.echo(f"daemon   {click.style(running, bold=True)}")
    if report["feeds"]:
        counts = report["feeds"]
        words = [
            f"{counts[k]} {k}"
            for k in ("well", "new", "quiet", "failing", "gone", "late")
            if counts[k]
        ]
        click.echo(f"feeds    {counts['total']}: {', '.join(words) or 'none'}")
    if report["owed"]:
        owed = report["owed"]
        words = [f"{owed['deliveries']} on their way", f"{owed['for_digests']} entries for digests"]
        words += [f"{owed[k]} {k}" for k in ("parked", "dead") if owed[k]]
        click.echo(f"outbox   {', '.join(words)}")
    for slot in report["slots"]:
        due = slot["due"]
        when = f"{slot['slot']} ({ago(datetime.fromisoformat(due), now)})" if due else "by hand"
        click.echo(f"digest   {safe(slot['digest'])}: {when}")
    for problem in report["problems"]:
        click.echo(f"{click.style('needs you', fg='red', bold=True)}  {safe(problem)}")

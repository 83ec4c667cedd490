"""`status`: one screen, and exit 1 when something needs its owner."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import click

from digestd.app import App
from digestd.cli import Context
from digestd.cli.foresight import LATELY, quantiles
from digestd.cli.show import JSON_OPTION, ago, brief, rfc3339, safe
from digestd.core.health import Health
from digestd.core.latency import latency
from digestd.core.notices import of_channels
from digestd.core.slots import next_slot
from digestd.errors import StoreError
from digestd.store import daemons, feeds, held, ledger, notices, owed, passages, pauses
from digestd.store.db import Database

_LATE = timedelta(minutes=5)
# Between two passes of cron nobody runs, and nothing is wrong.
_FORGOTTEN = timedelta(hours=2)
_DEAD_SHOWN = 5
_OFTEN = 3  # failures in a row: what fails once is asked again soon
_BROKEN_SHOWN = 20
_STATES: tuple[Health, ...] = ("well", "failing", "quiet", "gone", "new")


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
    states = feeds.healths(db, now)
    waiting = ledger.counts(db)
    debts = owed.count(db)
    return {
        "running": bool(alive),
        "since": rfc3339(alive[0][1]) if alive else None,
        "feeds": {
            "total": states.total(),
            **{name: states[name] for name in _STATES},
            "late": feeds.late(db, now - _LATE) if alive else 0,
        },
        "owed": {
            "deliveries": waiting["due"] + waiting["sending"],
            "parked": waiting["parked"],
            "dead": waiting["dead"],
            "alerts": sum(n for (kind, _), n in debts.items() if kind == "alert"),
            "for_digests": sum(
                n
                for (kind, target), n in debts.items()
                if kind == "digest" and target in app.config.digests
            ),
        },
        "paused": [
            {"what": one.what, "until": rfc3339(one.until), "drop": one.dropping}
            for one in pauses.in_force(db, now)
        ],
        "latency": _latency(db, now),
        "slots": _slots(app, now),
        "problems": [
            *_feed_problems(db),
            *_channel_problems(app, db, now),
            *_outbox_problems(app, db, waiting["dead"], debts),
            *_daemon_problems(db, now, running=bool(alive)),
        ],
    }


def _latency(db: Database, now: datetime) -> dict[str, Any]:
    """Return the figures of all posts, in seconds; per feed they are in `feeds --json`."""
    whole, _ = latency(passages.since(db, now - LATELY))
    return {
        "days": LATELY.days,
        "published_to_seen": quantiles(whole.seen),
        "seen_to_accepted": quantiles(whole.accepted),
    }


def _feed_problems(db: Database) -> list[str]:
    shown, broken = feeds.broken(db, _OFTEN, _BROKEN_SHOWN)
    found = [f"feed {feed_id}: {error}" for feed_id, error in shown]
    if broken > len(shown):
        found.append(f"{broken - len(shown)} more feeds have such trouble: `digestd feeds`")
    batches = held.batches(db)
    of = feeds.by_pk(db, (batch.feed_pk for batch in batches))
    return found + [
        f"feed {of[b.feed_pk].id}: {b.entries} entries are held ({b.reason}); `digestd held`"
        for b in batches
    ]


def _channel_problems(app: App, db: Database, now: datetime) -> list[str]:
    after = app.config.notices.after
    found = []
    for one in of_channels(notices.channel_health(db), {}, now, after):
        if one.trouble == "parked":
            mend = f"mend it, then `digestd test {one.label}`"
            found.append(f"channel {one.label} is parked: {one.detail}; {mend}")
        else:
            since = ago(one.since, now)
            found.append(f"channel {one.label} cannot be reached, first {since}: {one.detail}")
    return found


def _outbox_problems(
    app: App, db: Database, dead: int, debts: dict[tuple[str, str], int]
) -> list[str]:
    found = [
        f"{n} alerts wait for {target}, which is no channel any more"
        for (kind, target), n in debts.items()
        if kind == "alert" and target not in app.config.channels
    ]
    shown = ledger.listing(db, ["dead"], limit=_DEAD_SHOWN)
    found += [
        f'not delivered to {one.channel}: "{one.title}" ({one.last_error});'
        f" `digestd outbox retry {one.id}` or `drop {one.id}`"
        for one in shown
    ]
    if dead > len(shown):
        found.append(f"{dead - len(shown)} more could not be delivered: `digestd outbox`")
    return found


def _daemon_problems(db: Database, now: datetime, *, running: bool) -> list[str]:
    waits = daemons.crashed(db) or feeds.late(db, now - _FORGOTTEN) > 0
    if waits and not running:
        return ["the daemon is not running, and feeds wait to be asked"]
    return []


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


def _latency_lines(found: dict[str, Any] | None) -> Iterator[str]:
    """Yield how late posts were seen, and how long after that they were told, where known."""
    seen = found and found["published_to_seen"]
    told = found and found["seen_to_accepted"]
    if seen:
        yield (
            f"seen     {_after(seen)} after publication"
            f" ({seen['posts']} posts in {LATELY.days} days)"
        )
    if told:
        yield f"told     {_after(told)} after that"


def _after(figures: dict[str, Any]) -> str:
    return f"{brief(figures['median'])} (90 % within {brief(figures['p90'])})"


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
        owes = report["owed"]
        words = [f"{owes['deliveries']} on their way", f"{owes['for_digests']} entries for digests"]
        words += [f"{owes['alerts']} alerts that wait"] if owes["alerts"] else []
        words += [f"{owes[k]} {k}" for k in ("parked", "dead") if owes[k]]
        click.echo(f"outbox   {', '.join(words)}")
    for line in _latency_lines(report.get("latency")):
        click.echo(line)
    for pause in report.get("paused", ()):
        until = pause["until"]
        end = ago(datetime.fromisoformat(until), now) if until else "when you resume it"
        click.echo(f"paused   {safe(pause['what'])}: ends {end}")
    for slot in report["slots"]:
        due = slot["due"]
        when = f"{slot['slot']} ({ago(datetime.fromisoformat(due), now)})" if due else "by hand"
        click.echo(f"digest   {safe(slot['digest'])}: {when}")
    for problem in report["problems"]:
        click.echo(f"{click.style('needs you', fg='red', bold=True)}  {safe(problem)}")

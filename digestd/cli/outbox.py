"""`outbox`: what is owed, to whom, and how it fares; tried again or given up by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

import click

from digestd.app import App
from digestd.cli import Context
from digestd.cli.show import JSON_OPTION, ago, rfc3339, rows, safe
from digestd.core.pausing import ENDLESS
from digestd.errors import UsageError
from digestd.store import ledger, owed
from digestd.store import outbox as outbox_rows
from digestd.store.db import Database
from digestd.store.lanes import Store

_COLUMNS = [
    ("id", "ID"),
    ("channel", "CHANNEL"),
    ("state", "STATE"),
    ("attempts", "TRIED"),
    ("_next", "NEXT TRY"),
    ("title", "TITLE"),
    ("last_error", "LAST ERROR"),
]
_BY_OWNER = "by its owner"


@click.group(invoke_without_command=True)
@JSON_OPTION
@click.pass_context
def outbox(ctx: click.Context, as_json: bool) -> None:
    """What is owed, to whom, how often tried, the last error and the next try."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(outbox_list, as_json=as_json)


@outbox.command("list")
@click.option("--all", "every", is_flag=True, help="What was sent or dropped, too.")
@click.option("--channel", help="Of this channel alone.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=1000, show_default=True)
@JSON_OPTION
@click.pass_obj
def outbox_list(
    context: Context,
    every: bool = False,
    channel: str | None = None,
    limit: int = 1000,
    as_json: bool = False,
) -> None:
    """List deliveries that are due, on their way, parked or dead."""
    now = context.clock()
    states = (*ledger.OPEN, *(("sent", "dropped") if every else ()))
    with context.app().database() as db:
        listed = ledger.listing(db, states, channel=channel, limit=limit)
        waiting = owed.waiting(db)
    _show(listed, now, as_json=as_json)
    for target, why, count, until in waiting:
        if channel in (None, target):
            end = ago(until, now) if until < ENDLESS else "when it is resumed"
            alerts = "1 alert waits" if count == 1 else f"{count} alerts wait"
            click.echo(f"{alerts} for {safe(target)} ({why}), to be sent {end}", err=True)


def _show(listed: list[ledger.Listed], now: datetime, *, as_json: bool) -> None:
    records = [_record(one, now) for one in listed]
    rows(records, _COLUMNS, as_json=as_json, empty="nothing is owed")


def _record(one: ledger.Listed, now: datetime) -> dict[str, Any]:
    return {
        "id": one.id,
        "channel": one.channel,
        "kind": one.kind,
        "state": one.state,
        "title": one.title,
        "recipient": one.recipient,
        "entries": list(one.entries),
        "attempts": one.attempts,
        "last_error": one.last_error,
        "next_try": rfc3339(one.due_at) if one.state == "due" else None,
        "created": rfc3339(one.created_at),
        "sent": rfc3339(one.sent_at),
        "_next": ago(one.due_at, now) if one.state == "due" else "–",
    }


@outbox.command()
@click.argument("ids", metavar="ID...", type=int, nargs=-1)
@click.option("--channel", help="All that failed on this channel.")
@JSON_OPTION
@click.pass_obj
def retry(context: Context, ids: tuple[int, ...], channel: str | None, as_json: bool) -> int:
    """Try these deliveries again now, as if they had never failed.

    A parked channel is freed for it. The daemon sends them, or the next pass.
    """

    def act(db: Database, one: int, now: datetime) -> bool:
        return bool(outbox_rows.retry(db, one, now))

    return _each(context.app(), ids, channel, act, as_json=as_json)


@outbox.command()
@click.argument("ids", metavar="ID...", type=int, nargs=-1)
@click.option("--channel", help="All that wait for this channel.")
@JSON_OPTION
@click.pass_obj
def drop(context: Context, ids: tuple[int, ...], channel: str | None, as_json: bool) -> int:
    """Send these deliveries no more. `why` still tells of them."""

    def act(db: Database, one: int, _now: datetime) -> bool:
        return bool(outbox_rows.drop(db, [one], _BY_OWNER))

    return _each(context.app(), ids, channel, act, as_json=as_json)


def _each(
    app: App,
    ids: tuple[int, ...],
    channel: str | None,
    act: Callable[[Database, int, datetime], bool],
    *,
    as_json: bool,
) -> int:
    """Do something to each delivery; show what became of them."""
    if not ids and channel is None:
        raise UsageError("which delivery? `digestd outbox` lists their ids")
    with app.database():
        pass  # says that nothing was seen yet, rather than make an empty database
    now = app.clock()

    def work(db: Database) -> tuple[list[int], list[int]]:
        wanted = [*ids]
        if channel is not None:
            wanted += [one.id for one in ledger.listing(db, channel=channel, limit=100_000)]
        return wanted, [one for one in wanted if not act(db, one, now)]

    async def run() -> tuple[list[int], list[int], list[ledger.Listed]]:
        store = Store(app.config.store.path)
        try:
            wanted, left = await store.write(work)
            states = (*ledger.OPEN, "sent", "dropped")
            return wanted, left, await store.read(ledger.listing, states, ids=wanted)
        finally:
            store.close()

    wanted, left, listed = asyncio.run(run())
    _show(listed, now, as_json=as_json)
    known = {one.id: one.state for one in listed}
    for one in left:
        was = f"it is {known[one]}" if one in known else "there is no such delivery"
        click.echo(f"{one}: left as it is, {was}", err=True)
    return 1 if left or not wanted else 0

"""`held`: batches that the flood breaker holds, for their owner to decide on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

import click

from digestd.app import App
from digestd.cli import Context
from digestd.cli.show import JSON_OPTION, ago, rfc3339, rows, safe
from digestd.core.models import Feed
from digestd.store import feeds as feed_rows
from digestd.store import held as held_rows
from digestd.store.db import Database
from digestd.store.lanes import Store


@click.group(invoke_without_command=True)
@JSON_OPTION
@click.pass_context
def held(ctx: click.Context, as_json: bool) -> None:
    """Batches of entries that look new and may be old: release or drop them.

    A feed of which most is suddenly new has perhaps only changed its addresses.
    Where that cannot be known, nobody is told of the batch until you decide.
    """
    if ctx.invoked_subcommand is None:
        ctx.invoke(held_list, as_json=as_json)


@held.command("list")
@JSON_OPTION
@click.pass_obj
def held_list(context: Context, as_json: bool) -> None:
    """List what is held."""
    now = context.clock()
    with context.app().database() as db:
        batches = held_rows.batches(db)
        of = feed_rows.by_pk(db, (batch.feed_pk for batch in batches))
    records = [
        {
            "feed": of[batch.feed_pk].id,
            "name": of[batch.feed_pk].label,
            "entries": batch.entries,
            "titles": list(batch.titles),
            "since": rfc3339(batch.held_at),
            "reason": batch.reason,
            "_since": ago(batch.held_at, now),
            "_titles": "; ".join(batch.titles),
        }
        for batch in batches
    ]
    columns = [
        ("feed", "FEED"),
        ("entries", "ENTRIES"),
        ("_since", "SINCE"),
        ("reason", "WHY"),
        ("_titles", "THE NEWEST"),
    ]
    rows(records, columns, as_json=as_json, empty="nothing is held")


@held.command()
@click.argument("feed")
@click.pass_obj
def release(context: Context, feed: str) -> int:
    """Send what is held of FEED, as if it had just been found."""
    return _decide(context.app(), feed, held_rows.release, "{} of {}: released")


@held.command()
@click.argument("feed")
@click.pass_obj
def drop(context: Context, feed: str) -> int:
    """Keep what is held of FEED as seen; nobody will be told of it."""
    return _decide(context.app(), feed, held_rows.drop, "{} of {}: dropped, they stay seen")


def _decide(app: App, text: str, act: Callable[[Database, int, datetime], int], words: str) -> int:
    with app.database():
        pass  # says that nothing was seen yet, rather than make an empty database

    async def run() -> tuple[Feed, int]:
        store = Store(app.config.store.path)
        try:
            found = await store.read(feed_rows.find, text)
            return found, await store.write(act, found.pk, app.clock())
        finally:
            store.close()

    found, count = asyncio.run(run())
    if not count:
        click.echo(f"nothing is held of {safe(found.label)}", err=True)
        return 1
    entries = "1 entry" if count == 1 else f"{count} entries"
    click.echo(words.format(entries, safe(found.label)))
    return 0

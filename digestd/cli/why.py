"""`why`: the story of one entry, from its publication to each attempt to tell of it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import click

from digestd.app import App
from digestd.cli import Context
from digestd.cli.show import JSON_OPTION, ago, rfc3339, safe, span
from digestd.core.models import Entry, Feed
from digestd.errors import DigestdError, UsageError
from digestd.store import feeds, story
from digestd.store.db import Database


@click.command()
@click.argument("entry", metavar="ENTRY-OR-URL")
@JSON_OPTION
@click.pass_obj
def why(context: Context, entry: str, as_json: bool) -> None:
    """The story of one entry: when it was fetched, which rules held, what became of it.

    ENTRY is an id, a link, or a part of a title that no other entry has.
    """
    app = context.app()
    now = context.clock()
    with app.database() as db:
        found = _one(db, entry)
        feed = feeds.by_pk(db, [found.feed_pk])[found.feed_pk]
        told = _Story(
            found,
            feed,
            story.debts(db, found.id),
            story.messages(db, found.id),
            is_held=story.is_held(db, found.id),
        )
    if as_json:
        click.echo(json.dumps(told.record(), ensure_ascii=False, indent=2))
    else:
        told.show(app, now)


def _one(db: Database, text: str) -> Entry:
    found = story.find(db, text.strip())
    if not found:
        raise DigestdError(f"no entry is known by {text!r}; `digestd entries` lists them")
    if len(found) > 1:
        several = "\n".join(f"  {one.id}  {safe(one.title)}" for one in found)
        raise UsageError(f"{text!r} could be any of\n{several}")
    return found[0]


class _Story:
    def __init__(
        self,
        entry: Entry,
        feed: Feed,
        debts: list[story.DebtTold],
        messages: list[story.MessageTold],
        *,
        is_held: bool,
    ) -> None:
        self.entry = entry
        self.feed = feed
        self.debts = debts
        self.messages = messages
        self.is_held = is_held

    @property
    def delay(self) -> float | None:
        """Return the seconds from publication to our seeing it, where that means anything."""
        published = self.entry.published_at
        if published is None or self.entry.first_fetch:
            return None
        return (self.entry.seen_at - published).total_seconds()

    # --- for programs ------------------------------------------------------------------

    def record(self) -> dict[str, Any]:
        entry = self.entry
        return {
            "id": entry.id,
            "feed": self.feed.id,
            "guid": entry.guid,
            "title": entry.title,
            "link": entry.link,
            "published": rfc3339(entry.published_at),
            "seen": rfc3339(entry.seen_at),
            "delay_seconds": self.delay,
            "first_fetch": entry.first_fetch,
            "revision": entry.revision,
            "held": self.is_held,
            "rules": list(entry.rules),
            "dropped": entry.is_dropped,
            "owed": [
                {
                    "kind": debt.kind,
                    "target": debt.target,
                    "revision": debt.revision,
                    "state": _state(debt),
                    "held": debt.held or None,
                    "dropped": debt.dropped or None,
                    "due": rfc3339(debt.due_at),
                    "message": debt.message or None,
                }
                for debt in self.debts
            ],
            "messages": [_message(one) for one in self.messages],
        }

    # --- for people --------------------------------------------------------------------

    def show(self, app: App, now: datetime) -> None:
        zone, entry = app.config.timezone, self.entry

        def at(moment: datetime) -> str:
            return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S}"

        click.echo(click.style(safe(entry.title or "(without a title)"), bold=True))
        click.echo(f"  link       {safe(entry.link or '–')}")
        click.echo(f"  feed       {safe(self.feed.label)} ({self.feed.id})")
        published = at(entry.published_at) if entry.published_at else "it does not say when"
        click.echo(f"  published  {published}")
        late = f", {span(max(0.0, self.delay))} later" if self.delay is not None else ""
        baseline = self.feed.baseline_at or entry.seen_at
        at_first = entry.first_fetch and entry.seen_at <= baseline  # not: held as if it were
        first = ", at the first fetch of its feed" if at_first else ""
        click.echo(f"  fetched    {at(entry.seen_at)}{late}{first}")
        for rule in entry.rules:
            click.echo(f"  rule       {safe(rule)}")
        if not self.debts:
            click.echo(f"  owed       to nobody: {self._silence()}")
        for debt in self.debts:
            what = "alert to" if debt.kind == "alert" else "digest"
            click.echo(f"  owed       {what} {safe(debt.target)}: {_said(debt, now)}")
        for message in self.messages:
            slot = f" of {message.slot}" if message.slot else ""
            title = f"{message.kind}{slot}: {safe(message.title)}"
            click.echo(f"\n{click.style(title, bold=True)}")
            click.echo(f"  made       {at(message.created_at)}")
            for one in message.deliveries:
                to = " ".join(filter(None, (one.channel, one.recipient)))
                part = f" (part {one.part + 1})" if one.part else ""
                again = f", next try {ago(one.due_at, now)}" if one.state == "due" else ""
                click.echo(f"  {safe(to)}{part}: {one.state}{again}")
                for n, attempt in enumerate(one.attempts, start=1):
                    answer = f": {safe(attempt.answer)}" if attempt.answer else ""
                    click.echo(f"    {n}. {at(attempt.at)}  {attempt.outcome}{answer}")

    def _silence(self) -> str:
        if self.entry.is_dropped:
            return f"dropped by {self.entry.rules[-1].removesuffix(': drop')}"
        if self.is_held:
            return "it may be old, and is held; `digestd held` decides"
        if self.entry.first_fetch:
            return "what a first fetch brings is told only if `first` asks for it"
        return "its feed has neither alert nor digest"


def _state(debt: story.DebtTold) -> str:
    if debt.message:
        return "told"
    if debt.dropped:
        return "dropped"
    return "held" if debt.held else "open"


def _said(debt: story.DebtTold, now: datetime) -> str:
    match _state(debt):
        case "told":
            return "in a message"
        case "dropped":
            return f"not told, for {debt.dropped}"
        case "held":
            end = ago(debt.due_at, now) if debt.due_at.year < 9000 else "when it is resumed"
            return f"waits ({debt.held}), to be told {end}"
        case _:
            return "not told yet"


def _message(message: story.MessageTold) -> dict[str, Any]:
    return {
        "identity": message.identity,
        "kind": message.kind,
        "title": message.title,
        "created": rfc3339(message.created_at),
        "slot": message.slot or None,
        "deliveries": [
            {
                "id": one.id,
                "channel": one.channel,
                "recipient": one.recipient,
                "part": one.part,
                "state": one.state,
                "next_try": rfc3339(one.due_at) if one.state == "due" else None,
                "sent": rfc3339(one.sent_at),
                "attempts": [
                    {
                        "at": rfc3339(attempt.at),
                        "outcome": attempt.outcome,
                        "answer": attempt.answer,
                    }
                    for attempt in one.attempts
                ],
            }
            for one in message.deliveries
        ],
    }

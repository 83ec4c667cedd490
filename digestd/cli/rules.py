"""`rules test`: what the rules would have done with what was seen."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import click

from digestd.cli import Context
from digestd.cli.show import DURATION, JSON_OPTION, ago, rfc3339, rows, safe, span
from digestd.config import Config
from digestd.core.models import Entry, Feed
from digestd.core.rules import Judge, Ruling
from digestd.errors import UsageError
from digestd.store import entries
from digestd.store import feeds as feed_rows
from digestd.store.db import Database

# Loaded at once, bodies and all.
_AT_ONCE = 200
# Seconds that one expression may take for all entries of a feed.
_PATIENCE = 20.0


@click.group()
def rules() -> None:
    """The rules of the configuration: what they would do."""


@rules.command()
@click.option(
    "--since",
    "back",
    type=DURATION,
    metavar="SPAN",
    default="30d",
    show_default=True,
    help="What was seen in the last 30d, 12h …",
)
@JSON_OPTION
@click.pass_obj
def test(context: Context, back: timedelta, as_json: bool) -> None:
    """What the rules would have done with what was seen.

    Lists the entries for which a rule holds, newest first, as if all of them were news.
    Nothing is sent or changed. Of entries older than `keep` the text is gone.
    """
    app = context.app()
    config, now = app.config, context.clock()
    if not config.rules.rules:
        raise UsageError(f"{config.path} has no [[rules]]; config.example.toml explains them")
    trial = _Trial(config)
    with app.database() as db:
        records = list(trial.records(db, now - back, now))
    columns = [
        ("id", "ID"),
        ("_when", "PUBLISHED"),
        ("feed", "FEED"),
        ("title", "TITLE"),
        ("_does", "WHAT FOLLOWS"),
        ("_rules", "RULES"),
    ]
    rows(records, columns, as_json=as_json, empty="no rule holds for any entry")
    for line in trial.summary(span(back.total_seconds())):
        click.echo(line, err=True)


class _Trial:
    """The rules, tried on what is in the store."""

    def __init__(self, config: Config) -> None:
        self._rules = config.rules
        self._wants = {one.url: one for one in config.subscriptions}
        self._held: Counter[str] = Counter()
        self._judges: dict[int, Judge | None] = {}
        self._entries = self._dropped = 0

    def records(self, db: Database, since: datetime, now: datetime) -> Iterator[dict[str, Any]]:
        """Yield a record for each entry for which a rule holds."""
        followed = {feed.pk: feed for feed in feed_rows.all_active(db)}
        ids = entries.ids_since(db, since)
        for start in range(0, len(ids), _AT_ONCE):
            chunk = ids[start : start + _AT_ONCE]
            found = entries.by_id(db, chunk)
            for entry in (found[i] for i in chunk if i in found):
                feed = followed.get(entry.feed_pk)
                if feed is None or feed.url not in self._wants:
                    continue
                self._entries += 1
                ruling = self._judged(entry, feed)
                if ruling is not None and ruling.matched:
                    yield self._record(entry, feed, ruling, now)

    def _judged(self, entry: Entry, feed: Feed) -> Ruling | None:
        if feed.pk not in self._judges:
            wants = self._wants[feed.url]
            judge = self._rules.judge(feed, wants, time.thread_time, _PATIENCE)
            self._judges[feed.pk] = judge
        found = self._judges[feed.pk]
        return None if found is None else found(entry)

    def _record(self, entry: Entry, feed: Feed, ruling: Ruling, now: datetime) -> dict[str, Any]:
        wants = self._wants[feed.url]
        self._held.update(ruling.matched)
        self._dropped += ruling.is_dropped
        alert = () if ruling.is_dropped else dict.fromkeys((*wants.alert, *ruling.alert))
        digests = () if ruling.is_dropped else dict.fromkeys((*wants.digests, *ruling.digests))
        does = [
            "dropped" if ruling.is_dropped else "",
            f"alert {', '.join(alert)}" if alert else "",
            f"digest {', '.join(digests)}" if digests else "",
        ]
        return {
            "id": entry.id,
            "feed": feed.id,
            "title": entry.title,
            "link": entry.link,
            "published": rfc3339(entry.published_at),
            "seen": rfc3339(entry.seen_at),
            "rules": list(ruling.matched),
            "dropped": ruling.is_dropped,
            "alert": list(alert),
            "digests": list(digests),
            "tags": list(ruling.tags),
            "_when": ago(entry.dated_at, now),
            "_does": "; ".join(filter(None, does)) or "told to nobody",
            "_rules": "; ".join(ruling.matched),
        }

    def summary(self, back: str) -> Iterator[str]:
        """Yield a line for all entries, and one for each rule."""
        yield f"{self._entries} entries seen in {back}, {self._dropped} of them would be dropped"
        for rule in self._rules.rules:
            yield f"  {safe(rule)}: {self._held[str(rule)]}"
        slow = {place for judge in self._judges.values() if judge for place in judge.slow}
        for rule_name, key in sorted(slow):
            yield f"  {safe(rule_name)}: its {key} takes too long, and then does not match"

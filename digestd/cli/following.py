"""Commands that change what is followed: `add`, `remove`."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence

import click

from digestd.app import App
from digestd.cli import Context
from digestd.cli.show import ago, rfc3339, safe
from digestd.config import Config
from digestd.config.feedsfile import add_feed, remove_feed
from digestd.config.values import parse_name
from digestd.core.discovery import GOOD_ENOUGH, newest_date
from digestd.core.links import canonical_link, without_secrets
from digestd.core.models import ParsedFeed, Subscription
from digestd.errors import StoreError, SubscriptionError, UsageError
from digestd.services.discover import Candidate, Findings
from digestd.store import feeds as feed_rows
from digestd.store.db import Store

_SHOWN = 8


@click.command()
@click.argument("address", nargs=-1, required=True)
@click.option("--name", help="What to call it; default: the feed's own title.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="May be given several times.")
@click.option("--alert", multiple=True, metavar="CHANNEL", help="Told at once of new posts.")
@click.option(
    "--digest",
    "digests",
    multiple=True,
    metavar="NAME",
    help='Default: every digest whose tags match; "none" for none.',
)
@click.option("--pick", type=click.IntRange(1, _SHOWN), help="Take the Nth of those found.")
@click.option("--dry-run", "-n", is_flag=True, help="Show what is found, change nothing.")
@click.option("--json", "as_json", is_flag=True, help="What is found as JSON; with --dry-run.")
@click.pass_obj
def add(
    context: Context,
    address: tuple[str, ...],
    name: str | None,
    tags: tuple[str, ...],
    alert: tuple[str, ...],
    digests: tuple[str, ...],
    pick: int | None,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Find the feed behind each ADDRESS and follow it.

    An address is a feed's or any page's: a blog, a YouTube channel, r/python, a
    GitHub repository, @someone@mastodon.social, a podcast at Apple's …

    What is found is shown; where there are several, the best is taken, or asked
    for on a terminal. The feed is written into feeds.toml beside the configuration.
    """
    if name and len(address) > 1:
        raise UsageError("--name is for one address")
    if as_json and not dry_run:
        raise UsageError("--json goes with --dry-run")
    app = context.app()
    wishes = _wishes(app.config, name, tags, alert, digests)

    async def search() -> list[Findings]:
        async with app.discoverer(app.config) as finder:
            return [await finder.find(one) for one in address]

    found = asyncio.run(search())
    if as_json:
        click.echo(json.dumps([_record(one) for one in found], ensure_ascii=False, indent=2))
        return 0 if all(one.candidates for one in found) else 1
    failed = False
    for one in found:
        try:
            _settle(context, app, one, wishes, pick, dry_run=dry_run)
        except SubscriptionError as exc:
            click.echo(f"digestd: {exc}", err=True)
            failed = True
    return 1 if failed else 0


def _wishes(
    config: Config,
    name: str | None,
    tags: Sequence[str],
    alert: Sequence[str],
    digests: Sequence[str],
) -> dict[str, str | Sequence[str]]:
    """Return what the options say, as `[[feeds]]` has it. Raises UsageError."""
    wishes: dict[str, str | Sequence[str]] = {}
    if name:
        wishes["name"] = name
    try:
        if tags:
            wishes["tags"] = [parse_name(tag) for tag in tags]
    except ValueError as exc:
        raise UsageError(f"--tag: {exc}") from None
    for channel in alert:
        if channel not in config.channels:
            known = ", ".join(config.channels) or "none is configured"
            raise UsageError(f"--alert: no channel is called {channel!r} ({known})")
    if alert:
        wishes["alert"] = list(alert)
    wanted = [] if tuple(digests) == ("none",) and "none" not in config.digests else list(digests)
    for digest in wanted:
        if digest not in config.digests:
            known = ", ".join(config.digests) or "none is configured"
            raise UsageError(f"--digest: no digest is called {digest!r} ({known})")
    if digests:
        wishes["digest"] = wanted
    return wishes


def _settle(
    context: Context,
    app: App,
    found: Findings,
    wishes: dict[str, str | Sequence[str]],
    pick: int | None,
    *,
    dry_run: bool,
) -> None:
    """Show what was found for one address, choose, and follow it."""
    click.echo(click.style(safe(without_secrets(found.address)), bold=True))
    if not found.candidates and found.unchecked is None:
        raise SubscriptionError(f"{safe(found.address)}: {safe(found.problem)}")
    if not found.candidates:
        url, why = found.unchecked or ("", "")
        click.echo(f"  its feed is {safe(url)}, which could not be asked just now ({safe(why)})")
        chosen: Candidate | None = None
    else:
        shown = found.candidates[:_SHOWN]
        for number, candidate in enumerate(shown, 1):
            _show(candidate, number, context)
        chosen = _choose(shown, pick, ask=_is_terminal() and not dry_run)
        url = chosen.url
    if dry_run:
        return
    _follow(app, url, found.address, chosen.feed if chosen else None, wishes)


def _show(candidate: Candidate, number: int, context: Context) -> None:
    feed = candidate.feed
    click.echo(f"  {number}  {safe(feed.title or 'without a title')}")
    click.echo(f"     {safe(without_secrets(candidate.url))} ({safe(candidate.what)})")
    if not feed.entries:
        click.echo("     no entries yet")
        return
    newest = newest_date(feed)
    of_newest = (e for e in feed.entries if newest and newest in (e.published_at, e.updated_at))
    first = next(of_newest, feed.entries[0])
    when = f", {ago(newest, context.clock())}" if newest else ""
    count = len(feed.entries)
    click.echo(f"     newest of {count}: {safe(first.title or first.link)}{when}")


def _choose(shown: Sequence[Candidate], pick: int | None, *, ask: bool) -> Candidate:
    if pick is not None:
        if pick > len(shown):
            raise SubscriptionError(f"there is no number {pick}: {len(shown)} were found")
        return shown[pick - 1]
    good = [one for one in shown if one.score > GOOD_ENOUGH]
    if ask and len(good) > 1:
        number = click.prompt("  Which one?", default=1, type=click.IntRange(1, len(shown)))
        return shown[int(number) - 1]
    return shown[0]


def _follow(
    app: App,
    url: str,
    address: str,
    feed: ParsedFeed | None,
    wishes: dict[str, str | Sequence[str]],
) -> None:
    """Write the feed into feeds.toml, or wake it if it is there and has ended."""
    same = canonical_link(url)
    followed = app.load_config().subscriptions
    there = next((one for one in followed if canonical_link(one.url) == same), None)
    if there is not None:
        if _revived(app, there):
            click.echo("  followed already; it had ended (410) and will be asked again")
            return
        raise SubscriptionError(f"{safe(without_secrets(url))} is followed already")
    path = app.config.feeds_path
    title = feed.title if feed else ""
    origin = "" if address == url else f"from {without_secrets(address)}"
    add_feed(path, {"url": url, **wishes}, comment=", ".join(filter(None, (title, origin))))
    click.echo(f"  {click.style('added', fg='green')} to {path}")


def _revived(app: App, subscription: Subscription) -> bool:
    """Let a feed that ended (410) be asked again; False if it has not ended."""
    if not app.config.store.path.exists():
        return False

    async def run() -> bool:
        store = Store(app.config.store.path)
        try:
            return await store.write(feed_rows.revive, subscription.url, app.clock())
        finally:
            store.close()

    return asyncio.run(run())


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _record(found: Findings) -> dict[str, object]:
    """Return what was found, for programs."""
    return {
        "address": found.address,
        "problem": found.problem if not found.candidates else None,
        "unchecked": found.unchecked[0] if found.unchecked else None,
        "feeds": [
            {
                "url": one.url,
                "title": one.feed.title,
                "found": one.what,
                "entries": len(one.feed.entries),
                "newest": rfc3339(newest_date(one.feed)),
                "score": round(one.score, 1),
            }
            for one in found.candidates
        ],
    }


@click.command()
@click.argument("feed")
@click.pass_obj
def remove(context: Context, feed: str) -> None:
    """Follow FEED no longer. What was seen stays seen, should it be followed again."""
    app = context.app()
    url = _url_of(app, feed)
    shown = safe(without_secrets(url))
    if not remove_feed(app.config.feeds_path, url, environ=app.environ):
        raise SubscriptionError(
            f"{shown} stands in {app.config.path}: take it out there"
            f" (commands write only to {app.config.feeds_path.name})"
        )
    click.echo(f"removed {shown} from {app.config.feeds_path}")


def _url_of(app: App, text: str) -> str:
    """Return the URL of a feed by any of its names, whether it was polled yet or not."""
    exact = [s for s in app.config.subscriptions if text in (s.url, s.id, s.name)]
    if len(exact) == 1:
        return exact[0].url
    try:
        with app.database() as db:
            return feed_rows.find(db, text).url
    except StoreError:
        raise SubscriptionError(f"no feed is called {text!r}") from None

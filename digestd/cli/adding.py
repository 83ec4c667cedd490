"""`add`: find the feed behind an address, show it, follow it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import NoReturn

import click

from digestd.app import App
from digestd.cli import Context
from digestd.cli.proof import offer_proof
from digestd.cli.show import ago, rfc3339, safe, telling_of_requests
from digestd.config import Config
from digestd.config.feedsfile import Value, add_feed
from digestd.config.values import parse_name
from digestd.core.discovery import GOOD_ENOUGH, Proposal, newest_date
from digestd.core.links import canonical_link, without_secrets
from digestd.core.models import Subscription
from digestd.core.parsed import ParsedEntry, ParsedFeed
from digestd.errors import SubscriptionError, UsageError
from digestd.services.discover import Candidate, Findings
from digestd.store import feeds as feed_rows
from digestd.store.lanes import Store

_SHOWN = 8
_ENTRIES_SHOWN = 3
_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


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
@click.option("--page", is_flag=True, help="Follow the page itself, which has no feed.")
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
    page: bool,
    pick: int | None,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Find the feed behind each ADDRESS and follow it.

    An address is a feed's or any page's: a blog, a YouTube channel, r/python, a
    GitHub repository, @someone@mastodon.social, a podcast at Apple's …

    What is found is shown; where there are several, the best is taken, or asked
    for on a terminal. The feed is written into feeds.toml beside the configuration.

    A page without a feed can be followed with --page: what repeats in it is found,
    and CSS selectors for it are proposed, with what they give.
    """
    if name and len(address) > 1:
        raise UsageError("--name is for one address")
    if as_json and not dry_run:
        raise UsageError("--json goes with --dry-run")
    app = context.app()
    wishes = _wishes(app.config, name, tags, alert, digests)
    if page:
        return _add_pages(context, app, address, tags, wishes, pick, dry_run=dry_run)

    async def search() -> list[Findings]:
        options = app.config.request_of(tags)
        async with app.discoverer(app.config, options, on_ask=say) as finder:
            return [await finder.find(one) for one in address]

    with telling_of_requests() as say:
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


def _add_pages(
    context: Context,
    app: App,
    addresses: Sequence[str],
    tags: Sequence[str],
    wishes: Mapping[str, Value],
    pick: int | None,
    *,
    dry_run: bool,
) -> int:
    """Show what selectors give on each page, choose, and follow it."""

    async def search() -> list[tuple[str, Sequence[Proposal], str]]:
        options = app.config.request_of(tags)
        async with app.discoverer(app.config, options, on_ask=say) as finder:
            return [await finder.propose(one) for one in addresses]

    with telling_of_requests() as say:
        found = asyncio.run(search())
    failed = False
    for url, proposals, problem in found:
        click.echo(click.style(safe(without_secrets(url)), bold=True))
        for number, proposal in enumerate(proposals, 1):
            _show_proposal(proposal, number, context)
        try:
            if problem:
                _refuse(url, problem)
            chosen = proposals[_number(len(proposals), pick, ask=not dry_run) - 1]
            if not dry_run:
                page = {k: v for k, v in asdict(chosen.selectors).items() if v}
                _follow(app, url, url, chosen.feed, {**wishes, "page": page})
        except SubscriptionError as exc:
            click.echo(f"digestd: {exc}", err=True)
            failed = True
    return 1 if failed else 0


def _refuse(address: str, problem: str) -> NoReturn:
    raise SubscriptionError(f"{safe(without_secrets(address))}: {safe(problem)}")


def _show_proposal(proposal: Proposal, number: int, context: Context) -> None:
    pairs = ", ".join(f'{k} = "{v}"' for k, v in asdict(proposal.selectors).items() if v)
    click.echo(f"  {number}  {safe(pairs)}")
    entries = proposal.feed.entries
    for entry in entries[:_ENTRIES_SHOWN]:
        when = f", {ago(entry.published_at, context.clock())}" if entry.published_at else ""
        click.echo(f"     {safe(entry.title)}{when}")
        click.echo(click.style(f"       {safe(entry.link or 'no link')}", dim=True))
    if len(entries) > _ENTRIES_SHOWN:
        click.echo(f"     … {len(entries)} in all")


def _wishes(
    config: Config,
    name: str | None,
    tags: Sequence[str],
    alert: Sequence[str],
    digests: Sequence[str],
) -> dict[str, Value]:
    """Return what the options say, as `[[feeds]]` has it. Raises UsageError."""
    wishes: dict[str, Value] = {}
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
    wishes: Mapping[str, Value],
    pick: int | None,
    *,
    dry_run: bool,
) -> None:
    """Show what was found for one address, choose, and follow it."""
    click.echo(click.style(safe(without_secrets(found.address)), bold=True))
    if not found.candidates and found.unchecked is None:
        address = safe(without_secrets(found.address))
        hint = f"; `digestd add --page {address}` follows the page itself"
        raise SubscriptionError(f"{address}: {safe(found.problem)}{hint if found.page else ''}")
    if not found.candidates:
        url, why = found.unchecked or ("", "")
        its = safe(without_secrets(url))
        click.echo(f"  its feed is {its}, which could not be asked just now ({safe(why)})")
        chosen: Candidate | None = None
    else:
        shown = found.candidates[:_SHOWN]
        for number, candidate in enumerate(shown, 1):
            _show(candidate, number, context, entries=1 if len(shown) > 1 else _ENTRIES_SHOWN)
        good = sum(one.score > GOOD_ENOUGH for one in shown)
        ask = good > 1 and not dry_run
        chosen = shown[_number(len(shown), pick, ask=ask) - 1]
        url = chosen.url
    if dry_run:
        return
    _follow(app, url, found.address, chosen.feed if chosen else None, wishes)


def _show(candidate: Candidate, number: int, context: Context, *, entries: int) -> None:
    feed = candidate.feed
    click.echo(f"  {number}  {safe(feed.title or 'without a title')}")
    click.echo(f"     {safe(without_secrets(candidate.url))} ({safe(candidate.what)})")
    if not feed.entries:
        click.echo("     no entries yet")
    newest_first = sorted(feed.entries, key=lambda e: _dated(e) or _LONG_AGO, reverse=True)
    for entry in newest_first[:entries]:
        date = _dated(entry)
        when = f", {ago(date, context.clock())}" if date else ""
        click.echo(f"     {safe(entry.title or entry.link)}{when}")
    if len(feed.entries) > entries:
        click.echo(click.style(f"     … {len(feed.entries)} in all", dim=True))


def _dated(entry: ParsedEntry) -> datetime | None:
    return entry.published_at or entry.updated_at


def _number(count: int, pick: int | None, *, ask: bool) -> int:
    """Return which of those shown is meant: what was picked, what is said, else the first."""
    if pick is not None:
        if pick > count:
            raise SubscriptionError(f"there is no number {pick}: {count} were found")
        return pick
    if ask and count > 1 and _is_terminal():
        return int(click.prompt("  Which one?", default=1, type=click.IntRange(1, count)))
    return 1


def _follow(
    app: App,
    url: str,
    address: str,
    feed: ParsedFeed | None,
    wishes: Mapping[str, Value],
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
    if feed is not None and feed.entries and _is_terminal():
        offer_proof(app, url, feed)


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

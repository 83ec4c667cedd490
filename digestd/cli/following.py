"""Feeds that are followed: `remove`, `move`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import click

from digestd.app import App
from digestd.cli import Context
from digestd.cli.show import safe, telling_of_requests
from digestd.config.feedsfile import change_feed, remove_feed
from digestd.core.addresses import check_url
from digestd.core.links import RSSHUB, canonical_link, without_secrets
from digestd.core.models import RequestOptions, Subscription
from digestd.errors import StoreError, SubscriptionError
from digestd.services.discover import Findings
from digestd.store import feeds as feed_rows


@click.command()
@click.argument("feed")
@click.pass_obj
def remove(context: Context, feed: str) -> None:
    """Follow FEED no longer. What was seen stays seen, should it be followed again."""
    app = context.app()
    url = _known(app, feed).url
    if not remove_feed(app.config.feeds_path, url, environ=app.environ):
        raise _elsewhere(app, url, "take it out there")
    click.echo(f"removed {safe(without_secrets(url))} from {app.config.feeds_path}")


@click.command()
@click.argument("feed")
@click.argument("new_url", metavar="NEW-URL")
@click.option("--unchecked", is_flag=True, help="Believe NEW-URL without asking it.")
@click.pass_obj
def move(context: Context, feed: str, new_url: str, unchecked: bool) -> None:
    """Follow FEED at NEW-URL from now on. What was seen stays seen, its rules stay too.

    NEW-URL may be any address that `add` takes.
    """
    app = context.app()
    subscription = _known(app, feed)
    if unchecked or subscription.page is not None:
        url = new_url
        problem = check_url(url) if not url.startswith(RSSHUB) else None
    else:
        url, problem = _checked(app, new_url, subscription.request)
    if problem:
        hint = "" if unchecked else "; --unchecked moves it all the same"
        raise SubscriptionError(f"{safe(without_secrets(new_url))}: {safe(problem)}{hint}")
    same = canonical_link(url)
    if any(
        canonical_link(one.url) == same != canonical_link(subscription.url)
        for one in app.config.subscriptions
    ):
        raise SubscriptionError(f"{safe(without_secrets(url))} is followed already")
    changes = {"url": url}
    if subscription.id is None and (known := _id_in_store(app, subscription.url)):
        changes["id"] = known  # by it the store knows the feed again, wherever it is
    if not change_feed(app.config.feeds_path, subscription.url, changes):
        raise _elsewhere(app, subscription.url, f"write {_as_lines(changes)} there")
    click.echo(f"moved to {safe(without_secrets(url))} in {app.config.feeds_path}")


def _checked(app: App, address: str, options: RequestOptions) -> tuple[str, str]:
    """Return the address of the feed behind what was typed, and what is wrong with it."""

    async def search() -> Findings:
        async with app.discoverer(app.config, options, on_ask=say) as finder:
            return await finder.find(address)

    with telling_of_requests() as say:
        found = asyncio.run(search())
    if not found.candidates:
        return address, found.unchecked[1] if found.unchecked else found.problem
    return found.candidates[0].url, ""


def _as_lines(changes: Mapping[str, str]) -> str:
    return " and ".join(
        f'{key} = "{safe(without_secrets(value))}"' for key, value in changes.items()
    )


def _elsewhere(app: App, url: str, advice: str) -> SubscriptionError:
    return SubscriptionError(
        f"{safe(without_secrets(url))} stands in {app.config.path}: {advice}"
        f" (commands write only to {app.config.feeds_path.name})"
    )


def _known(app: App, text: str) -> Subscription:
    """Return a feed by any of its names, whether it was polled yet or not."""
    subscriptions = app.config.subscriptions
    exact = [s for s in subscriptions if text in (s.url, s.secret_url, s.id, s.name)]
    if len(exact) == 1:
        return exact[0]
    try:
        with app.database() as db:
            url = feed_rows.find(db, text).url
    except StoreError:
        raise SubscriptionError(f"no feed is called {without_secrets(text)!r}") from None
    found = next((s for s in subscriptions if s.url == url), None)
    if found is None:
        raise SubscriptionError(f"{without_secrets(text)!r} is followed no longer")
    return found


def _id_in_store(app: App, url: str) -> str | None:
    if not app.config.store.path.exists():
        return None
    with app.database() as db:
        feed = feed_rows.at(db, url)
    return None if feed is None else feed.id

"""The newest post of a feed that was just added, sent at once as proof that it arrives."""

from __future__ import annotations

from datetime import datetime

import click

from digestd.app import App
from digestd.cli.sending import send_now
from digestd.core.discovery import newest_date
from digestd.core.models import Entry, Feed
from digestd.core.parsed import ParsedEntry, ParsedFeed
from digestd.errors import DigestdError


def offer_proof(app: App, url: str, feed: ParsedFeed) -> None:
    """Ask on the terminal whether to send the newest post now, and do so; nothing is marked."""
    subscription = next((s for s in app.load_config().subscriptions if s.url == url), None)
    if subscription is None:
        return
    of_digests = (c for name in subscription.digests for c in app.config.digests[name].to)
    channels = list(dict.fromkeys([*subscription.alert, *of_digests]))
    if not channels:
        return
    where = ", ".join(channels)
    if not click.confirm(f"  Send its newest post to {where} now, as proof?", default=False):
        return
    now = app.clock()
    newest = newest_date(feed)
    dated = (e for e in feed.entries if newest and newest in (e.published_at, e.updated_at))
    shown = Feed(
        pk=0,
        id=subscription.id or "proof",
        url=url,
        title=feed.title,
        name=subscription.name or "",
        home_url=feed.home_url,
        language=feed.language,
    )
    message = app.renderer(app.config).render_alert(
        [(_entry(next(dated, feed.entries[0]), now), shown)],
        identity=f"proof/{url}/{now.isoformat()}",
        now=now,
    )
    for channel in channels:
        try:
            send_now(app, channel, message)
        except DigestdError as exc:
            click.echo(f"{channel}: {exc}", err=True)


def _entry(parsed: ParsedEntry, now: datetime) -> Entry:
    return Entry(
        id=0,
        feed_pk=0,
        revision=1,
        guid=parsed.guid,
        link=parsed.link,
        title=parsed.title,
        title_html=parsed.title_html,
        content_html=parsed.content_html,
        summary_html=parsed.summary_html,
        author=parsed.author,
        categories=parsed.categories,
        published_at=parsed.published_at,
        updated_at=parsed.updated_at,
        seen_at=now,
        first_fetch=False,
        image_url=parsed.image_url,
        enclosures=parsed.enclosures,
        language=parsed.language,
    )

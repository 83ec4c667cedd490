"""One feed asked as its owner wants it: with its headers, through its proxy, in its time."""

from __future__ import annotations

from digestd.config import PollSettings
from digestd.core.models import Feed, Subscription, Validators
from digestd.core.outcomes import Fetched, FetchOutcome, NotModified
from digestd.frozen import replace
from digestd.net.client import Client
from digestd.net.room import Place


def place_of(feed: Feed, subscription: Subscription) -> str:
    """Return the address that will be asked, which may be secret."""
    return feed.watch.moved_to or subscription.secret_url or feed.url


async def ask(
    client: Client,
    feed: Feed,
    subscription: Subscription,
    settings: PollSettings,
    validators: Validators,
    *,
    at: str = "",
    room: Place | None = None,
    known: bytes | None = None,
) -> FetchOutcome:
    """GET the feed; `at` is where it has moved to, or a page of its archive.

    A large body holds its room in `room` until whoever gave it leaves; the one that is
    `known` by its hash is left out.
    """
    options = subscription.request
    outcome = await client.fetch(
        subscription.secret_url or feed.url,
        validators,
        at=at,
        max_bytes=settings.max_size,
        timeout=options.timeout or settings.timeout,
        headers=dict(options.headers),
        proxy=options.proxy,
        place=room,
        known=known,
    )
    if subscription.secret_url and isinstance(outcome, Fetched | NotModified):
        # An address to adopt is written down, and this one may repeat what is secret.
        return replace(outcome, moved_to=None)
    return outcome

"""Reading back: older pages of a feed, for posts that left the document before we came."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from digestd.config import PollSettings
from digestd.core.identity import lookup_keys
from digestd.core.models import Feed, Subscription, Validators
from digestd.core.outcomes import Fetched
from digestd.core.parsed import ParsedEntry, ParsedFeed
from digestd.core.recognition import Memory, Recognised, recognise
from digestd.core.refresh import trusts_guids
from digestd.frozen import replace
from digestd.net.client import Client
from digestd.net.politeness import HostGate
from digestd.net.room import Place
from digestd.services.asking import ask
from digestd.store import entries
from digestd.store.lanes import Store
from digestd.worker.lanes import Lanes
from digestd.worker.parent import JobFailedError

MAX_PAGES = 5
# Posts are dated when they were begun, and published later.
_SLACK = timedelta(days=1)


class Archives:
    """Walks the archive of a feed (RFC 5005, or WordPress' pages) until it meets what is known."""

    def __init__(
        self, store: Store, client: Client, worker: Lanes, gate: HostGate, settings: PollSettings
    ) -> None:
        self._store = store
        self._client = client
        self._worker = worker
        self._gate = gate
        self._settings = settings

    async def walk_back(
        self,
        feed: Feed,
        subscription: Subscription,
        document: ParsedFeed,
        memory: Memory,
        room: Place | None = None,
    ) -> ParsedFeed:
        """Return `document` with the older entries that may have been missed.

        At most MAX_PAGES pages, each waiting for its host's turn; what goes wrong ends the
        walk, for a page that cannot be read is no fault of the feed's.
        """
        url, older, walked = document.older_url, list[ParsedEntry](), set[str]()
        while url and url not in walked and len(walked) < MAX_PAGES:
            walked.add(url)
            page = await self._page(feed, subscription, url, room)
            if page is None or not page.entries:
                break
            keys = lookup_keys(page.entries, without_guids=not trusts_guids(feed))
            seen = await self._store.read(entries.seen_keys, feed.pk, keys)
            found = recognise(
                page.entries, Memory(seen, memory.entries), trust_guids=trusts_guids(feed)
            )
            older += _missed(page.entries, found, feed.last_ok_at)
            if found.overlaps or _reaches(page, feed):
                break
            url = page.older_url
        return replace(document, older=tuple(older))

    async def _page(
        self, feed: Feed, subscription: Subscription, url: str, room: Place | None
    ) -> ParsedFeed | None:
        if self._gate.blocked_until(url):
            return None
        async with self._gate.admit(url):
            outcome = await ask(
                self._client,
                feed,
                subscription,
                self._settings,
                Validators(),
                at=url,
                room=room,
            )
        if not isinstance(outcome, Fetched):
            return None
        try:
            page = await self._worker.run(
                "read_document",
                outcome.body,
                url=outcome.url,
                content_type=outcome.headers.get("content-type", ""),
            )
        except JobFailedError:
            return None
        return page if isinstance(page, ParsedFeed) else None


def _missed(
    page: Sequence[ParsedEntry], found: Recognised, last_ok_at: datetime | None
) -> list[ParsedEntry]:
    """Return what was posted since the last good fetch; what is older was never ours to tell.

    Without dates, whatever stands before the first entry that is known.
    """
    known = {id(entry) for entry, _ in found.known} | {id(one.entry) for one in found.renamed}
    missed = []
    for place, entry in enumerate(found.listed):
        if id(entry) in known and not entry.published_at:
            break
        if not entry.published_at or not last_ok_at or entry.published_at > last_ok_at - _SLACK:
            missed.append(page[place])
    return missed


def _reaches(page: ParsedFeed, feed: Feed) -> bool:
    """Tell whether a page goes back to before the last good fetch: no more was missed."""
    dates = [entry.published_at for entry in page.entries if entry.published_at]
    return bool(dates) and feed.last_ok_at is not None and min(dates) < feed.last_ok_at

"""From a body to what it says: what is known of it is not read again."""

from __future__ import annotations

from typing import Any, Literal

from digestd.core.models import Feed, Subscription
from digestd.core.outcomes import Fetched, FetchOutcome, Pushed
from digestd.core.parsed import ParsedFeed, Unreadable
from digestd.core.reading import Outline, document_hash, familiar, put_together, way_of
from digestd.frozen import dataclass
from digestd.store import outlines
from digestd.store.lanes import Store
from digestd.worker.lanes import Lanes
from digestd.worker.parent import JobFailedError


@dataclass(frozen=True, slots=True)
class Read:
    """What a body says, its hash, and the outline to remember of it."""

    document: ParsedFeed | Unreadable | None
    body_hash: bytes | None = None
    outline: Outline | Literal["as it is"] | None = "as it is"


class Reader:
    """Reads bodies in the worker process, with what the store remembers of the last one."""

    def __init__(self, store: Store, worker: Lanes) -> None:
        self._store = store
        self._worker = worker

    async def read(
        self,
        feed: Feed,
        subscription: Subscription,
        outcome: FetchOutcome | Pushed,
        *,
        whole: bool = False,
    ) -> Read:
        """Read what was fetched; of what the last document held already, only the keys.

        `whole`: read all of it.
        """
        if not isinstance(outcome, Fetched | Pushed):
            return Read(None)
        if isinstance(outcome, Pushed) and not outcome.body.strip():
            return Read(None)  # a ping
        page, macros = subscription.page, dict(subscription.macros)
        body_hash = _hash_of(outcome, feed, subscription)
        if body_hash == feed.body_hash:
            return Read(None, body_hash)
        known = None
        if feed.baseline_at is not None and not (page or macros or whole):
            known = await self._store.read(outlines.get, feed.pk)
        ahead = feed.baseline_at is not None and not feed.failures
        try:
            if page or macros:
                job, more = ("read_page", {"selectors": page}) if page else ("read_document", {})
                document = await self._run(
                    job, outcome, ahead=ahead, math=subscription.math, macros=macros, **more
                )
                return Read(document, body_hash)
            spare = _wants_nothing_old(feed, subscription) and not whole
            reading = await self._run(
                "read_news",
                outcome,
                ahead=ahead,
                known=familiar(known),
                spare=spare,
                math=subscription.math,
            )
        except JobFailedError as exc:
            return Read(Unreadable(f"the document {exc}"), body_hash)
        found, outline = put_together(reading, known)
        # A hub may deliver a part: what the whole held is worth more.
        keep = isinstance(found, Unreadable) or isinstance(outcome, Pushed) or outline == known
        return Read(found, body_hash, "as it is" if keep else outline)

    async def _run(
        self, job: str, outcome: Fetched | Pushed, *, ahead: bool, **arguments: object
    ) -> Any:  # noqa: ANN401 (each job has its own type)
        return await self._worker.run(
            job,
            outcome.body,
            ahead=ahead,
            url=outcome.headers.get("content-location") or outcome.url,
            content_type=outcome.headers.get("content-type", ""),
            **arguments,
        )


def _hash_of(outcome: Fetched | Pushed, feed: Feed, subscription: Subscription) -> bytes | None:
    if isinstance(outcome, Fetched) and outcome.is_known:
        return feed.body_hash
    return document_hash(outcome.body, way_of(subscription))


def _wants_nothing_old(feed: Feed, subscription: Subscription) -> bool:
    """Tell whether nobody is to read what a feed lists when it is first fetched.

    Edits are told from what entries said: who wants them has all read.
    """
    first = feed.baseline_at is None and subscription.first.kind == "none"
    return first and subscription.updates == "ignore"

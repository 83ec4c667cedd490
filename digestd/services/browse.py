"""Documents asked for on the way to a feed: in turn with everybody else, read in the worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import assert_never

from digestd.clock import Clock
from digestd.core.addresses import origin_of
from digestd.core.discovery import Page, Proposal
from digestd.core.models import RequestOptions, Validators
from digestd.core.outcomes import Failed, Fetched, Gone
from digestd.core.parsed import ParsedFeed, Unreadable
from digestd.net.client import Client
from digestd.net.politeness import HostGate
from digestd.worker.parent import JobFailedError, Worker

# What a server may answer to us that it would not answer to the daemon tomorrow.
_PASSING = frozenset([None, 401, 403, 408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524])


class Browser:
    """Fetches and reads single documents, with the daemon's own means."""

    def __init__(
        self,
        client: Client,
        gate: HostGate,
        worker: Worker,
        *,
        max_size: int,
        timeout: timedelta,
        clock: Clock,
        options: RequestOptions | None = None,
        on_ask: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`options` are those of the feed to be; its secrets go to `home` alone.

        `on_ask` hears of each address before it is asked.
        """
        self.home = ""  # the origin of the address that is looked at
        self.clock = clock
        self._client = client
        self._gate = gate
        self._worker = worker
        self._max_size = max_size
        self._timeout = timeout
        self._options = options or RequestOptions()
        self._on_ask = on_ask

    async def fetch(
        self, url: str, headers: Mapping[str, str] | None = None
    ) -> Fetched | Gone | Failed:
        """Ask for one document, in turn with everybody else who asks its host."""
        self._on_ask(url)
        async with self._gate.admit(url):
            own = dict(self._options.headers) if origin_of(url) == self.home else {}
            outcome = await self._client.fetch(
                url,
                Validators(),
                max_bytes=self._max_size,
                timeout=self._options.timeout or self._timeout,
                headers={**own, **(headers or {})},
                proxy=self._options.proxy,
            )
        self._gate.note(url, outcome, self.clock())
        if isinstance(outcome, Fetched | Gone | Failed):
            return outcome
        return Failed("HTTP 304 Not Modified, to a question without conditions", 304)

    async def examine(self, answer: Fetched) -> ParsedFeed | Page | Unreadable:
        """Return what a document is."""
        try:
            found: ParsedFeed | Page | Unreadable = await self._worker.run(
                "examine",
                answer.body,
                url=answer.url,
                content_type=answer.headers.get("content-type", ""),
                link_header=answer.headers.get("link", ""),
            )
        except JobFailedError as exc:
            return Unreadable(f"the document {exc}")
        return found

    async def propose(self, answer: Fetched) -> Sequence[Proposal] | Unreadable:
        """Return selectors for a page without a feed, with what they give."""
        try:
            found: Sequence[Proposal] = await self._worker.run(
                "propose",
                answer.body,
                url=answer.url,
                content_type=answer.headers.get("content-type", ""),
            )
        except JobFailedError as exc:
            return Unreadable(f"the page {exc}")
        return found or Unreadable("nothing repeats there that looks like entries with links")


def refusal(outcome: Gone | Failed) -> str:
    """Return why there is no document, in words."""
    match outcome:
        case Gone():
            return "gone (410)"
        case Failed(reason, None):
            return Unreachable(reason)
        case Failed(reason, status):
            return Passing(reason) if status in _PASSING else reason
        case _:
            assert_never(outcome)


class Passing(str):
    """A refusal, in words, that need not last."""

    __slots__ = ()


class Unreachable(Passing):
    """No answer at all."""

    __slots__ = ()

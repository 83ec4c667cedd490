"""Images of entries and icons of feeds: asked for politely, shrunk, kept, within a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import TypeVar
from urllib.parse import urljoin

from digestd import telemetry
from digestd.clock import Clock
from digestd.core.models import Entry, Feed, Subscription, Validators
from digestd.core.outcomes import Failed, Fetched
from digestd.core.pictures import Picture
from digestd.formats.thumbnail import Purpose
from digestd.frozen import dataclass, field
from digestd.net.client import Client
from digestd.net.politeness import HostGate
from digestd.store import pictures
from digestd.store.lanes import Store
from digestd.worker.parent import JobFailedError, Worker

T = TypeVar("T")

_ACCEPT = "image/jpeg, image/png, image/webp, image/gif;q=0.9, image/*;q=0.5, */*;q=0.1"
_MAX_IMAGE, _MAX_PAGE = 8_000_000, 1_000_000
_TIMEOUT = timedelta(seconds=8)
_AT_ONCE = 8
# Of one message; what stands further down is read by its title.
_MOST = 40
# Names this way of shrinking: what was made in another is not used any more.
_LOOK = "1"


@dataclass(frozen=True, slots=True)
class _Asking:
    """How a host is asked: for a page of its own, by the way that leads to the feed."""

    page: str = ""
    proxy: str | None = field(default=None, repr=False)  # None: that of all feeds


# A picture; why there is none; None: not this time, another day may bring one.
Made = Picture | str | None


class ImageFetcher:
    """Makes thumbnails and icons. A slow host costs its own picture alone."""

    def __init__(
        self,
        store: Store,
        client: Client,
        gate: HostGate,
        worker: Worker,
        followed: Mapping[int, Subscription],
        clock: Clock,
    ) -> None:
        """`followed`: what the owner wants of each feed, by `Feed.pk`."""
        self._followed = followed
        self._store = store
        self._client = client
        self._gate = gate
        self._worker = worker
        self._clock = clock
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def thumbnails(
        self, entries: Sequence[Entry], urls: Mapping[int, Sequence[str]], seconds: float
    ) -> dict[int, Picture]:
        """Return a picture for each entry that has one, by its id, after `seconds` at most.

        `urls`: where one may be, by the entry's id.
        """
        work: dict[int, tuple[bytes, Callable[[], Awaitable[Made]]]] = {}
        for entry in entries[:_MOST]:
            if found := urls.get(entry.id):
                asking = _Asking(entry.link or "", self._proxy(entry.feed_pk))
                make = partial(self._first_of, found, "thumbnail", asking)
                work[entry.id] = _key("thumbnail", *found), make
        return await self._all(work, seconds)

    async def images(
        self, wanted: Mapping[str, str], feeds: Mapping[str, int], seconds: float
    ) -> dict[str, Picture]:
        """Return images of texts, by address.

        `wanted`: the page that shows each; `feeds`: the `Feed.pk` of each page.
        """
        chosen = list(wanted.items())[:_MOST]
        return await self._all(
            {
                url: (
                    _key("image", url),
                    partial(
                        self._first_of,
                        (url,),
                        "image",
                        _Asking(page, self._proxy(feeds.get(page, 0))),
                    ),
                )
                for url, page in chosen
            },
            seconds,
        )

    async def icons(self, feeds: Sequence[Feed], seconds: float) -> dict[int, Picture]:
        """Return the icon of each feed that has one, by `Feed.pk`, after `seconds` at most."""
        season = _season(self._clock())
        return await self._all(
            {
                feed.pk: (
                    _key("icon", feed.icon_url or "", feed.home_url or feed.url, season),
                    partial(self._icon, feed),
                )
                for feed in feeds[:_MOST]
            },
            seconds,
        )

    async def _all(
        self, work: Mapping[T, tuple[bytes, Callable[[], Awaitable[Made]]]], seconds: float
    ) -> dict[T, Picture]:
        """Return what is kept, and what can be made in time; keep what was made."""
        known = await self._store.read(pictures.find, [key for key, _ in work.values()])
        tasks = {
            asyncio.create_task(self._in_turn(make)): key
            for key, make in work.values()
            if key not in known
        }
        if tasks:
            done, late = await asyncio.wait(tasks, timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
            made = {tasks[task]: found for task in done if (found := task.result()) is not None}
            await self._store.write(pictures.keep, made, self._clock())
            known |= {key: one if isinstance(one, Picture) else None for key, one in made.items()}
            if late:
                telemetry.info("images left out", late=len(late))
        await self._store.write(pictures.note_use, list(known), self._clock())
        return {id_: picture for id_, (key, _) in work.items() if (picture := known.get(key))}

    async def _in_turn(self, make: Callable[[], Awaitable[Made]]) -> Made:
        async with self._places:
            return await make()

    # --- one picture -------------------------------------------------------------------

    async def _first_of(self, urls: Sequence[str], purpose: Purpose, asking: _Asking) -> Made:
        """Return the first of `urls` that shows something."""
        made: Made = "no address"
        for url in urls:
            one = await self._picture(url, purpose, asking)
            if isinstance(one, Picture):
                return one
            made = one if made is not None else None
        return made

    async def _picture(self, url: str, purpose: Purpose, asking: _Asking) -> Made:
        """Return what is at `url`: asked for as anybody would, then as a reader of its page."""
        made: Made = None
        plain = {"Accept": _ACCEPT}
        for headers in (plain, plain | {"Referer": asking.page}) if asking.page else (plain,):
            body = await self._fetch(url, headers, _MAX_IMAGE, asking.proxy)
            if isinstance(body, Fetched):
                made = await self._shrunk(body.body, purpose)
            else:
                # 4xx is an answer; what else went wrong may have passed by tomorrow.
                made = body.reason if 400 <= (body.status or 0) < 500 else None
            if isinstance(made, Picture) or made is None:
                break
        return made

    def _proxy(self, feed_pk: int) -> str | None:
        """Return the proxy of a feed; None: that of all feeds."""
        return self._followed[feed_pk].request.proxy if feed_pk in self._followed else None

    async def _shrunk(self, content: bytes, purpose: Purpose) -> Made:
        try:
            made: Picture | str = await self._worker.run("shrink_image", content, purpose)
        except JobFailedError as exc:
            return str(exc)
        return made

    async def _icon(self, feed: Feed) -> Made:
        """Return the icon that the feed names, that its page names, or that its host has."""
        home = feed.home_url or urljoin(feed.url, "/")
        named = [feed.icon_url] if feed.icon_url else []
        asking = _Asking(proxy=self._proxy(feed.pk))
        made = await self._first_of(named, "icon", asking)
        if isinstance(made, Picture):
            return made
        accept = {"Accept": "text/html, */*;q=0.5"}
        answer = await self._fetch(home, accept, _MAX_PAGE, asking.proxy)
        found: Sequence[str] = ()
        if isinstance(answer, Fetched):
            kind = answer.headers.get("content-type", "")
            try:
                found = await self._worker.run("find_icons", answer.body, kind, answer.url)
            except JobFailedError:
                found = ()
        return await self._first_of([*found, urljoin(home, "/favicon.ico")], "icon", asking)

    async def _fetch(
        self, url: str, headers: Mapping[str, str], max_bytes: int, proxy: str | None
    ) -> Fetched | Failed:
        if self._gate.blocked_until(url):
            return Failed("its host is not to be asked now")
        async with self._gate.admit(url):
            outcome = await self._client.fetch(
                url,
                Validators(),
                max_bytes=max_bytes,
                timeout=_TIMEOUT,
                headers=headers,
                proxy=proxy,
            )
        self._gate.note(url, outcome, self._clock())
        return outcome if isinstance(outcome, Fetched | Failed) else Failed("it is gone", 410)


def _key(*told: str) -> bytes:
    return sha256("\0".join((_LOOK, *told)).encode("utf-8", "replace")).digest()


def _season(now: datetime) -> str:
    """Return the quarter of a year: an icon that was changed is seen in the next."""
    return f"{now.year}/{(now.month - 1) // 3}"

"""What a message wants to show besides text, from the cache or made for it, within bounds.

A digest never waits long for a picture, and never fails for want of one: what is not
there in time is left out, and stands as text.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, partial
from hashlib import sha256
from typing import TYPE_CHECKING

from digestd import telemetry
from digestd.clock import Clock
from digestd.core.messages import Message
from digestd.core.models import Digest, Entry, Feed, Subscription
from digestd.core.pictures import (
    MAX_FORMULAS,
    Formula,
    ImageMode,
    Picture,
    Pictures,
    Wishes,
)
from digestd.net.client import Client
from digestd.net.politeness import HostGate
from digestd.services.messages import Composer
from digestd.store import pictures
from digestd.store.lanes import Store
from digestd.worker.parent import JobFailedError, Worker

if TYPE_CHECKING:  # loaded when a message shows images
    from digestd.services.imagefetch import ImageFetcher

# For a digest, and for an alert, which should be quick.
_SECONDS_TO_DRAW, _SECONDS_TO_ALERT = 12.0, 4.0
# A picture that so many entries have stands for their site, and says nothing of them.
_TOO_COMMON = 3
# One job of the drawing process: so many formulas, or so long.
_BATCH, _BATCH_SECONDS = 40, 3.0


class Illustrator:
    """Has formulas drawn and images shrunk by a child of its own, so that no feed waits for it."""

    def __init__(
        self,
        store: Store,
        client: Client,
        gate: HostGate,
        followed: Mapping[int, Subscription],
        clock: Clock,
    ) -> None:
        """`followed`: what the owner wants of each feed, by `Feed.pk`."""
        self.drawer = Worker()
        self.patience = 12.0  # seconds that a message waits for images
        self._store = store
        self._clock = clock
        self._fetching = store, client, gate, self.drawer, followed, clock

    @cached_property
    def _images(self) -> ImageFetcher:
        from digestd.services.imagefetch import ImageFetcher  # noqa: PLC0415 (most show none)

        return ImageFetcher(*self._fetching)

    @cached_property
    def _can_draw(self) -> bool:
        from digestd.formats import mathpicture  # noqa: PLC0415 (what knows TeX loads slowly)

        return mathpicture.is_available()

    @cached_property
    def _can_shrink(self) -> bool:
        from digestd.formats import thumbnail  # noqa: PLC0415 (as above)

        return thumbnail.is_available()

    async def illustrated(
        self,
        composer: Composer,
        render: Callable[[Pictures], Message],
        members: Mapping[int, tuple[Entry, Feed]],
        digest: Digest,
    ) -> Message:
        """Return what `render` makes of the pictures that it asks for.

        `members` are the entries by their ids; `digest` says what may go along.
        """
        wishes = Pictures()
        message = await composer.in_thread(partial(render, wishes))
        found = await self._fulfil(wishes.wishes, members, digest)
        return message if found is None else await composer.in_thread(partial(render, found))

    async def drawn(self, wishes: Wishes) -> Pictures:
        """Return the formulas among `wishes`, and nothing else: for an alert, at once."""
        if not wishes.formulas:
            return Pictures()
        return Pictures(await self._formulas(wishes.formulas, _SECONDS_TO_ALERT))

    async def close(self) -> None:
        """End the child."""
        await self.drawer.close()

    async def _fulfil(
        self, wishes: Wishes, members: Mapping[int, tuple[Entry, Feed]], digest: Digest
    ) -> Pictures | None:
        """Return the pictures that could be had; None if there are none."""
        from digestd.delivery.views import link_of  # noqa: PLC0415 (lxml)

        entries = [members[id_][0] for id_ in wishes.thumbnails if id_ in members]
        feeds = {feed.pk: feed for _, feed in members.values()}
        wanted = [feeds[pk] for pk in wishes.icons if pk in feeds]
        drawn, thumbnails, icons, images = await asyncio.gather(
            self._formulas(wishes.formulas),
            self._thumbnails(entries, digest.images),
            self._icons(wanted, digest.images),
            self._in_texts(
                wishes.images,
                {link_of(entry, feed): feed.pk for entry, feed in members.values()},
                digest.images,
            ),
        )
        if not (any(drawn.values()) or thumbnails or icons or images):
            return None
        return Pictures(drawn, thumbnails, icons, images, digest.image_budget)

    # --- images ------------------------------------------------------------------------

    async def _thumbnails(self, entries: Sequence[Entry], mode: ImageMode) -> Mapping[int, Picture]:
        if mode == "off" or not (self._can_shrink or mode == "link"):
            return {}
        from digestd.formats.imagelinks import entry_images  # noqa: PLC0415 (lxml)

        # Bodies of a megabyte take a while: not in the loop that everybody shares.
        urls = await asyncio.to_thread(lambda: {one.id: entry_images(one) for one in entries})
        if mode == "attach":
            return _telling(await self._images.thumbnails(entries, urls, self.patience))
        linked = {id_: found[:1] for id_, found in urls.items() if found}
        # Looked at here, so that no reader's program is sent to fetch a tracking pixel.
        seen = set(linked)
        if self._can_shrink:
            seen = set(_telling(await self._images.thumbnails(entries, linked, self.patience)))
        return {id_: _linked(found[0]) for id_, found in linked.items() if id_ in seen}

    async def _in_texts(
        self, wanted: Mapping[str, str], feeds: Mapping[str, int], mode: ImageMode
    ) -> Mapping[str, Picture]:
        if mode == "off" or not (self._can_shrink or mode == "link"):
            return {}
        if not self._can_shrink:
            return {url: _linked(url) for url in wanted}
        found = await self._images.images(wanted, feeds, self.patience)
        if mode == "attach":
            return found
        return {url: _linked(url, picture) for url, picture in found.items()}

    async def _icons(self, feeds: Sequence[Feed], mode: ImageMode) -> Mapping[int, Picture]:
        if mode != "attach" or not self._can_shrink:
            return {}
        return await self._images.icons(feeds, self.patience)

    # --- formulas ----------------------------------------------------------------------

    async def _formulas(
        self, wanted: Iterable[Formula], seconds: float = _SECONDS_TO_DRAW
    ) -> dict[Formula, Picture | None]:
        if not self._can_draw:
            return {}
        keys = {formula: _key(formula) for formula in wanted}
        known = await self._store.read(pictures.find, keys.values())
        found = {formula: known[key] for formula, key in keys.items() if key in known}
        room = MAX_FORMULAS - sum(1 for picture in found.values() if picture)
        missing = [formula for formula in keys if formula not in found]
        made = await self._draw(missing, room, seconds)
        if made:
            await self._store.write(
                pictures.keep, {keys[formula]: one for formula, one in made.items()}, self._clock()
            )
        await self._store.write(pictures.note_use, list(known), self._clock())
        return found | {f: one if isinstance(one, Picture) else None for f, one in made.items()}

    async def _draw(
        self, wanted: Sequence[Formula], room: int, seconds: float
    ) -> dict[Formula, Picture | str]:
        """Draw what there is room and time for."""
        made: dict[Formula, Picture | str] = {}
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        left = list(wanted)
        size = _BATCH
        while left and room > 0 and loop.time() < until:
            batch = left[: min(size, room)]
            try:
                answers = await self.drawer.run("draw_formulas", batch, _BATCH_SECONDS)
            except JobFailedError as exc:
                # One of them broke the process: find out which, and go on without it.
                answers = [str(exc)] if len(batch) == 1 else []
                size = max(len(batch) // 2, 1)
            except RuntimeError as exc:
                telemetry.warning("formulas cannot be drawn", why=exc)
                self._can_draw = False
                break
            made.update(zip(batch, answers, strict=False))
            left = left[len(answers) :]
            room -= sum(1 for one in answers if isinstance(one, Picture))
        refused = sum(1 for one in made.values() if isinstance(one, str))
        if refused or left:
            telemetry.info("formulas as text", refused=refused, late=len(left) if room > 0 else 0)
        return made


def _telling(found: Mapping[int, Picture]) -> dict[int, Picture]:
    """Return pictures without those that many entries share."""
    often = Counter(picture.name for picture in found.values())
    return {id_: picture for id_, picture in found.items() if often[picture.name] < _TOO_COMMON}


def _linked(url: str, like: Picture | None = None) -> Picture:
    """Return a picture that stays where it is: the reader's program fetches it."""
    name = sha256(url.encode("utf-8", "replace")).hexdigest()[:24]
    return Picture(name, like.width if like else 0, like.height if like else 0, url=url)


def _key(formula: Formula) -> bytes:
    from digestd.formats import mathpicture  # noqa: PLC0415 (see above)

    told = (mathpicture.LOOK, str(formula.display), formula.tex)
    return sha256("\0".join(told).encode()).digest()

"""From what is owed to what will be sent: entries loaded, rendered, composed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar
from zoneinfo import ZoneInfo

from digestd import telemetry
from digestd.core.messages import Message, Piece
from digestd.core.models import Entry, Feed
from digestd.errors import ConfigError
from digestd.services.deliver import Targets
from digestd.store import entries, feeds
from digestd.store.db import Database

if TYPE_CHECKING:  # half of all that there is to load, and most passes send nothing
    from digestd.delivery.render import Renderer
    from digestd.delivery.target import Style
    from digestd.delivery.words import Words

T = TypeVar("T")


def load(db: Database, entry_ids: Iterable[int]) -> dict[int, tuple[Entry, Feed]]:
    """Return these entries with their feeds."""
    found = entries.by_id(db, entry_ids)
    of = feeds.by_pk(db, (entry.feed_pk for entry in found.values()))
    return {entry.id: (entry, of[entry.feed_pk]) for entry in found.values()}


class Composer:
    """Renders and composes in a thread of its own: templates and mail take milliseconds."""

    def __init__(
        self, make_renderer: Callable[[], Renderer], targets: Targets, language: str
    ) -> None:
        self._make_renderer = make_renderer
        self._language = language
        self._targets = targets
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="digestd-render")

    @cached_property
    def renderer(self) -> Renderer:
        """What renders messages, made at the first need. Blocking then."""
        return self._make_renderer()

    def words(self, zone: ZoneInfo) -> Words:
        """Return fixed words and dates in the owner's language."""
        from digestd.delivery.words import Words  # noqa: PLC0415

        return Words(self._language, zone)

    async def in_thread(self, function: Callable[[], T]) -> T:
        """Run `function` in the rendering thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)

    def shows_images(self, channels: Iterable[str]) -> bool:
        """Return whether one of `channels` carries images. Blocking at first."""
        from digestd.delivery.target import shows_images  # noqa: PLC0415 (with the first message)

        return any(
            shows_images(self._targets[name].form)
            for name in channels
            if self.trouble_with(name) is None
        )

    def trouble_with(self, channel: str) -> str | None:
        """Return why nothing can be made for `channel`, None if it can. Blocking at first."""
        try:
            self._targets[channel]
        except ConfigError as exc:
            return exc.reason
        return None

    def styles(self, channel: str) -> Collection[Style]:
        """Return which styles of a message `channel` has a use for. Blocking at first."""
        from digestd.delivery.target import styles_of  # noqa: PLC0415 (as above)

        return styles_of(self._targets[channel].form)

    def pieces(self, message: Message, channels: Sequence[str]) -> list[tuple[str, Piece]]:
        """Return the pieces of `message` for each channel. Blocking.

        A channel that cannot be opened takes none: its debt stays as it is, and
        `check` names what is wrong. Raises ConfigError if no channel is left.
        """
        from digestd.delivery.compose import compose  # noqa: PLC0415

        if message.complaint:
            # Ours was used in its place, so that the message still goes out.
            telemetry.warning("own template not used", why=message.complaint)
        made: list[tuple[str, Piece]] = []
        trouble: ConfigError | None = None
        for channel in channels:
            try:
                made += [(channel, piece) for piece in compose(self._targets[channel], message)]
            except ConfigError as exc:
                telemetry.warning("channel unusable", channel=channel, why=exc.reason)
                trouble = exc
        if trouble is not None and not made:
            raise trouble
        return made

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)

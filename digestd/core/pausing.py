"""Pauses: what their owner does not want to hear of for a while."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from digestd.frozen import dataclass

# A pause without an end: alerts are put off until then, and looked at again at its resumption.
ENDLESS = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Pause:
    """`what` is "all", or "feed:ID", "tag:NAME", "digest:NAME", "channel:NAME".

    `until` None: until it is resumed. `dropping`: what comes meanwhile is not
    wanted at all.
    """

    what: str
    since: datetime
    until: datetime | None = None
    dropping: bool = False

    @property
    def ends_at(self) -> datetime:
        """Return when it ends by itself."""
        return self.until or ENDLESS


@dataclass(frozen=True, slots=True)
class Pauses:
    """All pauses in force."""

    pauses: tuple[Pause, ...] = ()

    def __iter__(self) -> Iterator[Pause]:
        """Yield each."""
        return iter(self.pauses)

    def of_feed(self, feed_id: str, tags: Iterable[str]) -> Pause | None:
        """Return what silences this feed; the longest, if several do."""
        return self._longest("all", f"feed:{feed_id}", *(f"tag:{tag}" for tag in tags))

    def of_channel(self, name: str) -> Pause | None:
        """Return what silences this channel."""
        return self._longest("all", f"channel:{name}")

    def of_digest(self, name: str) -> Pause | None:
        """Return what silences this digest."""
        return self._longest("all", f"digest:{name}")

    def of_alert(self, feed_id: str, tags: Iterable[str], channel: str) -> Pause | None:
        """Return what silences alerts of this feed to this channel."""
        names = (f"feed:{feed_id}", *(f"tag:{tag}" for tag in tags), f"channel:{channel}")
        return self._longest("all", *names)

    def _longest(self, *names: str) -> Pause | None:
        found = [pause for pause in self.pauses if pause.what in names]
        return max(found, key=lambda pause: pause.ends_at, default=None)


def link_token(secret: bytes, what: str) -> str:
    """Return what makes the address of a pause page nobody's guess: 22 signs, 128 bits."""
    mark = hmac.digest(secret, f"pause {what}".encode(), "sha256")[:16]
    return base64.urlsafe_b64encode(mark).decode().rstrip("=")

"""The configuration, understood: frozen, complete, and without a string that means a number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from digestd.config.requests import Asked, combine
from digestd.core.addresses import AllowList
from digestd.core.models import Channel, Digest, MailServer, RequestOptions, Subscription
from digestd.core.polling import PollLimits
from digestd.core.retries import RetrySettings as DeliverySettings
from digestd.core.rules import Rules
from digestd.frozen import dataclass, field

__all__ = [
    "Config",
    "DeliverySettings",
    "NoticeSettings",
    "PollSettings",
    "PushSettings",
    "StoreSettings",
    "WebSettings",
]


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """`[store]`: where the database is, and how long bodies are kept."""

    path: Path
    keep: timedelta


@dataclass(frozen=True, slots=True)
class PollSettings:
    """`[poll]`: how feeds are asked."""

    limits: PollLimits = field(default_factory=PollLimits)
    requests_per_feed_per_day: float = 24  # the planner's budget
    concurrency: int = 32  # open requests
    per_host: int = 2
    timeout: timedelta = timedelta(seconds=30)  # of a whole request
    max_size: int = 16_000_000  # bytes of a decoded body
    allow_private: AllowList = field(default_factory=AllowList)
    proxy: str = field(default="", repr=False)
    contact: str = ""  # for the user agent
    rsshub: str = field(default="", repr=False)  # what stands before the route of rsshub://route

    def is_own(self, url: str) -> bool:
        """Return whether a service of the owner's is asked, each route of which is another site."""
        return (
            bool(self.rsshub) and url.startswith(f"{self.rsshub}/")
        ) or self.allow_private.is_own(url)


@dataclass(frozen=True, slots=True)
class NoticeSettings:
    """`[notices]`: who is told of troubles, and how long a feed fails before that is one."""

    to: tuple[str, ...] = ()
    after: timedelta = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class WebSettings:
    """`[web]`: the address and port to listen on, None: none; and where its owner reaches it."""

    listen: tuple[str, int] | None = ("127.0.0.1", 8787)
    url: str = ""


@dataclass(frozen=True, slots=True)
class PushSettings:
    """`[push]`: where hubs reach us; an empty `callback_url` turns WebSub off."""

    callback_url: str = ""
    secret_over_http: bool = False
    least_signature: str = "sha1"

    @property
    def base(self) -> str:
        """Return what all callbacks begin with."""
        return self.callback_url.rstrip("/") + "/push/"


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that the owner wants. `warnings` are one line each, without secrets."""

    path: Path
    timezone: ZoneInfo
    language: str
    mail: MailServer | None
    channels: Mapping[str, Channel]
    digests: Mapping[str, Digest]
    subscriptions: tuple[Subscription, ...] = field(repr=False)  # URLs may hold passwords
    store: StoreSettings
    poll: PollSettings
    delivery: DeliverySettings
    notices: NoticeSettings
    web: WebSettings
    push: PushSettings = field(default_factory=PushSettings)
    rules: Rules = field(default_factory=Rules, repr=False)
    tag_requests: Mapping[str, Asked] = field(default_factory=dict, repr=False)
    template_dirs: tuple[Path, ...] = ()  # looked in before our own templates
    warnings: tuple[str, ...] = ()

    def __setattr__(self, name: str, _value: object) -> None:
        """Refuse: everything holds it, and believes that it stays as it is."""
        from dataclasses import FrozenInstanceError  # noqa: PLC0415 (a mistake of ours)

        raise FrozenInstanceError(name)

    def request_of(self, tags: Iterable[str]) -> RequestOptions:
        """Return how a feed with these tags, which says nothing itself, is asked."""
        return combine([self.tag_requests[tag] for tag in tags if tag in self.tag_requests])

    @property
    def feeds_path(self) -> Path:
        """Return the file that commands write feeds to; it need not exist."""
        return self.path.parent / "feeds.toml"

"""The only door to Apprise: its plugins as objects that can send, and what it says.

Nothing of Apprise leaves the modules of this folder whose names begin with its
own. Importing any of them loads it (0.3 s, 40 MB), so `targets` does so only
for a channel that needs it.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias
from urllib.parse import unquote

import apprise
from apprise.manager_plugins import NotificationManager
from apprise.plugins.dingtalk import NotifyDingTalk

from digestd.clock import system_clock
from digestd.core.messages import Message
from digestd.core.models import Channel
from digestd.core.outcomes import Sent
from digestd.delivery.compose import compose
from digestd.delivery.own import OWN_SCHEMES, make_own_sender, open_own
from digestd.errors import ConfigError

Plugin: TypeAlias = Any  # every plugin has attributes of its own
manager: Any = NotificationManager  # half of it is annotated
_Base: Any = apprise.NotifyBase
_DingTalk: Any = NotifyDingTalk


class _Overheard(logging.Handler):
    """Keeps what Apprise logs in a thread while that thread listens."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self._local = threading.local()

    def emit(self, record: logging.LogRecord) -> None:
        lines: list[str] | None = getattr(self._local, "lines", None)
        if lines is not None and len(lines) < 200:
            lines.append(record.getMessage()[:4000])

    @contextmanager
    def listening(self) -> Iterator[list[str]]:
        lines: list[str] = []
        self._local.lines = lines
        try:
            yield lines
        finally:
            self._local.lines = None


_overheard = _Overheard()
_logger = logging.getLogger("apprise")
# What it says holds tokens and whole messages: to us, and to nobody else.
_logger.setLevel(logging.DEBUG)
_logger.propagate = False
_logger.addHandler(_overheard)

listening = _overheard.listening


def instantiate(url: str) -> Plugin | None:
    """Return the plugin's object for `url`, None if Apprise cannot make one.

    It neither paces itself (our lanes do, on a clock that is never set back),
    nor tries again (the outbox does), nor calls a failure a success because it
    is ?optional=, nor waits in Apprise's shared threads, nor keeps files.
    """
    plugin: Plugin | None = apprise.Apprise.instantiate(url, asset=_asset())
    if plugin is not None:
        plugin.request_rate_per_sec = 0
        plugin.throttle = lambda *_args, **_kwargs: None  # Discord's would sleep for its quota
        plugin.retry = 0
        plugin.optional = False
        if isinstance(plugin, _DingTalk):
            signature = plugin.get_signature
            # Apprise encodes it for the query, and requests does so again: never accepted.
            plugin.get_signature = lambda: tuple(map(unquote, signature()))
    return plugin


def _asset() -> apprise.AppriseAsset:
    # No picture of a third party's host in anybody's messages.
    return apprise.AppriseAsset(
        app_id="digestd",
        app_desc="digestd",
        app_url="",
        service_timeout=0,
        image_url_mask="",
        image_url_logo="",
        async_mode=False,
        http_redirects=False,
    )


class _OwnScheme(_Base):  # type: ignore[misc]  # see _Base
    """terminal://, maildir:// and file:// as Apprise sees them: sent by our own senders."""

    service_name = "digestd"
    protocol = OWN_SCHEMES
    title_maxlen = 200
    request_rate_per_sec = 0

    def __init__(self, own_url: str = "", **kwargs: Plugin) -> None:
        super().__init__(**kwargs)
        self.target = open_own(Channel("apprise", own_url), None)

    def url(self, *_args: object, **_kwargs: object) -> str:
        return self.target.masked

    def send(self, body: str, title: str = "", **_kwargs: object) -> bool:
        now = system_clock()
        message = Message("notice", f"apprise/{now.isoformat()}", title, body, "", now)
        sender = make_own_sender(self.target)
        outcomes = [sender.send(piece) for piece in compose(self.target, message)]
        sender.close()
        return all(isinstance(outcome, Sent) for outcome in outcomes)

    @staticmethod
    def parse_url(url: str) -> dict[str, Any] | None:
        """Keep the raw URL: Apprise's own idea of host and path would bend a file's path."""
        scheme = url.partition(":")[0].lower()
        try:
            open_own(Channel("apprise", url), None)
        except ConfigError:
            return None
        return {"schema": scheme, "own_url": url, "host": "", "qsd": {}}


def register_own_schemes() -> None:
    """Make Apprise know our own schemes, wherever it meets them."""
    known = manager()
    if OWN_SCHEMES[0] not in known:
        known.add(_OwnScheme, schemas=list(OWN_SCHEMES))


def speaks_http(plugin: Plugin) -> bool:
    """Say whether `plugin` has imported requests, in the module of its class or of a base."""
    modules = (sys.modules[kind.__module__] for kind in type(plugin).__mro__)
    return any(
        hasattr(module, "requests")
        for module in modules
        if module.__name__.startswith("apprise.plugins.")
    )

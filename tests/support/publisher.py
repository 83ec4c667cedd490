"""A publisher with a hub, the daemon in a process of its own, a webhook for its alerts."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

from tests.support.daemon import RunningDaemon
from tests.support.hub import Hub
from tests.support.webserver import Request, WebServer, answer

_CONFIG = """\
[channels]
hook = "json://127.0.0.1:{sink}/sink"

[poll]
allow_private = ["127.0.0.1:{web}"]
min_interval = "2s"

[web]
listen = "127.0.0.1:{port}"

[push]
callback_url = "http://127.0.0.1:{port}/"
secret_over_http = true

[[feeds]]
url = "{feed}"
id = "blog"
alert = "hook"
{more}
"""
_LISTED = 50


class Publisher:
    """See the module. `more` are further lines of the feed's configuration."""

    def __init__(self, folder: Path, more: str = "") -> None:
        self.web, self.sink = WebServer(), WebServer()
        self.posts: list[str] = []
        self.posted: dict[str, float] = {}  # monotonic seconds
        self.told: dict[str, list[float]] = {}  # the same, of each alert that came for it
        self.shown: dict[str, float] = {}  # the same, of the first poll that it was listed for
        self.polls = 0
        self.config = folder / "config.toml"
        self.daemon = RunningDaemon(self.config)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port: int = free.getsockname()[1]
        self._more = more

    def __enter__(self) -> Publisher:
        self.web.__enter__()
        self.sink.__enter__()
        self.hub = Hub(self.web)
        self.web.route("/feed", self._serve)
        self.sink.route("/sink", self._take)
        self.configure(self._more)
        self.daemon.start()
        return self

    def configure(self, more: str) -> None:
        """Write the configuration with these lines for the feed."""
        text = _CONFIG.format(
            sink=self.sink.port,
            web=self.web.port,
            port=self._port,
            feed=self.web.url("/feed"),
            more=more,
        )
        self.config.write_text(text)

    def __exit__(self, *exc: object) -> None:
        self.daemon.stop()
        self.sink.__exit__(None, None, None)
        self.web.__exit__(None, None, None)

    async def publish(self, guid: str, *, whole: bool = True) -> None:
        """Post an entry and let the hub tell of it: of the `whole` feed, or of it alone."""
        self.posts.append(guid)
        self.posted[guid] = time.monotonic()
        listed = self.posts[-_LISTED:] if whole else [guid]
        await self.hub.publish(self.web.url("/feed"), self._document(listed))

    def delays(self) -> list[float]:
        """Return the seconds from each post to its first alert, ascending."""
        return sorted(min(at) - self.posted[guid] for guid, at in self.told.items())

    async def until(self, so: Callable[[], bool], seconds: float = 30.0) -> None:
        """Return when `so`; TimeoutError if that does not come true."""
        async with asyncio.timeout(seconds):
            while not so():  # noqa: ASYNC110 (it happens in another process)
                await asyncio.sleep(0.01)

    async def _serve(self, request: Request, out: asyncio.StreamWriter) -> None:
        self.polls += 1
        listed = self.posts[-_LISTED:]
        for guid in listed:
            self.shown.setdefault(guid, time.monotonic())
        await answer(self._document(listed), etag=f'"{len(self.posts)}"')(request, out)

    async def _take(self, request: Request, out: asyncio.StreamWriter) -> None:
        await answer(b"ok")(request, out)
        title = str(json.loads(request.body)["title"])
        guid = next((word for word in title.split() if word in self.posts), title)
        self.told.setdefault(guid, []).append(time.monotonic())

    def _document(self, guids: list[str]) -> bytes:
        items = "".join(
            f"<item><guid>{guid}</guid><title>{guid}</title><link>https://example.org/{guid}</link>"
            f"<pubDate>{format_datetime(datetime.now(UTC))}</pubDate></item>"
            for guid in reversed(guids)
        )
        return (
            '<rss version="2.0" xmlns:a="http://www.w3.org/2005/Atom"><channel><title>Blog</title>'
            f'<a:link rel="hub" href="{self.hub.url}"/>'
            f'<a:link rel="self" href="{self.web.url("/feed")}"/>{items}</channel></rss>'
        ).encode()


def share(ordered: list[float], part: float) -> float:
    """Return the value that `part` of the sample does not exceed (nearest rank)."""
    return ordered[max(0, -(-int(part * 1000) * len(ordered) // 1000) - 1)]

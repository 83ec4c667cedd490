"""The real daemon in a process of its own, and feeds that grow, for tests of the whole."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

from tests.support.webserver import Request, WebServer, answer


class GrowingFeeds:
    """Feeds at `/feed/N` of a web server, each with what was published on it so far."""

    def __init__(self, web: WebServer, count: int) -> None:
        self.posts: list[list[str]] = [[] for _ in range(count)]
        for number in range(count):
            web.route(f"/feed/{number}", self._serve)

    def publish(self, feed: int, guid: str) -> None:
        self.posts[feed].append(guid)

    async def _serve(self, request: Request, out: asyncio.StreamWriter) -> None:
        number = int(request.path.rsplit("/", 1)[1])
        posts = list(self.posts[number])
        etag = f'"{len(posts)}"'
        await answer(self.document(number, posts), etag=etag)(request, out)

    def document(self, number: int, posts: Sequence[str]) -> bytes:
        date = format_datetime(datetime.now(UTC))
        items = "".join(
            f"<item><guid>{guid}</guid><title>{guid}</title><pubDate>{date}</pubDate>"
            f"<link>https://example.org/{guid}</link><description>text</description></item>"
            for guid in reversed(posts)
        )
        return (
            f'<rss version="2.0"><channel><title>Feed {number}</title>{items}</channel></rss>'
        ).encode()


class RunningDaemon:
    """`digestd run` on a configuration; may be killed and started again."""

    def __init__(self, config: Path, **environ: str) -> None:
        self.config = config
        self._environ = environ
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environ = {k: v for k, v in os.environ.items() if k != "NOTIFY_SOCKET"}
        environ["STATE_DIRECTORY"] = str(self.config.parent / "state")
        environ |= self._environ
        with (self.config.parent / "daemon.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "digestd", "-c", str(self.config), "run"],
                stderr=log,
                stdout=log,
                env=environ,
            )

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """kill -9, and reap."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        """Kill it if it still runs: for the end of a test that failed."""
        if self._process is not None and self._process.poll() is None:
            self.kill()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end; return its exit code."""
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(timeout=15)

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def log(self) -> str:
        return (self.config.parent / "daemon.log").read_text()

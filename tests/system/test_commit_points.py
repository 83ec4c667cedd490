"""A pass is killed at every commit of the store, one after the other: nothing lost, nothing twice.

Not a sample: the pass polls a feed, makes alerts and a digest, and sends them; it
dies just before and just after each commit that it makes. The next pass takes over.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import GrowingFeeds
from tests.support.smtp import SmtpServer
from tests.support.webserver import WebServer, answer

CONFIG = """\
timezone = "UTC"
[web]
listen = ""
[channels]
hook = "json://127.0.0.1:{port}/hook"
pages = "json://127.0.0.1:{port}/pages"
mail = "mailto://127.0.0.1:{smtp}/?mode=insecure&from=digestd@example.org&to=me@example.org"
[digests.daily]
when = "08:00"
to = "pages"
[poll]
allow_private = ["127.0.0.1:{port}"]
[[feeds]]
url = "http://127.0.0.1:{port}/feed/0"
alert = ["hook", "mail"]
"""
BEFORE = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)
SLOT = datetime(2026, 11, 24, 8, 1, tzinfo=UTC)
POSTS = ("first", "second")
IN_FLIGHT = 3  # one message to each channel


class Passes:
    """The program that dies as told, on copies of one state."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program = subprocess.Popen(
            [sys.executable, "-m", "tests.support.crashing"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def make(self, state: str, now: datetime, die_at: int = 0) -> dict[str, Any]:
        assert self.program.stdin is not None
        assert self.program.stdout is not None
        order = {
            "config": str(self.folder / "config.toml"),
            "state": str(self.folder / state),
            "now": now.isoformat(),
            "die_at": die_at,
        }
        self.program.stdin.write(json.dumps(order) + "\n")
        self.program.stdin.flush()
        told: dict[str, Any] = json.loads(self.program.stdout.readline())
        return told

    def end(self) -> None:
        assert self.program.stdin is not None
        self.program.stdin.close()
        self.program.wait(10)
        assert self.program.stdout is not None
        self.program.stdout.close()


class Site:
    """A feed with two new posts, two webhooks, a mail server, and what arrived there."""

    def __init__(self, folder: Path, web: WebServer, smtp: SmtpServer) -> None:
        self.web, self.smtp = web, smtp
        for path in ("/hook", "/pages"):
            web.route(path, answer(b"ok"))
        self.feeds = GrowingFeeds(web, 1)
        self.feeds.publish(0, "old")
        port = web.url("/").rsplit(":", 1)[1].strip("/")
        (folder / "config.toml").write_text(CONFIG.format(port=port, smtp=smtp.port))
        self.passes = Passes(folder)
        assert self.passes.make("base", BEFORE)["ended"] == 0
        for post in POSTS:
            self.feeds.publish(0, post)

    def forget(self) -> None:
        self.web.requests.clear()
        self.smtp.inbox.clear()

    def arrived(self) -> dict[str, Counter[str]]:
        """Return by channel how often each post arrived, and under how many identities."""
        found = {name: Counter[str]() for name in ("hook", "pages", "mail")}
        for request in self.web.requests:
            name = request.path.strip("/")
            if name in found:
                body = json.loads(request.body)
                assert body["id"] == request.headers["idempotency-key"]
                found[name].update(entry["title"] for entry in body["entries"])
        for mail in self.smtp.inbox:
            found["mail"][str(mail.mail["Subject"]).rpartition(": ")[2]] += 1
        return found

    def identities(self) -> set[str]:
        keys = {r.headers["idempotency-key"] for r in self.web.requests if r.method == "POST"}
        return keys | {str(received.mail["Message-ID"]) for received in self.smtp.inbox}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with WebServer() as web, SmtpServer() as smtp:
        made = Site(tmp_path, web, smtp)
        yield made
        made.passes.end()


def test_a_pass_killed_at_any_commit_loses_nothing_and_repeats_what_was_in_flight(
    site: Site, tmp_path: Path
) -> None:
    point, killed, repeats, lived = 0, 0, 0, 0
    while lived < 2:  # how many commits share a transaction differs a little from pass to pass
        point += 1
        state = f"state-{point}"
        shutil.copytree(tmp_path / "base", tmp_path / state)
        site.forget()
        first = site.passes.make(state, SLOT, die_at=point)
        assert first["ended"] in (0, -9), f"point {point}"
        if first["ended"] == -9:
            killed += 1
            assert site.passes.make(state, SLOT + timedelta(minutes=1))["ended"] == 0
        arrived = site.arrived()
        for channel, counts in arrived.items():
            assert counts.keys() == set(POSTS), f"point {point}: {channel} has {counts}"
        extra = sum(sum(counts.values()) - len(POSTS) for counts in arrived.values())
        # Two posts are one digest: it may be repeated as a whole.
        assert extra <= IN_FLIGHT + 1, f"point {point}: {arrived}"
        assert len(site.identities()) == 2 * len(POSTS) + 1, f"point {point}: {arrived}"
        repeats += extra
        if first["ended"] == 0:
            lived += 1
            assert first["passed"] < point
    assert killed == point - 2 > 20  # every point was one of death, and there are many
    assert repeats > 0  # some came between a service's yes and our note of it

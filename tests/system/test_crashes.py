"""The promises, held against the whole program: nothing lost, nothing twice, taken over."""

from __future__ import annotations

import json
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.daemon import GrowingFeeds, RunningDaemon
from tests.support.smtp import SmtpServer
from tests.support.webserver import WebServer, answer

CONFIG = """\
[channels]
hook = "json://127.0.0.1:{hook}/sink"
mail = "mailto://127.0.0.1:{smtp}/?mode=insecure&from=digestd@example.org&to=me@example.org"

[digests.none]
when = "manual"
to = ["hook"]

[poll]
allow_private = ["127.0.0.1:{feeds}"]
per_host = 20

[delivery]
first_retry = "1s"

[web]
listen = ""
"""
FEED = """
[[feeds]]
url = "{url}"
id = "f{number}"
interval = "1s"
alert = {alert}
"""


class Site:
    """Growing feeds, a webhook sink, a mail server, and a configuration that joins them."""

    def __init__(self, folder: Path, count: int, alert: list[str]) -> None:
        self.web, self.sink, self.smtp = WebServer(), WebServer(), SmtpServer()
        self.folder = folder
        self.count = count
        self.alert = alert

    def __enter__(self) -> Site:
        self.web.__enter__()
        self.sink.__enter__()
        self.smtp.__enter__()
        self.sink.route("/sink", answer(b"ok"))
        self.feeds = GrowingFeeds(self.web, self.count)
        text = CONFIG.format(
            hook=self.sink.url("/").rsplit(":", 1)[1].strip("/"),
            smtp=self.smtp.port,
            feeds=self.web.url("/").rsplit(":", 1)[1].strip("/"),
        )
        text += "".join(
            FEED.format(url=self.web.url(f"/feed/{n}"), number=n, alert=json.dumps(self.alert))
            for n in range(self.count)
        )
        self.config = self.folder / "config.toml"
        self.config.write_text(text)
        return self

    def __exit__(self, *exc: object) -> None:
        self.smtp.__exit__(None, None, None)
        self.sink.__exit__(None, None, None)
        self.web.__exit__(None, None, None)

    def hooked(self) -> Counter[str]:
        bodies = [json.loads(r.body) for r in list(self.sink.requests) if r.path == "/sink"]
        return Counter(entry["title"] for body in bodies for entry in body["entries"])

    def mailed(self) -> Counter[str]:
        return Counter(str(r.mail["Subject"]).split(": ")[-1] for r in list(self.smtp.inbox))

    def polled(self) -> bool:
        """Whether every feed's first fetch is recorded: it was asked a second time."""
        asked = Counter(self.web.paths())
        return all(asked[f"/feed/{n}"] >= 2 for n in range(self.count))


def until(true: Callable[[], bool], seconds: float) -> bool:
    """Wait until `true`, `seconds` at most; return whether it came true."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)  # what is waited for happens in another process
    return True


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path, 20, ["hook", "mail"]) as made:
        yield made


def test_two_hundred_posts_survive_ten_kills(site: Site) -> None:
    chance = random.Random(20261124)
    daemon = RunningDaemon(site.config)
    daemon.start()
    assert until(site.polled, 20), daemon.log()
    guids = [f"post-{n:03}" for n in range(200)]
    mark = 0
    for kill in range(10):
        for guid in guids[kill * 20 : (kill + 1) * 20]:
            site.feeds.publish(chance.randrange(20), guid)
        until(lambda: False, chance.uniform(0.3, 1.6))
        daemon.kill()
        mark = len(daemon.log())
        daemon.start()
    everything = set(guids)
    arrived = until(lambda: site.hooked().keys() >= everything <= site.mailed().keys(), 60)
    # Before it runs it has no handler for a signal, and nothing in flight either.
    assert until(lambda: "running feeds" in daemon.log()[mark:], 20), daemon.log()[-4000:]
    assert daemon.stop() == 0
    assert arrived, daemon.log()[-4000:]
    assert site.hooked().keys() == everything == site.mailed().keys()
    for counts in (site.hooked(), site.mailed()):
        assert sum(counts.values()) - len(everything) <= 10  # one a kill and channel at most
    ids = Counter(str(r.mail["Message-ID"]) for r in site.smtp.inbox)
    assert len(ids) == len(everything)  # what came twice came under the same Message-ID


def test_a_restart_announces_nothing_twice_and_misses_nothing(tmp_path: Path) -> None:
    with Site(tmp_path, 1, ["hook"]) as site:
        site.feeds.publish(0, "old")
        daemon = RunningDaemon(site.config)
        daemon.start()
        assert until(site.polled, 15), daemon.log()
        site.feeds.publish(0, "first")
        assert until(lambda: bool(site.hooked()), 10), daemon.log()
        assert daemon.stop(signal.SIGINT) == 0
        site.feeds.publish(0, "meanwhile")
        daemon.start()
        assert until(lambda: "meanwhile" in site.hooked(), 15), daemon.log()
        assert daemon.stop() == 0
        assert site.hooked() == {"first": 1, "meanwhile": 1}


def test_a_bad_reload_is_refused_and_a_good_one_is_in_force(tmp_path: Path) -> None:
    with Site(tmp_path, 2, ["hook"]) as site:
        text = site.config.read_text()
        site.config.write_text(text.rpartition("[[feeds]]")[0])
        daemon = RunningDaemon(site.config)
        daemon.start()
        assert until(lambda: "running" in daemon.log(), 10)
        site.config.write_text("chanels = 3\n")
        daemon.signal(signal.SIGHUP)
        assert until(lambda: "configuration refused" in daemon.log(), 10)
        site.config.write_text(text)
        daemon.signal(signal.SIGHUP)
        assert until(lambda: "/feed/1" in site.web.paths(), 10), daemon.log()
        assert daemon.stop() == 0


def test_two_daemons_send_nothing_twice_and_one_takes_over(tmp_path: Path) -> None:
    with Site(tmp_path, 5, ["hook", "mail"]) as site:
        one, two = RunningDaemon(site.config), RunningDaemon(site.config)
        one.start()
        assert until(site.polled, 20), one.log()
        two.start()
        assert until(lambda: one.log().count("running feeds") == 2, 10), one.log()
        guids = [f"post-{n:02}" for n in range(40)]
        for n, guid in enumerate(guids):
            site.feeds.publish(n % 5, guid)
        everything = set(guids)
        assert until(lambda: site.hooked().keys() >= everything <= site.mailed().keys(), 30)
        assert set(site.hooked().values()) == set(site.mailed().values()) == {1}
        one.kill()
        killed_at = time.monotonic()
        site.feeds.publish(0, "after the kill")
        assert until(lambda: "after the kill" in site.hooked(), 10), one.log()[-3000:]
        assert time.monotonic() - killed_at < 5
        assert two.stop() == 0
        assert set(site.hooked().values()) == {1}

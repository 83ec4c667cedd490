"""Hostile feeds by the hundred beside honest ones, who notice nothing; and nothing leaks out."""

from __future__ import annotations

import email.policy
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from email import message_from_bytes
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from digestd.store.db import Database, connect
from tests.support.daemon import GrowingFeeds, RunningDaemon
from tests.support.webserver import WebServer, answer
from tests.system.scenarios import MEGABYTE, Scenario, scenarios

HONEST = 3
LATEST = 10.0  # seconds from publication to alert, on an honest feed
MOST = 300 * MEGABYTE  # of memory above what honest feeds alone take
LONGEST = 90.0  # seconds until every hostile feed was asked once
CONFIG = """\
[channels]
hook = "json://127.0.0.1:{hook}/sink"
mail = "maildir://{folder}/Mail"
page = "file://{folder}/pages"

[digests.evil]
when = "manual"
to = ["mail", "page"]
content = "full"
tags = ["evil"]

[poll]
allow_private = ["127.1.0.0/16", "127.0.0.1:{honest}"]
timeout = "3s"

[web]
listen = ""
"""
GOOD = '[[feeds]]\nurl = "{url}"\nid = "good{n}"\ninterval = "1s"\nalert = "hook"\ndigest = []\n'
EVIL = '[[feeds]]\nurl = "{url}"\nid = "evil{n}"\ntags = ["evil"]\nfirst = "all"\n'
# Their names and what is expected of them; where they lead is known only when a server runs.
TABLE = list(scenarios("127.0.0.1:9"))


@dataclass(frozen=True)
class Run:
    """What came of all scenarios, run once."""

    errors: dict[str, str]
    titles: dict[str, list[str]]
    stored: list[str]  # markup in the database
    shown: list[str]  # mails and pages
    mails: list[bytes]
    log: str
    to_canary: int
    latest: float
    memory: int


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("hostile")
    with ExitStack() as stack:
        evil = stack.enter_context(WebServer(bind="0.0.0.0"))
        honest, sink, canary = (stack.enter_context(WebServer()) for _ in range(3))
        sink.route("/sink", answer(b"ok"))
        feeds = GrowingFeeds(honest, HONEST)
        config = folder / "config.toml"
        text = CONFIG.format(hook=sink.port, folder=folder, honest=honest.port)
        for number in range(HONEST):
            feeds.publish(number, "hello")
            text += GOOD.format(url=honest.url(f"/feed/{number}"), n=number)
        config.write_text(text)
        _, baseline = _watch(config, feeds, honest, sink, lambda _: True)
        for number, one in enumerate(scenarios(f"127.0.0.1:{canary.port}")):
            path, host = f"/{number}", f"127.1.0.{number + 1}"
            evil.route(path, one.does)
            text += EVIL.format(url=one.start or evil.url(path, host), n=number)
        config.write_text(text)
        latest, memory = _watch(config, feeds, honest, sink, _all_asked)
        assert _digestd(config, "send", "evil") == 0
        db = connect(folder / "state" / "digestd.db", create=False)
        mails = [path.read_bytes() for path in (folder / "Mail" / "new").iterdir()]
        pages = [path.read_text() for path in (folder / "pages").rglob("*.html")]
        log = (folder / "daemon.log").read_text()
        return Run(
            errors={row["id"]: row["last_error"] for row in db.query("SELECT * FROM feeds")},
            titles=_titles(db),
            stored=list(_stored(db)),
            shown=[*filter(None, map(_html_part, mails)), *pages],
            mails=mails,
            log=log,
            to_canary=canary.connections,
            latest=latest,
            memory=memory - baseline,
        )


def _watch(
    config: Path,
    feeds: GrowingFeeds,
    honest: WebServer,
    sink: WebServer,
    done: Callable[[Database], bool],
) -> tuple[float, int]:
    """Run the daemon until `done`; return the latest alert's delay and the peak of memory."""
    daemon = RunningDaemon(config)
    daemon.start()
    latest, peak, end = 0.0, 0, time.monotonic() + LONGEST
    # What is there at the first fetch is old; what comes later is news.
    honest.wait_for(len(honest.requests) + 2 * HONEST, 20)
    db = connect(config.parent / "state" / "digestd.db", create=False)
    try:
        while True:
            posted, told = time.monotonic(), len(sink.requests)
            for number in range(HONEST):
                feeds.publish(number, f"post {posted} {number}")
            sink.wait_for(told + HONEST, 60)
            latest = max(latest, time.monotonic() - posted)
            peak = max(peak, _memory(daemon.pid))
            if done(db):
                return latest, peak
            assert time.monotonic() < end, f"not asked: {_waiting(db)}"
    finally:
        db.conn.close()
        assert daemon.stop() == 0


def _waiting(db: Database) -> list[str]:
    rows = db.query("SELECT id FROM feeds WHERE last_polled_at IS NULL AND active")
    return [row["id"] for row in rows]


def _all_asked(db: Database) -> bool:
    return not _waiting(db)


def _memory(pid: int) -> int:
    """Return what a process and its children have in memory, the former at its peak."""
    total = _status(pid, "VmHWM")
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return total + sum(_status(int(child), "VmHWM") for child in children)


def _status(pid: int, key: str) -> int:
    with suppress(OSError):
        found = re.search(rf"{key}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
        return int(found[1]) * 1024 if found else 0
    return 0


def _digestd(config: Path, *argv: str) -> int:
    environ = os.environ | {"STATE_DIRECTORY": str(config.parent / "state")}
    command = [sys.executable, "-m", "digestd", "-c", str(config), *argv]
    return subprocess.run(command, env=environ, check=False, capture_output=True).returncode


def _titles(db: Database) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    query = "SELECT f.id, e.title FROM entries e JOIN feeds f ON f.pk = e.feed_pk"
    for row in db.query(query):
        found.setdefault(row["id"], []).append(row["title"])
    return found


def _stored(db: Database) -> Iterator[str]:
    for row in db.query("SELECT title_html, content_html, summary_html FROM entries"):
        yield from row.values()


def _html_part(raw: bytes) -> str:
    message = message_from_bytes(raw, policy=email.policy.default)
    part = message.get_body(("html",))
    return part.get_content() if part is not None else ""


# --- what came of it -------------------------------------------------------------------


def test_there_are_enough() -> None:
    assert len(TABLE) >= 130
    assert len({one.name for one in TABLE}) == len(TABLE)


@pytest.mark.parametrize(("number", "one"), list(enumerate(TABLE)), ids=[one.name for one in TABLE])
def test_each_comes_to_what_it_should(ran: Run, number: int, one: Scenario) -> None:
    error = ran.errors[f"evil{number}"]
    assert len(error.splitlines()) <= 1
    assert error.isprintable()
    if one.says:
        assert one.says.lower() in error.lower()
    else:
        assert error == ""
    if one.titles is not None:
        assert ran.titles[f"evil{number}"] == list(one.titles)
    for title in ran.titles.get(f"evil{number}", []):
        assert len(title) <= 200
        assert title.isprintable()


def test_nobody_else_waits(ran: Run) -> None:
    assert ran.latest < LATEST


def test_memory_stays_within_bounds(ran: Run) -> None:
    assert ran.memory < MOST


def test_no_forbidden_address_is_asked(ran: Run) -> None:
    assert ran.to_canary == 0


class _Reader(HTMLParser):
    """Names what no reader may meet, as a browser would find it."""

    FORBIDDEN = frozenset(
        "script iframe object embed form input button base svg math template frame applet".split()
    )

    def __init__(self, schemes: tuple[str, ...]) -> None:
        super().__init__()
        self.schemes = schemes
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self.FORBIDDEN:
            self.wrong.append(f"<{tag}>")
        for name, value in attrs:
            address = re.sub(r"[\x00-\x20]", "", value or "").lower()
            if name.startswith("on") or name in ("srcdoc", "formaction", "xlink:href"):
                self.wrong.append(f"{name} of <{tag}>")
            led = name in ("href", "src", "action", "poster")
            if led and not address.startswith(self.schemes):
                self.wrong.append(f"{address[:50]!r} of <{tag}>")


def test_no_script_and_no_handler_reaches_a_reader(ran: Run) -> None:
    web = ("http://", "https://", "mailto:")
    # Messages carry pictures of formulas, which we have drawn.
    ours = (*web, "#", "cid:", "data:image/png;base64,")
    for markups, schemes in ((ran.stored, web), (ran.shown, ours)):
        reader = _Reader(schemes)
        for markup in markups:
            reader.feed(markup)
            reader.reset()
        assert reader.wrong == []
    assert any("markup 1" in markup for markup in ran.shown)


def test_no_header_is_forged_and_no_template_run(ran: Run) -> None:
    for raw in ran.mails:
        message: Any = message_from_bytes(raw, policy=email.policy.default)
        assert message["Bcc"] is None
        assert "49" not in re.findall(r"\b49\b", _html_part(raw))
    assert ran.mails
    assert all("{{ 7*7 }}" in _html_part(raw) for raw in ran.mails if b"markup" in raw)


def test_the_log_is_one_of_lines(ran: Run) -> None:
    assert re.search(r"[\x00-\x09\x0b-\x1f\x7f]", ran.log) is None
    assert "Traceback" not in ran.log

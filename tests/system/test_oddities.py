"""Odd feeds by the hundred, asked once: each comes to what it should, and leads nowhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from digestd.store.db import connect
from tests.bench.fuzz.targets import check_safe
from tests.support.webserver import WebServer
from tests.system.oddities import oddities
from tests.system.scenarios import Scenario

CONFIG = """
[poll]
allow_private = ["127.1.0.0/16"]
timeout = "20s"
[web]
listen = ""
"""
TABLE = list(oddities("127.0.0.1:9"))


@dataclass(frozen=True)
class Run:
    """What came of all of them."""

    errors: dict[str, str]
    titles: dict[str, list[str]]
    markup: list[str]
    log: str
    to_canary: int


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("odd")
    config, text = folder / "config.toml", CONFIG
    with WebServer(bind="0.0.0.0") as web, WebServer() as canary:
        for number, one in enumerate(oddities(f"127.0.0.1:{canary.port}")):
            web.route(f"/{number}", one.does)
            url = web.url(f"/{number}", f"127.1.0.{number + 1}")
            text += f'[[feeds]]\nurl = "{url}"\nid = "odd{number}"\nfirst = "all"\n'
        config.write_text(text)
        done = subprocess.run(
            [sys.executable, "-m", "digestd", "-c", str(config), "run", "--once"],
            env=os.environ | {"STATE_DIRECTORY": str(folder / "state")},
            check=False,
            capture_output=True,
            text=True,
        )
        connections = canary.connections
    return _found(folder / "state" / "digestd.db", done.stdout + done.stderr, connections)


def _found(database: Path, log: str, to_canary: int) -> Run:
    db = connect(database, create=False)
    errors = {row["id"]: row["last_error"] for row in db.query("SELECT id, last_error FROM feeds")}
    titles: dict[str, list[str]] = {name: [] for name in errors}
    markup = []
    query = (
        "SELECT f.id AS feed, e.title, title_html, content_html, summary_html"
        " FROM entries e JOIN feeds f ON f.pk = e.feed_pk"
    )
    for row in db.query(query):
        titles[row["feed"]].append(row["title"])
        markup += [row["title_html"], row["content_html"], row["summary_html"]]
    return Run(errors, titles, markup, log, to_canary)


@pytest.mark.parametrize(("number", "one"), list(enumerate(TABLE)), ids=[one.name for one in TABLE])
def test_each_comes_to_what_it_should(ran: Run, number: int, one: Scenario) -> None:
    error, titles = ran.errors[f"odd{number}"], ran.titles[f"odd{number}"]
    assert error.isprintable()
    assert one.says.lower() in error.lower() if one.says else error == ""
    assert one.titles is None or titles == list(one.titles)
    assert all(len(title) <= 7_000 and title.isprintable() for title in titles)


def test_nothing_leads_anywhere_and_nothing_runs(ran: Run) -> None:
    assert ran.to_canary == 0
    for markup in filter(None, ran.markup):
        check_safe(markup)


def test_the_log_is_one_of_lines(ran: Run) -> None:
    assert re.search(r"[\x00-\x09\x0b-\x1f\x7f]", ran.log) is None
    assert "Traceback" not in ran.log

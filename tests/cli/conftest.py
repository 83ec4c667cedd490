"""A configuration with a real feed, and the command line on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from digestd.cli import main
from tests.support.daemon import GrowingFeeds
from tests.support.webserver import WebServer, status

CONFIG = """
timezone = "UTC"
language = "en"
[web]
listen = ""
[channels]
page = "file://{folder}/pages"
mail = "maildir://{folder}/Mail"
dead = "json://127.0.0.1:1/x"
[digests.daily]
when = "08:00"
to = ["page", "mail"]
[poll]
allow_private = ["127.0.0.1:{port}"]
[[feeds]]
url = "{good}"
id = "good"
name = "Good feed"
alert = "page"
first = "newest:1"
[[feeds]]
url = "{bad}"
id = "bad"
"""

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def web() -> Iterator[WebServer]:
    with WebServer() as server:
        yield server


@pytest.fixture
def feeds(web: WebServer) -> GrowingFeeds:
    return two_posts(web)


def two_posts(web: WebServer) -> GrowingFeeds:
    web.route("/bad", status(500))
    growing = GrowingFeeds(web, 1)
    growing.publish(0, "one")
    growing.publish(0, "two")
    return growing


def write_config(folder: Path, web: WebServer) -> Path:
    config = folder / "config.toml"
    port = web.url("/").rsplit(":", 1)[1].strip("/")
    config.write_text(
        CONFIG.format(folder=folder, port=port, good=web.url("/feed/0"), bad=web.url("/bad"))
    )
    return config


@pytest.fixture
def run(
    tmp_path: Path, web: WebServer, feeds: GrowingFeeds, capsys: pytest.CaptureFixture[str]
) -> Run:
    return runner(write_config(tmp_path, web), capsys)


def runner(config: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*argv: str) -> tuple[int, str, str]:
        environ = {"STATE_DIRECTORY": str(config.parent / "state")}
        code = main(["-c", str(config), *argv], environ=environ)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call

"""A password or token that its owner has written into an address shows nowhere."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from digestd.cli import main
from digestd.core.links import without_secrets
from tests.support.daemon import RunningDaemon
from tests.support.webserver import Action, WebServer, answer, hang, raw, redirect, status

CONFIG = """
timezone = "UTC"
[channels]
mail = "maildir://{folder}/Mail"
[digests.daily]
when = "manual"
to = ["mail"]
[poll]
allow_private = ["127.0.0.0/8"]
timeout = "1s"
min_interval = "1s"
[web]
listen = "127.0.0.1:{listen}"
"""
RSS = """<rss version="2.0"><channel><title>T</title><item><guid>1</guid><title>P</title>
<link>https://example.org/1</link></item></channel></rss>"""
SECRET = "s3cr3t"


def ways(web: WebServer) -> dict[str, Action]:
    """Return what may become of a feed, by path."""
    return {
        "/good": answer(RSS),
        "/broken": answer("<html><title>Sign in</title><input type=password>"),
        "/missing": status(404),
        "/busy": status(429, Retry_After="60"),
        "/silent": hang,
        "/rubbish": raw(b"\x00\x01"),
        "/away": redirect(f"http://10.0.0.1/x?token={SECRET}-away"),
        "/odd": redirect(f"ftp://me:{SECRET}-ftp@127.0.0.1/x?token={SECRET}-odd"),
        "/port": redirect(f"http://127.0.0.1:25/x?token={SECRET}-port"),
        "/loop": redirect(web.url(f"/loop?token={SECRET}-loop")),
        "/moved": redirect(web.url(f"/good?token={SECRET}-moved"), 301),
        "/gone": status(410),
    }


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.touch(mode=0o600)
    return path


Run = Callable[..., str]


@pytest.fixture
def run(config: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    environ = {"STATE_DIRECTORY": str(config.parent / "state"), "COLUMNS": "400"}

    def call(*words: str) -> str:
        main(["-c", str(config), *words], environ=environ)
        captured = capsys.readouterr()
        return captured.out + captured.err

    return call


def test_a_literal_secret_in_an_address_shows_nowhere(
    tmp_path: Path,
    config: Path,
    run: Run,
    free_tcp_port: int,
    request: pytest.FixtureRequest,
) -> None:
    listen = free_tcp_port
    said: dict[str, str] = {}
    with WebServer(bind="0.0.0.0") as web:
        text = CONFIG.format(folder=tmp_path, listen=listen)
        for number, (path, does) in enumerate(ways(web).items(), 10):
            web.route(path, does)
            address = web.url(
                f"{path}?x=1&token={SECRET}-{path[1:]}", host=f"me:{SECRET}@127.0.0.{number}"
            )
            text += f'[[feeds]]\nurl = "{address}"\nalert = "mail"\n'
        config.write_text(text)
        daemon = RunningDaemon(config)
        daemon.start()
        request.addfinalizer(daemon.end)
        web.wait_for(len(ways(web)) + 3, 30)
        for page in ("", "status", "metrics", "feeds", "health"):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{listen}/{page}") as answered:
                    said[page] = answered.read().decode()
            except urllib.error.HTTPError as exc:
                said[page] = exc.read().decode()
        assert daemon.stop() == 0
        for words in (
            ["run", "--once"], ["feeds"], ["feeds", "--json"], ["status"],
            ["status", "--json"], ["check"], ["entries"], ["entries", "--json"], ["why", "P"],
            ["held"], ["outbox"], ["outbox", "--json"], ["rules", "test"],
            ["poll", "127.0.0.16"], ["poll", "127.0.0.17"], ["poll", f"x?token={SECRET}-no"],
            ["add", web.url(f"/missing?token={SECRET}-add")], ["pause", "all"], ["resume", "all"],
            ["remove", web.url(f"/nothing?token={SECRET}-remove")],
            ["move", "127.0.0.10", f"http://10.0.0.1/?token={SECRET}-move"],
        ):  # fmt: skip
            said[" ".join(words).replace(SECRET, "…")] = run(*words)
    said["log"] = daemon.log()
    for file in (tmp_path / "Mail").rglob("*"):
        if file.is_file():
            said[file.name] = file.read_text("latin-1")
    leaks = {
        where: [line for line in what.splitlines() if SECRET in line][:3]
        for where, what in said.items()
        if SECRET in what
    }
    assert leaks == {}
    assert "polled" in said["log"]


@pytest.mark.parametrize(
    "name",
    "token api_key apikey access_token rsskey feedKey user_key auth authkey password passwd pass"
    " pwd passkey torrent_pass secret client_secret sig signature session jwt private_token hash"
    " pw sid".split(),
)
def test_what_is_called_like_a_secret_is_shown_as_one(name: str) -> None:
    shown = without_secrets(f"https://a.example/feed?x=1&{name}={SECRET}&y=2")
    assert shown == f"https://a.example/feed?x=1&{name}=…&y=2"


@pytest.mark.parametrize("name", ["author", "keyword", "tag", "q", "page", "format", "design"])
def test_what_tells_feeds_apart_is_shown(name: str) -> None:
    assert without_secrets(f"https://a.example/?{name}=x") == f"https://a.example/?{name}=x"

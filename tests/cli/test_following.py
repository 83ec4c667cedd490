"""Following and leaving feeds by command, against a real site on loopback."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from digestd.cli import main
from digestd.config import load
from tests.support.daemon import GrowingFeeds
from tests.support.webserver import WebServer, answer, status

CONFIG = """
timezone = "UTC"
language = "en"
[web]
listen = ""
[channels]
page = "file://{folder}/pages"
[digests.daily]
when = "08:00"
to = ["page"]
[poll]
allow_private = ["127.0.0.1:{port}"]
"""

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def web() -> Iterator[WebServer]:
    with WebServer() as server:
        yield server


@pytest.fixture
def site(web: WebServer) -> GrowingFeeds:
    growing = GrowingFeeds(web, 2)
    growing.publish(0, "one")
    growing.publish(1, "two")
    head = "".join(
        f'<link rel=alternate type=application/rss+xml href="/feed/{n}">' for n in (0, 1)
    )
    web.route("/blog/", answer(f"<html><head>{head}</head></html>", content_type="text/html"))
    return growing


@pytest.fixture
def run(tmp_path: Path, web: WebServer, capsys: pytest.CaptureFixture[str]) -> Run:
    config = tmp_path / "config.toml"
    config.write_text(CONFIG.format(folder=tmp_path, port=web.port))

    def call(*argv: str) -> tuple[int, str, str]:
        environ = {"STATE_DIRECTORY": str(tmp_path / "state")}
        code = main(["-c", str(config), *argv], environ=environ)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def followed(folder: Path) -> list[dict[str, object]]:
    return list(tomllib.loads((folder / "feeds.toml").read_text()).get("feeds", []))


def test_a_page_s_feed_is_shown_and_followed(
    run: Run, web: WebServer, site: GrowingFeeds, tmp_path: Path
) -> None:
    options = [
        "--name",
        "My blog",
        "--tag",
        "a",
        "--tag",
        "b",
        "--alert",
        "page",
        "--digest",
        "none",
    ]
    code, out, _ = run("add", web.url("/blog/"), *options)
    assert code == 0
    assert "one, " in out
    assert web.url("/feed/1") in out  # the other one is shown too
    assert followed(tmp_path) == [
        {
            "url": web.url("/feed/0"),
            "name": "My blog",
            "tags": ["a", "b"],
            "alert": ["page"],
            "digest": [],
        }
    ]
    assert (tmp_path / "feeds.toml").read_text().startswith(f"# Feed 0, from {web.url('/blog/')}\n")
    (feed,) = load(tmp_path / "config.toml", environ={}).subscriptions
    assert (feed.name, feed.digests) == ("My blog", ())


def test_another_of_those_found_can_be_picked(
    run: Run, web: WebServer, site: GrowingFeeds, tmp_path: Path
) -> None:
    assert run("add", web.url("/blog/"), "--pick", "3")[0] == 1
    assert run("add", web.url("/blog/"), "--pick", "2")[0] == 0
    assert followed(tmp_path) == [{"url": web.url("/feed/1")}]


def test_a_look_changes_nothing(
    run: Run, web: WebServer, site: GrowingFeeds, tmp_path: Path
) -> None:
    code, out, _ = run("add", web.url("/blog/"), "--dry-run", "--json")
    assert code == 0
    (found,) = json.loads(out)
    assert [feed["title"] for feed in found["feeds"]] == ["Feed 0", "Feed 1"]
    assert not (tmp_path / "feeds.toml").exists()
    assert not (tmp_path / "state").exists()


def test_what_cannot_be_followed_is_named_and_the_rest_goes_on(
    run: Run, web: WebServer, site: GrowingFeeds, tmp_path: Path
) -> None:
    web.route("/broken", status(500))
    code, _, err = run("add", web.url("/broken"), "http://127.0.0.1:1/", web.url("/feed/1"))
    assert code == 1
    assert "500" in err
    assert "port 1 is not one for web servers" in err
    assert followed(tmp_path) == [{"url": web.url("/feed/1")}]
    code, _, err = run("add", web.url("/feed/1"))
    assert code == 1
    assert "is followed already" in err


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--alert", "nowhere"], "no channel is called 'nowhere'"),
        (["--digest", "nowhere"], "no digest is called 'nowhere'"),
        (["--tag", "a/b"], "--tag"),
        (["http://x.example", "--name", "X"], "--name is for one address"),
        (["--json"], "--dry-run"),
    ],
)
def test_options_are_checked_before_anybody_is_asked(
    run: Run, web: WebServer, options: list[str], complaint: str
) -> None:
    code, _, err = run("add", web.url("/blog/"), *options)
    assert code == 2
    assert complaint in err
    assert web.requests == []


def test_a_feed_that_ended_is_asked_again_when_it_is_named_again(
    run: Run, web: WebServer, site: GrowingFeeds
) -> None:
    assert run("add", web.url("/feed/0"))[0] == 0
    web.route("/feed/0", status(410))
    assert run("run", "--once")[0] == 1
    (feed,) = json.loads(run("feeds", "--json")[1])
    assert feed["health"] == "gone"
    web.route("/feed/0", site._serve)
    code, out, _ = run("add", web.url("/feed/0"))
    assert (code, "will be asked again" in out) == (0, True)
    assert run("run", "--once")[0] == 0
    (feed,) = json.loads(run("feeds", "--json")[1])
    assert feed["health"] == "well"


def test_a_feed_is_removed_from_feeds_toml_alone(run: Run, tmp_path: Path) -> None:
    config, extra = tmp_path / "config.toml", tmp_path / "feeds.toml"
    config.write_text(
        config.read_text() + '[[feeds]]\nurl = "https://example.org/x"\nid = "good"\n'
    )
    extra.write_text('[[feeds]]\nurl = "https://u:secret@example.org/extra"\nid = "extra"\n')
    code, out, _ = run("remove", "extra")
    assert code == 0
    assert "secret" not in out
    assert "extra" not in extra.read_text()
    code, _, err = run("remove", "good")
    assert code == 1
    assert "config.toml" in err


NEWS = "<html><head><title>News</title></head><body>{}</body></html>"


def news(*numbers: int) -> str:
    items = (
        f'<li class="item"><a href="/n/{n}">What happened, number {n}</a>'
        f'<time datetime="2026-11-0{n}">day</time></li>'
        for n in numbers
    )
    return NEWS.format(f"<ul>{''.join(items)}</ul>")


def test_a_page_without_a_feed_is_followed_by_what_repeats_in_it(
    run: Run, web: WebServer, tmp_path: Path
) -> None:
    web.route("/news", answer(news(3, 2, 1), content_type="text/html"))
    code, _, err = run("add", web.url("/news"))
    assert code == 1
    assert f"digestd add --page {web.url('/news')}" in err
    code, out, _ = run("add", "--page", web.url("/news"), "--tag", "a")
    assert code == 0
    assert "What happened, number 3" in out
    (feed,) = followed(tmp_path)
    assert feed["page"] == {
        "entry": "li.item",
        "title": "a",
        "link": "a",
        "date": "time",
    }
    assert run("run", "--once")[0] == 0
    web.route("/news", answer(news(4, 3, 2, 1), content_type="text/html"))
    assert run("run", "--once", "--all")[0] == 0
    seen = json.loads(run("entries", "--json")[1])
    assert len(seen) == 4
    newest = next(one for one in seen if one["link"].endswith("/n/4"))
    assert (newest["title"], newest["published"][:10]) == ("What happened, number 4", "2026-11-04")
    web.route("/news", answer(NEWS.format("<p>Moved"), content_type="text/html"))
    code, _, err = run("run", "--once", "--all")
    assert code == 1
    assert 'nothing there fits (page.entry = "li.item")' in run("feeds")[1]


def test_a_page_where_nothing_repeats_is_refused(run: Run, web: WebServer) -> None:
    web.route("/bare", answer(NEWS.format("<p>One line"), content_type="text/html"))
    code, _, err = run("add", "--page", web.url("/bare"))
    assert code == 1
    assert "nothing repeats there" in err


def test_a_feed_moves_and_keeps_what_was_seen(
    run: Run, web: WebServer, site: GrowingFeeds, tmp_path: Path
) -> None:
    extra = tmp_path / "feeds.toml"
    extra.write_text(f'# mine\n[[feeds]]\nurl = "{web.url("/feed/0")}"  # here\nname = "Zero"\n')
    assert run("run", "--once")[0] == 0
    site.posts[1] = ["one", "new"]  # the same feed at its new address, and one post more
    code, out, _ = run("move", "Zero", web.url("/feed/1"))
    assert (code, web.url("/feed/1") in out) == (0, True)
    assert extra.read_text() == (
        f'# mine\n[[feeds]]\nurl = "{web.url("/feed/1")}"  # here\n'
        f'id = "127.0.0.1-{web.port}-0"\nname = "Zero"\n'
    )
    assert run("run", "--once")[0] == 0
    seen = json.loads(run("entries", "--json")[1])
    assert sorted(one["title"] for one in seen) == ["new", "one"]
    (feed,) = json.loads(run("feeds", "--json")[1])
    assert (feed["id"], feed["url"]) == (f"127.0.0.1-{web.port}-0", web.url("/feed/1"))


def test_a_move_is_refused_where_there_is_no_feed(
    run: Run, web: WebServer, site: GrowingFeeds, tmp_path: Path
) -> None:
    extra = tmp_path / "feeds.toml"
    extra.write_text(f'[[feeds]]\nurl = "{web.url("/feed/0")}"\nid = "zero"\n')
    text = extra.read_text()
    web.route("/bare", answer(NEWS.format("<p>No feed"), content_type="text/html"))
    code, _, err = run("move", "zero", web.url("/bare"))
    assert (code, "--unchecked moves it all the same" in err) == (1, True)
    assert run("move", "nobody", web.url("/feed/1"))[0] == 1
    assert extra.read_text() == text
    assert run("move", "zero", web.url("/bare"), "--unchecked")[0] == 0
    assert followed(tmp_path) == [{"url": web.url("/bare"), "id": "zero"}]
    config = tmp_path / "config.toml"
    config.write_text(
        config.read_text() + f'[[feeds]]\nurl = "{web.url("/feed/0")}"\nid = "mine"\n'
    )
    code, _, err = run("move", "mine", web.url("/feed/1"))
    assert (code, f'write url = "{web.url("/feed/1")}" there' in err) == (1, True)
    assert "is followed already" in run("move", "mine", web.url("/bare"), "--unchecked")[2]


def test_on_a_terminal_the_newest_post_can_be_sent_as_proof(
    run: Run, web: WebServer, site: GrowingFeeds, tmp_path: Path
) -> None:
    said = on_terminal(tmp_path, [b"2\n", b"y\n"], "add", web.url("/blog/"))
    assert "Which one?" in said
    assert "Send its newest post to page now, as proof?" in said
    assert "accepted" in said
    assert followed(tmp_path) == [{"url": web.url("/feed/1")}]
    (page,) = (tmp_path / "pages").glob("*.html")
    assert "two" in page.read_text()
    assert not (tmp_path / "state").exists()  # nothing was marked


def on_terminal(folder: Path, answers: list[bytes], *argv: str) -> str:
    """Run a command on a terminal, give an answer to each of its questions, return all of it."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "digestd", "-c", str(folder / "config.toml"), *argv]
    environ = os.environ | {"STATE_DIRECTORY": str(folder / "state"), "COLUMNS": "200"}
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environ) as it:
        os.close(theirs)
        said = b""
        while True:
            try:
                piece = os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
            said += piece
            if answers and said.rstrip().endswith((b"]:", b"?")):
                os.write(ours, answers.pop(0))
        it.wait(20)
    os.close(ours)
    return said.decode()

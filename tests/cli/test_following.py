"""Following and leaving feeds by command, against a real site on loopback."""

from __future__ import annotations

import json
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
    assert "newest of 1: one" in out
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

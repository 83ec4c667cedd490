"""`outbox`, `why`, `pause` and `resume` on a real database, a real feed and a dead channel."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from digestd.cli import main
from tests.cli.conftest import Run, runner, two_posts, write_config
from tests.support.daemon import GrowingFeeds
from tests.support.webserver import WebServer


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, GrowingFeeds]]:
    """One alert went out, another waits for a channel that nobody answers."""
    folder = tmp_path_factory.mktemp("site")
    environ = {"STATE_DIRECTORY": str(folder / "state")}
    with WebServer() as web:
        feeds = two_posts(web)
        config = write_config(folder, web)
        config.write_text(config.read_text().replace('alert = "page"', 'alert = ["page", "dead"]'))
        main(["-c", str(config), "run", "--once"], environ=environ)
        feeds.publish(0, "three")
        main(["-c", str(config), "run", "--once", "--all"], environ=environ)
        yield folder, feeds


@pytest.fixture
def dead(
    site: tuple[Path, GrowingFeeds], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Run:
    """The command line on a copy of the site."""
    shutil.copytree(site[0], tmp_path / "copy")
    return runner(tmp_path / "copy" / "config.toml", capsys)


def parsed(run: Run, *argv: str) -> Any:
    _, out, _ = run(*argv)
    return json.loads(out)


def test_a_delivery_can_be_dropped_and_tried_again_by_hand(dead: Run) -> None:
    [waiting] = parsed(dead, "outbox", "--json")
    assert (waiting["channel"], waiting["state"]) == ("dead", "due")
    assert waiting["next_try"]
    number = str(waiting["id"])
    code, out, _ = dead("outbox", "drop", number)
    assert code == 0
    assert "dropped" in out
    assert parsed(dead, "outbox", "list", "--json") == []
    assert dead("outbox", "drop", number)[0] == 1
    [back] = parsed(dead, "outbox", "retry", number, "--json")
    assert back["state"] == "due"
    assert [one["id"] for one in parsed(dead, "outbox", "--json")] == [waiting["id"]]


def test_what_was_sent_is_neither_dropped_nor_tried_again(dead: Run) -> None:
    sent = [one for one in parsed(dead, "outbox", "list", "--all", "--json") if one["sent"]]
    for what in ("drop", "retry"):
        code, _, err = dead("outbox", what, str(sent[0]["id"]), "999999")
        assert code == 1
        assert "it is sent" in err
        assert "no such delivery" in err
    assert dead("outbox", "retry")[0] == 2


def test_a_whole_channel_can_be_dropped(dead: Run) -> None:
    assert len(parsed(dead, "outbox", "list", "--channel", "dead", "--json")) == 1
    assert dead("outbox", "drop", "--channel", "dead")[0] == 0
    assert parsed(dead, "outbox", "--json") == []


@pytest.mark.parametrize("name", ["three", "https://example.org/three", "hre"])
def test_why_tells_the_whole_story(dead: Run, name: str) -> None:
    story = parsed(dead, "why", name, "--json")
    assert (story["title"], story["feed"]) == ("three", "good")
    assert 0 <= story["delay_seconds"] < 60
    assert {(debt["target"], debt["state"]) for debt in story["owed"]} == {
        ("page", "told"),
        ("dead", "told"),
        ("daily", "open"),
    }
    tries = {
        one["channel"]: [attempt["outcome"] for attempt in one["attempts"]]
        for message in story["messages"]
        for one in message["deliveries"]
    }
    assert tries == {"page": ["accepted"], "dead": ["try again"]}
    _, out, _ = dead("why", name)
    assert "s later" in out
    assert "alert to dead" in out
    assert "1. " in out


def test_why_explains_silence_and_asks_back(dead: Run) -> None:
    _, out, _ = dead("why", "one")
    assert "to nobody: what a first fetch brings" in out
    code, _, err = dead("why", "o")
    assert code == 2
    assert "could be any of" in err
    assert dead("why", "nowhere")[0] == 1


def test_status_names_what_could_not_be_delivered(dead: Run) -> None:
    dead("outbox", "drop", "--channel", "dead")
    report = parsed(dead, "status", "--json")
    assert not any("deliver" in problem for problem in report["problems"])
    assert report["owed"]["dead"] == 0


@pytest.mark.parametrize("what", ["good", "all", "page", "daily", "feed:good", "channel:dead"])
def test_a_pause_is_seen_in_status_and_ended(dead: Run, what: str) -> None:
    code, out, _ = dead("pause", what, "--for", "7d")
    assert code == 0
    assert "waits for the next digest" in out
    [paused] = parsed(dead, "status", "--json")["paused"]
    assert paused["what"].endswith(what.rpartition(":")[2])
    assert dead("resume", what)[0] == 0
    assert parsed(dead, "pause", "--json") == []
    assert dead("resume", what)[0] == 2


def test_what_comes_in_a_dropping_pause_is_never_told(
    dead: Run, site: tuple[Path, GrowingFeeds]
) -> None:
    dead("pause", "good", "--drop")
    site[1].publish(0, "four")
    dead("run", "--once", "--all")
    _, out, _ = dead("resume", "good")
    assert "dropped, as you asked: 1" in out
    story = parsed(dead, "why", "four", "--json")
    assert {debt["dropped"] for debt in story["owed"]} == {"feed:good was paused"}
    assert story["messages"] == []


def test_alerts_that_wait_are_told_beside_the_outbox(
    site: tuple[Path, GrowingFeeds], dead: Run, tmp_path: Path
) -> None:
    config = tmp_path / "copy" / "config.toml"
    quiet = 'page = { url = "file:///tmp/x", quiet = ["mon-sat", "sun 00:00-23:59"] }'
    text = re.sub(r"(?m)^page = .*$", quiet, config.read_text())
    config.write_text(text)
    site[1].publish(0, "by night")
    dead("run", "--once", "--all")
    _, out, err = dead("outbox", "--json")
    assert re.search(r"alerts? waits? for page \(quiet\), to be sent in \d", err)
    assert all(one["channel"] != "page" for one in json.loads(out))


def test_a_paused_digest_is_not_sent_by_hand_unnoticed(dead: Run) -> None:
    dead("pause", "all")
    code, _, err = dead("send", "daily")
    assert code == 2
    assert "digestd resume all" in err


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["nothing"], "no feed, digest or channel"),
        (["tag:none"], "no feed has the tag"),
        (["good", "--until", "2020-01-01"], "is past"),
        (["good", "--until", "soon"], "is no date"),
        (["good", "--until", "2099-01-01", "--for", "1d"], "give one of them"),
    ],
)
def test_a_pause_that_cannot_be_meant_is_refused(dead: Run, argv: list[str], told: str) -> None:
    code, _, err = dead("pause", *argv)
    assert code == 2
    assert told in err

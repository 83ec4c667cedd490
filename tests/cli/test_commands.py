"""The command line as scripts and people use it, on a real database and a real feed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from digestd.cli import COMMANDS, main
from tests.cli.conftest import Run
from tests.support.daemon import GrowingFeeds


def test_every_command_in_the_list_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    for name in COMMANDS:
        assert main([name, "--help"]) == 0
        assert "Usage: digestd" in capsys.readouterr().out


def test_what_is_not_there_yet_is_no_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["transmogrify"]) == 2
    assert "No such command" in capsys.readouterr().err


def test_commands_that_look_never_make_a_database(run: Run, tmp_path: Path) -> None:
    for command in (["entries"], ["outbox", "list"], ["preview", "daily"]):
        code, out, err = run(*command)
        assert (code, out) == (1, "")
        assert "nothing was seen yet" in err
    assert run("status")[0] == 1
    code, out, _ = run("feeds", "--json")  # what is configured can be told without it
    assert code == 0
    assert {(feed["id"], feed["health"]) for feed in json.loads(out)} == {
        ("good", "new"),
        ("bad", "new"),
    }
    assert "when the daemon starts" in run("feeds")[1]
    assert not (tmp_path / "state").exists()


def test_a_pass_polls_and_sends_and_the_lists_show_it(
    run: Run, feeds: GrowingFeeds, tmp_path: Path
) -> None:
    assert run("run", "--once")[0] == 1  # one feed fails, and is named
    feeds.publish(0, "three")
    assert run("run", "--once", "--all")[0] == 1
    code, out, _ = run("entries", "--json")
    assert code == 0
    assert {e["title"] for e in json.loads(out)} == {"one", "two", "three"}
    assert {"id", "feed", "guid", "title", "link", "published", "seen"} <= json.loads(out)[0].keys()
    listed = {f["id"]: f for f in json.loads(run("feeds", "--json")[1])}
    assert listed["good"]["health"] == "well"
    assert listed["bad"]["health"] == "failing"
    wanted = {"id", "url", "name", "health", "last_updated", "next_poll", "push", "per_week"}
    assert wanted <= listed["good"].keys()
    assert listed["good"]["seen_to_accepted"]["posts"] == 1
    [page] = (tmp_path / "pages").glob("*.html")  # the alert for "three" alone
    assert "three" in page.read_text()
    assert json.loads(run("outbox", "list", "--json")[1]) == []
    status_code, out, _ = run("status", "--json")
    report = json.loads(out)
    assert report.keys() >= {"running", "feeds", "owed", "slots", "problems"}
    assert report["latency"]["published_to_seen"]["posts"] == 1
    assert (status_code, report["running"], report["owed"]["for_digests"]) == (0, False, 2)


def test_a_digest_is_shown_then_sent_then_empty(run: Run, tmp_path: Path) -> None:
    run("run", "--once")
    code, html, _ = run("preview", "daily")
    assert code == 0
    assert "two" in html
    assert "one" not in run("preview", "daily", "--text")[1]
    assert "one" in run("preview", "daily", "--text", "--since", "7d")[1]
    code, out, _ = run("send", "daily")
    assert (code, "1 entry" in out, out.count(": sent")) == (0, True, 2)
    assert len(list((tmp_path / "Mail" / "new").iterdir())) == 1
    assert "0 entries" in run("send", "daily")[1]
    assert "with 0 of at_least = 1 entries it would wait" in run("preview", "daily")[2]


def test_an_old_digest_is_sent_once_more_as_it_was(run: Run, tmp_path: Path) -> None:
    run("run", "--once")
    assert "nothing was sent yet" in run("send", "daily", "--again", "last")[2]
    run("send", "daily")
    inbox = tmp_path / "Mail" / "new"
    [first] = (mail.read_bytes() for mail in inbox.iterdir())
    code, out, _ = run("send", "daily", "--again", "last")
    assert (code, "once more" in out, out.count(": sent")) == (0, True, 2)
    slot = out.split(": ", 1)[1].partition(",")[0]
    assert run("send", "daily", "--again", slot)[0] == 0
    assert run("send", "daily", "--again", slot[:4])[0] == 0
    mails = [mail.read_bytes() for mail in inbox.iterdir()]
    assert len(mails) == len({re.findall(rb"Message-ID:\s+(\S+)", m)[0] for m in mails}) == 4
    assert len({re.sub(rb"\.again\d", b"", mail) for mail in mails}) == 1
    assert first in mails
    code, _, err = run("send", "daily", "--again", "1999")
    assert (code, slot in err) == (1, True)
    assert "0 entries" in run("send", "daily")[1]  # what was owed stays paid


def test_a_poll_by_hand_says_what_happened(run: Run) -> None:
    code, out, _ = run("poll", "good")
    assert code == 0
    assert "2 listed, 2 new" in out
    code, out, _ = run("poll", "bad")
    assert code == 1
    assert "500" in out


def test_a_test_message_says_what_the_service_answered(run: Run) -> None:
    assert run("test", "mail")[0] == 0
    code, out, _ = run("test", "dead")
    assert code == 1
    assert "refused" in out
    assert run("test", "nowhere")[0] == 2


def test_a_check_shows_what_would_happen(run: Run) -> None:
    code, out, _ = run("check")
    assert code == 0
    assert "08:00" in out
    assert "Good feed" in out


def test_a_wrong_key_is_named_with_its_nearest(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(config.read_text().replace("timezone =", "timezon ="))
    code, _, err = run("check")
    assert code == 2
    assert "timezon" in err
    assert "timezone" in err
    assert run("run", "--once")[0] == 2


def test_a_channel_that_can_never_work_is_named_with_its_line(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    text = config.read_text().replace("[channels]\n", '[channels]\nphone = "tgram://s3cr3tt0ken"\n')
    config.write_text(text)
    line = text.partition("phone =")[0].count("\n") + 1
    code, out, err = run("check")
    assert code == 2
    assert f"{config}:{line}: channels.phone.url: is not understood as tgram://" in err
    assert "s3cr3t" not in out + err
    assert "08:00" in out


def test_nothing_is_held_of_a_good_feed(run: Run) -> None:
    run("run", "--once")
    assert run("held", "list", "--json") == (0, "[]\n", "")
    code, _, complaint = run("held", "release", "good")
    assert (code, "nothing is held" in complaint) == (1, True)

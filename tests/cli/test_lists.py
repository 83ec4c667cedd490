"""Lists of feeds by command: in, out, and in again."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from digestd.cli import main
from digestd.config import load
from tests.cli.test_following import on_terminal

CONFIG = """
timezone = "UTC"
[web]
listen = ""
[channels]
phone = "terminal://"
[digests.daily]
when = "08:00"
to = ["phone"]
"""
ENVIRON = {"HOME": "/home/me", "PW": "secret"}
FEEDS = """
[[feeds]]
url = "https://a.example/feed"
id = "a"
name = "A & co"
tags = ["math", "中文"]
alert = ["phone"]
digest = []
interval = "10m"
first = "newest:3"
user = "me"
password = "${PW}"
headers = { X-Key = "${PW}" }
opml = { htmlUrl = "https://a.example/", "{https://r.example/ns}n" = "30" }

[[feeds]]
url = "https://b.example/news?t=${PW}"
page = { entry = "li > a", title = "b" }

[[feeds]]
url = "https://c.example/$$x"
tags = "math"
"""

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    (tmp_path / "config.toml").write_text(CONFIG)
    (tmp_path / "config.toml").chmod(0o600)

    def call(*argv: str) -> tuple[int, str, str]:
        environ = ENVIRON | {"STATE_DIRECTORY": str(tmp_path / "state")}
        code = main(["-c", str(tmp_path / "config.toml"), *argv], environ=environ)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_everything_survives_a_round_trip(run: Run, tmp_path: Path) -> None:
    feeds, listed = tmp_path / "feeds.toml", tmp_path / "list.opml"
    feeds.write_text(FEEDS)
    before = load(tmp_path / "config.toml", environ=ENVIRON).subscriptions
    raw = tomllib.loads(FEEDS)["feeds"]
    assert run("export", str(listed))[0] == 0
    assert "secret" not in listed.read_text()
    feeds.unlink()
    code, out, err = run("import", "--own", str(listed))
    assert (code, err) == (0, "")
    assert "3 feeds imported" in out
    after = load(tmp_path / "config.toml", environ=ENVIRON).subscriptions
    assert {s.url: s for s in after} == {s.url: s for s in before}
    again = {row["url"]: row for row in tomllib.loads(feeds.read_text())["feeds"]}
    assert again["https://a.example/feed"] == raw[0]
    assert "3 were followed already" in run("import", "--own", str(listed))[1]
    assert run("export")[1].startswith("<?xml")


def test_a_stranger_s_list_gets_no_secret_and_breaks_nothing(run: Run, tmp_path: Path) -> None:
    listed = tmp_path / "list.opml"
    listed.write_text(
        '<opml xmlns:d="urn:digestd:opml"><body><outline text="Work: A/B">'
        '<outline text="1" xmlUrl="https://a.example/?x=${PW}"/>'
        '<outline text="2" xmlUrl="https://b.example/" d:first="${PW}"/>'
        '<outline text="3" xmlUrl="https://c.example/" d:alert="nowhere" d:interval="soon"'
        ' d:proxy="http://192.168.1.1:80" d:token="${PW}"/>'
        '<outline text="4" xmlUrl="javascript:alert(1)"/>'
        '<outline text="5" xmlUrl="https://d.example/" d:shape="round"'
        f' d:page="{{&quot;a&quot;:{"[" * 3900}"/></outline>'
        '<outline text="Home"><outline text="5" xmlUrl="http://d.example"/></outline>'
        "</body></opml>"
    )
    code, out, err = run("import", str(listed), "--tag", "new")
    assert (code, "2 feeds imported" in out) == (0, True)
    assert "2 feeds with ${…} in them; --own takes them" in err
    assert "1 feeds without their passwords, headers, proxies" in err
    assert 'https://c.example/: without its alert: there is no channel "nowhere"' in err
    assert "https://c.example/: without its interval" in err
    assert "left out: javascript:alert(1): only http and https" in err
    text = (tmp_path / "feeds.toml").read_text()
    assert "PW" not in text
    third, fifth = tomllib.loads(text)["feeds"]
    assert third == {"url": "https://c.example/", "name": "3", "tags": ["Work A B", "new"]}
    assert fifth["tags"] == ["Work A B", "new", "Home"]
    assert fifth["opml"] == {"{urn:digestd:opml}shape": "round"}
    assert len(load(tmp_path / "config.toml", environ=ENVIRON).subscriptions) == 2


def test_passwords_that_stand_in_the_clear_stay_here(run: Run, tmp_path: Path) -> None:
    (tmp_path / "feeds.toml").write_text(
        '[[feeds]]\nurl = "https://me:hidden@a.example/"\ntoken = "hidden"\n'
        'headers = { X-Key = "hidden" }\n'
    )
    (tmp_path / "feeds.toml").chmod(0o600)
    code, out, err = run("export")
    assert code == 0
    assert "hidden" not in out
    assert 'xmlUrl="https://me@a.example/"' in out
    assert "left out: 3 passwords and the like" in err


def test_what_is_no_list_is_refused(run: Run, tmp_path: Path) -> None:
    listed = tmp_path / "list.opml"
    listed.write_text('<!DOCTYPE opml [<!ENTITY x SYSTEM "file:///etc/passwd">]><opml/>')
    code, _, err = run("import", str(listed))
    assert (code, "holds a DTD" in err) == (1, True)
    listed.write_text("<opml><body/></opml>")
    assert run("import", str(listed))[0] == 1
    assert run("import", str(tmp_path / "nothing.opml"))[0] == 2
    assert not (tmp_path / "feeds.toml").exists()


def outlines(count: int) -> str:
    feeds = (f'<outline text="Feed {n}" xmlUrl="https://s{n}.example/f"/>' for n in range(count))
    return f"<opml><body><outline text='All'>{''.join(feeds)}</outline></body></opml>"


def test_five_thousand_feeds_take_less_than_five_seconds(tmp_path: Path, run: Run) -> None:
    listed = tmp_path / "list.opml"
    listed.write_text(outlines(5000))
    begun = time.process_time()
    code, out, err = run("import", str(listed))
    assert time.process_time() - begun < 5
    assert (code, err) == (0, "")  # no bar where nobody looks
    assert "5000 feeds imported" in out


def test_feeds_are_counted_off_on_a_terminal(tmp_path: Path, run: Run) -> None:
    (tmp_path / "list.opml").write_text(outlines(20))
    said = on_terminal(tmp_path, [], "import", str(tmp_path / "list.opml"))
    assert "importing" in said
    assert "100%" in said
    assert "20 feeds imported" in said

"""Lists of feeds by command: in, out, and in again."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digestd.cli import main
from digestd.cli.lists import outlines_of, row_from
from digestd.config import load
from digestd.config.feedsfile import as_text
from digestd.config.listing import joined
from digestd.formats.opml import Outline, read_opml, write_opml
from tests.cli.test_following import on_terminal

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
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
    assert third == {"url": "https://c.example/", "name": "3", "tags": ["Work A B", "new"],
                     "opml": {"@folders": "/Work: A%2FB"}}  # fmt: skip
    assert fifth["tags"] == ["Work A B", "new", "Home"]
    assert fifth["opml"] == {
        "{urn:digestd:opml}shape": "round",
        "@folders": "/Work: A%2FB,/Home",
    }
    assert len(load(tmp_path / "config.toml", environ=ENVIRON).subscriptions) == 2


LISTED = """<opml version="2.0" xmlns:r="https://r.example/ns"><body>
<outline text="News" r:sort="3" open="yes">
<outline text="a" xmlUrl="https://a.example/" htmlUrl="https://a.example/home"/>
<outline text="World" title="The world">
<outline text="b" xmlUrl="https://b.example/"/>
<outline text="a" xmlUrl="https://a.example/"/>
</outline>
<outline text="c" xmlUrl="https://c.example/"/>
</outline>
<outline text="d" xmlUrl="https://d.example/" category="/Study/Maths,odd"/>
<outline text="Q/A" r:empty=""><outline text="a" xmlUrl="https://a.example/"/></outline>
</body></opml>"""


def shape(document: str | bytes) -> tuple[list[Any], dict[Any, Any]]:
    """Return what of a list another reader would show: feeds in their folders, in order."""
    outlines = read_opml(document.encode() if isinstance(document, str) else document)
    folders: dict[Any, Any] = {}
    for outline in outlines:
        folders |= outline.folders_kept
    return [(o.folders, o.url, o.title, o.kept) for o in outlines], folders


def test_folders_come_back_as_they_were(run: Run, tmp_path: Path) -> None:
    (tmp_path / "list.opml").write_text(LISTED)
    assert run("import", str(tmp_path / "list.opml"))[0] == 0
    rows = tomllib.loads((tmp_path / "feeds.toml").read_text())["feeds"]
    tags = {row["name"]: row.get("tags") for row in rows}
    assert tags == {
        "a": ["News", "World", "Q A"],
        "b": ["News", "World"],
        "c": ["News"],
        "d": ["Study", "Maths", "odd"],
    }
    assert "opml" not in rows[2]  # its tag says it
    home = {"htmlUrl": "https://a.example/home"}
    feeds, folders = shape(run("export")[1])
    assert [feed for feed in feeds if "d.example" not in str(feed)] == [
        (("News",), "https://a.example/", "a", home),
        (("News", "World"), "https://a.example/", "a", home),
        (("News", "World"), "https://b.example/", "b", {}),
        (("News",), "https://c.example/", "c", {}),
        (("Q/A",), "https://a.example/", "a", home),
    ]
    assert folders == {
        ("News",): {"{https://r.example/ns}sort": "3", "open": "yes"},
        ("News", "World"): {"title": "The world"},
        ("Q/A",): {"{https://r.example/ns}empty": ""},
    }


def test_a_changed_tag_moves_its_feed_in_the_export(run: Run, tmp_path: Path) -> None:
    (tmp_path / "list.opml").write_text(LISTED)
    run("import", str(tmp_path / "list.opml"))
    feeds = tmp_path / "feeds.toml"
    feeds.write_text(feeds.read_text().replace('["News", "World"]', '["World", "new"]'))
    places = [place for place, url, *_ in shape(run("export")[1])[0] if url == "https://b.example/"]
    assert places == [("World",), ("new",)]


_LABELS = st.sampled_from(["News", "World", "a/b", "50%, @home", "中文", "x"])
_UNKNOWN = st.dictionaries(
    st.sampled_from(["htmlUrl", "custom", "{https://r.example/ns}x"]), st.sampled_from("ab/%@,")
)
_LISTS = st.lists(
    st.tuples(
        st.sampled_from("abcd"),
        st.lists(_LABELS, max_size=3, unique=True).map(tuple),
        st.dictionaries(st.sampled_from(["interval", "id"]), st.sampled_from(["1h", "2h"])),
        _UNKNOWN,
        _UNKNOWN,
    ),
    max_size=8,
    unique_by=lambda one: one[0],
)


@given(_LISTS, st.lists(st.tuples(st.sampled_from("abcd"), _LABELS), max_size=3))
@settings(max_examples=60, deadline=None)
def test_what_a_list_says_survives_every_round(
    listed: list[Any], again: list[tuple[str, str]]
) -> None:
    first = {letter: listing for letter, *listing in listed}
    outlines = [
        Outline(f"https://{letter}.example/", letter, folders, ours, kept, {folders: of_folder})
        for letter, (folders, ours, kept, of_folder) in first.items()
    ]
    outlines += [
        replace(one, folders=(label,), folders_kept={})
        for letter, label in again
        for one in outlines
        if one.title == letter and one.folders
    ]
    document = write_opml(outlines, title="x", now=NOW)
    rows = rows_from(document)
    exported = write_opml(
        [one for row in rows for one in outlines_of(row, None)[0]], title="x", now=NOW
    )
    assert [said(row) for row in rows_from(exported)] == [said(row) for row in rows]
    assert sorted(map(repr, shape(exported)[0])) == sorted(set(map(repr, shape(document)[0])))
    assert shape(exported)[1] == shape(document)[1]
    assert {row["url"]: row.get("interval") for row in rows} == {
        one.url: one.ours.get("interval") for one in outlines
    }


def said(row: dict[str, Any]) -> dict[str, Any]:
    """Return what stands in feeds.toml, but for where folders and the order of tags are noted."""
    return row | {"tags": set(row.get("tags", ())), "opml": None}


def rows_from(document: bytes) -> list[dict[str, Any]]:
    """Return the feeds of a list as they stand in feeds.toml, in the order of their names."""
    rows = joined([row_from(outline) for outline in read_opml(document)])
    found: list[dict[str, Any]] = tomllib.loads(as_text(rows)).get("feeds", [])
    return sorted(found, key=lambda row: str(row["url"]))


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

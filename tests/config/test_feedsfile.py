from __future__ import annotations

import stat
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digestd.config import load
from digestd.config.feedsfile import add_feed, change_feed, remove_feed
from digestd.errors import ConfigError, SubscriptionError

TEXT = """\
# Feeds that I like.

# The first of all.
[[feeds]]
url = "https://a.org"  # inline
tags = [
  "x", # why
]

# Found by accident,
# kept on purpose.
[[feeds]]
url = "https://b.org"

# Unrelated remark.

[[feeds]]
url = 'https://c.org/${TOKEN}'
# last words
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "feeds.toml"


def test_a_feed_is_added_below_all_others(path: Path) -> None:
    path.write_text(TEXT)
    add_feed(path, {"url": "https://d.org", "name": "D “d” \\", "tags": ["x"], "digest": []})
    text = path.read_text()
    assert text.startswith(TEXT)
    assert text.removeprefix(TEXT) == (
        '\n[[feeds]]\nurl = "https://d.org"\nname = "D “d” \\\\"\ntags = ["x"]\ndigest = []\n'
    )


def test_the_first_feed_makes_the_file(path: Path) -> None:
    (path.parent / "config.toml").touch(mode=0o640)
    (path.parent / "config.toml").chmod(0o640)
    add_feed(path, {"url": "https://a.org"})
    add_feed(path, {"url": "https://b.org", "id": "b"})
    assert path.read_text() == (
        '[[feeds]]\nurl = "https://a.org"\n\n[[feeds]]\nurl = "https://b.org"\nid = "b"\n'
    )
    # Whoever reads one of the two reads the other.
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_what_is_added_is_read_as_it_was_meant(path: Path) -> None:
    config = path.parent / "config.toml"
    config.touch()
    url = "https://x.org/?a=${NOT}&b=$$c$d"
    add_feed(path, {"url": url, "name": "$${科学}", "tags": "math"})
    (feed,) = load(config, environ={}).subscriptions
    assert (feed.url, feed.name, feed.tags) == (url, "$${科学}", ("math",))
    with pytest.raises(SubscriptionError):
        add_feed(path, {"url": url})
    assert remove_feed(path, url)
    assert load(config, environ={}).subscriptions == ()


@pytest.mark.parametrize(
    ("url", "rest"),
    [
        (
            "https://a.org",
            TEXT[: TEXT.index("# The first")] + TEXT[TEXT.index("# Found") :],
        ),
        (
            "https://b.org",
            TEXT[: TEXT.index("# Found")] + TEXT[TEXT.index("[[feeds]]\nurl = 'https://c") :],
        ),
        ("https://c.org/t", TEXT[: TEXT.index("\n[[feeds]]\nurl = 'https://c")]),
    ],
)
def test_a_feed_goes_with_its_own_comments_alone(path: Path, url: str, rest: str) -> None:
    path.write_text(TEXT)
    assert remove_feed(path, url, environ={"TOKEN": "t"})
    assert path.read_text() == rest


def test_a_feed_that_is_not_there_changes_nothing(path: Path) -> None:
    assert not remove_feed(path, "https://a.org")
    assert not path.exists()
    path.write_text(TEXT)
    before = path.stat()
    assert not remove_feed(path, "https://z.org")
    assert path.stat() == before


def test_the_last_feed_leaves_an_empty_file(path: Path) -> None:
    add_feed(path, {"url": "https://a.org"})
    assert remove_feed(path, "https://a.org")
    assert path.read_text() == ""


def test_mode_link_and_ends_of_lines_are_kept(path: Path) -> None:
    real = path.parent / "dotfiles" / "real.toml"
    real.parent.mkdir()
    real.write_bytes(b'# c\r\n[[feeds]]\r\nurl = "https://a.org"\r\n')
    real.chmod(0o604)
    path.symlink_to(real)
    add_feed(path, {"url": "https://b.org"})
    assert path.is_symlink()
    assert real.read_bytes().startswith(b'# c\r\n[[feeds]]\r\nurl = "https://a.org"\r\n')
    assert stat.S_IMODE(real.stat().st_mode) == 0o604
    assert [one.name for one in real.parent.iterdir()] == ["real.toml"]


@pytest.mark.parametrize(
    "text",
    [
        'feeds = [{url = "https://a.org"}]\n',
        '[feeds]\nurl = "https://a.org"\n',
        'feeds = "x"\n',
        "[[feeds]\n",
    ],
)
def test_a_file_in_another_form_is_left_alone(path: Path, text: str) -> None:
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        add_feed(path, {"url": "https://b.org"})
    assert str(path) in str(caught.value)
    with pytest.raises(ConfigError):
        remove_feed(path, "https://a.org")
    assert path.read_text() == text
    assert [one.name for one in path.parent.iterdir()] == ["feeds.toml"]


def test_a_folder_that_is_missing_is_named(path: Path) -> None:
    with pytest.raises(SubscriptionError, match="could not be written"):
        add_feed(path.parent / "none" / "feeds.toml", {"url": "https://b.org"})


urls = st.lists(st.text("abc$${}é\"'\\#[]", min_size=1, max_size=6), max_size=4, unique=True)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(urls=urls, name=st.text(max_size=5), which=st.integers(0, 3))
def test_others_stay_as_they_were(path: Path, urls: list[str], name: str, which: int) -> None:
    path.unlink(missing_ok=True)
    for url in urls:
        add_feed(path, {"url": url, "name": name})
    before = tomllib.loads(path.read_text("utf-8"))["feeds"] if urls else []
    assert len(before) == len(urls)
    if which < len(urls):
        assert remove_feed(path, urls[which])
        del before[which]
    after = tomllib.loads(path.read_text("utf-8")).get("feeds", []) if urls else []
    assert after == before


@pytest.mark.parametrize("url", ["https://a.org", "https://b.org", "https://c.org/${TOKEN}"])
def test_a_feed_is_changed_where_it_stands(path: Path, url: str) -> None:
    path.write_text(TEXT)
    assert change_feed(path, url, {"url": "https://new.org/$${x}", "id": "mine"})
    new = '"https://new.org/$$$${x}"\nid = "mine"'
    quote = "'" if "$" in url else '"'
    expected = TEXT.replace(f"{quote}{url}{quote}", new)
    if url == "https://a.org":  # the comment on the line stays on it
        expected = TEXT.replace('"https://a.org"  # inline', new.replace("\n", "  # inline\n"))
    assert path.read_text() == expected
    assert change_feed(path, "https://new.org/$${x}", {"id": "yours"})
    assert path.read_text() == expected.replace('"mine"', '"yours"')


def test_a_change_of_a_feed_that_is_not_there_changes_nothing(path: Path) -> None:
    assert not change_feed(path, "https://a.org", {"url": "https://b.org"})
    path.write_text('[[feeds]]\nurl = """https://a.org"""\n')
    with pytest.raises(ConfigError, match="cannot be edited"):
        change_feed(path, "https://a.org", {"url": "https://b.org"})
    path.write_text('[[feeds]]\nurl = "https://a.org"')
    assert change_feed(path, "https://a.org", {"id": "a"})
    assert path.read_text() == '[[feeds]]\nurl = "https://a.org"\nid = "a"\n'


def test_selectors_and_comments_are_written_as_they_are_meant(path: Path) -> None:
    selectors = {"entry": "li.${x}", "link": 'a[href$=".html"]'}
    add_feed(path, {"url": "https://a.org", "page": selectors}, comment="News\n[[feeds]] \x1b[1m")
    assert path.read_text() == (
        '# News[[feeds]] [1m\n[[feeds]]\nurl = "https://a.org"\n'
        'page = { entry = "li.$${x}", link = "a[href$=\\".html\\"]" }\n'
    )

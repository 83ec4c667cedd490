"""The example beside the code: complete, true, and working as it is."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from urllib.parse import unquote

from digestd.config import load
from digestd.config.keys import KNOWN, NOT_YET, available
from digestd.core.models import FirstFetch

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"
# The comments that hold a setting have no space after the sign.
EVERYTHING = re.sub(r"(?m)^#(?=\S)", "", EXAMPLE.read_text("utf-8"))


def keys(text: str) -> set[str]:
    """Return the keys of a configuration as `available` writes them."""
    found: set[str] = set()
    for name, value in tomllib.loads(text).items():
        if name not in KNOWN and f"{name}.*" not in KNOWN:
            found.add(name)
        elif name in KNOWN:
            found.update(f"{name}.{key}" for key in value)
        else:
            tables = value if isinstance(value, list) else value.values()
            for table in tables:
                inner = {"url": table} if isinstance(table, str) else table
                found.update(f"{name}.*.{key}" for key in inner)
    return found


def test_it_loads_as_it_is_for_any_user() -> None:
    config = load(EXAMPLE, environ={"HOME": "/home/a b", "LANG": "C"})
    letters = config.channels["letters"].url
    assert unquote(letters.removeprefix("maildir://")) == "/home/a b/Mail/digestd"
    assert config.channels["screen"].url == "terminal://"
    assert config.digests["daily"].to == ("letters",)
    (feed,) = config.subscriptions
    assert feed.url == "https://kexue.fm/feed"
    assert feed.first == FirstFetch("newest", count=3)
    assert (feed.alert, feed.digests) == (("screen",), ("daily",))
    assert config.warnings == ()


def test_it_mentions_every_key_that_is_there_and_no_other() -> None:
    assert keys(EVERYTHING) == available()
    assert not {key for key in keys(EVERYTHING) if key in NOT_YET}


def test_everything_in_it_can_be_turned_on(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(EVERYTHING)
    feeds = {f"FEED_{name}": "x" for name in ("PASSWORD", "KEY", "SESSION", "TOKEN")}
    secrets = feeds | {"SLACK_TOKEN": "a/b/c", "TELEGRAM_TOKEN": "1:x", "MAIL_PASSWORD": "x"}
    config = load(file, environ={"HOME": "/home/me", **secrets})
    assert config.warnings == ()


def test_what_it_calls_a_default_is_one(tmp_path: Path) -> None:
    _, defaults = EVERYTHING.split("# --- what has good defaults", 1)
    bare, said = tmp_path / "a" / "config.toml", tmp_path / "b" / "config.toml"
    for file, text in ((bare, ""), (said, defaults.partition("\n")[2])):
        file.parent.mkdir()
        file.write_text(text)
    environ = {"HOME": "/home/me", "TZ": "UTC"}
    left, right = load(bare, environ=environ), load(said, environ=environ)
    assert (left.store, left.poll) == (right.store, right.poll)
    assert (left.delivery, left.web) == (right.delivery, right.web)

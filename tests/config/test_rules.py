"""`[[rules]]` as their owner writes them, and what is said of mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from digestd.config import complaints, load
from digestd.core.rules import Rules

HOME = {"HOME": "/home/me", "TZ": "UTC"}
BASE = """
[channels]
phone = "terminal://"
desk = "terminal://"
[digests.daily]
when = "08:00"
to = "phone"
[digests.maths]
when = "sun 20:00"
to = "desk"
tags = "maths"
[tags.hot]
alert = "desk"
[[feeds]]
url = "https://example.org/feed"
id = "one"
name = "Number One"
tags = "news"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def read(file: Path, rules: str, base: str = BASE) -> Rules:
    file.write_text(base + rules)
    config = load(file, environ=HOME)
    assert [w for w in config.warnings if "rules" in w] == []
    return config.rules


def wrong(file: Path, rules: str, base: str = BASE) -> list[str]:
    file.write_text(base + rules)
    return [str(one).partition(":")[2].partition(": ")[2] for one in complaints(file, HOME)]


def test_no_rules_are_none(file: Path) -> None:
    assert read(file, "").rules == ()


def test_everything_can_be_said(file: Path) -> None:
    rules = read(
        file,
        r"""
        [[rules]]
        name = "optimisers"
        feeds = "Number One"
        tags = ["news"]
        any = "muon"
        unless = ["survey", "位置"]
        title = '(?i)${not a reference}\d*'
        text = "a"
        author = "b"
        link = "c"
        category = "d"
        then = "alert"
        to = "desk"
        [[rules]]
        title = "x"
        then = "tag:maths"
        [[rules]]
        tags = "maths"
        then = "digest"
        [[rules]]
        any = ["x"]
        then = "drop"
        """,
    )
    assert [str(rule) for rule in rules.rules] == [
        "optimisers: alert to desk",
        "rule 2: tag maths",
        "rule 3: digest",
        "rule 4: drop",
    ]
    first = rules.rules[0]
    assert (first.feeds, first.tags) == (("Number One",), ("news",))
    assert [key for key, _ in first.patterns] == ["title", "text", "author", "link", "category"]
    assert first.patterns[0][1].pattern == r"(?i)${not a reference}\d*"
    assert rules.channel == ("phone",)
    assert rules.digests == {"daily": (), "maths": ("maths",)}
    assert rules.tags["hot"] == (("desk",), ())


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("title = '('\nthen = 'drop'", "rules[1].title: is no regular expression: missing )"),
        ("category = ''\nthen = 'drop'", "rules[1].category: is empty"),
        ("any = []\nthen = 'drop'", "rules[1].any: names no word"),
        ("any = [1]\nthen = 'drop'", "rules[1].any: expects texts in quotes"),
        ("feeds = []\nthen = 'drop'", "rules[1].feeds: names none"),
        ("any = 'x'", 'rules[1].then: is missing: "drop", "alert"'),
        ("any = 'x'\nthen = 'drpo'", 'rules[1].then: "drpo" is none of "drop"'),
        ("any = 'x'\nthen = 'tag:a/b'", "rules[1].then: "),
        ("any = 'x'\nthen = 'alert'\nto = 'phne'", 'rules[1].to: there is no channel "phne"'),
        ("any = 'x'\nthen = 'alert'\nto = 'daily'", "that is a digest"),
        ("any = 'x'\nthen = 'digest'\nto = 'phone'", "that is a channel"),
        ("any = 'x'\nthen = 'alert'\nto = []", "rules[1].to: names nobody"),
        ("any = 'x'\nthen = 'drop'\nto = 'phone'", "rules[1].to: says whom an alert"),
        ("then = 'drop'", "rules[1]: needs a condition: feeds, tags, any, unless, title"),
        ("titel = 'x'\nany = 'x'\nthen = 'drop'", 'rules[1].titel: unknown key; did you mean "ti'),
    ],
)
def test_a_mistake_names_its_key(file: Path, rule: str, said: str) -> None:
    [found] = wrong(file, f"[[rules]]\n{rule}\n")
    assert said in found


def test_an_alert_needs_a_channel_and_names_are_for_one_rule(file: Path) -> None:
    [found] = wrong(file, "[[rules]]\nany = 'x'\nthen = 'alert'\n", base="")
    assert "needs a channel" in found
    twice = "[[rules]]\nname = 'a'\nany = 'x'\nthen = 'drop'\n" * 2
    assert 'rules[2].name: another rule is called "a"' in wrong(file, twice)[0]


def test_a_name_that_nobody_has_is_a_warning_with_the_nearest(file: Path) -> None:
    rule = "[[rules]]\nfeeds = ['numbr one', 'one']\ntags = ['nws']\nthen = 'drop'\n"
    file.write_text(BASE + rule)
    assert [w for w in load(file, environ=HOME).warnings if "rules" in w] == [
        'rules[1].tags: no feed has the tag "nws"; did you mean "news"?',
        'rules[1].feeds: no feed here is called "numbr one"; did you mean "number one"?',
    ]


def test_a_tag_that_a_rule_gives_is_one_that_digests_may_name(file: Path) -> None:
    file.write_text(BASE)
    assert any("maths" in w for w in load(file, environ=HOME).warnings)
    read(file, "[[rules]]\nany = 'x'\nthen = 'tag:maths'\n")
    assert load(file, environ=HOME).warnings == ()

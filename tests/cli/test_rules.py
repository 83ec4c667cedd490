"""`rules test`, and what `why`, `check` and `preview` say of rules."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.support.daemon import GrowingFeeds

RULES = """
[[rules]]
name = "noise"
any = "two"
then = "drop"
[[rules]]
title = "^t"
then = "tag:hot"
[[rules]]
tags = "hot"
then = "alert"
to = "mail"
"""


@pytest.fixture
def config(tmp_path: Path, run: Run) -> Path:
    file = tmp_path / "config.toml"
    file.write_text(file.read_text() + RULES)
    return file


def test_rules_are_tried_on_what_was_seen_without_changing_anything(
    run: Run, config: Path, feeds: GrowingFeeds
) -> None:
    text = config.read_text()
    config.write_text(text.replace(RULES, ""))
    run("run", "--once")
    code, out, err = run("rules", "test")
    assert (code, out, "has no [[rules]]" in err) == (2, "", True)
    config.write_text(text)
    feeds.publish(0, "three")
    run("poll", "good")
    owed = run("status", "--json")[1]
    code, out, err = run("rules", "test", "--json")
    assert code == 0
    three, two = sorted(json.loads(out), key=lambda one: str(one["title"]))
    assert {"id", "feed", "title", "link", "published", "seen"} <= three.keys()
    assert (three["rules"], three["tags"]) == (
        ["rule 2: tag hot", "rule 3: alert to mail"],
        ["hot"],
    )
    assert (three["alert"], three["digests"]) == (["page", "mail"], ["daily"])
    assert (two["rules"], two["dropped"], two["alert"]) == (["noise: drop"], True, [])
    code, out, err = run("rules", "test", "--since", "1d")
    assert (code, "dropped" in out, "alert page, mail; digest daily" in out) == (0, True, True)
    assert "3 entries seen in 24 h, 1 of them would be dropped" in err
    assert "noise: drop: 1" in err
    assert json.loads(run("status", "--json")[1])["owed"] == json.loads(owed)["owed"]


def test_the_story_of_an_entry_names_the_rules(run: Run, config: Path, feeds: GrowingFeeds) -> None:
    run("run", "--once")  # the first fetch admits "two", which a rule drops
    feeds.publish(0, "three")
    run("poll", "good")
    code, out, _ = run("why", "two")
    assert (code, "owed       to nobody: dropped by noise" in out) == (0, True)
    out = run("why", "three")[1]
    assert "rule       rule 2: tag hot\n  rule       rule 3: alert to mail" in out
    assert "alert to mail" in out
    told = json.loads(run("why", "two", "--json")[1])
    assert (told["rules"], told["dropped"], told["owed"]) == (["noise: drop"], True, [])
    assert "two" not in run("preview", "daily", "--text", "--since", "7d")[1]


def test_nothing_is_judged_before_anything_was_seen(run: Run, config: Path) -> None:
    code, out, err = run("rules", "test")
    assert (code, out, "nothing was seen yet" in err) == (1, "", True)
    assert not (config.parent / "state").exists()
    assert run("rules")[0] == 2


def test_check_lists_them_and_names_a_bad_expression(run: Run, config: Path) -> None:
    assert "3 rules\n  noise: drop\n  rule 2: tag hot" in run("check")[1]
    config.write_text(config.read_text().replace('"^t"', '"(t"'))
    code, _, err = run("check")
    assert (code, "rules[2].title: is no regular expression" in err) == (2, True)

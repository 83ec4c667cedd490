"""Rules: which words are found, what holds, what follows, and what a hostile text costs."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.core.models import Feed, FirstFetch, Subscription, Validators
from digestd.core.outcomes import Fetched
from digestd.core.parsed import ParsedEntry, ParsedFeed
from digestd.core.polling import PollLimits
from digestd.core.recognition import Memory
from digestd.core.refresh import RefreshPlan, decide
from digestd.core.rules import (
    MOST_TEXT,
    Rule,
    Rules,
    Ruling,
    compile_pattern,
    compile_words,
)
from tests.support.nouns import NOW, URL, parsed

FEED = Feed(pk=1, id="arxiv", url=URL, title="arXiv.org", baseline_at=NOW - timedelta(days=9))
WANTED = Subscription(URL, tags=("papers",), alert=("phone",), digests=("daily",))
DIGESTS = {"daily": (), "weekly": ("maths",), "papers": ("papers",)}


def still() -> float:
    return 0.0


def rule(action: Any = "drop", *, number: int = 1, **facts: Any) -> Rule:
    for key in ("any", "unless"):
        if key in facts:
            facts[key] = compile_words(facts[key])
    patterns = [
        (key, compile_pattern(facts.pop(key)))
        for key in ("title", "text", "author", "link", "category")
        if key in facts
    ]
    return Rule(f"rule {number}", action, patterns=tuple(patterns), **facts)


def ruled(
    *rules: Rule,
    entry: ParsedEntry | None = None,
    feed: Feed = FEED,
    wanted: Subscription = WANTED,
    tick: Callable[[], float] = still,
    tags: Any = None,
) -> Ruling:
    judge = Rules(rules, ("first",), DIGESTS, tags or {}).judge(feed, wanted, tick)
    return judge(entry or parsed()) if judge else Ruling()


def holds(one: Rule, **facts: Any) -> bool:
    return bool(ruled(one, entry=parsed(**facts)).matched)


# --- words -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "text", "found"),
    [
        ("muon", "The MUON collider", True),
        ("Muon", "muons", False),
        ("ion", "fusion", False),
        ("C++", "about C++.", True),
        ("C++", "ABC++", False),
        (".NET", "the .net runtime", True),
        ("muon", "用Muon优化器训练", True),  # a border: the neighbours set no words apart
        ("位置", "旋转位置编码", True),
        ("トランス", "視覚トランスフォーマー", True),
        ("트랜스포머", "트랜스포머를", True),
        ("machine learning", "Machine\n  Learning", True),
        ("machine learning", "machine-learning", False),
        ("muon", "ｍｕｏｎ", True),  # full width
        ("straße", "STRASSE", True),
        ("naïve", "nai\u0308ve", True),
        ("école", "école-ferme", True),
        ("a.b", "axb", False),
        ("x_1", "x_12", False),
        ("3", "13", False),
    ],
)
def test_a_word_is_found_by_the_borders_of_its_script(word: str, text: str, found: bool) -> None:
    assert holds(rule(any=[word]), title=text) is found
    assert holds(rule(any=[word]), content_html=f"<p>{text}</p>") is found
    assert holds(rule(unless=[word]), title=text) is not found


def test_a_tag_within_a_word_leaves_it_whole_and_one_between_does_not_join() -> None:
    assert holds(rule(any=["muon"]), content_html="a <b>mu</b>on &amp; more")
    assert holds(rule(any=["muon"]), summary_html="x", content_html="<p>muon</p><p>ic</p>")
    assert holds(rule(any=["&"]), content_html="a &amp; b")
    assert not holds(rule(any=["href"]), content_html='<a href="https://x.org/">y</a>')


@given(st.text(min_size=1, max_size=20), st.text(max_size=20))
def test_whatever_a_word_is_it_is_found_by_itself_and_between_blanks(word: str, other: str) -> None:
    try:
        pattern = compile_words([word])
    except ValueError:
        assert not word.strip()
        return
    one = Rule("r", "drop", any=pattern)
    assert ruled(one, entry=parsed(title=f"{other} {word} {other}")).is_dropped
    assert ruled(one, entry=parsed(title=word.upper() if word.isascii() else word)).is_dropped


# --- conditions ------------------------------------------------------------------------


def test_all_conditions_must_hold() -> None:
    facts = {
        "title": "Attention is all you need",
        "author": "Vaswani",
        "categories": ("cs.CL", "cs.LG"),
        "link": "https://arxiv.org/abs/1706.03762",
        "content_html": "<p>The dominant models</p>",
    }
    every: dict[str, Any] = {
        "feeds": ("arxiv",),
        "tags": ("papers",),
        "any": ["attention"],
        "unless": ["survey"],
        "title": "^Attention",
        "text": "dominant",
        "author": "(?i)^vas",
        "link": r"/abs/\d+",
        "category": r"^cs\.LG$",
    }
    assert holds(rule(**every), **facts)
    never = {
        "feeds": ("other",),
        "tags": ("x",),
        "any": ["muon"],
        "unless": ["models"],
        "title": "attention",  # case matters in expressions
        "text": "Attention",  # the title is not the text
        "author": "^as",
        "link": "/pdf/",
        "category": r"^LG$",
    }
    for key, value in never.items():
        assert not holds(rule(**(every | {key: value})), **facts), key


@pytest.mark.parametrize("name", ["ARXIV", "arxiv.org", URL, "example.org/feed"])
def test_a_feed_is_meant_by_any_of_its_names(name: str) -> None:
    assert holds(rule(feeds=(name,)))
    assert not holds(rule(feeds=(f"{name}x",)))


# --- what follows ----------------------------------------------------------------------


def test_rules_are_read_in_order_and_drop_ends_it() -> None:
    tagging = rule("tag", tag="maths", any=["post"])
    seeing = rule("alert", number=2, tags=("maths",), to=("desk",))
    dropping = rule("drop", number=3, any=["post"])
    late = rule("digest", number=4, any=["post"], to=("weekly",))
    told = ruled(tagging, seeing, late)
    assert (told.tags, told.alert, told.digests) == (("maths",), ("desk",), ("weekly",))
    assert ruled(seeing, tagging).alert == ()  # the tag comes too late
    assert ruled(tagging, seeing, dropping, late) == Ruling(
        ("rule 1: tag maths", "rule 2: alert to desk", "rule 3: drop"), True, tags=("maths",)
    )


def test_where_a_rule_names_nobody() -> None:
    nameless = Subscription(URL)
    assert ruled(rule("alert", any=["post"])).alert == ("phone",)  # the feed's own
    assert ruled(rule("alert", any=["post"]), wanted=nameless).alert == ("first",)
    assert ruled(rule("digest", any=["post"])).digests == ("daily", "papers")
    assert ruled(rule("digest", any=["post"]), wanted=nameless).digests == ("daily",)


def test_a_tag_is_as_good_as_one_of_the_feed() -> None:
    tags = {"maths": (("desk",), ("daily",))}
    told = ruled(rule("tag", tag="maths", any=["post"]), tags=tags)
    assert (told.alert, told.digests) == (("desk",), ("daily", "weekly"))


def plan(
    *rules: Rule, feed: Feed = FEED, wanted: Subscription = WANTED, titles: str = "ab"
) -> RefreshPlan:
    entries = [parsed(t, title=f"Post {t}", published_at=NOW) for t in titles]
    return decide(
        feed,
        wanted,
        Fetched(b"", Validators(), URL, {}),
        ParsedFeed("arXiv.org", entries=tuple(entries)),
        Memory(),
        now=NOW,
        chance=0.0,
        limits=PollLimits(),
        judge=Rules(rules, ("first",), DIGESTS).judge(feed, wanted, still),
    )


def owed(of: RefreshPlan) -> dict[str, list[tuple[str, str]]]:
    return {n.entry.guid or "": [(d.kind, d.target) for d in n.debts] for n in of.new_entries}


def test_debts_are_what_feed_and_rules_say_each_once() -> None:
    rules = (
        rule("drop", any=["b"]),
        rule("alert", number=2, any=["a"], to=("phone", "desk")),
        rule("digest", number=3, any=["a"], to=("daily", "weekly")),
    )
    found = plan(*rules)
    assert owed(found) == {
        "b": [],
        "a": [("alert", "phone"), ("alert", "desk"), ("digest", "daily"), ("digest", "weekly")],
    }
    dropped = {n.entry.guid: n.ruling.is_dropped for n in found.new_entries}
    assert dropped == {"a": False, "b": True}
    assert all(n.keys for n in found.new_entries)  # seen all the same


@pytest.mark.parametrize("first", [FirstFetch("all"), FirstFetch("since", day=date(2026, 1, 1))])
def test_a_first_fetch_alerts_nobody_whatever_the_rules_say(first: FirstFetch) -> None:
    wanted = Subscription(URL, alert=("phone",), digests=("daily",), first=first)
    new = Feed(pk=1, id="arxiv", url=URL)
    rules = (rule("alert", any=["post"]), rule("drop", number=2, any=["b"]))
    assert owed(plan(*rules, feed=new, wanted=wanted)) == {"b": [], "a": [("digest", "daily")]}
    silent = Subscription(URL, digests=("daily",))
    told = plan(rule("digest", any=["post"], to=("weekly",)), feed=new, wanted=silent)
    assert owed(told) == {"a": [], "b": []}  # what is not admitted is not judged
    assert {n.ruling.matched for n in told.new_entries} == {()}


@given(st.lists(st.sampled_from(["drop", "alert", "digest", "tag"]), max_size=6), st.data())
def test_without_drop_rules_only_add_and_with_it_nothing_is_owed(
    actions: list[Any], data: st.DataObject
) -> None:
    rules = [
        rule(
            action,
            number=n,
            any=[data.draw(st.sampled_from("abc"))],
            tag="maths" * (action == "tag"),
        )
        for n, action in enumerate(actions)
    ]
    bare = owed(plan(titles="abc"))
    found = plan(*rules, titles="abc")
    for new in found.new_entries:
        has = [(d.kind, d.target) for d in new.debts]
        if new.ruling.is_dropped:
            assert has == []
        else:
            assert set(bare[new.entry.guid or ""]) <= set(has)
            assert len(has) == len(set(has))


# --- what it costs ---------------------------------------------------------------------


def test_an_expression_that_takes_too_long_has_not_matched_and_is_told_once() -> None:
    evil = rule("drop", title=r"^(a|aa)+$")
    calm = rule("alert", number=2, title="a", to=("desk",))
    judge = Rules((evil, calm)).judge(FEED, WANTED, time.thread_time, patience=0.3)
    assert judge is not None
    begun = time.monotonic()
    for n in range(100):
        told = judge(parsed(str(n), title="a" * 500 + "b"))
        assert told.matched == ("rule 2: alert to desk",)
    assert time.monotonic() - begun < 10
    assert list(judge.slow) == [("rule 1", "title")]


def test_many_searches_that_are_slow_together_end_too() -> None:
    def told(seconds: float) -> list[bool]:
        clock = itertools.count(0, seconds)
        judge = Rules((rule(title="Post"),)).judge(FEED, WANTED, lambda: next(clock))
        assert judge is not None
        found = [judge(parsed()).is_dropped for _ in range(2_000)]
        assert bool(judge.slow) is not all(found)
        return found

    assert told(0.2)[:6] == [True, True, True, True, True, True]
    assert told(0.2)[6:] == [False] * 1_994
    assert all(told(0.002))  # a long document is no trouble


def test_no_text_is_looked_at_beyond_its_beginning() -> None:
    filler = "<p>lorem ipsum</p>" * 20_000
    assert holds(rule(text="needle"), content_html=f"needle{filler}")
    assert not holds(rule(text="needle"), content_html=f"{'x' * MOST_TEXT} needle")
    begun = time.process_time()
    assert not holds(rule(any=["needle"], text="y"), content_html="<b" + "<" * 3_000_000)
    assert not holds(rule(any=["needle"]), content_html="\ufdfa" * 1_000_000)
    assert time.process_time() - begun < 2


def test_a_bad_expression_says_so() -> None:
    for text, said in (("(", "is no regular expression"), ("", "is empty"), ("a{2,1}", "is no")):
        with pytest.raises(ValueError, match=said):
            compile_pattern(text)
    with pytest.raises(ValueError, match="names no word"):
        compile_words(["", "  "])


def test_where_no_rule_concerns_a_feed_nobody_judges() -> None:
    assert Rules().judge(FEED, WANTED, still) is None
    assert Rules((rule(feeds=("other",)),)).judge(FEED, WANTED, still) is None

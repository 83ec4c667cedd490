"""Line breaks and widths."""

from __future__ import annotations

from itertools import pairwise

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from digestd.formats.borders import MAX_CLUSTER, clusters, display_width, may_break, wrap


@pytest.mark.parametrize(
    ("before", "after", "allowed"),
    [
        ("中", "文", True),
        ("文", "。", False),
        ("（", "文", False),
        ("a", "b", False),
        ("a", "中", True),
        ("3", "万", False),
        ("3", ".", False),
        ("カ", "ー", False),
        ("👍🏽", "👋", True),
        ("ภ", "า", True),
        ("e", " ", True),
        (" ", ")", False),
        ("k", "“", False),  # „Werk“
        ("“", " ", True),
        ("文", "“", True),
        ("“", "文", False),
    ],
)
def test_where_a_line_may_end(before: str, after: str, allowed: bool) -> None:
    assert may_break(before, after) is allowed


def test_chinese_is_wrapped_by_width_and_without_blanks() -> None:
    assert wrap("一二三四五，六七八九十", 10) == "一二三四\n五，六七八\n九十"


def test_a_long_address_has_its_own_line() -> None:
    url = "https://example.org/" + "a" * 60
    assert wrap(f"see {url} there", 20) == f"see\n{url}\nthere"


def test_a_paragraph_can_be_indented() -> None:
    assert wrap("one two three", 9, "  ") == "  one two\n  three"


@given(st.text(alphabet="ab 中文，。（）1é👍🏽", max_size=80), st.integers(4, 30))
def test_wrapping_loses_nothing_and_keeps_to_the_width(text: str, columns: int) -> None:
    lines = wrap(text, columns).split("\n")
    assert "".join("".join(lines).split()) == "".join(text.split())
    for line in lines:
        fits = display_width(line) <= columns
        signs = list(clusters(line))
        assert fits or not any(may_break(a, b) for a, b in pairwise(signs) if not b.isspace())


@given(st.text("ab \n.,)(%-$", max_size=60), st.integers(1, 20))
def test_text_of_ascii_alone_is_broken_like_any_other(text: str, columns: int) -> None:
    other = text.replace("a", "á")
    assert wrap(text, columns).replace("a", "á") == wrap(other, columns)


_ALONE = st.text(st.sampled_from("aé©ß—“”…\u00ad\u3000\u3030，、。がガー漢字！\n "), max_size=20)


@given(st.one_of(_ALONE, st.text(max_size=20)))
def test_clusters_are_those_of_the_standard(text: str) -> None:
    assert list(clusters(text)) == [c[:MAX_CLUSTER] for c in regex.findall(r"\X", text)]


def test_no_sign_that_may_stand_alone_joins_with_the_next() -> None:
    ranges = [(0x20, 0x7F), (0xA0, 0x300), (0x2010, 0x2028), (0x2030, 0x205F), (0x3000, 0x302A)]
    ranges += [(0x3030, 0x3097), (0x30A0, 0x3100), (0x3400, 0xA000), (0xFF01, 0xFF61)]
    signs = "".join(chr(code) for start, end in ranges for code in range(start, end))
    for text in (signs, signs[::-1], signs[::2] + signs[1::2]):
        assert regex.findall(r"\X", text) == list(clusters(text)) == list(text)

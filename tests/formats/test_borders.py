"""Line breaks and widths."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.formats.borders import clusters, display_width, may_break, wrap


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

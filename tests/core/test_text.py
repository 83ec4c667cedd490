from __future__ import annotations

import unicodedata

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from digestd.core.links import canonical_link, strip_tracking
from digestd.core.text import one_line, scrub


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param(" a\r\n\tb\u2028c ", "a b c", id="white-space"),
        pytest.param("a\u202eb\u2066c", "abc", id="bidi"),
        pytest.param("a\u200bb\ufeffc\u00add", "abcd", id="invisible"),
        pytest.param("a\x1b[31mb\x00", "a[31mb", id="control"),
        pytest.param("a\ud83db", "ab", id="surrogate"),
        pytest.param("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧", id="family"),
        pytest.param("می\u200cخواهم", "می\u200cخواهم", id="persian"),
        pytest.param("a\u200db \u200c", "ab", id="idle-joiner"),
        pytest.param("语言：模型", "语言：模型", id="chinese"),
        pytest.param("Subject\r\nBcc: x@y.example", "Subject Bcc: x@y.example", id="header"),
    ],
)
def test_a_line_is_harmless(text: str, line: str) -> None:
    assert one_line(text) == line


def test_newlines_survive_a_scrub_and_nothing_else_does() -> None:
    assert scrub("a\r\nb\rc\u2029d\te\x07\u202e") == "a\nb\nc\nd\te"


@pytest.mark.parametrize(
    "text",
    ["语" * 500, "e\u0301" * 500, "👨\u200d👩\u200d👧" * 500, "a" + "\u0301" * 100_000 + "b" * 400],
)
def test_a_line_is_cut_between_graphemes(text: str) -> None:
    line = one_line(text, 100)
    assert len(regex.findall(r"\X", line)) <= 100
    assert line.endswith("…")
    assert len(line) <= 100 * 32


@given(st.text(st.characters(exclude_categories=())), st.integers(1, 50))
def test_lines_are_bounded_encodable_and_stable(text: str, limit: int) -> None:
    line = one_line(text, limit)
    line.encode()
    assert len(regex.findall(r"\X", line)) <= limit
    assert one_line(line, limit) == line
    assert not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in line)


@given(st.text(st.characters(exclude_categories=())))
def test_scrubbing_twice_changes_nothing(text: str) -> None:
    assert scrub(scrub(text)) == scrub(text)


@pytest.mark.parametrize(
    ("url", "stripped"),
    [
        ("https://a.example/?b=%20&utm_source=x&c", "https://a.example/?b=%20&c"),
        ("https://a.example/?UTM_Campaign=x", "https://a.example/"),
        ("https://a.example/#utm_source=x", "https://a.example/"),
        ("https://a.example/?utm=1#part", "https://a.example/?utm=1#part"),
        ("http://[::1/?utm_source=x", "http://[::1/?utm_source=x"),
    ],
)
def test_tracking_is_stripped_and_nothing_else(url: str, stripped: str) -> None:
    assert strip_tracking(url) == stripped


@given(st.text(max_size=60) | st.text("htps:/[]@?#.&=utm_1", max_size=40).map("http://".__add__))
def test_links_are_canonical_once(url: str) -> None:
    assert canonical_link(canonical_link(url)) == canonical_link(url)


@given(st.text(max_size=300), st.integers(1, 60))
def test_printable_text_takes_a_shorter_way_to_the_same(text: str, limit: int) -> None:
    """A newline at the end, which is folded away, sends the same text the long way."""
    printable = "".join(filter(str.isprintable, text))
    assert scrub(printable + "\n") == scrub(printable) + "\n"
    assert one_line(printable[:limit] + "\n", limit) == one_line(printable[:limit], limit)

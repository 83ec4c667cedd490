"""The article of a page: found by selector or by reading, cleaned, formulas whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.formats.fulltext import is_teaser, read_article

URL = "https://blog.example/2026/post"
WORDS = "A long paragraph, with commas, that says something about the thing itself. " * 4
PAGE = f"""<!doctype html><html><head><title>T</title><script>var x = "$a$";</script></head><body>
<nav><ul><li><a href="/">Home</a></li><li><a href="/about">About</a></li></ul></nav>
<div class="sidebar"><p>Recent posts, tags, archives.</p></div>
<article class="post"><h1>A title</h1><div class="text"><p>{WORDS}</p>
<p>By $a<b$ and $$\\sum_{{i=1}}^n x_i \\tag{{3}}$$ we see it.</p>
<p>{WORDS}<img src="/i.png" onerror="alert(1)"></p><pre><code>$HOME=1</code></pre>
<p>{WORDS}</p></div><div class="share"><a href="x">Tweet</a></div></article>
<div class="comments"><p>First! Nice post, thanks, I liked it very much, really.</p></div>
<footer><p>Copyright, all rights reserved, imprint.</p></footer></body></html>"""


@pytest.mark.parametrize("selector", ["auto", "article .text", ".post"])
def test_the_article_is_found_and_cleaned(selector: str) -> None:
    found = read_article(PAGE.encode(), "text/html; charset=utf-8", URL, selector)
    assert found.why == ""
    assert found.html.count("A long paragraph") == 12
    for noise in ("Recent posts", "First! Nice", "all rights", "alert", "Home", "var x"):
        assert noise not in found.html
    assert 'data-tex="a&lt;b"' in found.html
    assert 'data-display="block"' in found.html
    assert "$HOME=1" in found.html
    assert 'src="https://blog.example/i.png"' in found.html


def test_nested_matches_are_taken_once() -> None:
    found = read_article(PAGE.encode(), "text/html", URL, "div, p")
    assert found.html.count("A long paragraph") == 12


@pytest.mark.parametrize(
    ("page", "selector"),
    [
        ("<html><body><p>Please log in.</p></body></html>", "auto"),
        ("<html><body><script>app()</script></body></html>", "auto"),
        ("", "auto"),
        ("%PDF-1.4 ...", "auto"),
        (PAGE, ".nothing"),
    ],
)
def test_where_there_is_no_article_it_says_so(page: str, selector: str) -> None:
    found = read_article(page.encode(), "text/html", URL, selector)
    assert found.html == ""
    assert found.why
    assert not found.is_passing


@given(st.text(max_size=300))
def test_no_page_breaks_it(text: str) -> None:
    read_article(f"<html><body>{text}".encode("utf-8", "replace"), "text/html", URL)


def test_teasers() -> None:
    assert is_teaser("<p>Short.</p>")
    assert is_teaser(f"<p>{WORDS * 9} [&#8230;]</p>")
    assert is_teaser(f"<p>{WORDS * 9}</p><p><a href='x'>阅读全文</a></p>")
    assert not is_teaser(f"<p>{WORDS * 9}</p>")

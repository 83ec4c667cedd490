"""Formulas of a feed whose author has commands of his own."""

from __future__ import annotations

from digestd.core.parsed import ParsedEntry, ParsedFeed
from digestd.formats.document import read_document

RSS = rb"""<rss version="2.0"><channel><title>T</title>
<item><guid>1</guid><title>A bound in $\R^n$</title><description><![CDATA[
<p>$\newcommand{\E}{\mathbb{E}}$ Let $x \in \R^n$, then
$$\norm{\E x} \le 1$$ and <code>\R</code>.</p>
]]></description></item>
<item><guid>2</guid><title>Next</title><description><![CDATA[<p>Here $\E x$.</p>]]></description>
</item></channel></rss>"""


def read(**macros: str) -> list[ParsedEntry]:
    found = read_document(
        RSS, url="https://e.org/feed", content_type="application/rss+xml", macros=macros
    )
    assert isinstance(found, ParsedFeed)
    return list(found.entries)


def test_macros_of_a_feed_are_written_out_everywhere() -> None:
    first, _ = read(R=r"\mathbb{R}", norm=r"\lVert #1 \rVert")
    assert first.title == "A bound in ℝⁿ"
    html = first.content_html or first.summary_html
    assert r'data-tex="x \in \mathbb{R}^n"' in html
    assert "‖𝔼x‖ ≤ 1</span>" in html
    assert r"<code>\R</code>" in html
    assert r"\norm" not in html


def test_what_an_entry_defines_holds_for_its_own_formulas() -> None:
    first, second = read()
    html = first.content_html or first.summary_html
    assert "newcommand" not in html
    assert r"\mathbb{E} x" in html
    assert r'data-tex="\E x"' in (second.content_html or second.summary_html)

"""Formulas found in HTML and titles, and what only looks like one left alone."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.formats.maths import find_math, mark_html, mark_title
from tests.support import adapters

CASES = json.loads((Path(__file__).parents[1] / "data/cases/math_detection.json").read_text())
ALPHABET = st.text(alphabet="ab12 $\\()[]{}<>/\"'=_^&;.\n设，code", max_size=80)


def folded(items: list[dict[str, Any]]) -> list[tuple[bool, str]]:
    return [(bool(i["display"]), re.sub(r"\s+", " ", i["tex"]).strip()) for i in items]


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_the_table(case: dict[str, Any]) -> None:
    found = adapters.find_math(case["input"], case["context"])
    assert folded(found) == folded(case["expected"])


@pytest.mark.parametrize(
    ("source", "tex"),
    [
        ("<p>$0<p<1$</p>", ["0<p<1"]),
        ("<p>$a<b$ and $x > 0$</p>", ["a<b", "x > 0"]),
        ("<p>$x$<!-- $y$ -->$z$</p>", ["x", "z"]),
        ('<script type="math/tex; mode=display">x^2</script>', ["x^2"]),
        ('<img class="latex" alt="e^{i\\pi}" src="https://s0.wp.com/latex.php">', ["e^{i\\pi}"]),
        ("<p>&#36;x^2&#36; and &dollar;</p>", ["x^2"]),
        ("<p>so $s_{i,j} = \\frac{1}{2...</p>", []),
    ],
)  # fmt: skip
def test_what_feeds_do(source: str, tex: list[str]) -> None:
    assert [formula.tex for formula in find_math(source)] == tex


def test_a_mark_carries_its_source_and_reads_without_templates() -> None:
    marked = mark_html("<p>设$a<b^2$。</p>")
    assert marked == (
        '<p>设<span class="math" data-tex="a&lt;b^2" data-display="inline">a &lt; b²</span>。</p>'
    )


def test_a_formula_that_the_source_cut_ends_in_an_ellipsis() -> None:
    assert mark_html("<p>so $s_{i,j} = \\frac{1}{2...</p>") == "<p>so …</p>"


def test_an_escaped_dollar_is_a_dollar() -> None:
    assert mark_html(r"<p>cost is \$5 and \$6</p>") == "<p>cost is $5 and $6</p>"


def test_switched_off_nothing_changes() -> None:
    assert mark_html("<p>$x^2$ < 5</p>", "off") == "<p>$x^2$ < 5</p>"


@pytest.mark.parametrize(
    ("raw", "plain", "has_html"),
    [
        ("On $\\ell_1$ in $\\mathbb{R}^n$", "On ℓ₁ in ℝⁿ", True),
        ("AT&amp;T <b>wins</b>", "AT&T wins", False),
        ("a < b, 5 &lt; 6", "a < b, 5 < 6", False),
        ("Navier--Stokes by Erd\\H{o}s", "Navier–Stokes by Erdős", False),
        ("line\n\n  two", "line two", False),
    ],
)
def test_titles_are_one_line(raw: str, plain: str, has_html: bool) -> None:
    got, html = mark_title(raw)
    assert got == plain
    assert bool(html) == has_html


@given(ALPHABET)
def test_marking_never_raises_and_its_spans_are_balanced(source: str) -> None:
    marked = mark_html(source)
    assert marked.count('<span class="math"') == marked.count("</span>")
    mark_title(source)


@given(st.text(max_size=200))
def test_any_text_without_delimiters_stays_as_it_is(text: str) -> None:
    if not re.search(r"[$\\<&\ue000-\ue002]", text):
        assert mark_html(text) == text


@pytest.mark.parametrize(
    "hostile",
    [
        "$" * 100_000,
        "$a" * 200_000,
        "\\(" * 500_000,
        "\\begin{equation}" * 60_000,
        "<" * 300_000,
        '<a "' * 200_000,
        "<b x$" * 100_000,
        "<code>" * 50_000,
        '<div class="highlight">' * 30_000,
        "<math>" * 50_000,
        "<!--" * 100_000,
        "&" * 300_000,
        "$x$<p>" * 50_000,
    ],
    ids=lambda value: value[:12],
)
def test_hostile_input_takes_bounded_time(hostile: str) -> None:
    begun = time.process_time()
    mark_html(hostile)
    assert time.process_time() - begun < 8

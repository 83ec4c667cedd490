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


@pytest.mark.parametrize(
    ("source", "tex"),
    [
        ("$n$th, $k$NN, $x$-axis, $\\alpha$s", ["n", "k", "x", "\\alpha"]),
        ("$|x|$, $P(A|B)$, $[0, 1)$, $f(x)$", ["|x|", "P(A|B)", "[0, 1)", "f(x)"]),
        ("$ x^2 $ and $ a = b $", ["x^2", "a = b"]),
        ("If $x<em>i$ and $y</em>i$", ["x_i", "y_i"]),
        ("$a<b>c$, $0<x<1, y>2$, $x <y> z$", ["a<b>c", "0<x<1, y>2", "x <y> z"]),
        ("<em>$a$</em> <b>$b$</b>", ["a", "b"]),
        ("$GL_n(\\mathbb{F}_q)$", ["GL_n(\\mathbb{F}_q)"]),
        ("$5 for $x$, $y$ and $6", ["x", "y"]),
        ("US$5, A$5/$6, $5-$10, $1.2B ($900M)", []),
        ("$_GET/$_POST, ${A}_${B}, $(ls)$(pwd), $(foo_bar)/$(baz)", []),
        ("$$ - $$$ or $$, and $$.", []),
        ("\\[citation needed\\] \\[1\\] s/\\(foo\\)/bar/ \\(.*\\)", []),
        ("price is $ 5 and $ 6, use $(...)$", []),
        ("H$_2$O, C$_{60}$, Zn$^{2+}$, $^{13}$C", ["_2", "_{60}", "^{2+}", "^{13}"]),
        ("a$_foo$b, echo x$_", []),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "",
)
def test_dollars_pair_where_maths_stands(source: str, tex: list[str]) -> None:
    assert [formula.tex for formula in find_math(f"<p>{source}</p>")] == tex


ANNOTATED = (
    '<semantics><mi>x</mi><annotation encoding="application/x-tex">x</annotation></semantics>'
)


@pytest.mark.parametrize(
    ("source", "formulas"),
    [
        ('<span class="katex"><span class="katex-mathml"><math>' + ANNOTATED + "</math></span>"
         '<span class="katex-html"><span>x</span></span></span>', [("x", False)]),
        (('<span class="MathJax_Preview">?</span><span class="MathJax"><nobr>x</nobr></span>'
         '<script type="math/tex">% <![CDATA[\nx<1 %]]></script>'), [("x<1", False)]),
        (('<div class="MathJax_Display"><span>x</span></div>'
         '<script type="math/tex; mode=display">y</script>'), [("y", True)]),
        (("<math><msup><mi>x</mi><mn>2</mn></msup><mo>&lt;</mo><mfrac><mi>a</mi><mn>2</mn></mfrac>"
         "</math>"), [("x^{2}<\\frac{a}{2}", False)]),
        ("<math><mi>x</mi><mo>+</mo><mn>1</mn></math>", [("x+1", False)]),
        ('<span class="math inline">x</span> <div class="math">\\alpha</div>',
         [("x", False), ("\\alpha", True)]),
        ('<div class="math">Posted in maths</div>', []),
        ('<span class="ztext-math" data-eeimg="2" data-tex="x^2">x^2</span>', [("x^2", True)]),
        ('<img src="https://www.zhihu.com/equation?tex=x%5E2" alt="[公式]" eeimg="1">',
         [("x^2", False)]),
        ('<img class="ql-img-displayed-equation" alt="x^2" src="a.png">', [("x^2", True)]),
        ('<img class="math" alt="a picture of Gauss" src="a.png">', []),
        (('<div class="latex-rendered" data-attrs="{&quot;persistentExpression&quot;:&quot;x^2'
         '&quot;}"></div>'), [("x^2", True)]),
        (('<mjx-container class="MathJax" display="true"><svg></svg><mjx-assistive-mml>'
         '<math display="block"><mi>x</mi></math></mjx-assistive-mml></mjx-container>'),
         [("x", True)]),
    ],
    ids=lambda value: value[:25] if isinstance(value, str) else "",
)  # fmt: skip
def test_ready_made_maths_is_taken_once(source: str, formulas: list[tuple[str, bool]]) -> None:
    assert [(f.tex, f.display) for f in find_math(source)] == formulas


def test_the_copy_for_the_eye_goes_and_the_text_around_stays() -> None:
    source = (
        '<p>Let <span class="MathJax_Preview">?</span><span class="MathJax">x</span>'
        '<script type="math/tex">x</script> be</p>'
    )
    mark = '<span class="math" data-tex="x" data-display="inline">x</span>'
    assert mark_html(source) == f"<p>Let {mark} be</p>"


def test_marking_twice_changes_nothing() -> None:
    once = mark_html("<p>$a<b$ and $$x^2$$ and <i>y</i></p>")
    assert mark_html(once) == once


@pytest.mark.parametrize(
    "cut",
    [
        "$s_{i,j} =...",
        "\\begin{equation}a=b [...]",
        "\\(x_i = \\frac{1} […]",
        "$$\\sum_{i=1}^n x_i …",
    ],
)
def test_what_the_source_cut_is_dropped_and_the_next_block_stays(cut: str) -> None:
    assert mark_html(f"<p>设{cut}</p><p>b</p>") == "<p>设…</p><p>b</p>"


def test_what_is_cut_but_no_formula_stays() -> None:
    for text in ("We pay $5...", "Use \\begin{equation} to start one...", "$HOME …"):
        assert mark_html(f"<p>{text}</p>") == f"<p>{text}</p>"


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
        ("Line<br>two, H<sub>2</sub>O", "Line two, H₂O", False),
        ("Vec<T> in a <div>", "Vec<T> in a <div>", False),
        ("Sch\\&quot;on R\\&#39;enyi {\\L}oja", "Schön Rényi Łoja", False),
        ("``Best'' of \\textit{Gaia}", "“Best” of Gaia", False),
        ("git commit --amend, block__a--b, ~/x", "git commit --amend, block__a--b, ~/x", False),
        ("A $k$NN for the $n$th", "A kNN for the nth", True),
        ("Superconductivity in MgB$_2$ and C$_{60}$", "Superconductivity in MgB₂ and C₆₀", True),
        ("$$\\begin{aligned}a&=b\\\\c&=d\\end{aligned}$$", "a = b; c = d", True),
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


_PIECES = st.sampled_from(
    [
        *("word", " ", "\n", "<", ">", "&", '"', "'", "a < b", "text", "<p>", "</p>", "<br/>"),
        *("<code>x<y</code>", "<pre>", "<b", "<i>x</i>", "</b>", "<!doctype x>", "<td title='>'>"),
        *("&amp;", "&lt;b&gt;", "&#8230;", "&#39;", "&#36;x&#36;", "&#x5C;(x&#92;)", "&dollar;"),
        *('<img class="tex" alt="x^2">', '<img src="//a.example/x.png" alt="x_1">', "<!-- x -->"),
        *(
            '<img src="//google.example/chart?cht&#61;tx&chl=x^2">',
            "<script>a<b</script>",
            "\ue000",
        ),
        *(
            '<span class="math">x^2</span>',
            '<b data-tex="x" data-where="y">',
            "<math><mi>x</mi></math>",
        ),
    ]
)


@given(st.lists(_PIECES, max_size=8).map("".join))
def test_what_is_seen_at_a_glance_is_what_a_close_look_sees(html: str) -> None:
    # A dollar by itself is no formula, but has all be looked at.
    lone = "<h6>$</h6>"
    assert mark_html(html + lone) == mark_html(html) + lone


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
        "$<b>" * 100_000,
        "$x$<i" * 100_000,
        '<span class="math">' * 50_000 + "x" + "</span>" * 50_000,
        '<span class="katex">' * 30_000 + "</span>" * 30_000,
        "<math><msup>" * 30_000 + "</msup></math>" * 30_000,
        "$\\text{" * 100_000,
        "$a_1 ..." * 100_000,
        "\\[ ... " * 100_000,
        "\\begin{align}" * 30_000 + "\\end{align}" * 30_000,
    ],
    ids=lambda value: value[:12],
)
def test_hostile_input_takes_bounded_time(hostile: str) -> None:
    begun = time.process_time()
    mark_html(hostile)
    assert time.process_time() - begun < 8

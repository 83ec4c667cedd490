"""Formulas as text: nothing of LaTeX left, no sign lost."""

from __future__ import annotations

import json
import re
import time
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.core.mathhtml import to_inline_html
from digestd.core.mathtext import is_sound, to_text

CASES = json.loads((Path(__file__).parents[1] / "data/cases/formulas.json").read_text())
SAME = str.maketrans(
    {"−": "-", "∼": "~", "⋯": "…", "⩽": "≤", "⩾": "≥", "⟨": "<", "⟩": ">", "∑": "Σ", "∏": "Π"}
)


def folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).translate(SAME)


@pytest.mark.parametrize(
    "case", [c for c in CASES if c["expect"] == "render"], ids=lambda case: case["id"]
)
def test_no_sign_is_lost(case: dict[str, Any]) -> None:
    text = to_text(case["latex"])
    assert not re.search(r"\\[A-Za-z]|\$|\\begin", text)
    for sign in case["unicode_must_contain"]:
        assert folded(sign) in folded(text)


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"\boldsymbol{W}=\boldsymbol{U}\boldsymbol{\Sigma}\boldsymbol{V}^{\top}", "W = UΣVᵀ"),
        (r"\mathop{\text{argtop}}_k \boldsymbol{\rho}", "argtopₖ ρ"),
        (r"x_{i,j}^{(k)}", "x_(i, j)⁽ᵏ⁾"),
        (r"\mathcal{L}_{\text{aux}}", "ℒ_aux"),
        (r"\frac{a+b}{c}", "(a + b)/c"),
        (r"x_{1:n}", "x_(1:n)"),
        (r"a \mathrel{R} b", "a R b"),
    ],
)
def test_formulas_read_as_people_write_them(latex: str, text: str) -> None:
    assert to_text(latex) == text


@pytest.mark.parametrize(
    ("latex", "html"),
    [("x^2", "<i>x</i><sup>2</sup>"), (r"\frac{a+b}{\sum_{i} c_i}", None)],
)
def test_html_says_what_it_can_and_no_more(latex: str, html: str | None) -> None:
    assert to_inline_html(latex) == html


@pytest.mark.parametrize("latex", [r"\frac{1}{", "a}b", r"\begin{align}x", r"\left( x"])
def test_broken_structure_is_told(latex: str) -> None:
    assert not is_sound(latex)


@given(st.text(alphabet="ab1{}\\^_&$ frac\\sum\\left()", max_size=120))
def test_any_string_gives_text(latex: str) -> None:
    to_text(latex)
    to_inline_html(latex)


@pytest.mark.parametrize(
    "latex", ["{" * 3000 + "}" * 3000, "x" * 20_000, r"\sqrt{" * 2000, "^" * 5000, r"\left(" * 3000]
)
def test_hostile_formulas_take_bounded_time(latex: str) -> None:
    begun = time.process_time()
    to_text(latex)
    to_inline_html(latex)
    assert time.process_time() - begun < 2


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"\frac{1}{n(n+1)} = \frac{1}{f(x)}", "1/(n(n + 1)) = 1/f(x)"),
        (r"e^{-\frac{(x-\mu)^2}{2\sigma^2}}", "e^(−(x−μ)²/(2σ²))"),
        (r"\frac{1}{2}g^2(t) + \log\frac{1}{1-p}", "(1/2)g²(t) + log 1/(1 − p)"),
        (r"\frac{\partial^2 f}{\partial x\partial y}", "∂²f/(∂x∂y)"),
        (r"\mathcal{L}_{\text{aux}}x + \mathcal{L}_{\text{aux}}^2", "ℒ_aux x + ℒ²_aux"),
        (r"D_{\mathrm{KL}}(p\,\|\,q) - |-x|", "D_(KL)(p ‖ q) − |−x|"),
        (r"25\,^\circ\mathrm{C}", "25 °C"),
        (r"10{,}000 + 12,345 + f(1,2)", "10,000 + 12,345 + f(1, 2)"),
        (r"\{x \in \mathbb{R} \mid x > 0\}", "{x ∈ ℝ | x > 0}"),
        (r"\ce{2H2 + O2 -> 2H2O}", "2H₂ + O₂ → 2H₂O"),
        (r"\ce{SO4^2-} \ \ce{^{14}_6C}", "SO₄²⁻ ¹⁴₆C"),
        (r"\overset{?}{=}\ a\not\in b", "≟ a ∉ b"),
        (r"\newcommand{\R}[1]{\mathbb{R}^{#1}}\R{n}", "ℝⁿ"),
        (r"\text{if $x>0$ then } y", "if x > 0 then y"),
        (r"\msign(M)", "msign(M)"),
        (r"\widehat{xy} + \overline{AB}", "hat(xy) + A̅B̅"),
        (r"T_{ijk}\,x_{min}", "Tᵢⱼₖ x_min"),
    ],
)
def test_one_line_means_what_two_dimensions_meant(latex: str, text: str) -> None:
    assert to_text(latex) == unicodedata.normalize("NFC", text)


def test_rows_are_lines_and_in_one_line_parted() -> None:
    latex = r"\begin{align}a &= b \\[6pt] &= c\end{align}"
    assert to_text(latex) == "a = b\n= c"
    assert to_text(latex, one_line=True) == "a = b; = c"


@pytest.mark.parametrize(
    ("latex", "html"),
    [
        (r"\boldsymbol{W}\in\mathbb{R}^{n\times m}",
         "<b><i>W</i></b> ∈ ℝ<sup><i>n</i>×<i>m</i></sup>"),
        (r"\mathbf{\Sigma}_i < \alpha", "<b>Σ</b><sub><i>i</i></sub> &lt; <i>α</i>"),
        (r"f'^2(x) + \text{<b>}", "<i>f</i>′<sup>2</sup>(<i>x</i>) + &lt;b&gt;"),
        (r"\log_2 n", "log<sub>2</sub> <i>n</i>"),
        (r"\frac{1}{2}x", "(1/2)<i>x</i>"),
        (r"\sum_{i=1}^n i", None),
        (r"\begin{pmatrix}1&0\end{pmatrix}", None),
        (r"\sqrt{x+1}", None),
        (r"\underbrace{x}_{y}", None),
        (r"\color{red}{x}", None),
        (r"x^{", None),
        ("", None),
    ],
)  # fmt: skip
def test_html_is_truthful_and_escaped(latex: str, html: str | None) -> None:
    assert to_inline_html(latex) == html


PARTS = st.sampled_from(
    (
        r"\frac \sqrt \sum _ ^ { } { } \left( \right) \begin{cases} \end{cases} & \\ x 1 + = , |"
        r" \text{a} \hat \mathrm \over \not \ce{H2} ' \binom \abs \color{red} \underbrace $ %"
        r" \newcommand{\a}{\a\a} \a \def \sideset \unicode{x41} \kern1em \tag \operatorname"
        r" \xrightarrow[a] [ ]"
    ).split()
)


@given(st.lists(PARTS, max_size=40).map("".join))
def test_any_run_of_commands_gives_bounded_text(latex: str) -> None:
    assert len(to_text(latex)) <= 20 * len(latex) + 20
    html = to_inline_html(latex) or ""
    for tag in ("i", "b", "sub", "sup"):
        assert html.count(f"<{tag}>") == html.count(f"</{tag}>")

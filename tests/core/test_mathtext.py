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

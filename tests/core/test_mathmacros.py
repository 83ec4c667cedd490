"""Macros written out, and definitions taken in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.core.mathmacros import MAX_LENGTH, Macro, expand, macro, take_definitions

KNOWN = {
    "R": macro(r"\mathbb{R}"),
    "norm": macro(r"\left\lVert #1 \right\rVert"),
    "ip": macro(r"\langle #1, #2 \rangle"),
    "Rn": macro(r"\R^n"),
    "a": macro(r"\alpha"),
    "loop": macro(r"\loop x"),
    "bomb": macro(r"\bomb\bomb"),
}


@pytest.mark.parametrize(
    ("tex", "written"),
    [
        (r"x \in \R", r"x \in \mathbb{R}"),
        (r"\norm{x+y}", r"\left\lVert x+y \right\rVert"),
        (r"\norm x", r"\left\lVert x \right\rVert"),
        (r"\ip{a_{1}}{\norm{b}}", r"\langle a_{1}, \left\lVert b \right\rVert \rangle"),
        (r"\Rn", r"\mathbb{R}^n"),
        (r"\a b\a", r"\alpha b\alpha"),
        (r"\a{}x", r"\alpha{}x"),
        (r"\Real \Rnot", r"\Real \Rnot"),
        (r"\norm", r"\norm"),
        (r"\loop", r"\loop"),
        (r"\bomb", r"\bomb"),
        (r"\% \R", r"\% \mathbb{R}"),
    ],
)
def test_macros_are_written_out(tex: str, written: str) -> None:
    assert expand(tex, KNOWN) == written


def test_a_command_never_swallows_the_letter_after_it() -> None:
    assert expand(r"\x y", {"x": macro(r"\alpha")}) == r"\alpha y"
    assert expand(r"\x{}y", {"x": macro(r"\alpha#1")}) == r"\alpha y"


@pytest.mark.parametrize(
    ("tex", "found", "rest"),
    [
        (r"\newcommand{\R}{\mathbb{R}} x \in \R", {"R": Macro(r"\mathbb{R}")}, r"x \in \R"),
        (r"\newcommand\R{\mathbb R}", {"R": Macro(r"\mathbb R")}, ""),
        (r"\renewcommand*{\v}[1]{\mathbf{#1}}", {"v": Macro(r"\mathbf{#1}", 1)}, ""),
        (r"\def\f#1#2{#1_{#2}} \f ab", {"f": Macro("#1_{#2}", 2)}, r"\f ab"),
        (r"\DeclareMathOperator*{\am}{arg max}", {"am": Macro(r"\operatorname*{arg max}")}, ""),
        (r"\newcommand{\R", {}, r"\newcommand{\R"),
        (r"\newcommand{R}{x}", {}, r"\newcommand{R}{x}"),
        ("x^2", {}, "x^2"),
    ],
)
def test_definitions_are_taken_in(tex: str, found: dict[str, Macro], rest: str) -> None:
    assert take_definitions(tex) == (found, rest)


@given(st.text("\\{}#1aRx ^_", max_size=80), st.text("\\{}#1aRx ", max_size=30))
def test_any_text_ends_and_stays_bounded(tex: str, body: str) -> None:
    known = {"R": macro(body), "a": macro(body + r"\R")}
    assert len(expand(tex, known)) <= MAX_LENGTH + len(tex) + 200
    take_definitions(rf"\newcommand{{\R}}{tex}")

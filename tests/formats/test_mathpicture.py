"""Drawn formulas: the table, the metrics, and what must not be drawn."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from digestd.core.pictures import Formula, Picture
from digestd.formats import mathsvg
from digestd.formats.mathpicture import INK, draw_formula
from digestd.formats.mathsvg import UndrawableError
from tests.support.adapters import to_png

CASES = json.loads((Path(__file__).parents[1] / "data/cases/formulas.json").read_text())


def draw(tex: str, *, display: bool = False) -> Picture:
    return draw_formula(Formula(tex, display))


def opened(picture: Picture) -> Image.Image:
    return Image.open(BytesIO(picture.content)).convert("RGBA")


def pixels(picture: Picture) -> list[tuple[int, int, int, int]]:
    raw = opened(picture).tobytes()
    return [(raw[i], raw[i + 1], raw[i + 2], raw[i + 3]) for i in range(0, len(raw), 4)]


def test_the_whole_table_is_drawn_or_refused_rightly() -> None:
    wrong = []
    for case in CASES:
        try:
            png = to_png(case["latex"], case["display"])
            outcome = "render" if png.startswith(b"\x89PNG\r\n\x1a\n") else "rubbish"
        except UndrawableError:
            outcome = "reject"
        if outcome != case["expect"]:
            wrong.append(case["id"])
    assert wrong == []


@pytest.mark.parametrize(
    "tex",
    [
        r"\ce{CO2 + C -> 2 CO}",
        r"\text{若 } x > 0",
        r"\mathop{\text{argtop}}_k \boldsymbol{\rho}",
        r"\cfrac{1}{1+\cfrac{1}{x}}",
        r"A \xrightarrow[g]{f} B \xlongequal{} C",
        r"\bra{\psi} H \ket{\phi} = \braket{a|b}",
        r"\color{red}{x} + \textcolor{#0a0}{y}",
        r"\begin{CD}A @>>> B\\@VVV @VVV\\C @>>> D\end{CD}",
        r"\begin{dcases*}\frac12 & if $n=0$\\0 & else\end{dcases*}",
        r"\begin{numcases}{f=}a & b\\c & d\end{numcases}",
        r"\bm{\mathcal{R}}, \mathbbm{1}, \mathds{1}, \R, \norm{x}, \argmax_x f, \Tr A",
        r"\llbracket x \rrbracket \oiint \vcentcolon \relax \euro",
        r"\colorbox{yellow}{$x$} \fcolorbox{red}{white}{a} \textcircled{1}",
        r"\newcommand{\foo}[1]{\mathbf{#1}}\foo{x}",
    ],
)
def test_what_blogs_write_is_drawn(tex: str) -> None:
    picture = draw(tex, display=True)
    assert picture.width > 8
    assert picture.height > 8


@pytest.mark.parametrize(
    "tex",
    [
        "",
        r"\frac{a}{",
        r"x^2^3",
        r"\begin{equation}x",
        r"x\end{equation*}",
        r"a & b",
        r"\sqrt[3]",
        r"\frac{a}",
        r"a}b",
        r"\right) x",
        r"\begin{pmatrix}a\end{bmatrix}",
        r"\begin{aligned}a",
        r"\left( x",
        r"\undefinedmacro{x}",
        "{" * 3_000,
        r"\sqrt{" * 300 + "}" * 300,
        "x" * 1_500,
        r"\rule{100000em}{2em}",
        r"\hspace{99999em}x",
        r"\def\a{\a\a}\a",
        r"\html{x}",
        r"\hline",
        r"\phantom{x}",
    ],
)
def test_what_is_broken_endless_or_no_formula_is_refused(tex: str) -> None:
    with pytest.raises(UndrawableError):
        draw(tex, display=True)
    assert draw("x").width > 4, "the next one is drawn"


def test_what_one_formula_defines_does_not_reach_the_next() -> None:
    before = draw(r"\alpha + \sum x")
    draw(r"\renewcommand{\sum}{\text{broken}}\def\alpha{\beta}\sum\alpha")
    assert draw(r"\alpha + \sum x") == before


def test_links_and_styles_of_strangers_are_not_obeyed() -> None:
    plain = draw("x")
    for tex in (r"\href{https://example.org}{x}", r"\class{a}{x}", r"\style{opacity:0}{x}"):
        assert draw(tex) == plain


def test_signs_that_no_font_has_are_not_left_out_in_silence() -> None:
    with pytest.raises(UndrawableError, match="font"):
        draw("\\text{\U000f1234}")


def test_a_formula_hangs_on_its_baseline() -> None:
    assert draw("x").depth <= 3  # of its edge
    assert draw("y").depth > draw("x").depth
    assert draw(r"\int_0^1").depth > draw("y").depth
    assert draw("-").depth == 0
    assert draw(r"\begin{pmatrix}a\\b\\c\\d\end{pmatrix}").depth > 30


def test_a_formula_that_is_too_wide_for_a_mail_is_broken_into_lines() -> None:
    wide = r"\sigma_1 \geq \sigma_2 \geq \cdots \geq \sigma_n \geq 0"
    both = rf"{wide}, \qquad {wide}, \qquad {wide}"
    assert draw(both, display=True).width < 450
    assert draw(both, display=True).height > 2 * draw(wide, display=True).height
    chain = " = ".join(r"(x_1 + x_2 + \cdots + x_n)^2" for _ in range(5))
    assert draw(chain, display=True).width < 528


def test_it_is_sharp_small_and_named_by_its_content() -> None:
    picture = draw(r"\sum_{i=1}^n x_i", display=True)
    image = opened(picture)
    assert image.size == (2 * picture.width, 2 * picture.height)
    assert len(picture.content) < 4_000
    assert picture == draw(r"\sum_{i=1}^n x_i", display=True)
    assert picture.name != draw(r"\sum_{i=1}^m x_i", display=True).name


@pytest.mark.parametrize("ground", [(255, 255, 255), (0x1A, 0x1C, 0x1F), (0, 0, 0)])
def test_it_is_legible_on_light_and_on_dark(ground: tuple[int, int, int]) -> None:
    """Ink or edge, something stands off the ground around every glyph."""
    image = opened(draw(r"\frac{a}{b} + \Sigma"))
    shown = Image.alpha_composite(Image.new("RGBA", image.size, (*ground, 255)), image).convert("L")
    shades = shown.tobytes()
    assert max(shades) - min(shades) > 150


def test_ink_is_dark_and_colours_stay() -> None:
    dark = tuple(bytes.fromhex(INK[1:]))
    opaque = {p[:3] for p in pixels(draw(r"\blacksquare")) if p[3] == 255}
    assert any(max(abs(a - b) for a, b in zip(p, dark, strict=True)) < 12 for p in opaque)
    red = {p[:3] for p in pixels(draw(r"\color{red}{\blacksquare}")) if p[3] == 255}
    assert any(r > 220 and g < 40 and b < 40 for r, g, b in red)


def test_the_number_of_an_equation_stands_beside_it() -> None:
    assert draw(r"E = mc^2 \tag{7}", display=True).label == "(7)"


def test_rules_of_arrays_are_drawn() -> None:
    plain = draw(r"\begin{array}{cc}a&b\\c&d\end{array}")
    ruled = draw(r"\begin{array}{c|c}a&b\\\hline c&d\end{array}")
    count = [sum(1 for p in pixels(x) if p[3] > 200) for x in (plain, ruled)]
    assert count[1] > 1.2 * count[0]


def test_mathml_comes_out_of_latex() -> None:
    assert "<mfrac>" in mathsvg.to_mathml(r"\frac{a}{b}", display=False)

"""LaTeX as pages write it, made ready for the typesetter."""

from __future__ import annotations

import pytest

from digestd.core.mathclean import MAX_DRAWN, Drawable, drawable, narrower


@pytest.mark.parametrize(
    ("latex", "tex", "label"),
    [
        pytest.param("$x^2$", "x^2", "", id="dollars"),
        pytest.param(r"a=b \tag{3}\label{eq:a}", "a=b", "(3)", id="a number beside it"),
        pytest.param(r"a=b \tag*{★}", "a=b", "★", id="a mark beside it"),
        pytest.param(r"a=b \tag{1} \\ c=d \tag{2}", "", "", id="numbers of several lines"),
        pytest.param(r"a \notag \nonumber", "a", "", id="no number"),
        pytest.param(
            r"\eqref{eq:q} \to \ref{b_1}", r"\text{(eq:q)} \to \text{b 1}", "", id="refer"
        ),
        pytest.param(r"\begin{equation*}a\end{equation*}", "a", "", id="equation"),
        pytest.param(
            r"\begin{flalign}a&=b\end{flalign}", r"\begin{align}a&=b\end{align}", "", id="renamed"
        ),
        pytest.param(
            r"\begin{cases*}a&b\end{cases*}", r"\begin{cases*}a&b\end{cases*}", "", id="starred"
        ),
        pytest.param(r"a\\b", r"\begin{gathered}a\\b\end{gathered}", "", id="lines"),
        pytest.param(r"a&=b\\&=c", r"\begin{aligned}a&=b\\&=c\end{aligned}", "", id="columns"),
        pytest.param(
            r"\begin{matrix}a&b\\c&d\end{matrix}",
            r"\begin{matrix}a&b\\c&d\end{matrix}",
            "",
            id="in",
        ),
        pytest.param(r"\{a\} \& b", r"\{a\} \& b", "", id="escaped"),
    ],
)
def test_what_is_left_for_the_typesetter(latex: str, tex: str, label: str) -> None:
    found = drawable(latex)
    assert found is not None
    assert found.label == label
    if tex:
        assert " ".join(found.tex.split()) == tex


@pytest.mark.parametrize("latex", ["", "$$", r"\label{x}", "x" * (MAX_DRAWN + 1)])
def test_nothing_to_draw(latex: str) -> None:
    assert drawable(latex) is None


def test_what_is_clean_stays_as_it_is() -> None:
    assert drawable(r"\frac{a}{b}") == Drawable(r"\frac{a}{b}")


@pytest.mark.parametrize(
    ("tex", "forms"),
    [
        (
            r"a = b, \qquad c = d",
            [
                r"\begin{gathered}a = b,\\c = d\end{gathered}",
                r"\begin{aligned}a&= b, \qquad c\\&= d\end{aligned}",
            ],
        ),
        (r"a, \quad b", [r"\begin{gathered}a,\\b\end{gathered}"]),
        (r"f(x) = a \leq b", [r"\begin{aligned}f(x)&= a\\&\leq b\end{aligned}"]),
        (r"\left(a = b = c \qquad d\right)", []),
        (r"\begin{aligned}a &= b\end{aligned}", []),
        (r"a \\ b = c = d", []),
        ("a = b", []),
    ],
)
def test_what_is_too_wide_has_more_lines(tex: str, forms: list[str]) -> None:
    assert list(narrower(tex)) == forms

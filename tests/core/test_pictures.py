"""What a message asks for, and how much of it goes along."""

from __future__ import annotations

from digestd.core.pictures import MAX_FORMULA_BYTES, MAX_FORMULAS, Formula, Picture, Pictures


def drawn(name: str, size: int = 10) -> Picture:
    return Picture(name, 20, 10, content=b"x" * size)


def test_what_is_missing_is_noted_once_and_in_order() -> None:
    pictures = Pictures()
    for tex in ("b", "a", "b"):
        assert pictures.formula(tex, display=False) is None
    assert pictures.thumbnail(7) is None
    assert pictures.icon(3) is None
    assert list(pictures.wishes.formulas) == [Formula("b"), Formula("a")]
    assert (list(pictures.wishes.thumbnails), list(pictures.wishes.icons)) == ([7], [3])


def test_another_try_forgets_what_the_first_one_wanted_and_used() -> None:
    pictures = Pictures({Formula("a"): drawn("a")})
    first = pictures.again()
    first.formula("a", display=False)
    second = pictures.again()
    second.formula("b", display=True)
    assert list(pictures.wishes.formulas) == [Formula("b", display=True)]
    assert (len(first.attached), len(second.attached)) == (1, 0)


def test_a_message_holds_so_many_formulas_and_equal_ones_count_once() -> None:
    known = {Formula(f"x_{i}"): drawn(f"p{i}") for i in range(MAX_FORMULAS + 5)}
    pictures = Pictures(known)
    for _ in range(2):
        shown = [pictures.formula(formula.tex, display=False) for formula in known]
        assert [picture is not None for picture in shown] == [True] * MAX_FORMULAS + [False] * 5
    assert len(pictures.attached) == MAX_FORMULAS


def test_a_message_holds_so_many_bytes_of_formulas() -> None:
    half = MAX_FORMULA_BYTES // 2
    pictures = Pictures({Formula(x): drawn(x, half) for x in "abc"})
    assert [pictures.formula(x, display=False) is not None for x in "abc"] == [True, True, False]

"""The child's part in pictures: formulas drawn, images shrunk, within a time of their own."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic

from digestd.core.pictures import Formula, Picture
from digestd.formats.mathpicture import draw_formula
from digestd.formats.mathsvg import UndrawableError


def draw_formulas(wanted: Sequence[Formula], seconds: float) -> list[Picture | str]:
    """Return a picture for each formula, in order, or why there is none.

    Ends after `seconds` with what is done by then: at least one.
    """
    until = monotonic() + seconds
    drawn: list[Picture | str] = []
    for formula in wanted:
        if drawn and monotonic() > until:
            break
        try:
            drawn.append(draw_formula(formula))
        except UndrawableError as exc:
            drawn.append(str(exc))
    return drawn

"""The child's part in pictures: formulas drawn, images shrunk, within a time of their own."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic

from digestd.core.pictures import Formula, Picture
from digestd.formats.encoding import decode
from digestd.formats.imagelinks import page_icons
from digestd.formats.mathpicture import draw_formula
from digestd.formats.mathsvg import UndrawableError
from digestd.formats.thumbnail import Purpose, UnusableImageError, shrink


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


def shrink_image(content: bytes, purpose: Purpose) -> Picture | str:
    """Return a small picture of `content`, or why there is none."""
    try:
        return shrink(content, purpose)
    except UnusableImageError as exc:
        return str(exc)


def find_icons(content: bytes, content_type: str, url: str) -> tuple[str, ...]:
    """Return addresses of the icons that a page names."""
    return page_icons(decode(content, content_type)[0], url)

"""The functions that the tables of cases are scored with: thin, without any logic."""

from __future__ import annotations

from typing import Literal

from digestd.core import mathtext
from digestd.core.pictures import Formula
from digestd.formats import excerpt as excerpts
from digestd.formats import mathpicture, maths
from digestd.formats.maths import mark_html
from tests.support.planning import Planner

__all__ = ["Planner", "excerpt", "find_math", "to_png", "to_text"]


def excerpt(html: str, limit: int, mode: Literal["text", "html"]) -> str:
    """Return an excerpt with its formulas as LaTeX, as they stood in the source."""
    return excerpts.excerpt(mark_html(html, sources=True), limit, mode, formulas="tex")


def find_math(source: str, context: str) -> list[dict[str, object]]:
    """Return the formulas of an entry's HTML or of a title."""
    where: Literal["html", "title"] = "title" if context == "title" else "html"
    return [{"display": f.display, "tex": f.tex} for f in maths.find_math(source, where)]


def to_text(latex: str) -> str:
    """Return a formula as Unicode text."""
    return mathtext.to_text(latex)


def to_png(latex: str, display: bool) -> bytes:
    """Return a formula as a picture; raises for what is broken, too long or too large."""
    return mathpicture.draw_formula(Formula(latex, display)).content

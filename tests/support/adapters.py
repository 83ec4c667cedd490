"""The functions that the tables of cases are scored with: thin, without any logic."""

from __future__ import annotations

from typing import Literal

from digestd.formats import excerpt as excerpts
from digestd.formats.maths import mark_html


def excerpt(html: str, limit: int, mode: Literal["text", "html"]) -> str:
    """Return an excerpt with its formulas as LaTeX, as they stood in the source."""
    return excerpts.excerpt(mark_html(html), limit, mode, formulas="tex")

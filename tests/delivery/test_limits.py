"""What is said of each service: with a source, of a scheme that exists, and in the document."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from apprise.manager_plugins import NotificationManager

from digestd.delivery.limits import LIMITS, MARKDOWN_LIMITS, Shape

DOCUMENT = (Path(__file__).parents[2] / "docs" / "channels.md").read_text("utf-8")
_UNITS = {"characters": "", "utf16": " UTF-16 units", "bytes": " bytes"}


def row(schemes: list[str], shape: Shape) -> str:
    """Return the line of the document for some schemes that share a shape."""
    form = {"page": "HTML", "html": "HTML", "telegram": "HTML", "text": "text"}.get(
        shape.markup, "Markdown"
    )
    limit = f"{shape.limit:,}{_UNITS[shape.unit]}" if shape.limit else "none"
    pace = f"{shape.per_minute} a minute" if shape.per_minute else ""
    pace += f" after {shape.burst} at once" if shape.burst else ""
    names = ", ".join(f"`{scheme}`" for scheme in schemes)
    cells = (names, form, limit, str(shape.title), pace, shape.signing, shape.source)
    return f"| {' | '.join(cells)} |".replace("|  |", "| |").replace("|  |", "| |")


def rows() -> list[str]:
    return [
        row([scheme for scheme, _ in group], shape)
        for shape, group in groupby(LIMITS.items(), key=lambda item: item[1])
    ]


def test_the_document_says_of_each_service_what_the_table_says() -> None:
    table = [line for line in DOCUMENT.splitlines() if line.startswith("| `")]
    assert [line for line in table if line.count("|") == 8] == rows()


def test_every_limit_names_its_source_and_a_real_scheme() -> None:
    schemes = set(NotificationManager().schemas())
    for scheme, shape in (*LIMITS.items(), *MARKDOWN_LIMITS.items()):
        assert shape.source, scheme
        assert scheme in schemes, scheme

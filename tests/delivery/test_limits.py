"""What is said of each service: with a source, of a scheme that exists, and in the document."""

from __future__ import annotations

import re
from itertools import groupby
from pathlib import Path

import pytest
from apprise.manager_plugins import NotificationManager

from digestd.delivery.limits import LIMITS, MARKDOWN_LIMITS, Shape
from tests.support.messages import target

DOCUMENT = (Path(__file__).parents[2] / "docs" / "channels.md").read_text("utf-8")
EXAMPLES = DOCUMENT.partition("## Addresses")[2].partition("## What")[0]
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


@pytest.mark.parametrize(
    "url", [u for u in re.findall(r"`([a-z]+://[^`]+)`", EXAMPLES) if "…" not in u]
)
def test_the_addresses_that_are_shown_are_understood(url: str) -> None:
    for name, real in {
        "BOT_TOKEN": "123456789:ABCdefghijklmnop_ABCdefghijklmnop12",
        "CHAT_ID": "12345",
        "TokenA/TokenB/TokenC": "T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ",
        "WEBHOOK_ID": "4174216298",
        "WEBHOOK_TOKEN": "JHMHI8qBe7bk2ZwO5U711o3dV_js",
        "pushplus://TOKEN": "pushplus://abcdefghijklmnopqrstuvwxyz012345",
        "SENDKEY": "SCT12345abcdefg",
    }.items():
        url = url.replace(name, real)
    assert target(url).recipients

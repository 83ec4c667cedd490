"""What every message has around its contents: its title, its date, what stands beside it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from digestd.delivery.context import CONTEXT_VERSION, Frame, GroupView
from digestd.delivery.words import Words
from digestd.formats.excerpt import shorten


def count_title(words: Words, title: str, count: int) -> str:
    """Return the first title and how many more there are."""
    title = shorten(title, 90)
    if count < 2:
        return title
    return words.count("{title} and {n} more", "{title} and {n} more", count - 1, title=title)


def frame_of(
    words: Words,
    title: str,
    now: datetime,
    groups: Sequence[GroupView],
    preheader: str = "",
) -> Frame:
    """Return the frame of a message; without `preheader` its next titles stand beside it."""

    def beside() -> str:
        entries = [entry for group in groups for entry in group.entries]
        # The subject already says the first title.
        rest = entries[1:5] if len(entries) > 1 else entries[:1]
        following = [entry.title if len(entries) > 1 else entry.text for entry in rest]
        return shorten(preheader or " · ".join(following), 140)

    return Frame(
        version=CONTEXT_VERSION,
        language=words.language,
        direction=words.direction,
        title=title,
        now=now.astimezone(words.zone),
        date=words.day(now),
        _preheader=beside,
    )

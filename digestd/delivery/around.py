"""What a digest says besides its entries: marks, notes, and how everything fares."""

from __future__ import annotations

from collections.abc import Mapping

from digestd.frozen import dataclass, field


@dataclass(frozen=True, slots=True)
class Life:
    """The numbers of a digest's last line."""

    well: int
    failing: int = 0
    quiet: int = 0  # quieter than usual
    extra: tuple[str, ...] = ()  # "arXiv: 3 of 214 by rule"


@dataclass(frozen=True, slots=True)
class Around:
    """What the services know of a digest beyond its entries; every text is ready to be read.

    `notes` stand above the entries: why it is late, what the owner should hear of.
    `marks` are words beside one entry, by its id: "already on your phone 21:40",
    "could not reach phone". `pause` tells how to stop it for a while, and
    `pause_link` is where that is one click; `footer` are further lines at the end.
    """

    notes: tuple[str, ...] = ()
    marks: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    life: Life | None = None
    pause: str = ""
    pause_link: str = ""
    footer: tuple[str, ...] = ()


NOTHING = Around()

"""How often a process looks for cycles of dead objects."""

from __future__ import annotations

import gc

# Allocations more than deallocations; Python's own 700 are for programs that make less. What
# counts references frees nearly all here: the search through everything alive finds little,
# and was 7 % of a pass over feeds that have nothing new.
_YOUNG = 20_000
_OLDER = 20


def collect_seldom() -> None:
    """Search for cycles once in so many allocations; memory grows by a megabyte or two."""
    gc.set_threshold(_YOUNG, _OLDER, _OLDER)


def collect_no_more() -> None:
    """Search nothing from here on: at its end a process would go through everything, twice."""
    gc.freeze()

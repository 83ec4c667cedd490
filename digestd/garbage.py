"""When a process looks for cycles of dead objects.

What counts references frees nearly all here: the search through everything alive finds little,
and was 7 % of a pass over feeds that have nothing new, and as much of getting started.
"""

from __future__ import annotations

import gc

# Allocations more than deallocations; Python's own 700 are for programs that make less.
_YOUNG = 20_000
_OLDER = 20


def collect_later() -> None:
    """Search nothing while the program is loaded: that is there to stay."""
    gc.disable()


def collect_seldom() -> None:
    """If it was put off, search from here on, for what is made now; in so many allocations once.

    Memory grows by a megabyte or two.
    """
    if not gc.isenabled():
        gc.freeze()
        gc.set_threshold(_YOUNG, _OLDER, _OLDER)
        gc.enable()


def collect_no_more() -> None:
    """Search nothing from here on: at its end a process would go through everything, twice."""
    gc.freeze()

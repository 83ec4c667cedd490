"""Regular expressions that are compiled when they are first used.

For those that take long to compile, and that many a command, or most documents, have no use
for: all of them together were a tenth of getting started.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

__all__ = ["pattern"]


class _OfTheCompiled:
    """What a compiled expression has by this name."""

    def __set_name__(self, _owner: type, name: str) -> None:
        self._name = name

    def __get__(self, written: _Pattern, _owner: type) -> object:
        compiled = re.compile(written.source, written.how)
        for name, one in vars(_Pattern).items():
            if isinstance(one, _OfTheCompiled):
                written.__dict__[name] = getattr(compiled, name)  # from now on found before us
        return written.__dict__[self._name]


class _Pattern:
    """A regular expression as it was written."""

    findall = _OfTheCompiled()
    finditer = _OfTheCompiled()
    flags = _OfTheCompiled()
    fullmatch = _OfTheCompiled()
    match = _OfTheCompiled()
    pattern = _OfTheCompiled()
    search = _OfTheCompiled()
    split = _OfTheCompiled()
    sub = _OfTheCompiled()
    subn = _OfTheCompiled()

    def __init__(self, source: str | bytes, how: int = 0) -> None:
        self.source = source
        self.how = how


if TYPE_CHECKING:
    from re import compile as pattern
else:
    pattern = _Pattern

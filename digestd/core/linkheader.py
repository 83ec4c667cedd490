"""The Link header (RFC 8288), as far as feeds use it: which addresses stand in which relation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urljoin

from digestd.patterns import pattern

_MOST_LINKS = 50
_TARGET = re.compile(r"\s*,*\s*<([^<>]{0,2000})>")
# A parameter: a name, and a value that is quoted (a comma or semicolon may stand in it) or not.
_PARAMETER = pattern(r'\s*;\s*([\w!#$&+.^`|~*-]{1,40})\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^\s",;]*))?')


def links(header: str, base: str) -> Iterator[tuple[str, str]]:
    """Yield (relation, absolute address) for each link; relations in lower case.

    Several links in one header, several relations in one link, in any case,
    quoted or not. What is no link ends the reading: nothing is guessed.
    """
    at = found = 0
    while (target := _TARGET.match(header, at)) and found < _MOST_LINKS:
        at, found = target.end(), found + 1
        relations = ""
        while parameter := _PARAMETER.match(header, at):
            at = parameter.end()
            if parameter[1].lower() == "rel" and not relations:  # the first one counts
                relations = re.sub(r"\\(.)", r"\1", (parameter[2] or "").strip('"'))
        try:
            address = urljoin(base, target[1].strip())
        except ValueError:
            continue
        for relation in relations.lower().split():
            yield relation, address

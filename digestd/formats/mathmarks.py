"""Marked formulas with their macros written out: a feed's own, and what an entry defines."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape, unescape
from typing import TYPE_CHECKING

from digestd.core.parsed import ParsedEntry, ParsedFeed
from digestd.core.text import one_line
from digestd.formats.plaintext import to_text
from digestd.frozen import replace

if TYPE_CHECKING:  # what knows maths is loaded where there are macros
    from digestd.core.mathmacros import Macro

_MARK = re.compile(r'<span(?=[^<>]* class="math")[^<>]* data-tex="([^"]*)"[^<>]*>[^<]*</span>')
_DEFINES = re.compile(r"\\(?:(?:new|renew|provide)command|g?def|DeclareMathOperator)\b")


def with_macros(feed: ParsedFeed, macros: Mapping[str, str]) -> ParsedFeed:
    """Return `feed` with `macros` (bodies by name) written out in every formula.

    What one of an entry's formulas defines holds for those after it.
    """
    known: dict[str, Macro] = {}
    if macros:
        from digestd.core.mathmacros import macro  # noqa: PLC0415 (see above)

        known = {name: macro(body) for name, body in macros.items()}
    entries = tuple(written_out(entry, known) for entry in feed.entries)
    return replace(feed, entries=entries) if entries != feed.entries else feed


def defines_macros(text: str) -> bool:
    """Tell whether `text` may define what its formulas say."""
    return "\\" in text and bool(_DEFINES.search(text))


def written_out(entry: ParsedEntry, known: Mapping[str, Macro]) -> ParsedEntry:
    """Return `entry` with what it defines, and what is `known`, written out in its formulas."""
    bodies = entry.content_html, entry.summary_html
    if not known and not any(map(defines_macros, bodies)):
        return entry
    content, summary = (expand_marks(body, known) for body in bodies)
    title_html = expand_marks(entry.title_html, known)
    changed = title_html != entry.title_html
    title = one_line(to_text(title_html)) if changed else entry.title
    return replace(
        entry, title=title, title_html=title_html, content_html=content, summary_html=summary
    )


def expand_marks(html: str, macros: Mapping[str, Macro]) -> str:
    """Return `html` with the macros in its marked formulas written out."""
    from digestd.core.mathmacros import MAX_DEFINED, expand, take_definitions  # noqa: PLC0415
    from digestd.core.mathtext import to_text as formula_text  # noqa: PLC0415

    known = dict(macros)

    def redo(mark: re.Match[str]) -> str:
        tex = unescape(mark[1])
        defined, rest = take_definitions(tex)
        if len(known) < MAX_DEFINED:
            known.update(defined)
        if defined and not rest:
            return ""
        written = expand(rest, known)
        if written == tex:
            return mark[0]
        is_display = 'data-display="block"' in mark[0]
        shown = escape(formula_text(written, one_line=not is_display))
        start = mark[0].replace(f'data-tex="{mark[1]}"', f'data-tex="{escape(written)}"')
        return f"{start[: start.index('>') + 1]}{shown}</span>"

    return _MARK.sub(redo, html)

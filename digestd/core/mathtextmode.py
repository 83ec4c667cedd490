r"""LaTeX outside formulas: `Schr\"odinger`, `50\%`, `Navier--Stokes`.

arXiv's titles and abstracts are full of it, and so is `\text{…}`.
"""

from __future__ import annotations

import re
import unicodedata

from digestd.core.mathsymbols import SYMBOLS, TEXT_ACCENTS, TEXT_LETTERS
from digestd.patterns import pattern

# Every repetition is bounded or ends at a sign that its neighbour cannot take: linear.
_ACCENT = pattern(
    r"\{?\\(?:(?P<sign>[\"'`^~=.])\s?|(?P<name>[uvHckrdb])(?=[\s{])\s?)"
    r"(?:\{\\?(?P<braced>[A-Za-z])\}|\\(?P<dotless>[ij])(?![A-Za-z])(?:\{\})?|(?P<bare>[A-Za-z]))"
)
_LETTER = pattern(rf"\{{?\\({'|'.join(sorted(TEXT_LETTERS))})(?![A-Za-z])(?:\{{\}}|\}}|\s)?")
_ESCAPED = pattern(r"\\([%&#_${}])")
_STYLED = pattern(
    r"\\(?:text(?:it|bf|rm|sf|tt|sc|sl|up|normal)?|emph|mathrm|mbox)\s?\{([^{}$\\]*)\}"
)
_COMMAND = pattern(r"\\(?:([A-Za-z]+)|(.)|\Z)", re.DOTALL)
_QUOTED = pattern(r"``([^`']{1,200})''|`([^`'\s][^`']{0,200})'(?!\w)")
_DASH = pattern(r"(?<=[^\s-])(---?)(?=[^\s-])")
_TRACES = (
    _ACCENT,
    _ESCAPED,
    _STYLED,
    pattern(r"(?<=[^\W_])--(?=[A-Z0-9])"),
    pattern(rf"\{{\\(?:{'|'.join(sorted(TEXT_LETTERS))})\}}"),
    pattern(r"``[^`']{1,200}''"),
)


def untex(text: str) -> str:
    r"""Return `text` with text-mode LaTeX resolved; commands that it does not know stay.

    For text that is known to be LaTeX, such as a title from arXiv.
    """
    text = _accents(text)
    text = _STYLED.sub(r"\1", text)
    text = _ESCAPED.sub(r"\1", text).replace("~", " ")
    text = _QUOTED.sub(lambda m: f"“{m[1]}”" if m[1] else f"‘{m[2]}’", text)
    text = _DASH.sub(lambda m: "–" if len(m[1]) == 2 else "—", text)
    return re.sub(r"\{([^{}\\$]*)\}", r"\1", text)


def looks_texed(text: str) -> bool:
    r"""Whether `text` has text-mode LaTeX: an accent, `\%`, or `Navier--Stokes`.

    `--amend` and `block--modifier` are not: they have a blank before, or small letters after.
    """
    return any(trace.search(text) for trace in _TRACES)


def untex_group(text: str) -> str:
    r"""Return the content of `\text{…}` as it is read; every command gives something."""
    text = _accents(text).replace("~", " ")
    text = _COMMAND.sub(_named, text)
    for written, meant in (("---", "—"), ("--", "–"), ("``", "“"), ("''", "”"), ("'", "’")):
        text = text.replace(written, meant)
    return re.sub(r"\s+", " ", text.replace("{", "").replace("}", ""))


def _accents(text: str) -> str:
    def accent(match: re.Match[str]) -> str:
        letter = match["braced"] or match["dotless"] or match["bare"]
        mark = TEXT_ACCENTS[match["sign"] or match["name"]]
        return ("{" if match[0][0] == "{" else "") + unicodedata.normalize("NFC", letter + mark)

    def letter(match: re.Match[str]) -> str:
        opened, closed = match[0][0] == "{", match[0][-1] == "}" and match[0][-2:] != "{}"
        found = TEXT_LETTERS[match[1]]
        return found if opened == closed else "{" + found if opened else found + "}"

    return _LETTER.sub(letter, _ACCENT.sub(accent, text))


def _named(match: re.Match[str]) -> str:
    name = match[1] or match[2] or ""
    if name in SYMBOLS:
        return SYMBOLS[name][0]
    if name.startswith(("text", "emph", "math")) or not name.isalpha():
        return ""
    return name

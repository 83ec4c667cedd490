"""Formulas between delimiters, in a run of text that no block border divides.

The text is flat: entities are decoded, and tags stand in it as single signs of
the private use area, so that every rule is a rule about characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from digestd.core.parsed import MathMode
from digestd.formats.mathsigns import BREAK, EMPHASIS, INLINE_TAG
from digestd.frozen import dataclass
from digestd.patterns import pattern

_LONGEST_INLINE, _LONGEST_DISPLAY, _LONGEST_CUT = 600, 8_000, 2_000
# So many characters may be looked through for closing delimiters in one run: attackers
# open many formulas and close none.
_BUDGET = 4_000_000

_ENVIRONMENTS = frozenset(
    "equation align aligned alignat alignedat gather gathered multline eqnarray split cases dcases"
    " rcases array matrix pmatrix bmatrix Bmatrix vmatrix Vmatrix smallmatrix subarray math"
    " displaymath flalign subequations CD".split()
)
_OPENERS = pattern(
    r"\\begin\{(?P<env>[A-Za-z]{1,20})(?P<star>\*?)\}|\\(?P<ref>eqref)\{[^{}$]{1,100}\}"
    r"|\\(?P<skip>[\\$])|\\(?P<bracket>[\[(])|(?P<dollars>\$+)"
)
_CLOSERS = {"[": "\\]", "(": "\\)"}
_TEXT_GROUP = pattern(r"\\(?:text|mbox|textrm|textbf|textit|mathrm|operatorname)\s*\{[^{}]*\}")
_COMMAND = pattern(r"\\[A-Za-z]+|\\.")
_PROSE = pattern(r"[A-Za-z]{2,}[,;:]?\s+[A-Za-z]{2,}")
_CHINESE = pattern(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uff00-\uff5e\u3001\u3002]")
_STRONG = pattern(r"\\[A-Za-z{}|,;!%$#&]|[\^_]")
_RELATION = pattern(r"[=<>≤≥≠≈∈∉⊂⊆→↦∼≡∝±×·∘∞∑∏∫√]")
_EQUATION = pattern(r"[A-Za-z]['A-Za-z0-9()+* /-]{0,12}[=<>][^=<>]{1,20}")
_SUBSTANCE = pattern(r"[A-Za-z0-9\\<>=]|[^\x00-\x7f]")
_NUMBER = pattern(r"[-+−±]?\d+(?:[.,]\d+)*%?")
# `f(x)`, `[0, 1)`, `n-1`, `x, y`, `|x|`, `a:b`, `n!`: short names and signs between them.
_SHORT_SIGNS = pattern(r"[A-Za-z0-9α-ωΑ-Ωℓ+\-−*/|,.:;!'() \[\]]{1,40}")
_CALL = pattern(r"[A-Za-z]{2,20}\([A-Za-z0-9, |;]{1,20}\)")
_LONG_NAME = pattern(r"[A-Za-z]{3,}")
_APART = pattern(r"[A-Za-z0-9] +[A-Za-z0-9]")
# `$_GET/$_POST`, `${A}_${B}`, `$HOME/`, `$(foo_bar)/$(baz)`: what a shell or PHP leaves over.
_SHELL = pattern(
    r"\{[A-Za-z_]\w*\}[_./:-]?|\([a-z]\w*\)[_./:-]|_[A-Z]{2,}\b.*|[A-Z_]{2,}[_/:].*|.*[_^/]",
    re.DOTALL,
)
# `H$_2$O`, `C$_{60}$`, `$^{13}$C`: an index alone, in a word. A shell's `$_foo` has no such end.
_INDEX = pattern(r"(?:[_^](?:\{[^{}$]{1,40}\}|\\[A-Za-z]+|[0-9A-Za-z+−*-])){1,2}")
# After a formula: `$n$th`, `$k$NN`, `$x^2$s`.
_SUFFIX = pattern(r"(?:th|st|nd|rd|s|es|ish|NNs?|D)(?![A-Za-z0-9])")
_IDENTIFIER = pattern(r"[A-Za-z]")
_QUOTED_WORDS = frozenset("and or to with then".split())
_BLANK_LINE = pattern(r"\n\s*\n")
_CUT = pattern(r"(?:\.\.\.|…|\[…\]|\[\.\.\.\])\s*$")


@dataclass(frozen=True, slots=True)
class Found:
    """A formula at [start, end) of the flat text; `tex` is None where its source was cut off."""

    start: int
    end: int
    tex: str | None
    display: bool = False


def find_delimited(flat: str, mode: MathMode = "auto") -> Iterator[Found]:
    r"""Yield the formulas of `flat`, in order, and its `\$` (as `tex` "$", to be a dollar).

    A pair that is none costs its first delimiter alone: a price never shifts the pairing.
    """
    at, budget = 0, _BUDGET
    nowhere: set[str] = set()  # closers that do not occur any more
    while (opener := _OPENERS.search(flat, at)) is not None and budget > 0:
        at = opener.end()
        if opener["skip"]:
            if opener["skip"] == "$":
                yield Found(opener.start(), opener.end(), "$")
            continue
        found: Found | None
        if opener["ref"]:
            found = Found(opener.start(), opener.end(), opener[0])
        elif opener["env"]:
            found, cost = _environment(flat, opener, nowhere)
            budget -= cost
        elif opener["bracket"]:
            found = _bracketed(flat, opener, nowhere)
        else:
            found, at = _dollars(flat, opener, mode)
            budget -= _LONGEST_INLINE
        if found is not None:
            yield found
            at = found.end


def reads_like_maths(tex: str) -> bool:
    """Say whether what a page calls maths can be LaTeX: prose and dates are not."""
    return _is_maths(tex, "on")


def clean_tex(raw: str) -> str:
    """Return the source of a formula without the signs that stood for tags.

    `<br>` is a blank; `<em>` between dollars is a Markdown accident: it was `_`.
    """
    return raw.replace(BREAK, "\n").replace(EMPHASIS, "_").replace(INLINE_TAG, "").strip()


def _environment(flat: str, opener: re.Match[str], nowhere: set[str]) -> tuple[Found | None, int]:
    name = opener["env"] + opener["star"]
    if opener["env"] not in _ENVIRONMENTS or name in nowhere:
        return None, 0
    limit = opener.start() + _LONGEST_DISPLAY
    if flat.find(f"\\end{{{name}}}", opener.end()) < 0:
        nowhere.add(name)
        return _cut_off(flat, opener.start(), opener.end()), 0
    depth = 1
    ends = re.compile(rf"\\(begin|end)\{{{re.escape(name)}\}}")
    for found in ends.finditer(flat, opener.end(), limit):
        depth += 1 if found[1] == "begin" else -1
        if depth == 0:
            raw = flat[opener.start() : found.end()]
            sound = _balanced(raw)
            return (
                Found(opener.start(), found.end(), clean_tex(raw), display=True) if sound else None
            ), found.end() - opener.start()
    return None, _LONGEST_DISPLAY


def _bracketed(flat: str, opener: re.Match[str], nowhere: set[str]) -> Found | None:
    closer = _CLOSERS[opener["bracket"]]
    if closer in nowhere:
        return None
    end = flat.find(closer, opener.end(), opener.end() + _LONGEST_DISPLAY)
    if end < 0:
        if flat.find(closer, opener.end()) < 0:
            nowhere.add(closer)
            return _cut_off(flat, opener.start(), opener.end())
        return None
    raw = flat[opener.end() : end]
    tex = clean_tex(raw)
    # \[1\] is a footnote that Markdown escaped, \(foo\) a group of a regular expression.
    if (tex.isdigit() and opener["bracket"] == "[") or re.fullmatch(r"[a-z]{3,}", tex):
        return None
    if INLINE_TAG in raw or not _balanced(raw) or not _is_maths(tex, "on"):
        return None
    return Found(opener.start(), end + 2, tex, display=opener["bracket"] == "[")


def _dollars(  # noqa: PLR0911 (a list of rules)
    flat: str, opener: re.Match[str], mode: MathMode
) -> tuple[Found | None, int]:
    """Return the formula that these dollars open, or None and where to look on."""
    count = len(opener["dollars"])
    if count > 2:
        return None, opener.end()
    if count == 2:
        end = flat.find("$$", opener.end(), opener.end() + _LONGEST_DISPLAY)
        raw = flat[opener.end() : end] if end > 0 else ""
        tex = clean_tex(raw)
        if "$" not in tex.replace("\\$", "") and _balanced(raw) and _is_maths(tex, "on"):
            return Found(opener.start(), end + 2, tex, display=True), end + 2
        cut = _cut_off(flat, opener.start(), opener.end()) if end < 0 else None
        return cut, opener.end()
    start = opener.start()
    end = _closing_dollar(flat, opener.end())
    if end > 0 and _INDEX.fullmatch(flat, opener.end(), end):
        return Found(start, end + 1, clean_tex(flat[opener.end() : end])), end + 1
    if start and flat[start - 1].isascii() and flat[start - 1].isalnum():
        return None, opener.end()
    if end < 0:
        return _cut_off(flat, start, opener.end()), opener.end()
    raw = flat[opener.end() : end]
    if not _may_close(flat, end, raw) or not _fits(raw, mode):
        return None, opener.end()
    return Found(start, end + 1, clean_tex(raw)), end + 1


def _may_close(flat: str, end: int, raw: str) -> bool:
    """Say whether the dollar at `end` can close `raw`: a price or a variable follows on itself."""
    after = flat[end + 1 : end + 2]
    if after.isascii() and after.isalnum():
        is_name = _IDENTIFIER.fullmatch(raw) or _COMMAND.search(raw) or "^" in raw
        return bool(is_name) and _SUFFIX.match(flat, end + 1) is not None
    return not (after and after in "({" and raw.startswith(after))  # $(ls)$(pwd)


def _closing_dollar(flat: str, start: int) -> int:
    at = start
    limit = start + _LONGEST_INLINE + 1
    while (at := flat.find("$", at, limit)) >= 0:
        slashes = 0
        while flat[at - 1 - slashes] == "\\" and at - slashes > start:
            slashes += 1
        if slashes % 2 == 0:
            return at
        at += 1
    return -1


def _fits(raw: str, mode: MathMode) -> bool:
    if INLINE_TAG in raw or _BLANK_LINE.search(raw) or not _balanced(raw):
        return False
    tex = clean_tex(raw)
    before, after = raw[:1].isspace(), raw[-1:].isspace()
    if before != after or (before and not (_STRONG.search(tex) or _EQUATION.fullmatch(tex))):
        return False
    return _is_maths(tex, mode)


def _is_maths(tex: str, mode: MathMode) -> bool:
    """Say whether what stands between delimiters reads like a formula."""
    bare = _TEXT_GROUP.sub(" ", tex)
    if not _SUBSTANCE.search(tex) or _CHINESE.search(bare):
        return False
    if "\\" not in tex and _SHELL.fullmatch(tex):
        return False
    words = _COMMAND.sub(" \\ ", re.sub(r"\\(?:begin|end)\{[^{}]*\}", " ", bare))
    if _PROSE.search(words):
        return False
    if _STRONG.search(bare) or _TEXT_GROUP.search(tex):
        return True
    if _RELATION.search(tex):
        return not re.search(r"[A-Za-z]{4,}", bare)
    return _is_short(tex, mode)


def _is_short(tex: str, mode: MathMode) -> bool:
    """Say whether `tex` is a number, a name, or a few of them with signs between."""
    longest = 4 if mode == "auto" else 20
    if _NUMBER.fullmatch(tex) or _CALL.fullmatch(tex):
        return True
    if tex.isascii() and tex.isalpha():
        return len(tex) <= longest and tex.lower() not in _QUOTED_WORDS
    closed = [tex.count(left) == tex.count(right) for left, right in ("()", "[]")]
    half_open = tex[:1] in "([" and tex[-1:] in ")]"
    return bool(
        _SHORT_SIGNS.fullmatch(tex)
        and re.search(r"[A-Za-z0-9α-ωΑ-Ωℓ]", tex)
        and not (_LONG_NAME.search(tex) or _APART.search(tex))
        and tex[-1] not in "/(["
        and (all(closed) or half_open)
    )


def _balanced(raw: str) -> bool:
    depth = 0
    for sign in re.finditer(r"\\.|[{}]", raw, re.DOTALL):
        if sign[0] == "{":
            depth += 1
        elif sign[0] == "}":
            depth -= 1
            if depth < 0:
                return False
    return depth == 0


def _cut_off(flat: str, start: int, after: int) -> Found | None:
    """Return a formula that the source's own excerpt has cut: dropped, never shown in half."""
    if len(flat) - after > _LONGEST_CUT:
        return None
    rest = flat[after:].lstrip()
    if not _CUT.search(rest) or "$" in rest or INLINE_TAG in rest:
        return None
    head = rest if flat[start] == "\\" else rest.split(" ", 1)[0]
    tex = _TEXT_GROUP.sub(" ", rest)
    is_tex = re.search(r"\\[A-Za-z]{2,}|[\^_][{A-Za-z0-9]|=", head)
    if not is_tex or _CHINESE.search(tex) or _PROSE.search(_COMMAND.sub(" \\ ", tex)):
        return None
    return Found(start, len(flat), None)

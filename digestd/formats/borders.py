"""Where text may be cut or wrapped, and how wide it is.

The unit is the grapheme cluster (UAX #29). The rules are those of careful
typesetting rather than the whole of UAX #14: no line begins with closing
punctuation or ends with an opening bracket (kinsoku), and nothing is torn that
is read as one: a Latin word, a number, a number and its sign or measure word.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import accumulate

import regex

# Longer clusters are the toys of people who pile accents; the rest of one is dropped.
MAX_CLUSTER = 32

_CLUSTER = regex.compile(r"\X")
# What never joins with a neighbour of its like: Latin letters, Han, Kana, their punctuation.
_EACH_ALONE = re.compile(
    "[\t\n\x20-\x7e\xa0-\u02ff\u2010-\u2027\u2030-\u205e\u3000-\u3029\u3030-\u3096\u30a0-\u30ff"
    "\u3400-\u9fff\uff01-\uff60]*"
)
# Scripts written without blanks between words.
_UNSPACED = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Bopomofo}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}ー々〆〇]+"
)
_BEYOND_LATIN = re.compile("[^\x00-\u02e9]+")  # where all those scripts are
_EMOJI = regex.compile(r"[\p{Extended_Pictographic}\p{Regional_Indicator}]")
_HAN_PUNCTUATION = frozenset("，。、；：！？…—～·“”‘’（）《》〈〉「」『』【】〔〕［］｛｝｡．｢｣")

OPENING = frozenset("([{<（［｛〔【《〈「『“‘«‹〖〘〚｢¿¡$£€¥₩₹₽#@＃＠￥＄￡")
CLOSING = frozenset(
    ")]}>）］｝〕】》〉」』”’»›〗〙〛｣"
    ",.;:!?，。、；：！？｡．､…‥·・%％‰℃°′″"
    "ーぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ々〻ゝゞ"
    "،؛؟۔।॥"
)
# They open in English and Chinese, and close in German.
TURNED = frozenset("“‘")
_QUOTES = frozenset("\"'")
# What `may_break` comes to where all signs are ASCII: at blanks, unless they wait for more.
_ASCII_BREAK = re.compile(rf" (?=[^{re.escape(''.join(filter(str.isascii, CLOSING)))}])")


# A language has some thousand signs in use: what is asked of each is found out once.
_once_a_sign = lru_cache(maxsize=4096)


def are_signs(text: str) -> bool:
    """Tell whether each code point of `text` is plainly a grapheme cluster of its own."""
    return _EACH_ALONE.fullmatch(text) is not None


def clusters(text: str) -> Iterable[str]:
    """Return the grapheme clusters of `text`, none longer than MAX_CLUSTER code points."""
    if are_signs(text):
        return text
    return (
        match[0] if match.end() - match.start() <= MAX_CLUSTER else match[0][:MAX_CLUSTER]
        for match in _CLUSTER.finditer(text)
    )


@_once_a_sign
def is_unspaced(cluster: str) -> bool:
    """Tell whether the cluster is of a script that writes no blanks between words."""
    return bool(_UNSPACED.match(cluster))


def count_unspaced(text: str) -> int:
    """Return how many signs of such scripts there are in `text`."""
    # By stretches, and the letters of Europe passed over by the quicker of the two modules.
    return len("".join(_UNSPACED.findall("".join(_BEYOND_LATIN.findall(text)))))


def is_east_asian(cluster: str) -> bool:
    """Tell whether it is a sign of Chinese or Japanese text, punctuation included."""
    return is_unspaced(cluster) or cluster[:1] in _HAN_PUNCTUATION


def may_break(before: str, after: str) -> bool:
    """Tell whether a line, or an excerpt, may end between two neighbouring clusters."""
    if after.isspace():
        return before not in OPENING or before in TURNED
    if before.isspace():
        return after not in CLOSING
    first, last = after[0], before[0]
    if last in OPENING or first in CLOSING or first in _QUOTES:
        return False
    # 3万, 10年: the number would say something else. „so“: what opens elsewhere closes here.
    if (last.isdigit() and is_unspaced(after)) or (first in TURNED and not is_east_asian(before)):
        return False
    if is_east_asian(before) or is_east_asian(after):
        return True
    return bool(_EMOJI.match(before) or _EMOJI.match(after))


@_once_a_sign
def cluster_width(cluster: str) -> int:
    """Return the columns that a cluster takes on a terminal: 0, 1 or 2."""
    first = cluster[0]
    if unicodedata.east_asian_width(first) in "WF" or "\ufe0f" in cluster:
        return 2
    return 0 if unicodedata.category(first) in {"Mn", "Me", "Cf", "Cc"} else 1


def display_width(text: str) -> int:
    """Return the columns that `text` takes in a fixed-width font."""
    return len(text) if text.isascii() else sum(map(cluster_width, clusters(text)))


def wrap(text: str, columns: int, indent: str = "") -> str:
    """Return one paragraph broken into lines of at most `columns`, each with `indent` before it.

    What may not be broken (a long URL) has a line of its own, however long.
    """
    room = max(columns - display_width(indent), 1)
    line = " ".join(text.split())
    lines = _ascii_lines(line, room) if line.isascii() else _lines(line, room)
    return "\n".join(indent + line for line in lines)


def _lines(text: str, room: int) -> Iterator[str]:
    signs = list(clusters(text))
    widths = [0, *accumulate(map(cluster_width, signs))]  # of all before each

    def may_begin(at: int) -> bool:
        return at < len(signs) and not signs[at].isspace() and may_break(signs[at - 1], signs[at])

    start = 0
    while widths[-1] - widths[start] > room:
        fitting = bisect_right(widths, widths[start] + room) - 1
        at = fitting + (signs[fitting] == " ")  # at the end of a line it takes no room
        while at > start and not may_begin(at):
            at -= 1
        if at == start:  # longer than a line
            at = next(filter(may_begin, range(start + 1, len(signs))), len(signs))
        yield "".join(signs[start:at]).rstrip()
        start = at
    if start < len(signs):
        yield "".join(signs[start:])


def _ascii_lines(text: str, room: int) -> Iterator[str]:
    """Do the same where only blanks may break, without looking at each sign."""
    start = 0
    while len(text) - start > room:
        cut = text.rfind(" ", start, start + room + 1)
        while cut >= 0 and text[cut + 1] in CLOSING:
            cut = text.rfind(" ", start, cut)
        if cut < 0:
            following = _ASCII_BREAK.search(text, start)
            if following is None:
                break
            cut = following.start()
        yield text[start:cut]
        start = cut + 1
    if start < len(text):
        yield text[start:]

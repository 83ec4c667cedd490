"""The signs of maths: what stands for a tag in flat text, and our own mark of a formula."""

from __future__ import annotations

import re

from digestd.patterns import pattern

LONGEST_TEX = 8_000
# Signs that stand for tags; whatever of them a document brings itself is removed before.
BREAK, EMPHASIS, INLINE_TAG = "\ue000", "\ue001", "\ue002"
_SIGNS = pattern(f"[{BREAK}{EMPHASIS}{INLINE_TAG}]")

# Our own mark, as it was stored.
MARK = pattern(
    r'<span class="math"(?: data-(?:tex="(?P<tex>[^"]*+)"|display="(?P<where>inline|block)")){2}>'
    r"[^<]*+</span>"
)
NO_MATHS = pattern(  # classes of elements whose dollars are dollars
    r"tex2jax_ignore|mathjax_ignore|no-?mathjax|highlight|hljs|codehilite|syntaxhighlighter"
    r"|crayon|prettyprint",
    re.IGNORECASE,
)


def without_signs(text: str) -> str:
    """Return `text` without the characters that stand for tags here."""
    if BREAK in text or EMPHASIS in text or INLINE_TAG in text:
        return _SIGNS.sub("", text)
    return text

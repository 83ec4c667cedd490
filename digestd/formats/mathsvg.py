"""LaTeX to SVG: MathJax in an embedded JavaScript engine.

The one module that knows the engine, so that it can be changed. Everything is
bounded: stack, memory and time of a formula, and the size of what it may draw.
Needs the extra `math`; `is_available` says whether it is there.
"""

from __future__ import annotations

import functools
import json
import re
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from digestd.core.mathclean import drawable, narrower
from digestd.core.mathgrammar import SILENT
from digestd.core.mathsymbols import MACROS, SYMBOLS, WORDS
from digestd.frozen import dataclass

_BUNDLE = Path(__file__).parent / "mathjax" / "mathjax.js"
# With 8 MB, some thousand open braces overflow the process's own stack.
_STACK = 1 << 20
_MEMORY = 256 << 20
_SECONDS = 2
# CSS pixels; a mail is 640 wide, and a rule of 100,000 em is an attack.
MAX_WIDTH, MAX_HEIGHT = 1_600, 1_200
_CONTAINER = 560
# What a display formula has in a mail; a wider one is broken into lines where it can be.
COLUMN = 528

# Beyond what the text form knows: what concerns the looks. Links, classes and styles are
# not for strangers; what they are put on is.
_LOOKS = {
    "bm": (1, r"\boldsymbol{#1}"),
    "mathds": (1, r"\mathbb{#1}"),
    "mathbbm": (1, r"\mathbb{#1}"),
    "textcolor": (2, r"{\color{#1}{#2}}"),
    "argmax": (0, r"\operatorname*{arg\,max}"),
    "argmin": (0, r"\operatorname*{arg\,min}"),
    "argtop": (0, r"\operatorname*{argtop}"),
    "colorbox": (2, r"\bbox[#1]{\text{#2}}"),
    "fcolorbox": (3, r"\bbox[#2,border:1px solid #1]{\text{#3}}"),
    "textcircled": (1, r"\enclose{circle}{\text{#1}}"),
    "vcentcolon": (0, r"\mathrel{:}"),
    "hdots": (0, r"\ldots"),
    "euro": (0, r"\text{€}"),
    **dict.fromkeys(("href", "class", "style", "cssId", "rotatebox", "scalebox"), (2, "#2")),
}
_CLASSES = {"rel": "mathrel", "bin": "mathbin", "open": "mathopen", "close": "mathclose"}
_VIEW_BOX = re.compile(r'viewBox="(-?[\d.]+) (-?[\d.]+) ([\d.]+) ([\d.]+)"')


class UndrawableError(Exception):
    """The formula is broken, or beyond the bounds."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A formula as SVG elements, in thousandths of an em; its baseline is at 0."""

    body: str
    left: float
    top: float  # negative: above the baseline
    width: float
    height: float
    label: str = ""


def is_available() -> bool:
    """Whether the engine is installed. MathJax itself comes with us."""
    return find_spec("quickjs") is not None


def draw_svg(latex: str, *, display: bool, em: float) -> Drawing:
    """Return a formula drawn at `em` CSS pixels an em, in lines where it is too wide for a mail.

    Raises UndrawableError.
    """
    wanted = drawable(latex)
    if wanted is None:
        raise UndrawableError("empty or too long")
    drawing = _drawn(wanted.tex, wanted.label, display=display, em=em)
    if not display or drawing.width * em <= COLUMN * 1000:
        return drawing
    for tex in narrower(wanted.tex):
        with suppress(UndrawableError):
            other = _drawn(tex, wanted.label, display=display, em=em)
            if other.width < drawing.width:
                drawing = other
            if drawing.width * em <= COLUMN * 1000:
                break
    return drawing


def _drawn(tex: str, label: str, *, display: bool, em: float) -> Drawing:
    return _measured(_call("drawTex", tex, display, em, _CONTAINER), em, label)


def to_mathml(latex: str, *, display: bool) -> str:
    """Return a formula as MathML. Raises UndrawableError."""
    wanted = drawable(latex)
    if wanted is None:
        raise UndrawableError("empty or too long")
    return _call("mathmlOf", wanted.tex, display)


def _call(function: str, *arguments: object) -> str:
    try:
        return str(_engine().get(function)(*arguments))
    except Exception as exc:
        reason = str(exc).removeprefix("Error: ").partition("\n")[0][:200]
        if not reason.startswith("TexError: "):
            # Out of time, stack or memory: the next formula gets an engine of its own.
            _engine.cache_clear()
        raise UndrawableError(reason.removeprefix("TexError: ")) from exc


def _measured(svg: str, em: float, label: str) -> Drawing:
    box = _VIEW_BOX.search(svg)
    start, end = svg.find(">") + 1, svg.rfind("</svg>")
    if box is None or not 0 < start < end or 'data-mml-node="merror"' in svg:
        raise UndrawableError("MathJax drew nothing")
    left, top, width, height = map(float, box.groups())
    if width * em > MAX_WIDTH * 1000 or height * em > MAX_HEIGHT * 1000:
        raise UndrawableError("too large")
    if width <= 0 or height <= 0:
        raise UndrawableError("nothing to see")
    return Drawing(svg[start:end], left, top, width, height, label)


@functools.cache
def _engine() -> Any:  # noqa: ANN401 (quickjs has no types)
    import quickjs  # noqa: PLC0415 (an extra)

    context = quickjs.Context()
    context.set_max_stack_size(_STACK)
    context.set_memory_limit(_MEMORY)
    context.eval(_BUNDLE.read_text(encoding="utf-8"))
    macros = {name: [body, count] for name, (count, body) in _macros().items()}
    context.get("setUp")(json.dumps(macros))
    context.set_time_limit(_SECONDS)
    return context


def _macros() -> dict[str, tuple[int, str]]:
    """Return what the text form knows, for where MathJax does not: both draw the same."""
    silent = {name: (count, "") for name, count in SILENT.items()}
    signs = {
        name: (0, rf"\{_CLASSES.get(kind, 'mathord')}{{{sign}}}")
        for name, (sign, kind) in SYMBOLS.items()
        if name.isalpha() and sign not in "{}%#&$_^~\\"
    }
    words = {word: (0, rf"\operatorname{{{word}}}") for word in WORDS}
    return silent | signs | words | MACROS | _LOOKS

"""A formula as a small picture that is legible on white, on dark, and on inverted grounds.

Dark glyphs on nothing, with a soft edge of the ground's colour: there nobody sees the edge, and a
mail program that turns the ground dark leaves the formula readable. Drawn at twice its
size for sharp screens, cut to the ink, with a baseline on a whole pixel.
Needs the extra `math`.
"""

from __future__ import annotations

import functools
import re
from hashlib import sha256
from html import escape, unescape
from importlib.util import find_spec
from io import BytesIO
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from digestd.core.pictures import GROUND, PANEL, Formula, Picture
from digestd.formats import mathsvg
from digestd.formats.mathsvg import Drawing, UndrawableError

if TYPE_CHECKING:
    from PIL import Image

# Names this way of drawing: pictures drawn in another are not used any more.
LOOK = "mathjax-3.2.2/5"
# With these sizes a formula's letters are as high as those of 16 px text beside it.
INLINE_EM, DISPLAY_EM = 17.5, 18.5
INK = "#202327"
_SCALE = 2
_EDGE, _BLUR = 4, 1.6  # pixels of the image
_COLOURS = 64
# Around what MathJax says a formula takes: `\smash` and italics reach beyond it.
_MARGIN = 20
# The rules of arrays and the frames of boxes, which MathJax leaves to a style sheet.
_STYLE = (
    "line[data-line],rect[data-frame]{stroke-width:70px;fill:none}"
    ".mjx-dashed{stroke-dasharray:140}.mjx-dotted{stroke-linecap:round;stroke-dasharray:0,140}"
)
_TEXT = re.compile(r"<text[^>]*>([^<]*)</text>")
_OURS_FAMILY = "Noto Serif CJK SC"
_OURS: dict[str, Any] = {
    "skip_system_fonts": True,
    "font_files": [str(Path(__file__).parent / "fonts" / "NotoSerifCJKsc-common.otf")],
    "serif_family": _OURS_FAMILY,
}
_NOBODYS = "\u0378"  # not assigned, so that every font draws what it draws for a missing one
# The system's fonts for what ours has not, best first; resvg knows no substitutes.
_FAMILIES = (
    *("Noto Serif CJK SC", "Source Han Serif SC", "Noto Serif SC", "Songti SC", "SimSun"),
    *("Noto Sans CJK SC", "Source Han Sans SC", "Noto Sans SC", "WenQuanYi Micro Hei"),
    *("WenQuanYi Zen Hei", "AR PL UMing CN", "Droid Sans Fallback", "Noto Serif CJK JP"),
    *("Noto Serif", "DejaVu Serif", "FreeSerif", "Liberation Serif", "Noto Sans", "DejaVu Sans"),
)


def is_available() -> bool:
    """Whether formulas can be drawn: the extra `math` is installed."""
    return mathsvg.is_available() and all(map(find_spec, ("resvg_py", "PIL")))


def draw_formula(formula: Formula) -> Picture:
    """Return one formula as a PNG. Raises UndrawableError."""
    em = DISPLAY_EM if formula.display else INLINE_EM
    drawing = mathsvg.draw_svg(formula.tex, display=formula.display, em=em)
    ground = PANEL if formula.display else GROUND
    return _finished(_rasterised(drawing, em), drawing, em, ground)


def _rasterised(drawing: Drawing, em: float) -> bytes:
    """Return the drawing as a PNG with its margins; the baseline is on a whole CSS pixel."""
    import resvg_py  # noqa: PLC0415 (an extra)

    unit = 1000 / em / _SCALE  # of the drawing, in a pixel of the image
    above, below, width = _box(drawing, em)
    columns, lines = width + 2 * _MARGIN * _SCALE, above + below + 2 * _MARGIN * _SCALE
    left = drawing.left - _MARGIN * _SCALE * unit
    top = -(above + _MARGIN * _SCALE) * unit
    fonts = _font_for(frozenset("".join(_TEXT.findall(drawing.body))))
    body = drawing.body.replace("currentColor", INK)
    return resvg_py.svg_to_bytes(
        svg_string=(
            '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
            f' viewBox="{left:.2f} {top:.2f} {columns * unit:.2f} {lines * unit:.2f}"'
            f' width="{columns}" height="{lines}">{body}</svg>'
        ),
        style_sheet=_STYLE,
        **fonts,
    )


def _box(drawing: Drawing, em: float) -> tuple[int, int, int]:
    """Return how far the drawing reaches above and below its baseline, and how wide it is.

    In pixels of the image, rounded up to whole CSS pixels.
    """
    above, below = -drawing.top, drawing.top + drawing.height
    whole = [ceil(max(length, 0) * em / 1000) * _SCALE for length in (above, below, drawing.width)]
    return whole[0], whole[1], whole[2]


def _finished(png: bytes, drawing: Drawing, em: float, ground: str) -> Picture:
    """Return the image with its edge, cut to the ink, in few colours."""
    from PIL import Image, ImageChops, ImageFilter  # noqa: PLC0415 (an extra)

    glyphs = Image.open(BytesIO(png)).convert("RGBA")
    alpha = glyphs.getchannel("A")
    ink = alpha.getbbox()
    if ink is None:
        raise UndrawableError("nothing to see")
    above, _, width = _box(drawing, em)
    margin, baseline = _MARGIN * _SCALE, _MARGIN * _SCALE + above
    left = _down(min(ink[0] - _EDGE, margin))
    right = _up(max(ink[2] + _EDGE, margin + width))
    top, bottom = _down(ink[1] - _EDGE), _up(max(ink[3] + _EDGE, baseline))
    frame = (max(left, 0), max(top, 0), min(right, glyphs.width), min(bottom, glyphs.height))

    edge = alpha.filter(ImageFilter.MaxFilter(2 * _EDGE + 1)).filter(
        ImageFilter.GaussianBlur(_BLUR)
    )
    behind = Image.new("RGBA", glyphs.size, ground)
    behind.putalpha(ImageChops.lighter(edge, alpha))
    image = Image.alpha_composite(behind, glyphs).crop(frame)
    content = _png(image)
    return Picture(
        name=sha256(content).hexdigest()[:24],
        width=image.width // _SCALE,
        height=image.height // _SCALE,
        content=content,
        depth=(frame[3] - baseline) // _SCALE,
        label=drawing.label,
    )


def _png(image: Image.Image) -> bytes:
    """Return a PNG in few colours, which halves its size."""
    from PIL import Image  # noqa: PLC0415 (an extra)

    few = image.quantize(_COLOURS, method=Image.Quantize.FASTOCTREE)
    out = BytesIO()
    few.save(out, "PNG", optimize=True)
    return out.getvalue()


def _down(pixels: int) -> int:
    return pixels - pixels % _SCALE


def _up(pixels: int) -> int:
    return pixels + -pixels % _SCALE


# --- letters that MathJax has no shapes for --------------------------------------------


def _font_for(signs: frozenset[str]) -> dict[str, Any]:
    """Return how resvg draws what stands in `text` elements.

    Raises UndrawableError if no font here has all of the signs: they would be missing
    from the picture without a word.
    """
    wanted = {unescape(sign) for sign in signs if not sign.isspace()}
    if not wanted:
        return {"skip_system_fonts": True}
    if all(_has(_OURS_FAMILY, sign, ours=True) for sign in wanted):
        return _OURS
    for family in _FAMILIES:
        if all(_has(family, sign) for sign in wanted):
            return {"serif_family": family}
    raise UndrawableError("no font has all of its letters")


@functools.lru_cache(4_096)
def _has(family: str, sign: str, *, ours: bool = False) -> bool:
    absent = {_shape(family, _NOBODYS, ours=ours), _shape(family, " ", ours=ours)}
    return _shape(family, sign, ours=ours) not in absent


def _shape(family: str, sign: str, *, ours: bool) -> bytes:
    """Return a picture of one sign: empty without the font, a box without the sign."""
    import resvg_py  # noqa: PLC0415 (an extra)

    fonts = _OURS if ours else {}
    return resvg_py.svg_to_bytes(
        svg_string=(
            '<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24">'
            f'<text x="2" y="18" font-size="18" font-family="{family}">{escape(sign)}</text></svg>'
        ),
        **fonts,
    )

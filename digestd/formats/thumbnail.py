"""A stranger's image as one of ours: decoded within bounds, shrunk, cut where it is small.

Runs in the worker process. What is no picture of anything (a pixel, a banner, one flat
colour) is refused. Needs Pillow, which comes with the extra `math`.
"""

from __future__ import annotations

import warnings
from hashlib import sha256
from importlib.util import find_spec
from io import BytesIO
from typing import TYPE_CHECKING, Literal

from digestd.core.pictures import COLUMN_PX, ICON_PX, THUMBNAIL_PX, Picture

if TYPE_CHECKING:
    from PIL.Image import Image

Purpose = Literal["thumbnail", "icon", "image"]

_SCALE = 2
# Not all that Pillow can open: formats that feeds use, by decoders that are well worn.
_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "ICO")
# A bomb of 60 KB may claim more; a camera's picture has some 24 million.
_MAX_PIXELS = 40_000_000
_WORK_PX = 828  # an image in a text at one and a half its size
_LEAST, _LEAST_IMAGE, _LEAST_ICON = 90, 32, 12
_WIDEST = 3.2  # a banner, or a tall strip of text, shows nothing when it is cut square
_JPEG_QUALITY = 78


class UnusableImageError(Exception):
    """No picture to show; `str()` says why."""


def is_available() -> bool:
    """Whether images can be shrunk."""
    return find_spec("PIL") is not None


def shrink(content: bytes, purpose: Purpose) -> Picture:
    """Return what `content` shows: a square of it, or all for an "image".

    Raises UnusableImageError.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError  # noqa: PLC0415 (an extra)

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(BytesIO(content), formats=_FORMATS)
            _refuse_unfit(image.size, purpose)
            natural, is_drawn = max(image.size), image.format in {"PNG", "GIF"}
            if image.format == "JPEG":
                image.draft("RGB", (_WORK_PX, _WORK_PX))
            shown = image.convert("RGBA")
            # Before anything else: the memory is the worker's.
            shown.thumbnail((_WORK_PX, _WORK_PX * (3 if purpose == "image" else 1)))
            upright = ImageOps.exif_transpose(shown)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError, IndexError) as exc:
        raise UnusableImageError(f"no image that can be read ({type(exc).__name__})") from exc
    except Image.DecompressionBombError as exc:
        raise UnusableImageError("too many pixels") from exc
    flat = _on_white(upright)
    if purpose == "icon":
        return _icon(flat)
    if purpose == "image":
        return _whole(flat, flat.width * natural // max(flat.size), is_drawn=is_drawn)
    if all(high - low < 12 for low, high in _extrema(flat)):
        raise UnusableImageError("one flat colour")
    return _thumbnail(flat)


def _refuse_unfit(size: tuple[int, int], purpose: Purpose) -> None:
    width, height = size
    if width * height > _MAX_PIXELS:
        raise UnusableImageError("too many pixels")
    if min(size) < {"icon": _LEAST_ICON, "image": _LEAST_IMAGE, "thumbnail": _LEAST}[purpose]:
        raise UnusableImageError("too small")
    if purpose == "thumbnail" and max(size) > _WIDEST * min(size):
        raise UnusableImageError("a banner")


def _on_white(image: Image) -> Image:
    """Return `image` without transparency: on white, as its page most likely has it."""
    from PIL import Image as Images  # noqa: PLC0415 (an extra)

    white = Images.new("RGBA", image.size, (255, 255, 255, 255))
    return Images.alpha_composite(white, image).convert("RGB")


def _extrema(image: Image) -> list[tuple[float, float]]:
    """Return the darkest and the lightest of each channel, specks left aside."""
    small = image.resize((16, 16))
    return [(float(min(c.tobytes())), float(max(c.tobytes()))) for c in small.split()]


def _thumbnail(image: Image) -> Picture:
    from PIL import ImageOps  # noqa: PLC0415 (an extra)

    side = min(THUMBNAIL_PX * _SCALE, max(image.size))
    # People and titles stand in the upper half more often than below.
    square = ImageOps.fit(image, (side, side), centering=(0.5, 0.35))
    out = BytesIO()
    square.save(out, "JPEG", quality=_JPEG_QUALITY, optimize=True, progressive=True)
    return _picture(out.getvalue(), "image/jpeg", THUMBNAIL_PX)


def _whole(image: Image, natural_width: int, *, is_drawn: bool) -> Picture:
    """Return all of an image, at most as wide as its column; line art as PNG where that pays."""
    width = min(COLUMN_PX, natural_width)
    height = max(round(image.height * width / image.width), 1)
    out = BytesIO()
    image.save(out, "JPEG", quality=_JPEG_QUALITY, optimize=True, progressive=True)
    content, mime_type = out.getvalue(), "image/jpeg"
    if is_drawn:
        out = BytesIO()
        image.quantize(64).save(out, "PNG", optimize=True)
        if len(out.getvalue()) < len(content):
            content, mime_type = out.getvalue(), "image/png"
    return Picture(sha256(content).hexdigest()[:24], width, height, mime_type, content)


def _icon(image: Image) -> Picture:
    from PIL import Image as Images  # noqa: PLC0415 (an extra)
    from PIL import ImageOps  # noqa: PLC0415 (an extra)

    side = ICON_PX * _SCALE
    square = ImageOps.pad(
        image, (side, side), method=Images.Resampling.LANCZOS, color=(255, 255, 255)
    )
    out = BytesIO()
    square.quantize(64).save(out, "PNG", optimize=True)
    return _picture(out.getvalue(), "image/png", ICON_PX)


def _picture(content: bytes, mime_type: str, side: int) -> Picture:
    return Picture(sha256(content).hexdigest()[:24], side, side, mime_type, content)

"""Strangers' images: what is shown of them, and which are no picture of anything."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import pytest
from PIL import Image

from digestd.core.pictures import ICON_PX, THUMBNAIL_PX
from digestd.formats.thumbnail import UnusableImageError, shrink


def picture(width: int, height: int, kind: str = "PNG", mode: str = "RGB", **how: object) -> bytes:
    """Return an image with a gradient."""
    image = Image.linear_gradient("L").resize((width, height)).convert(mode)
    out = BytesIO()
    image.save(out, kind, **how)
    return out.getvalue()


def flat(width: int, height: int) -> bytes:
    out = BytesIO()
    Image.new("RGB", (width, height), (250, 250, 250)).save(out, "PNG")
    return out.getvalue()


def claiming(width: int, height: int) -> bytes:
    """Return a PNG of a few bytes that says it is so large."""

    def chunk(name: bytes, content: bytes) -> bytes:
        check = zlib.crc32(name + content)
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    body = zlib.compress(b"\0" * 1000)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(picture(1600, 900, "JPEG"), id="jpeg"),
        pytest.param(picture(400, 300, "PNG", "RGBA"), id="png"),
        pytest.param(picture(400, 300, "PNG", "P"), id="palette"),
        pytest.param(picture(400, 300, "GIF", "P"), id="gif"),
        pytest.param(picture(400, 300, "WEBP"), id="webp"),
        pytest.param(picture(400, 300, "JPEG", "CMYK"), id="print colours"),
        pytest.param(picture(100, 140, "PNG"), id="small"),
    ],
)
def test_a_picture_becomes_a_small_square(content: bytes) -> None:
    made = shrink(content, "thumbnail")
    assert (made.width, made.height) == (THUMBNAIL_PX, THUMBNAIL_PX)
    assert made.mime_type == "image/jpeg"
    assert len(made.content) < 20_000
    shown = Image.open(BytesIO(made.content))
    assert shown.width == shown.height <= 2 * THUMBNAIL_PX
    assert made == shrink(content, "thumbnail"), "the same bytes give the same name"


def test_a_picture_that_was_taken_sideways_stands_upright() -> None:
    sideways = Image.new("RGB", (400, 300), "red")
    sideways.paste("blue", (0, 0, 200, 300))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn it clockwise: what is left goes up
    out = BytesIO()
    sideways.save(out, "JPEG", exif=exif)
    shown = Image.open(BytesIO(shrink(out.getvalue(), "thumbnail").content)).convert("RGB")
    top, bottom = shown.getpixel((116, 10)), shown.getpixel((116, 220))
    assert isinstance(top, tuple)
    assert isinstance(bottom, tuple)
    assert top[2] > 200 > top[0]
    assert bottom[0] > 200 > bottom[2]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        pytest.param(picture(1, 1, "GIF", "P"), "too small", id="a tracking pixel"),
        pytest.param(picture(88, 31), "too small", id="a button"),
        pytest.param(picture(970, 90), "banner", id="a banner"),
        pytest.param(flat(300, 300), "flat", id="one colour"),
        pytest.param(claiming(30_000, 30_000), "pixels", id="a bomb"),
        pytest.param(claiming(6_000, 6_000), "read", id="cut off"),
        pytest.param(b"<html>no</html>", "read", id="a page"),
        pytest.param(b"", "read", id="nothing"),
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "read", id="svg"),
        pytest.param(picture(300, 300, "TIFF"), "read", id="a format of its own"),
    ],
)
def test_what_is_no_picture_is_refused(content: bytes, why: str) -> None:
    with pytest.raises(UnusableImageError, match=why):
        shrink(content, "thumbnail")


def test_an_icon_keeps_its_shape_on_white() -> None:
    ico = BytesIO()
    Image.new("RGBA", (32, 16), (0, 0, 0, 0)).save(ico, "PNG")
    made = shrink(ico.getvalue(), "icon")
    assert (made.width, made.height, made.mime_type) == (ICON_PX, ICON_PX, "image/png")
    assert Image.open(BytesIO(made.content)).convert("RGB").getpixel((24, 24)) == (255, 255, 255)
    assert shrink(picture(48, 48, "ICO"), "icon").width == ICON_PX


def test_an_image_of_a_text_is_shown_whole() -> None:
    wide = shrink(picture(1600, 400, "JPEG"), "image")
    assert (wide.width, wide.height) == (552, 138)
    assert Image.open(BytesIO(wide.content)).size == (828, 207)
    small = shrink(picture(200, 500, "PNG", "L"), "image")
    assert (small.width, small.height) == (200, 500)
    with pytest.raises(UnusableImageError, match="small"):
        shrink(picture(1, 1, "GIF", "P"), "image")


def test_line_art_stays_sharp() -> None:
    drawing = Image.new("L", (700, 300), 255)
    for x in range(0, 700, 14):
        drawing.paste(0, (x, 0, x + 2, 300))
    out = BytesIO()
    drawing.save(out, "PNG")
    assert shrink(out.getvalue(), "image").mime_type == "image/png"


def test_where_a_picture_was_taken_is_not_passed_on() -> None:
    exif = Image.Exif()
    exif[0x8825] = {1: "N", 2: (52.0, 30.0, 0.0)}
    out = BytesIO()
    Image.linear_gradient("L").convert("RGB").save(out, "JPEG", exif=exif)
    for purpose in ("thumbnail", "image"):
        made = shrink(out.getvalue(), purpose)
        assert not Image.open(BytesIO(made.content)).getexif()

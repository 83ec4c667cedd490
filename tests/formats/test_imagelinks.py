"""Which images may stand for an entry, and which icons for a feed."""

from __future__ import annotations

from dataclasses import replace

from digestd.core.models import Entry
from digestd.core.parsed import Enclosure
from digestd.formats.imagelinks import entry_images, page_icons
from tests.support.nouns import NOW

BLANK = Entry(1, 1, 1, "g", "https://e.org/1", "T", "", "", "", "", (), None, None, NOW, False)


def of(html: str, **facts: object) -> tuple[str, ...]:
    return entry_images(replace(BLANK, content_html=html, **facts))  # type: ignore[arg-type]


def test_the_publisher_s_own_comes_first_each_once() -> None:
    html = '<p>x</p><img src="https://e.org/a.jpg"><img src="https://e.org/b.jpg">'
    found = of(html, image_url="https://e.org/b.jpg")
    assert found == ("https://e.org/b.jpg", "https://e.org/a.jpg")
    cover = Enclosure("https://e.org/c.png", "image/png")
    assert of("", enclosures=(Enclosure("https://e.org/x.mp3", "audio/mpeg"), cover)) == (
        cover.url,
    )


def test_badges_buttons_faces_and_formulas_are_none() -> None:
    sources = (
        "https://img.shields.io/x.png",
        "https://e.org/wp-includes/images/smilies/wink.png",
        "https://www.gravatar.com/avatar/1?s=96",
        "https://s0.wp.com/latex.php?latex=x",
        "https://e.org/spacer.gif",
        "https://e.org/pixel.png?u=1",
        "https://e.org/logo.svg",
    )
    assert of("".join(f'<img src="{source}">' for source in sources)) == ()
    assert of('<img src="https://e.org/a.png" width="16" height="16">') == ()


def test_icons_that_suit_a_small_tile_come_first() -> None:
    page = """<!doctype html><html><head><base href="/sub/">
    <link rel="apple-touch-icon" href="touch.png">
    <link rel="shortcut icon" href="/favicon.ico">
    <link rel="icon" sizes="48x48" type="image/png" href="48">
    <link rel="icon" type="image/svg+xml" href="i.svg">
    <link rel="icon" href="javascript:alert(1)">
    <link rel="stylesheet" href="s.css"></head><body><p>Hello</p></body></html>"""
    assert page_icons(page, "https://e.org/blog") == (
        "https://e.org/sub/48",
        "https://e.org/sub/touch.png",
        "https://e.org/favicon.ico",
    )
    assert page_icons("no page", "https://e.org/") == ()

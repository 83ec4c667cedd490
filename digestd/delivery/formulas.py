"""A formula in a mail: as HTML where HTML can say it, else as a picture, else in Unicode.

HTML copies, can be searched, and survives images off; a picture has the Unicode form
as its `alt`, so that what is said is the same in each of the three.
"""

from __future__ import annotations

from html import escape

from digestd.core.pictures import PANEL, Picture, Pictures
from digestd.formats.tokens import Token

# On Linux `serif` is a Chinese font in Chinese text, with bars and signs as wide as Han.
_FONT = (
    "font-family:'STIX Two Text',Cambria,'Cambria Math','Times New Roman','Noto Serif',"
    "'DejaVu Serif',serif"
)
_RAISED = '<sup style="font-size:72%;line-height:0">'
_LOWERED = '<sub style="font-size:72%;line-height:0">'
# A short one is never torn by a line's end; a long one has to be.
_SHORT = 28
# What is left of the column of 640 px inside of a panel; Outlook knows no max-width.
_COLUMN = 528
_TEXT_PX = 16  # what pictures are drawn for
_LONGEST_ALT = 600


def inline(token: Token, pictures: Pictures, *, in_title: bool = False) -> str:
    """Return a formula inside a line; in a title it grows with its letters."""
    html = _set(token)
    if html is None and (picture := pictures.formula(token.tex, display=False)):
        return _image(picture, token, in_title=in_title)
    hold = ";white-space:nowrap" if len(token.text) <= _SHORT else ""
    return f'<span dir="ltr" style="{_FONT}{hold}">{html or _unicode(token)}</span>'


def display(token: Token, pictures: Pictures) -> str:
    """Return a formula that stands alone, on a quiet panel."""
    picture = pictures.formula(token.tex, display=True) if token.tex else None
    number = ""
    if picture is None:
        shown, style = _set(token) or _unicode(token), f"{_FONT};font-size:18px;line-height:28px"
    else:
        shown, style = _image(picture, token), "font-size:16px;line-height:24px"
    if picture is not None and picture.label:
        number = (
            '<td class="eq" align="right" width="1" style="padding:14px 14px 14px 0;'
            f"background-color:{PANEL};border-radius:0 8px 8px 0;font-size:15px;"
            f'white-space:nowrap">{escape(picture.label)}</td>'
        )
    corners = "8px 0 0 8px" if number else "8px"
    return (
        '<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"'
        ' style="margin:14px 0 2px"><tr><td class="eq" align="center" dir="ltr"'
        f' style="padding:14px 12px;background-color:{PANEL};border-radius:{corners};{style}">'
        f"{shown}</td>{number}</tr></table>"
    )


def _set(token: Token) -> str | None:
    """Return a formula as HTML, None if HTML cannot say it."""
    from digestd.core.mathhtml import to_inline_html  # noqa: PLC0415 (most messages have none)

    html = to_inline_html(token.tex) if token.tex else None
    # Without a line height a raised index pushes its line away from the one above.
    return html.replace("<sup>", _RAISED).replace("<sub>", _LOWERED) if html else None


def _unicode(token: Token) -> str:
    return escape(token.text, quote=False).replace("\n", "<br>")


def _image(picture: Picture, token: Token, *, in_title: bool = False) -> str:
    width, height = picture.width, picture.height
    style = "border:0"
    if width > _COLUMN:
        width, height = _COLUMN, round(height * _COLUMN / width)
    if in_title:
        style += f";width:{_em(width)};height:{_em(height)};vertical-align:{_em(-picture.depth)}"
    elif token.kind == "display":
        style += f";vertical-align:middle;width:{width}px;max-width:100%;height:auto"
    else:
        # Its soft edge is no part of the line.
        style += f";vertical-align:{-picture.depth}px;margin:0 -2px"
        room = "max-width:100%;height:auto" if width > 240 else f"height:{height}px"
        style += f";width:{width}px;{room}"
    # Width and height are said twice: Outlook goes by the attributes, Claws Mail by the style.
    alt = escape(" ".join(token.text.split())[:_LONGEST_ALT])
    return (
        f'<img class="m" src="{escape(picture.source)}" width="{width}" height="{height}"'
        f' alt="{alt}" dir="ltr" style="{style}">'
    )


def _em(pixels: int) -> str:
    return f"{pixels / _TEXT_PX:.3g}em"

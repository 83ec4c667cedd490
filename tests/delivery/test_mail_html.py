"""Mail HTML holds nothing that Gmail, Outlook or Apple Mail would drop with the sense of it.

The tables follow caniemail.com (state of 29 June 2026): what stands in EVERYWHERE is shown
by Gmail (web and apps), Outlook (Windows with Word, web) and Apple Mail; what stands in
ADORNMENT is dropped by some of them, and nothing but looks is lost. Whatever is in neither
is refused: add it with the reason why a mail may hold it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest

from digestd.core.messages import Message
from digestd.delivery.render import Renderer
from tests.support import corpora, samples

TAGS = frozenset(
    "html head meta title style body table tr td div p h1 h2 h3 h4 h5 h6 a b i s u sub sup span"
    " ul ol li blockquote pre code br img".split()
)
EVERYWHERE = frozenset(
    "background-color border border-bottom border-collapse border-left border-right border-top"
    " color font-family font-size font-style font-weight height letter-spacing line-height"
    " list-style-type text-align text-decoration vertical-align white-space width".split()
)
ADORNMENT = {
    "border-radius": "square corners in Outlook for Windows",
    "display": "block on images; none for the preheader, which mso-hide repeats",
    "font": "of tables, where Word has its own way",
    "margin": "Outlook.com drops negative ones; elsewhere the space is the default",
    "max-height": "of the preheader alone",
    "max-width": "of tables alone in Outlook; it has a ghost table of fixed width",
    "mso-hide": "the preheader in Outlook",
    "opacity": "of the preheader, which is hidden twice more",
    "overflow": "of the preheader; wide listings are cut in Outlook",
    "padding": "of cells everywhere; of paragraphs not in Outlook for Windows",
}
ATTRIBUTES = frozenset(
    "style class href align valign lang dir width height role cellpadding cellspacing border name"
    " content charset xmlns:o src alt start value colspan rowspan".split()
)
# In the head: read by Apple Mail, Gmail's web mail and Outlook's newer apps; all of it is extra.
AT_RULES = ("@media (max-width:520px)", "@media (prefers-color-scheme:dark)")


class Mail(HTMLParser):
    """Everything about a mail's HTML that some program might not take."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.styles: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open.append(tag)
        given = {name: value or "" for name, value in attrs}
        self.faults += [f"<{tag}>"] * (tag not in TAGS)
        self.faults += [f"{tag} {name}=" for name in given if name not in ATTRIBUTES]
        self.faults += ["<style> in the body"] * (tag == "style" and "body" in self._open)
        for name, value in declarations(given.get("style", "")):
            if name not in EVERYWHERE and name not in ADORNMENT:
                self.faults.append(f"{tag} {name}:{value}")
            if re.search(r"url\(|var\(|calc\(|inherit$|initial|\brem\b|flex|grid", value):
                # `font:inherit` is for tables, which take no font from the cell around them.
                self.faults += [f"{tag} {name}:{value}"] * ((name, value) not in INHERITED)
            if name == "text-align" and value not in ("left", "right", "center"):
                self.faults.append(f"{tag} {name}:{value}")
        if tag == "img":
            self.faults += ["img without width"] * ("width" not in given)
            self.faults += ["img without alt"] * ("alt" not in given)
            self.faults += [f"img {given['src'][:20]}"] * (not given["src"].startswith("cid:"))
        if tag == "a":
            self.faults += [f"a {given['href'][:20]}"] * (
                not given["href"].startswith(("https://", "http://", "mailto:"))
            )

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "style":
            self.styles.append(data)


INHERITED = {("font", "inherit"), ("color", "inherit")}


def declarations(style: str) -> Iterator[tuple[str, str]]:
    for declaration in style.split(";"):
        if declaration.strip():
            name, _, value = declaration.partition(":")
            yield name.strip(), value.strip()


def all_messages() -> Iterator[tuple[str, Message]]:
    yield from corpora.messages("zh").items()
    renderer = Renderer([], "en", samples.SHANGHAI)
    yield from samples.messages(renderer, "The morning paper").items()


MESSAGES = dict(all_messages())


@pytest.mark.parametrize("name", MESSAGES)
def test_every_mail_program_shows_it(name: str) -> None:
    message = MESSAGES[name]
    for html in [message.html, *(letter.html for letter in message.letters)]:
        mail = Mail(html)
        assert not mail.faults
        assert len(html.encode()) <= 90_000
        # Gmail takes one style sheet of 16 KB, and drops all of it for a rule that it cannot read.
        assert sum(len(style) for style in mail.styles) < 8_000
        rules = re.findall(r"@[^{]+", "".join(mail.styles))
        assert all(rule.strip() in AT_RULES for rule in rules)
        assert "<!--[if mso]>" in html  # the ghost table that gives Outlook its width


def test_a_dark_mail_names_every_colour_twice() -> None:
    """What has a colour inline has a class that changes it in the dark."""
    html = MESSAGES["digest"].html
    dark = html.partition("@media (prefers-color-scheme:dark){")[2].partition("\n}\n")[0]
    assert dark
    for classes in re.findall(
        r'<[a-z0-9]+(?: [^<>]*)? class="([^"]+)"[^<>]*style="[^"]*color:#', html
    ):
        known = [f".{one}" for one in classes.split() if f".{one}" in dark]
        assert known, classes
    assert not re.findall(
        r'<(?:p|h\d|td|a|div)(?![^<>]*(?:class=|display:none))[^<>]*[";]color:#(?!ffffff)', html
    )

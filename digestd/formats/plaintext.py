"""Cleaned HTML as plain text that reads well in a terminal, a chat or a mail."""

from __future__ import annotations

import re

from lxml import etree

from digestd.formats.htmltree import parse

_BLANKS = re.compile(r"[ \t\r\n\f\xa0]+")
# Blank lines around it: 2; a line of its own: 1.
_BREAKS = {
    **dict.fromkeys("p h1 h2 h3 h4 h5 h6 blockquote pre table figure dl hr details".split(), 2),
    **dict.fromkeys("div li tr dt dd figcaption caption summary".split(), 1),
}
_MAX_QUOTES = 5
_MAX_INDENT = 6
_RAISED = str.maketrans("0123456789+-()", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾")
_LOWERED = str.maketrans("0123456789+-()", "₀₁₂₃₄₅₆₇₈₉₊₋₍₎")
_SCRIPTED = re.compile(r"[0-9+()-]{1,12}")


def to_text(html: str) -> str:
    """Return cleaned `html` as text: paragraphs, "- " before list items, "> " before quotes.

    Links leave their text alone, `pre` is kept as it is, formulas stand in their Unicode
    form, display ones on lines of their own, indented by 4. No line ends in blanks.
    """
    if "<" not in html and "&" not in html:
        return "\n".join(line.strip() for line in html.strip().splitlines())
    root = parse(html)
    if root is None:
        return ""
    writer = _Writer()
    # A loop, not recursion: the nesting is a stranger's.
    for event, element in etree.iterwalk(root, events=("start", "end")):
        if event == "start":
            writer.open(element)
            writer.write(element.text or "")
        else:
            writer.close(element)
            writer.write(element.tail or "")
    return writer.result()


class _Writer:
    """Lines under construction; each gets the prefix (quotes, list indent) it began with."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.line: list[str] = []
        self.marker = ""  # of the list item that the next line begins
        self.wanted = 0  # line ends owed before the next word
        self.blank = False  # a blank owed before the next word
        self.quotes = 0
        self.pre = 0
        self.lists: list[int | None] = []  # the next number, None: bullets
        self.shared_quotes = 0  # quotes around a blank line that is owed
        self.display: etree._Element | None = None

    def open(self, element: etree._Element) -> None:
        tag = str(element.tag)
        if tag in ("ul", "ol"):
            self.break_line(1 if self.lists else 2)
            self.lists.append(_start(element) if tag == "ol" else None)
        else:
            self.break_line(_BREAKS.get(tag, 0))
        if tag == "blockquote":
            self.quotes += 1
        elif tag == "li":
            self.marker = self._bullet(element)
        elif tag == "pre":
            self.pre += 1
        elif tag == "br":
            self.end_line()
        elif tag == "span" and element.get("data-display") == "block" and self.display is None:
            self.break_line(1)
            self.display = element
        else:
            self._open_inline(tag, element)

    def _open_inline(self, tag: str, element: etree._Element) -> None:
        if tag == "hr":
            self.write("* * *")
        elif tag in ("td", "th") and element.getprevious() is not None and self.line:
            self.write(" | ")
        elif tag == "q":
            self.write("“")
        elif tag == "img":
            alt = element.get("alt", "")
            self.write(f"[{alt}]" if alt.strip() else "")
        elif (
            tag in ("sup", "sub") and len(element) == 0 and _SCRIPTED.fullmatch(element.text or "")
        ):
            element.text = (element.text or "").translate(_RAISED if tag == "sup" else _LOWERED)

    def close(self, element: etree._Element) -> None:
        tag = element.tag
        if tag in ("ul", "ol"):
            if self.lists:
                self.lists.pop()
            self.break_line(1 if self.lists else 2)
        elif tag == "q":
            self.write("”")
        elif tag == "pre":
            self.pre -= 1
        if self.display is element:
            self.display = None
            self.break_line(1)
        if tag == "blockquote":
            self.quotes -= 1
        self.break_line(_BREAKS.get(str(tag), 0))
        if tag == "li":
            self.marker = ""

    def write(self, text: str) -> None:
        if not text:
            return
        if self.pre or self.display is not None:
            for number, part in enumerate(text.split("\n")):
                if number:
                    self.end_line()
                if part:
                    self._put(part)
            return
        folded = _BLANKS.sub(" ", text)
        if folded.startswith(" "):
            self.blank = True
        words = folded.strip(" ")
        if words:
            self._put(words)
            self.blank = folded.endswith(" ")

    def break_line(self, count: int) -> None:
        if count:
            self.shared_quotes = (
                min(self.shared_quotes, self.quotes) if self.wanted else self.quotes
            )
            self.wanted = max(self.wanted, count)

    def end_line(self) -> None:
        self._settle()
        self._finish()

    def result(self) -> str:
        self._finish()
        return "\n".join(self.lines).strip("\n")

    def _put(self, text: str) -> None:
        self._settle()
        if not self.line:
            self.line.append(self._prefix())
            text = text if self.pre or self.display is not None else text.lstrip(" ")
        elif self.blank and not self.pre:
            self.line.append(" ")
        self.blank = False
        self.line.append(text)

    def _settle(self) -> None:
        """Begin a new line, or a paragraph, if one is owed and there is something before it."""
        if self.wanted and (self.line or self.lines):
            if self.line:
                self._finish()
            if self.wanted == 2 and self.lines and self.lines[-1]:
                self.lines.append(("> " * min(self.shared_quotes, _MAX_QUOTES)).rstrip())
        if self.wanted:
            self.blank = False
        self.wanted = 0

    def _finish(self) -> None:
        self.lines.append("".join(self.line).rstrip())
        self.line.clear()
        self.blank = False

    def _prefix(self) -> str:
        prefix = "> " * min(self.quotes, _MAX_QUOTES)
        depth = min(len(self.lists), _MAX_INDENT)
        if self.marker:
            prefix += "  " * (depth - 1) + self.marker
            self.marker = ""
        else:
            prefix += "  " * depth
        return prefix + ("    " if self.display is not None else "")

    def _bullet(self, item: etree._Element) -> str:
        if not self.lists or self.lists[-1] is None:
            return "- "
        value = item.get("value", "")
        number = int(value) if value.isdecimal() and len(value) < 6 else self.lists[-1]
        self.lists[-1] = number + 1
        return f"{number}. "


def _start(element: etree._Element) -> int:
    value = element.get("start", "1")
    return int(value) if value.isdecimal() and len(value) < 6 else 1

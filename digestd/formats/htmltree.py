"""A stranger's HTML as a tree, by libxml2's lenient parser."""

from __future__ import annotations

from lxml import etree

# One for all: it takes turns among threads, and keeps nothing from one piece to the next.
_PARSER = etree.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True)


def parse(html: str) -> etree._Element | None:
    """Return the tree of what may stand in a body, without comments; None: there is none."""
    source = f"<html><body>{html}".encode("utf-8", "replace")
    try:
        return etree.fromstring(source, _PARSER)
    except (etree.LxmlError, ValueError):
        return None

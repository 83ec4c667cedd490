"""The XHTML of an Atom text written down as feedparser does: what in it is not certain has none."""

from __future__ import annotations

from html import escape

from lxml import etree

XHTML = "{http://www.w3.org/1999/xhtml}"
# Names by which feedparser, or who reads HTML, takes the rest for something else.
_UNCERTAIN = frozenset(f"{XHTML}{name}" for name in ("body", "svg", "math"))


def written(text: etree._Element) -> str | None:
    """Return what is in the one `<div>` of a text (RFC 4287, section 3.1.1.3); None: too odd."""
    if len(text) != 1 or (text.text or "").strip() or (text[0].tail or "").strip():
        return None
    div = text[0]
    if div.tag != f"{XHTML}div" or not all(map(_is_plain, div.iter())):
        return None
    pieces: list[str] = []
    for event, node in etree.iterwalk(div, events=("start", "end")):
        if event == "start":
            pieces += "" if node is div else _start(node), escape(node.text or "", quote=False)
        elif node is not div:
            pieces += f"</{_name(node)}>", escape(node.tail or "", quote=False)
    return "".join(pieces).strip()


def _is_plain(node: etree._Element) -> bool:
    tag = node.tag
    if not isinstance(tag, str) or not tag.startswith(XHTML) or tag in _UNCERTAIN:
        return False  # a comment, an entity, something of another kind
    return all("}" not in str(key) and key != "base" for key, _ in node.items())


def _start(node: etree._Element) -> str:
    attributes = {str(key).lower(): str(value) for key, value in node.items()}
    for key in attributes.keys() & {"rel", "type"}:
        attributes[key] = attributes[key].lower()
    said = (f' {key}="{_quoted(value)}"' for key, value in attributes.items())
    return f"<{_name(node)}{''.join(said)}>"


def _quoted(value: str) -> str:
    return escape(value, quote=False).replace('"', "&quot;")


def _name(node: etree._Element) -> str:
    return str(node.tag).removeprefix(XHTML).lower()

"""CSS selectors as their owner writes them, for pages that have no feed."""

from __future__ import annotations

import functools
import re

_MAX = 500
_WITH_ATTRIBUTE = re.compile(r"(.*?)@([A-Za-z_][\w:.-]{0,60})", re.DOTALL)


def parse_selector(text: str) -> str:
    """Return `text` if it is a selector. Raises ValueError, with one line for its owner."""
    compiled(text)
    return text


@functools.lru_cache(maxsize=256)
def compiled(text: str) -> tuple[str, str]:
    """Return the XPath of a selector, and the attribute that is meant, empty for the text.

    `time@datetime` is an attribute of what `time` selects; `@href` one of the entry itself.
    """
    found = _WITH_ATTRIBUTE.fullmatch(text.strip())
    selector, attribute = (found[1].strip(), found[2]) if found else (text.strip(), "")
    if len(text) > _MAX:
        raise ValueError(f"is longer than {_MAX} characters")
    if not text.isprintable():
        raise ValueError("holds characters that no selector has")
    if not selector and attribute:
        return "self::*", attribute
    from cssselect import HTMLTranslator, SelectorError  # noqa: PLC0415 (few feeds are pages)

    try:
        return HTMLTranslator().css_to_xpath(selector), attribute
    except RuntimeError:  # too deep, or cut off: cssselect's own mistake
        raise ValueError(f'"{text:.80}" is no CSS selector: it does not end') from None
    except SelectorError as exc:
        raise ValueError(f'"{text:.80}" is no CSS selector: {exc}') from None

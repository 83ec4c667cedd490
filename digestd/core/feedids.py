"""What a feed is called if its owner has given it no id."""

from __future__ import annotations

from collections.abc import Iterable, Set
from urllib.parse import urlsplit

_ID_LENGTH = 60
# Parts of an address that say nothing about which feed it is.
_DULL = frozenset(
    "feed feeds rss atom xml json index www http https html htm php feed.xml rss.xml atom.xml"
    " index.xml feed.json default".split()
)


def free_id(url: str, taken: Iterable[str]) -> str:
    """Return a short readable id for the feed at `url` that is not in `taken`.

    >>> free_id("https://www.example.org/blog/feed.xml", ())
    'example.org-blog'
    """
    parts = urlsplit(url)
    host = (parts.hostname or "feed").removeprefix("www.")
    if parts.port:
        host = f"{host}-{parts.port}"
    words = [word for word in parts.path.split("/") if word and word.lower() not in _DULL]
    raw = "-".join([host, *words])
    safe = "".join(c if c.isalnum() or c in ".-_" else "-" for c in raw)[:_ID_LENGTH].strip("-.")
    # As it is, where it can be asked: a copy for each of 100,000 new feeds takes minutes.
    taken = taken if isinstance(taken, Set) else frozenset(taken)
    candidate, number = safe, 2
    while candidate in taken:
        candidate, number = f"{safe}-{number}", number + 1
    return candidate

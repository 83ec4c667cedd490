"""What of an element's attributes is kept: the allowed ones, their addresses made absolute."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import urljoin

from lxml import etree

from digestd.core.links import PLAIN, split, strip_tracking
from digestd.core.text import scrub
from digestd.formats import policy
from digestd.formats.mathsigns import LONGEST_TEX

_MAX_URL = 4_000
_BLANKS = re.compile(r"[\x00-\x20]+")
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")
_BLANK = "".join(map(chr, range(33)))
_KEPT = {name: names | policy.EVERYWHERE for name, names in policy.ALLOWED.items()}
# The same with a query or a fragment.
_QUERIED = re.compile(
    PLAIN.pattern + r"(?:\?[A-Za-z0-9%_.~,=+@!&;:/?-]+)?(?:#[A-Za-z0-9%_.~,=+@!&;:/?-]+)?"
)
# A path from a host's root, with no step back: joined to an address, it stands behind the host.
_ROOTED = re.compile(
    r"/(?!/)(?:/?(?!\.)[A-Za-z0-9%_.~,=+@!-]++)*/?(?:\?[A-Za-z0-9%_.~,=+@!&;:/?-]+)?"
)
NUMBER = re.compile(r"\s{0,4}([0-9]{1,5})(?:\.[0-9]{1,4})?(?:px)?\s{0,4}$")


def taken_from(element: etree._Element) -> dict[str, str]:
    """Take the attributes off an element, and return them."""
    if not (written := element.items()):
        return {}
    element.attrib.clear()
    # lxml sets none whose name begins with a brace, as damaged tags have them.
    named = ((str(key), str(value)) for key, value in written)
    return {key: scrub(value) for key, value in named if not key.startswith("{")}


def kept(name: str, attributes: dict[str, str], base_url: str | None) -> Iterator[tuple[str, str]]:
    """Yield the attributes that an element called `name` keeps, as they are written then."""
    allowed = _KEPT.get(name, policy.EVERYWHERE)
    if name == "span":
        tex = attributes.get("data-tex", "")
        if attributes.get("class") != policy.MATH_CLASS or not 0 < len(tex.strip()) <= LONGEST_TEX:
            allowed = policy.EVERYWHERE
        else:
            yield "class", policy.MATH_CLASS
            display = attributes.get("data-display") == "block"
            attributes["data-display"] = "block" if display else "inline"
    for key in sorted(allowed & attributes.keys()):
        value: str | None = attributes[key]
        if key in ("href", "src"):
            value = _address(attributes[key], base_url)
        elif key in policy.NUMERIC:
            number = NUMBER.match(attributes[key])
            value = number[1] if number else None
        elif key in policy.EVERYWHERE:
            value = attributes[key][:35].strip() or None
        if value is not None:
            yield key, value


def absolute(url: str, base_url: str | None) -> str | None:
    """Return `url` absolute and without tracking, or None unless it is http or https."""
    found = _address(url, base_url)
    return found if found and found.startswith(("http://", "https://")) else None


def _address(url: str, base_url: str | None) -> str | None:
    """Return an absolute address of an allowed scheme, else None."""
    if len(url) > _MAX_URL:
        return None
    if PLAIN.fullmatch(url):
        return url
    if _QUERIED.fullmatch(url):
        return strip_tracking(url)
    origin = _origin(base_url) if base_url and _ROOTED.fullmatch(url) else ""
    return strip_tracking(origin + url) if origin else _resolved(url, base_url)


def _resolved(url: str, base_url: str | None) -> str | None:
    # Browsers drop blanks and line ends inside an address; "java\nscript:" lives on that.
    found = _BLANKS.sub(lambda run: "%20" if set(run[0]) == {" "} else "", url.strip(_BLANK))
    found = (
        found.replace("\\", "/")
        if not _SCHEME.match(found) or found[:4].lower() == "http"
        else found
    )
    if found.startswith("//") and not base_url:
        found = "https:" + found
    try:
        found = urljoin(base_url or "", found)
    except ValueError:
        return None
    parts = split(found)
    if parts is None or parts.scheme not in policy.SCHEMES:
        return None
    if parts.scheme != "mailto" and not parts.hostname:
        return None
    return strip_tracking(parts.scheme + found[len(parts.scheme) :])


@lru_cache(maxsize=64)
def _origin(url: str) -> str:
    """Return scheme and host of an address on the web, else nothing."""
    parts = split(url)
    is_web = parts is not None and parts.scheme in ("http", "https") and parts.hostname
    return f"{parts.scheme}://{parts.netloc}" if parts is not None and is_web else ""

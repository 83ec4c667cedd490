"""The one way from bytes to values: a document as a feed, or why it is none."""

from __future__ import annotations

import re
from html import unescape

from digestd.core.models import ParsedFeed, Unreadable
from digestd.core.text import one_line
from digestd.formats.encoding import decode
from digestd.formats.feed import describe_other, is_feed, read_xml
from digestd.formats.html import MathMode
from digestd.formats.jsonfeed import read_json
from digestd.formats.xmltext import legal, open_document

_HEAD = 200_000  # characters of a page that are looked at to name it
_SIGNATURES = (
    (b"\x1f\x8b", "compressed data (gzip) that the server did not declare"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"GIF8", "an image"),
    (b"RIFF", "a media file"),
    (b"ID3", "a media file"),
)
_HTML = re.compile(r"<(?:!doctype html|html|head|body|meta|title|script|div)[\s>]", re.IGNORECASE)
_TITLE = re.compile(r"<title[^<>]{0,200}>([^<]{0,300})", re.IGNORECASE)
# Pages that stand where a feed should: what gives them away, and what the owner reads. In
# the page's source, lower case; the first that fits.
_PAGES = (
    (
        "a Cloudflare challenge that asks for a browser",
        ("cf-browser-verification", "cf_chl_opt", "/cdn-cgi/challenge-platform/", "cf-challenge"),
    ),
    ("a refusal by Cloudflare", ("attention required! | cloudflare", "cf-error-details")),
    (
        "a challenge that asks for a browser",
        (
            *("ddos-guard", "checking your browser", "_incapsula_resource", "captcha-delivery.com"),
            *("awswafcookiedomainlist", "anubis_challenge", "geetest"),
        ),
    ),
    (
        "a page of a parked or expired domain",
        (
            *("sedoparking", "parkingcrew", "domain is for sale", "buy this domain", "hugedomains"),
            *("domain is parked", "domain has expired", "parked-domain", "域名出售", "域名已过期"),
        ),
    ),
)
_TITLES = (
    (
        "a challenge that asks for a browser",
        ("just a moment", "one moment, please", "ddos", "security check", "a robot", "captcha"),
    ),
    (
        "a maintenance page",
        ("maintenance", "be right back", "coming soon", "维护", "メンテナンス", "wartung"),
    ),
    (
        "a login page",
        ("log in", "login", "sign in", "sign-in", "登录", "登入", "ログイン", "anmelden"),
    ),
    ("an error page", ("404", "not found", "403", "forbidden", "error", "500", "502", "503")),
)
_PASSWORD = re.compile(r"<input[^<>]{0,300}type\s{0,3}=\s{0,3}[\"']?password", re.IGNORECASE)


def read_document(
    body: bytes, *, url: str, content_type: str, math: MathMode = "auto"
) -> ParsedFeed | Unreadable:
    """Return what `body` says as a feed, or in one line why it says nothing.

    `url` is where it came from, `content_type` the header as it came. Never raises on any
    bytes; the same bytes give the same value. The newest 2,000 entries are kept and every
    field is bounded, but time is not: a document made to be slow may take minutes, so this
    runs in the worker process, under its deadline and memory limit.
    """
    if not body.strip(b"\0\t\r\n\f \xef\xbb\xbf"):
        return Unreadable("an empty document")
    for signature, name in _SIGNATURES:
        if body.startswith(signature):
            return Unreadable(f"{name}, not a feed")
    text, complaint = decode(body, content_type)
    start = text[:2_000].lstrip("\ufeff\0 \t\r\n\f")
    if start.startswith(("{", "[")):
        return read_json(text.lstrip("\ufeff\0 \t\r\n\f"), url, math=math, complaint=complaint)
    document = open_document(legal(text))
    if is_feed(document.root):
        return read_xml(document, url, math=math, complaint=complaint)
    return Unreadable(_name_other(document.root, text[:_HEAD]))


def _name_other(root: str, text: str) -> str:
    if _HTML.search(text):
        return _name_page(text)
    start = text.lstrip("\ufeff\0 \t\r\n\f")[:500]
    if root and start.startswith("<"):
        return describe_other(root)
    return one_line(f"neither XML nor JSON, not a feed: {start}", 120)


def _name_page(page: str) -> str:
    lowered = page.lower()
    found = _TITLE.search(page)
    title = one_line(unescape(found[1]), 80) if found else ""
    what = next((name for name, marks in _PAGES if any(m in lowered for m in marks)), "")
    if not what:
        named = title.lower()
        what = next((name for name, marks in _TITLES if any(m in named for m in marks)), "")
    if not what and _PASSWORD.search(page) and len(page) < 20_000:
        what = "a login page"
    suffix = f" (“{title}”)" if title else ""
    return f"{what or 'an HTML page'}, not a feed{suffix}"

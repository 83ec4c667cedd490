"""Pages that stand where a feed should: what they are, from a look at their source."""

from __future__ import annotations

import re
from html import unescape

from digestd.core.text import one_line

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
ERROR_PAGE = "an error page"
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
    (ERROR_PAGE, ("404", "not found", "403", "forbidden", "error", "500", "502", "503")),
)
_PASSWORD = re.compile(r"<input[^<>]{0,300}type\s{0,3}=\s{0,3}[\"']?password", re.IGNORECASE)


def is_page(text: str) -> bool:
    """Tell whether `text` is HTML of some kind."""
    return bool(_HTML.search(text))


def what_it_is(page: str) -> str:
    """Return what kind of page it is ("a login page"), empty if it is none that we know."""
    lowered = page.lower()
    what = next((name for name, marks in _PAGES if any(m in lowered for m in marks)), "")
    if not what:
        named = _title(page).lower()
        what = next((name for name, marks in _TITLES if any(m in named for m in marks)), "")
    if not what and _PASSWORD.search(page) and len(page) < 20_000:
        what = "a login page"
    return what


def name_page(page: str) -> str:
    """Say what a page is, and that it is no feed."""
    title = _title(page)
    suffix = f" (“{title}”)" if title else ""
    return f"{what_it_is(page) or 'an HTML page'}, not a feed{suffix}"


def _title(page: str) -> str:
    found = _TITLE.search(page)
    return one_line(unescape(found[1]), 80) if found else ""

"""json:// and jsons:// read as Apprise reads them, without loading it (0.3 s, 40 MB)."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote, urlsplit

from digestd.core.models import Channel
from digestd.delivery.redact import credentials, url_secrets
from digestd.delivery.target import Hook, Target
from digestd.errors import ConfigError

HOOK_SCHEMES = ("json", "jsons")
_METHODS = ("POST", "GET", "DELETE", "PUT", "HEAD", "PATCH", "UPDATE", "OPTIONS")
_NO = frozenset({"no", "n", "false", "f", "0", "off", "deny", "disable", "never"})
_HOST = re.compile(r"[\w.-]+|\[[0-9a-fA-F:.]+\]")


def open_hook(channel: Channel, url: str, scheme: str, key: str) -> Target:
    """Return the target of a webhook; raises ConfigError at `key`, without secrets.

    In the query, `+name` is a header, `-name` a parameter of the address, `:name`
    renames or adds a field; `method` and `verify` mean what they say.
    """
    address, _, query = url.partition(":")[2].partition("?")
    try:
        parts = urlsplit(f"http:{address}")
        host, port = _host(parts.netloc), parts.port
    except ValueError:
        host, port = "", None
    if not _HOST.fullmatch(host):
        raise ConfigError(key, f"is not understood as {scheme}://: expected {scheme}://host/path")
    added, settings = _sorted_query(query)
    method = settings.get("method", "").upper() or "POST"
    if method not in _METHODS:
        raise ConfigError(key, f"method is none of {', '.join(_METHODS)}")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    place = f"{host}:{port}" if port else host
    path = quote(parts.path, safe="/%:@!$&'()*+,;=~-._")
    masked = f"{scheme}://{place}" + ("/…" if path.strip("/") else "")
    return Target(
        channel.name,
        scheme,
        "json",
        ("",),
        masked,
        Hook(
            f"{'https' if scheme == 'jsons' else 'http'}://{place}{path}",
            method,
            headers=tuple(added["+"].items()),
            params=tuple(added["-"].items()),
            payload=tuple(added[":"].items()),
            user=user,
            password=password,
            verify=settings.get("verify", "").lower() not in _NO,
        ),
        proxy=channel.proxy,
        secrets=(*credentials(user, password), *url_secrets(url, masked)),
    )


def _host(netloc: str) -> str:
    """Return the host in `netloc`, brackets included."""
    place = netloc.rpartition("@")[2]
    return re.sub(r":\d*$", "", place)


def _sorted_query(query: str) -> tuple[dict[str, dict[str, str]], dict[str, str]]:
    """Return what is to be added, by its sign, and the settings, whose names are lower case."""
    added: dict[str, dict[str, str]] = {"+": {}, "-": {}, ":": {}}
    settings: dict[str, str] = {}
    for pair in re.split("[&;]", query):
        raw, _, value = pair.partition("=")
        # A plus at the beginning is a sign, elsewhere a blank.
        name = unquote(raw[:1] + raw[1:].replace("+", " "))
        if name[:1] in added:
            added[name[:1]][name[1:].strip()] = unquote(value).strip()
        elif name:
            settings[name.lower().strip()] = unquote(value).strip()
    return added, settings

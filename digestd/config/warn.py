"""Passwords that stand in the clear in files that others may read."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from digestd.config.source import KeyPath, Source
from digestd.config.tables import dotted
from digestd.config.values import has_reference
from digestd.patterns import pattern

_SECRET_HEADER = re.compile(r"auth|cookie|key|token|secret", re.IGNORECASE)
# Channels whose address gives nobody the right to do anything.
_HARMLESS = ("terminal", "maildir", "file", "mail")
# Services of the owner's own making, whose address is a secret only if it says so.
_PLAIN = ("http", "https", "json", "jsons", "xml", "xmls", "form", "forms")
_TELLING = pattern(
    r"(^|[&;_-])(api_?key|auth|key|pass(wo?r?d)?|secret|sig|token)=[^&;]", re.IGNORECASE
)


def warn_of_readable_secrets(sources: Iterable[Source]) -> list[str]:
    """Return a warning for each file with a secret in it that others may read."""
    warnings = []
    for source in sources:
        found = next(_secrets(source.data), None)
        try:
            mode = source.path.stat().st_mode
        except OSError:
            continue
        if found and stat.S_ISREG(mode) and mode & (stat.S_IRGRP | stat.S_IROTH):
            warnings.append(
                f"{source.path}: {dotted(found)} holds a secret that other users can read;"
                f" chmod 600 it, or write ${{NAME}} and keep the secret elsewhere"
            )
    return warnings


def _secrets(data: dict[str, object]) -> Iterator[KeyPath]:
    """Yield where texts stand that look like secrets and are no references."""
    mail = data.get("mail")
    if isinstance(mail, dict) and _is_literal(mail.get("password")):
        yield "mail", "password"
    channels = data.get("channels")
    for name, channel in channels.items() if isinstance(channels, dict) else ():
        table = channel if isinstance(channel, dict) else {"url": channel}
        for key, harmless in (("url", _HARMLESS), ("proxy", ())):
            if _is_secret(table.get(key), harmless, strict=key == "url"):
                yield "channels", name, key
    feeds = data.get("feeds")
    for place, feed in enumerate(feeds if isinstance(feeds, list) else ()):
        if isinstance(feed, dict):
            yield from (("feeds", place, key) for key in _secret_keys(feed))
    tags = data.get("tags")
    for name, tag in tags.items() if isinstance(tags, dict) else ():
        if isinstance(tag, dict):
            yield from (("tags", name, key) for key in _secret_keys(tag))
    poll = data.get("poll")
    if isinstance(poll, dict) and _is_secret(poll.get("proxy"), (), strict=False):
        yield "poll", "proxy"


def _secret_keys(feed: dict[str, object]) -> Iterator[str]:
    """Yield the keys of a feed or a tag that hold what others must not read."""
    for key in ("url", "proxy"):
        if _is_secret(feed.get(key), (), strict=False):
            yield key
    for key in ("password", "token", "cookies"):
        value = feed.get(key, "")
        texts = value.values() if isinstance(value, dict) else [value]
        if value and any(map(_is_literal, texts)):
            yield key
    headers = feed.get("headers")
    for name, value in headers.items() if isinstance(headers, dict) else ():
        if _SECRET_HEADER.search(str(name)) and _is_literal(value):
            yield "headers"


def _is_literal(value: object) -> bool:
    return isinstance(value, str) and bool(value) and not has_reference(value)


def _is_secret(value: object, harmless: tuple[str, ...], *, strict: bool) -> bool:
    """Say whether a URL gives access; `strict`: a service's token may be any part of it."""
    if not isinstance(value, str) or not (strict or "@" in value or "?" in value):
        return False
    if not _is_literal(value):
        return False
    try:
        parts = urlsplit(value)
        has_password = bool(parts.password) or bool(_TELLING.search(parts.query))
    except ValueError:
        return False
    return has_password or (strict and parts.scheme not in (*harmless, *_PLAIN))

"""Keeping a channel's secrets out of everything that is shown or stored."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from urllib.parse import quote, unquote

from digestd.core.outcomes import Broken, Refused, SendOutcome, Sent, TryAgain, Unknown
from digestd.core.text import one_line

_HIDDEN = "…"
_MAX_WORDS = 300  # of what a service said
_SHORTEST_PART = 6  # of a path or query, where shorter ones are words rather than tokens
_SHORTEST = 4  # replacing shorter strings everywhere would garble the text and hide nothing

# What stands between the parts of an Apprise URL.
_SEPARATORS = re.compile(r"[/:@?&=,;#\s]+")


def redact(text: str, secrets: Iterable[str]) -> str:
    """Return `text` with every one of `secrets` hidden, as written and percent-encoded."""
    for secret in sorted(set(secrets), key=len, reverse=True):
        for form in (secret, quote(secret, safe=""), unquote(secret)):
            if len(form) >= _SHORTEST:
                text = text.replace(form, _HIDDEN)
    return text


def url_secrets(url: str, masked: str) -> tuple[str, ...]:
    """Return the parts of `url` that `masked`, the same URL as it may be shown, does not show.

    Tokens stand in the user, host, path or query of an Apprise URL, as each
    service likes; so whatever its own masked form leaves out is a secret.
    """
    rest = url.partition(":")[2]
    login, at, _ = rest.rpartition("@")
    inner = set(_SEPARATORS.split(login)) if at else set()
    parts = inner | {part for part in _SEPARATORS.split(rest) if len(part) >= _SHORTEST_PART}
    parts |= {unquote(part) for part in parts}
    displayed = {unquote(part).lower() for part in _SEPARATORS.split(masked)}
    return tuple(
        sorted(part for part in parts if len(part) >= _SHORTEST and part.lower() not in displayed)
    )


def credentials(user: str, password: str) -> tuple[str, ...]:
    """Return the forms in which a user and password travel (RFC 7617, RFC 4616)."""
    if not password:
        return ()
    pairs = (f"{user}:{password}", f"\0{user}\0{password}", password)
    encoded = tuple(base64.b64encode(pair.encode()).decode() for pair in pairs)
    return (password, *encoded)


def cleaned(outcome: SendOutcome, secrets: Iterable[str]) -> SendOutcome:
    """Return `outcome` with its words on one line and without `secrets`."""

    def clean(text: str) -> str:
        return one_line(redact(text, secrets), _MAX_WORDS)

    match outcome:
        case Sent(answer=told):
            return Sent(clean(told))
        case TryAgain(reason=told, after=after):
            return TryAgain(clean(told), after)
        case Unknown(reason=told):
            return Unknown(clean(told))
        case Refused(reason=told):
            return Refused(clean(told))
        case Broken(reason=told):
            return Broken(clean(told))

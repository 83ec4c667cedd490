"""Requests to hubs: subscribe and unsubscribe, redirects followed as the method asks."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from urllib.parse import urljoin, urlsplit

from digestd.core.outcomes import Failed
from digestd.frozen import dataclass
from digestd.net.client import Client

MAX_REDIRECTS: Final = 5


@dataclass(frozen=True, slots=True)
class Accepted:
    """The hub will verify. `hub` is its address, another one after a 308."""

    hub: str


async def ask(client: Client, hub: str, form: bytes, span: timedelta) -> Accepted | Failed:
    """POST `form` to `hub`, and again where a 307 or 308 points (S4).

    A hub may not lead from https to http: the secret is in the form.
    """
    at = kept = hub
    permanent = True
    for _ in range(MAX_REDIRECTS + 1):
        answer = await client.post(at, form, timeout=span)
        if isinstance(answer, Failed):
            return answer
        if 200 <= answer.status < 300:
            return Accepted(kept)
        if answer.status not in (307, 308) or not answer.location:
            reason = f"{answer.words}: {answer.hint}" if answer.hint else answer.words
            return Failed(reason, answer.status, answer.retry_after, at)
        to = urljoin(at, answer.location)
        if urlsplit(at).scheme.lower() == "https" != urlsplit(to).scheme.lower():
            return Failed("redirected from https to http", answer.status)
        permanent = permanent and answer.status == 308
        at, kept = to, to if permanent else kept
    return Failed(f"more than {MAX_REDIRECTS} redirects")

"""The page behind a digest's "Pause for a week": one question, one button.

Mail programs and scanners fetch whatever a mail links to, so a GET changes nothing. The
address is unguessable (`core.pausing.link_token`), which is all the proof that is asked for.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Mapping
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from digestd import telemetry
from digestd.clock import Clock
from digestd.core.models import Digest
from digestd.core.pausing import Pause, link_token
from digestd.store import pauses
from digestd.store.db import Database
from digestd.store.lanes import Store

if TYPE_CHECKING:
    from digestd.delivery.words import Words  # loads babel: when somebody comes

_SPAN: Final = timedelta(days=7)
_MOST_BYTES: Final = 1024

_STYLE: Final = (
    "body{font:17px/1.5 system-ui,sans-serif;margin:0;background:#f2f1ec;color:#24262b}"
    "main{max-width:30rem;margin:15vh auto;padding:2rem;background:#fff;border-radius:12px}"
    "h1{font:600 1.5rem/1.3 Georgia,serif;margin:0 0 1rem}p{margin:0 0 1.5rem}"
    "button{font:inherit;padding:.6rem 1.4rem;border:0;border-radius:8px;background:#1d5c66;"
    "color:#fff;cursor:pointer}@media(max-width:34rem){main{margin:0;border-radius:0}}"
    "@media(prefers-color-scheme:dark){body{background:#121316;color:#e4e4e2}"
    "main{background:#1e1f22}button{background:#7fc4cf;color:#10262a}}"
)
_STYLE_HASH: Final = base64.b64encode(sha256(_STYLE.encode()).digest()).decode()
_HEADERS: Final = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self';"
        " frame-ancestors 'none'; base-uri 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",  # the address is the key
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}
_PAGE: Final = Markup(
    '<!doctype html><html lang="{lang}" dir="{dir}"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width"><title>{title}</title>'
    "<style>{style}</style></head><body><main><h1>{title}</h1><p>{text}</p>"
    '<form method="post"><button name="do" value="{do}">{button}</button></form>'
    "</main></body></html>"
)


class PausePage:
    """Answers under `/pause/DIGEST/TOKEN`, whatever a proxy has put before it."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        digests: Mapping[str, Digest],
        language: str,
        on_resumed: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._digests = digests
        self._language = language
        self._on_resumed = on_resumed

    def routes(self) -> list[Route]:
        """Return the routes, with and without a prefix."""
        paths = ("/pause/{digest}/{token}", "/{prefix:path}/pause/{digest}/{token}")
        return [Route(path, self.answer, methods=["GET", "POST"]) for path in paths]

    async def answer(self, request: Request) -> Response:
        """Show how the digest stands; a POST pauses or resumes it first."""
        digest = self._digests.get(request.path_params["digest"])
        secret = await self._store.read(pauses.link_secret)
        token = link_token(secret, f"digest:{digest.name}") if digest is not None else ""
        given = request.path_params["token"].encode()
        if digest is None or not hmac.compare_digest(given, token.encode()):
            return PlainTextResponse("not found\n", 404, _HEADERS)
        if request.method == "POST":
            wish = await _wish(request)
            if wish not in ("pause", "resume"):
                return PlainTextResponse("neither pause nor resume\n", 400, _HEADERS)
            await self._store.write(_change, digest.name, wish, self._clock)
            telemetry.info("paused by link" if wish == "pause" else "resumed", digest=digest.name)
            self._on_resumed()
        known = await self._store.read(pauses.in_force, self._clock())
        return self._page(digest, known.of_digest(digest.name))

    def _page(self, digest: Digest, pause: Pause | None) -> Response:
        from digestd.delivery.words import Words  # noqa: PLC0415

        words = Words(self._language, digest.zone)
        is_ours = pause is not None and pause.what == f"digest:{digest.name}"
        return HTMLResponse(
            _PAGE.format(
                lang=words.language,
                dir=words.direction,
                title=digest.title,
                style=Markup(_STYLE),  # noqa: S704 (our own words)
                text=_text(pause, words),
                do="resume" if is_ours else "pause",
                button=words.say("Resume now") if is_ours else words.say("Pause for a week"),
            ),
            headers=_HEADERS,
        )


def _text(pause: Pause | None, words: Words) -> str:
    if pause is None:
        return words.say("This digest comes as planned.")
    if pause.until is None:
        return words.say("This digest is paused. What comes meanwhile waits for the next one.")
    return words.say(
        "This digest is paused until {day}. What comes meanwhile waits for the next one.",
        day=words.day(pause.until),
    )


def _change(db: Database, digest: str, wish: str, clock: Clock) -> None:
    now, what = clock(), f"digest:{digest}"
    if wish == "pause":
        pauses.begin(db, Pause(what, now, now + _SPAN))
        return
    for pause in pauses.everything(db):
        if pause.what == what:
            pauses.end(db, pause, {}, now)


async def _wish(request: Request) -> str:
    """Return what the form asks for; of a body that is no such form, nothing."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _MOST_BYTES:
            return ""
    return parse_qs(body.decode("latin-1")).get("do", [""])[0]

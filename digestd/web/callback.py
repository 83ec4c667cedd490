"""WebSub callbacks: a hub's questions and deliveries, answered at once; the work comes later."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from digestd import telemetry
from digestd.services.push import PushService

# For a whole body on its way to us.
_PATIENCE = 30.0
_PLAIN = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


class Callback:
    """Answers under `/push/TOKEN`, whatever a proxy has put before it."""

    def __init__(self, push: PushService) -> None:
        self._push = push

    def routes(self) -> list[Route]:
        """Return the routes, with and without a prefix."""
        paths = ("/push/{token}", "/{prefix:path}/push/{token}")
        verify = [Route(path, self.verify, methods=["GET"]) for path in paths]
        return verify + [Route(path, self.deliver, methods=["POST"]) for path in paths]

    async def verify(self, request: Request) -> Response:
        """Answer a hub that wants to know whether a request was ours (section 5.3)."""
        token, query = request.path_params["token"], request.url.query
        challenge = await self._push.verify(token[:200], query[:16_000])
        if challenge is None:
            return PlainTextResponse("not found\n", 404, _PLAIN)
        return PlainTextResponse(challenge, 200, _PLAIN)

    async def deliver(self, request: Request) -> Response:
        """Take in content, and answer before it is read (section 7)."""
        try:
            async with asyncio.timeout(_PATIENCE):
                body = await _body(request, self._push.max_size)
        except (TimeoutError, ClientDisconnect):
            return PlainTextResponse("too slow\n", 408, _PLAIN)
        if body is None:
            telemetry.warning("delivery too large", limit=self._push.max_size)
            return PlainTextResponse("too large\n", 413, _PLAIN)
        token = request.path_params["token"][:200]
        status = await self._push.deliver(token, request.headers, body)
        wait = {"Retry-After": "30"} if status == 503 else {}
        return Response(status_code=status, headers=_PLAIN | wait)


async def _body(request: Request, most: int) -> bytes | None:
    """Return the body as it came, None if it is larger than `most`."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > most:
            return None
    return bytes(body)

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
_MOST_BYTES = 64 << 20
_PLAIN = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


class Callback:
    """Answers under `/push/TOKEN`, whatever a proxy has put before it."""

    def __init__(self, push: PushService) -> None:
        self._push = push
        self._arriving = 0

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
        token = request.path_params["token"][:200]
        known = await self._push.known(token)
        if known is None:  # before a byte of the body is kept: this may be anybody
            return _empty(404)
        if known.state != "active":
            return _empty(410)
        try:
            async with asyncio.timeout(_PATIENCE):
                body = await self._body(request)
        except (TimeoutError, ClientDisconnect):
            return _empty(408)
        except _RefusedError as refused:
            telemetry.warning(
                "delivery refused", feed=self._push.name(known), status=refused.status
            )
            return _empty(refused.status)
        return _empty(self._push.deliver(known, request.headers, body))

    async def _body(self, request: Request) -> bytes:
        """Return the body as it came; all that are on their way share `_MOST_BYTES`."""
        body = bytearray()
        try:
            async for piece in request.stream():
                body += piece
                self._arriving += len(piece)
                if len(body) > self._push.max_size:
                    raise _RefusedError(413)
                if self._arriving > _MOST_BYTES:
                    raise _RefusedError(503)
        finally:
            self._arriving -= len(body)
        return bytes(body)


class _RefusedError(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def _empty(status: int) -> Response:
    wait = {"Retry-After": "30"} if status == 503 else {}
    return Response(status_code=status, headers=_PLAIN | wait)

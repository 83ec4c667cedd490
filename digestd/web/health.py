"""Whether the daemon lives and its database answers."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from digestd.errors import StoreError
from digestd.store import feeds
from digestd.store.lanes import Store


class Health:
    """Answers `/healthz`: 200 "ok" after a database round trip, else 503 and why."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def answer(self, _request: Request) -> Response:
        """Answer one probe."""
        try:
            await self._store.read(feeds.next_due_at)
        except StoreError as exc:
            return PlainTextResponse(f"{exc}\n", status_code=503)
        return PlainTextResponse("ok\n", headers={"Cache-Control": "no-store"})

"""The web port: the Starlette application, served by uvicorn in the daemon's loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route

from digestd import telemetry
from digestd.clock import Clock
from digestd.services.push import PushService
from digestd.store.lanes import Store
from digestd.web.callback import Callback
from digestd.web.health import Health
from digestd.web.metrics import Metrics
from digestd.web.pausing import PausePage


def application(
    store: Store,
    clock: Clock,
    push: PushService | None = None,
    pause_page: PausePage | None = None,
) -> Starlette:
    """Return the application with its routes: those of `push` and of pages where there are any."""
    routes = [
        Route("/healthz", Health(store).answer, methods=["GET"]),
        Route("/metrics", Metrics(store, clock).answer, methods=["GET"]),
    ]
    if push is not None:
        routes += Callback(push).routes()
    if pause_page is not None:
        routes += pause_page.routes()
    app = Starlette(routes=routes)
    app.router.redirect_slashes = False  # a hub must not be redirected (section 7)
    return app


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer, and say so."""
        await super().startup(sockets)
        self.ready.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the daemon's supervisor."""
        yield


class WebServer:
    """Listens on `host:port`. A port in use is a warning; the rest of the daemon runs."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        host: str,
        port: int,
        push: PushService | None = None,
        pause_page: PausePage | None = None,
    ) -> None:
        self._host = host
        self._port = port
        config = uvicorn.Config(
            application(store, clock, push, pause_page),
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            lifespan="off",
            ws="none",
            limit_concurrency=64,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=2,
            h11_max_incomplete_event_size=16 * 1024,
        )
        self._server = _Server(config)

    async def run(self) -> None:
        """Serve until `stop`."""
        try:
            listener = _listen(self._host, self._port)
        except OSError as exc:
            telemetry.warning(
                "web port not opened", listen=f"{self._host}:{self._port}", why=exc.strerror or exc
            )
            return
        with listener:
            await self._server.serve(sockets=[listener])

    async def ready(self) -> None:
        """Return when it answers."""
        await self._server.ready.wait()

    def stop(self) -> None:
        """Let `run` end after the answers that are on their way."""
        self._server.should_exit = True


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(64)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener

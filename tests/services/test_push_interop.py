"""Our subscriber at a hub that others wrote: Flask-WebSub's, with its own SQLite storage."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.services.conftest import Open, Wall
from tests.services.test_push import CONFIG, rss, seen, serving, state_of
from tests.support.needs import missing
from tests.support.webserver import WebServer, answer


class Workers:
    """As much of Celery as the hub uses: tasks that run later, in threads."""

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []

    def task(self, **options: Any) -> Callable[[Callable[..., Any]], Any]:
        def decorate(function: Callable[..., Any]) -> Any:
            return Task(self, function, bound=options.get("bind", False))

        return decorate

    async def rest(self) -> None:
        """Return when nothing runs any more."""
        while self.threads:
            await asyncio.to_thread(self.threads.pop().join)


class Task:
    def __init__(self, workers: Workers, function: Callable[..., Any], *, bound: bool) -> None:
        self._workers = workers
        self._function = function
        self._bound = bound

    def delay(self, *args: Any) -> None:
        arguments = (self, *args) if self._bound else args
        thread = threading.Thread(target=self._function, args=arguments)
        thread.start()
        self._workers.threads.append(thread)


@contextmanager
def running_hub(folder: Path) -> Iterator[tuple[str, Workers]]:
    try:
        from flask import Flask  # noqa: PLC0415
        from flask_websub.hub import Hub, SQLite3HubStorage  # noqa: PLC0415
        from werkzeug.serving import make_server  # noqa: PLC0415
    except ImportError:
        missing("needs Flask-WebSub")
    workers = Workers()
    hub = Hub(SQLite3HubStorage(str(folder / "hub.sqlite3")), workers)
    app = Flask(__name__)
    app.config["PUBLISH_SUPPORTED"] = True
    app.register_blueprint(hub.build_blueprint(url_prefix="/hub"))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hub", workers
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.filterwarnings(
    "ignore::ResourceWarning"
)  # its hub leaves connections to the collector
async def test_a_foreign_hub_verifies_signs_delivers_and_lets_go(
    open_parts: Open, wall: Wall, tmp_path: Path
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with WebServer() as web, running_hub(tmp_path) as (hub, workers):
        topic = web.url("/feed")
        link = f'<{hub}>; rel="hub", <{topic}>; rel="self"'
        web.route("/feed", answer(rss("old"), Link=link, content_type="application/rss+xml"))
        text = CONFIG.format(port=port, url=topic, secret="true")
        async with serving(open_parts, text) as parts:
            assert parts.push
            await parts.poller.run_once()
            await parts.push.work()
            await workers.rest()
            assert await state_of(parts) == "active"
            web.route("/feed", answer(rss("new", "old"), Link=link, content_type="text/xml"))
            form = {"hub.mode": "publish", "hub.topic": topic}
            async with httpx.AsyncClient() as client:
                assert (await client.post(hub, data=form)).status_code == 202
            await workers.rest()
            await parts.push.settle()
            assert await seen(parts) == ["new"]
        without = text.replace(topic, "https://example.org/x").replace('id = "blog"', 'id = "x"')
        async with serving(open_parts, without) as parts:
            assert parts.push
            await parts.push.work()
            await workers.rest()
            assert await state_of(parts) == ""

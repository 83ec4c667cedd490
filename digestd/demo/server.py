"""A small feed server on the loopback interface, whose blogs publish when told to.

It behaves as a good publisher does: RSS 2.0, Atom and JSON Feed 1.1, strong
ETags and Last-Modified with their 304s, and a page behind every link.
"""

from __future__ import annotations

import hashlib
import itertools
import re
import socket
import socketserver
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from digestd.clock import Clock, system_clock
from digestd.demo.documents import FEEDS, Document, Published, foghorn, http_date, links, page
from digestd.demo.texts import BLOGS, FOGHORN, PICTURES, Blog, Post, posts_of

SHOWN = 15  # entries in a feed, as most blogs have it
_PICTURE = re.compile(r"/pictures/([a-z0-9-]+\.(jpg|png))")
OLDER = 2  # posts of each blog that are there from the start


class DemoServer:
    """Three blogs at `urls`, from `start()` to `stop()`.

    `published` has the exact instant of every link, finer than the whole seconds
    of an RSS date, so that the age of an alert can be told in tenths.
    """

    def __init__(self, clock: Clock = system_clock) -> None:
        self.published: dict[str, datetime] = {}
        self._clock = clock
        self._lock = threading.Lock()
        self._shown: dict[str, list[Published]] = {blog.name: [] for blog in BLOGS}
        self._coming: dict[str, Iterator[Post]] = {blog.name: posts_of(blog) for blog in BLOGS}
        self._turns = itertools.cycle(BLOGS)
        self._base_url = ""
        self._http: _Http | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Listen on a free port of 127.0.0.1; some older posts are there already."""
        self._http = _Http(self._document)
        self._base_url = f"http://127.0.0.1:{self._http.server_port}"
        now = self._clock()
        for age in range(OLDER, 0, -1):
            for place, blog in enumerate(BLOGS):
                self._add(blog, now - timedelta(days=age, hours=3 * place, minutes=17))
        self._thread = threading.Thread(
            target=self._http.serve_forever, args=(0.1,), name="demo-feeds", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Close the port and every connection."""
        if self._http is not None and self._thread is not None:
            self._http.shutdown()
            self._thread.join()
            self._http.server_close()
            self._http = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def base_url(self) -> str:
        """Return `http://127.0.0.1:PORT`; there is none before `start()`."""
        if not self._base_url:
            raise RuntimeError("the demo's server was not started")
        return self._base_url

    @property
    def urls(self) -> dict[str, str]:
        """Return the feeds' URLs by the names of their blogs: maths, releases, notes."""
        return {blog.name: self.base_url + blog.path for blog in BLOGS}

    def publish(self) -> Published:
        """Publish the next post, dated now, each blog in its turn."""
        return self._add(next(self._turns), None)

    def _add(self, blog: Blog, at: datetime | None) -> Published:
        post = next(self._coming[blog.name])
        link = f"{self.base_url}/{blog.name}/{post.slug}"
        with self._lock:
            # The clock is read where the post becomes visible: nobody sees it before its date.
            item = Published(blog, post, link, at or self._clock())
            self._shown[blog.name].insert(0, item)
            self.published[link] = item.at
        return item

    def _document(self, path: str) -> Document | None:
        base = self.base_url
        with self._lock:
            shown = {name: list(items) for name, items in self._shown.items()}
        for blog in BLOGS:
            items = shown[blog.name]
            newest = items[0].at
            if path == blog.path:
                mime_type, render = FEEDS[blog.name]
                return Document(mime_type, render(blog, base, items[:SHOWN]).encode(), newest)
            if path == f"/{blog.name}/":
                return page(blog.title, [blog], links(items), newest)
            for item in items:
                if path == f"/{blog.name}/{item.post.slug}":
                    return page(item.post.title, [blog], item.post.content, item.at)
        if path == "/":
            home = [items[0] for items in shown.values()]
            return page("Three blogs", BLOGS, links(home), max(item.at for item in home))
        return _file(path, shown["notes"][-1].at)


def _file(path: str, at: datetime) -> Document | None:
    """Return a sound or a picture."""
    if path == FOGHORN:
        return Document("audio/wav", foghorn(), at)
    picture = _PICTURE.fullmatch(path)
    if picture is None or not (file := PICTURES / picture[1]).is_file():
        return None
    kind = {"jpg": "image/jpeg", "png": "image/png"}[picture[2]]
    return Document(kind, file.read_bytes(), at)


class _Http(ThreadingHTTPServer):
    request_queue_size = 64

    def __init__(self, document: Callable[[str], Document | None]) -> None:
        self.document = document
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def server_bind(self) -> None:
        # Not HTTPServer's, which asks a name server for our own name.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  # as typeshed has it
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401  # as typeshed has it
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  # as typeshed has it
        # A client that goes away in the middle is no news for the terminal.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def server_close(self) -> None:
        super().server_close()
        for connection in list(self._open):  # kept alive by clients: wake their threads
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the client was faster


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60  # of an idle connection
    server: _Http

    def do_GET(self) -> None:
        document = self.server.document(self.path.partition("?")[0])
        if document is None:
            self.send_error(404)
            return
        etag = f'"{hashlib.sha256(document.body).hexdigest()[:16]}"'
        fresh = self._has(etag, document.modified_at)
        self.send_response(304 if fresh else 200)
        self.send_header("ETag", etag)
        self.send_header("Last-Modified", http_date(document.modified_at))
        if not fresh:
            self.send_header("Content-Type", document.mime_type)
            self.send_header("Content-Length", str(len(document.body)))
        self.end_headers()
        if not fresh and self.command != "HEAD":
            self.wfile.write(document.body)

    do_HEAD = do_GET  # noqa: N815  # the name that http.server looks for

    def _has(self, etag: str, modified_at: datetime) -> bool:
        """Return whether the client has this very document (RFC 9110, section 13.2.2)."""
        asked = self.headers.get("If-None-Match")
        if asked is not None:
            # A tag goes before a date: two posts may share a second.
            known = {tag.strip().removeprefix("W/") for tag in asked.split(",")}
            return etag in known or "*" in known
        since = self.headers.get("If-Modified-Since")
        if since is None:
            return False
        try:
            return modified_at.replace(microsecond=0) <= parsedate_to_datetime(since)
        except (TypeError, ValueError):  # no date, or one without a zone
            return False

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name there
        """Say nothing: the terminal belongs to the demo's alerts."""

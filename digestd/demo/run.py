"""The demo: the real daemon, on a state of its own, following an embedded feed server."""

from __future__ import annotations

import asyncio
import os
import tempfile
from datetime import timedelta
from pathlib import Path

import click

from digestd import loop, telemetry
from digestd.app import App
from digestd.clock import system_clock
from digestd.core.models import Digest
from digestd.daemon import Daemon
from digestd.demo.server import DemoServer
from digestd.parts import Parts
from digestd.services.digests import manual_slot
from digestd.store import feeds, ledger

_PUBLISH_EVERY = 3.0
_FIRST_DIGEST, _NEXT_DIGEST = 15.0, 60.0
_LOOK_AGAIN = 0.1
_DIGEST = "today"

# What a user would write; the guard against private addresses is opened for the
# demo's own server, as anyone would open it for a server at home.
_CONFIG = """\
# The demo's configuration: copy from it what you like.

[channels]
screen = "terminal://"
mail = "maildir://{folder}/Mail"
pages = "file://{folder}/pages"

[digests.{digest}]
title = "The demo digest"
when = "manual"                 # `digestd send {digest}`
to = ["mail", "pages"]

[store]
path = "{folder}/state/digestd.db"

[poll]
allow_private = ["127.0.0.1:{port}"]

[web]
listen = ""
{feeds}"""
_FEED = """
[[feeds]]
url = "{url}"
id = "{id}"
alert = ["screen"]
interval = "1s"                 # your own server: as often as you like
"""


def run_demo(span: timedelta | None, keep: str | None) -> int:
    """Run for `span`, or until Ctrl-C; leave mail and pages in `keep`, or in a new folder."""
    folder = Path(keep or tempfile.mkdtemp(prefix="digestd-demo-")).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    telemetry.log_to_stderr()
    telemetry.only_warnings()
    with DemoServer() as server:
        config = _write_config(folder, server)
        # A state of its own: neither the owner's database nor his configuration is touched.
        environ = {k: v for k, v in os.environ.items() if k != "CREDENTIALS_DIRECTORY"}
        _say_hello(config, folder, span)
        loop.run(_Demo(App(environ, system_clock, str(config)), server, folder).run(span))
    return 0


def _write_config(folder: Path, server: DemoServer) -> Path:
    port = server.base_url.rsplit(":", 1)[1].strip("/")
    blocks = "".join(_FEED.format(id=name, url=url) for name, url in server.urls.items())
    path = folder / "config.toml"
    path.write_text(
        _CONFIG.format(folder=folder, port=port, digest=_DIGEST, feeds=blocks), encoding="utf-8"
    )
    return path


def _say_hello(config: Path, folder: Path, span: timedelta | None) -> None:
    click.echo(click.style("digestd demo", bold=True) + ": the real daemon on three small blogs.")
    click.echo(f"  configuration  {config}")
    click.echo(f"  a post every {_PUBLISH_EVERY:g} s; its alert appears here; Ctrl-C ends it.")
    if span is not None:
        click.echo(f"  it ends by itself after {span.total_seconds():g} s.")
    click.echo(f"  to look at it from a second terminal: digestd -c {config} status")
    click.echo(f"  everything is in {folder}\n")


class _Demo:
    def __init__(self, app: App, server: DemoServer, folder: Path) -> None:
        self._daemon = Daemon(app)
        self._server = server
        self._folder = folder
        self._stopped = asyncio.Event()

    async def run(self, span: timedelta | None) -> None:
        """Serve, publish and send digests until the end."""
        serving = asyncio.create_task(self._daemon.run())
        acting = [asyncio.create_task(self._publish()), asyncio.create_task(self._digests(span))]
        try:
            timeout = None if span is None else span.total_seconds()
            await asyncio.wait({serving, *acting}, timeout=timeout, return_when="FIRST_COMPLETED")
        finally:
            for task in acting:
                task.cancel()
            await asyncio.gather(*acting, return_exceptions=True)
            self._daemon.stop()
            await serving
        for task in acting:
            if not task.cancelled() and (exc := task.exception()):
                raise exc
        click.echo(f"\nThe demo has ended; mail and pages stay in {self._folder}")

    async def _parts(self) -> Parts:
        """Return the daemon's parts once it runs and has seen every feed's older posts."""
        await self._daemon.started.wait()
        while True:
            parts = self._daemon.parts
            if parts is not None:
                known = await parts.store.read(feeds.all_active)
                if all(feed.baseline_at for feed in known):
                    return parts
            await asyncio.sleep(_LOOK_AGAIN)

    async def _publish(self) -> None:
        await self._parts()
        while True:
            self._server.publish()
            await asyncio.sleep(_PUBLISH_EVERY)

    async def _digests(self, span: timedelta | None) -> None:
        parts = await self._parts()
        digest = parts.config.digests[_DIGEST]
        first = _FIRST_DIGEST
        if span is not None:
            first = min(first, span.total_seconds() * 0.6)
        await asyncio.sleep(first)
        while True:
            await self._send(parts, digest)
            await asyncio.sleep(_NEXT_DIGEST)

    async def _send(self, parts: Parts, digest: Digest) -> None:
        """Close the slot just as `digestd send` does, and say where the digest lies."""
        slot = manual_slot(digest, parts.clock())
        closed = await parts.digests.close(digest, slot, force=True)
        if closed is None:
            return
        while True:
            states = await parts.store.read(ledger.states_of_message, closed.identity)
            if all(state == "sent" for _, state, _ in states):
                break
            await asyncio.sleep(_LOOK_AGAIN)
        page = max((self._folder / "pages").glob("*.html"), key=lambda p: p.stat().st_mtime)
        click.echo(click.style(f"\n  A digest of {closed.entries} posts is there:", bold=True))
        click.echo(f"    in a browser       {page}")
        click.echo(f"    in a mail program  mutt -f {self._folder / 'Mail'}\n")

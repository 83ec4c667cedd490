"""A WebSub hub on loopback, with a switch for each way in which hubs go wrong.

    with WebServer() as web:
        hub = Hub(web)
        ...  # a subscriber asks hub.url; it is verified before it has its answer
        await hub.publish(topic, body)

It lives in the web server's thread and loop; its methods are awaited from a test's own.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qs

import httpx

from tests.support.webserver import Request, WebServer, answer

T = TypeVar("T")


@dataclass
class Faults:
    """What this hub does otherwise than it should; as it is, nothing."""

    status: int = 202  # of its answer to a request
    redirect: tuple[int, str] | None = None  # (307, "http://…")
    verifies: bool = True
    verifies_topic: str | None = None  # in place of the right one
    lease: str | None = "864000"  # None: does not say
    denies: str | None = None  # the reason that it gives instead of verifying
    delivers: bool = True
    signs: bool = True
    signs_with: str | None = None  # in place of the subscriber's secret
    method: str = "sha256"


@dataclass(frozen=True)
class Subscriber:
    topic: str
    callback: str
    secret: str


class Hub:
    def __init__(self, web: WebServer, path: str = "/hub") -> None:
        self.faults = Faults()
        self.forms: list[dict[str, str]] = []  # what was asked, in order
        self.bodies: list[bytes] = []  # the same, byte for byte
        self.kinds: list[str] = []  # the same: Content-Type
        self.subscribers: list[Subscriber] = []
        self.confirmed: list[tuple[int, str]] = []  # how verifications were answered
        self.url = web.url(path)
        self._web = web
        web.route(path, self._serve)

    async def publish(
        self, topic: str, body: bytes, *, kind: str = "application/rss+xml", **headers: str
    ) -> list[int]:
        """Deliver to every subscriber of `topic`; return how each answered."""
        if not self.faults.delivers:
            return []
        wanted = [one for one in self.subscribers if one.topic == topic]
        return [await self.deliver(one, body, kind=kind, **headers) for one in wanted]

    async def deliver(
        self, to: Subscriber, body: bytes, *, kind: str = "application/rss+xml", **headers: str
    ) -> int:
        """POST `body` as a delivery, signed as the switches say; return the answer's status."""
        sent = {"Content-Type": kind, **{k.replace("_", "-"): v for k, v in headers.items()}}
        secret = self.faults.signs_with or to.secret
        if secret and self.faults.signs:
            sent["X-Hub-Signature"] = signature(self.faults.method, secret, body)
        response = await self._there(_request("POST", to.callback, content=body, headers=sent))
        if response.status_code == 410:
            self.subscribers = [one for one in self.subscribers if one.callback != to.callback]
        return response.status_code

    async def ask(self, callback: str, **fields: str) -> tuple[int, str]:
        """GET a callback with `hub.`-fields; return status and body."""
        params = {f"hub.{name}": value for name, value in fields.items()}
        response = await self._there(_request("GET", callback, params=params))
        return response.status_code, response.text

    async def _there(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` in the server's loop."""
        loop = self._web.loop
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, loop))

    async def _serve(self, request: Request, out: asyncio.StreamWriter) -> None:
        fields = parse_qs(request.body.decode("ascii"), keep_blank_values=True)
        form = {name.removeprefix("hub."): values[0] for name, values in fields.items()}
        self.forms.append(form)
        self.bodies.append(request.body)
        self.kinds.append(request.headers.get("content-type", ""))
        if self.faults.redirect is not None:
            code, to = self.faults.redirect
            await answer(b"", code, Location=to)(request, out)
            return
        if self.faults.status == 202:
            await self._decide(form)
        await answer(b"no, thank you", self.faults.status)(request, out)

    async def _decide(self, form: dict[str, str]) -> None:
        if self.faults.denies is not None:
            denial = {"mode": "denied", "topic": form["topic"], "reason": self.faults.denies}
            params = {f"hub.{name}": value for name, value in denial.items()}
            response = await _request("GET", form["callback"], params=params)
            self.confirmed.append((response.status_code, response.text))
        elif self.faults.verifies:
            await self._verify(form)

    async def _verify(self, form: dict[str, str]) -> None:
        params = {
            "hub.mode": form["mode"],
            "hub.topic": self.faults.verifies_topic or form["topic"],
            "hub.challenge": "a challenge & more",
        }
        if self.faults.lease is not None:
            params["hub.lease_seconds"] = self.faults.lease
        response = await _request("GET", form["callback"], params=params)
        self.confirmed.append((response.status_code, response.text))
        if response.status_code != 200 or response.text != params["hub.challenge"]:
            return
        others = [one for one in self.subscribers if one.callback != form["callback"]]
        if form["mode"] == "subscribe":
            others.append(Subscriber(form["topic"], form["callback"], form.get("secret", "")))
        self.subscribers = others


def signature(method: str, secret: str, body: bytes) -> str:
    known = getattr(hashlib, method, hashlib.sha1)
    return f"{method}={hmac.new(secret.encode(), body, known).hexdigest()}"


async def _request(method: str, url: str, **how: Any) -> httpx.Response:
    async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
        return await client.request(method, url, **how)

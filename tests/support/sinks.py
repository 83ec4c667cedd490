"""Stand-ins for chat and push services: they judge a message as the service does.

Each is an action for `WebServer.route`; what arrived, accepted or not, is in
`WebServer.requests` before it is answered. Put faults before it in the route.

    web.route("/bot1:A/sendMessage", status(500), telegram())
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from html import unescape
from html.parser import HTMLParser
from typing import Any

from digestd.delivery import apprise_sender
from digestd.delivery.senders import Sender, make_sender
from digestd.delivery.target import Service, Target
from tests.support.webserver import Action, Request, head

Judge = Callable[[Request], tuple[int, dict[str, str], Any]]


def judged(judge: Judge) -> Action:
    """Answer with the status, headers and JSON (or text) that `judge` gives."""

    async def act(request: Request, out: asyncio.StreamWriter) -> None:
        code, headers, body = judge(request)
        raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        kind = "text/plain" if isinstance(body, str) else "application/json"
        out.write(
            head(code, {"Content-Length": str(len(raw)), "Content-Type": kind, **headers}) + raw
        )
        await out.drain()

    return act


def says(body: Any, status: int = 200, **headers: str) -> Action:
    """Always this JSON (or text), whatever came."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return judged(lambda request: (status, named, body))


async def accept_then_drop(request: Request, out: asyncio.StreamWriter) -> None:
    """Keeps the message, as its log shows, and breaks off before it says so."""
    out.transport.abort()


# --- Telegram ----------------------------------------------------------------------------


class _TelegramHtml(HTMLParser):
    """The parser of parse_mode HTML: its own few tags, balanced, and entities."""

    KNOWN = frozenset({"b", "strong", "i", "em", "u", "s", "code", "pre", "a", "blockquote"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.shown: list[str] = []
        self.open: list[str] = []
        self.wrong = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.KNOWN:
            self.wrong = self.wrong or f'unsupported start tag "{tag}"'
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong = self.wrong or f'unmatched end tag "{tag}"'

    def handle_data(self, data: str) -> None:
        self.shown.append(data)


def telegram() -> Action:
    """sendMessage: balanced HTML, and 4,096 UTF-16 units once entities are parsed."""

    def judge(request: Request) -> tuple[int, dict[str, str], Any]:
        body = json.loads(request.body)
        text, mode = body["text"], body.get("parse_mode")
        if mode == "HTML":
            parser = _TelegramHtml()
            parser.feed(text)
            parser.close()
            wrong = parser.wrong or ("unclosed tag" if parser.open else "")
            if re.search(r"<(?![/a-z])", text):
                wrong = wrong or "unexpected <"
            if wrong:
                return _refusal(f"Bad Request: can't parse entities: {wrong}")
            text = "".join(parser.shown)
        if not text.strip():
            return _refusal("Bad Request: message text is empty")
        if len(text.encode("utf-16-le")) // 2 > 4096:
            return _refusal("Bad Request: message is too long")
        return 200, {}, {"ok": True, "result": {"message_id": 1, "text": text}}

    return judged(judge)


def _refusal(told: str, code: int = 400) -> tuple[int, dict[str, str], Any]:
    return code, {}, {"ok": False, "error_code": code, "description": told}


# --- Slack, Discord, ntfy ------------------------------------------------------------------


def slack() -> Action:
    """An incoming webhook: "ok", or 400 with a word."""

    def judge(request: Request) -> tuple[int, dict[str, str], Any]:
        body = json.loads(request.body)
        texts = [body.get("text", "")]
        for attachment in body.get("attachments", ()):
            texts += [attachment.get("title", ""), attachment.get("text", "")]
        text = "\n".join(texts)
        if not text.strip():
            return 400, {}, "no_text"
        if len(text) > 40_000:
            return 400, {}, "msg_too_long"
        if re.search(r"<!(?:here|channel|everyone)|<@[UW]", text):
            return 400, {}, "mentioned_somebody"
        return 200, {}, "ok"

    return judged(judge)


def discord() -> Action:
    """A webhook: 2,000 characters of content, and nobody called."""

    def judge(request: Request) -> tuple[int, dict[str, str], Any]:
        content = json.loads(request.body).get("content", "")
        if not content.strip():
            return 400, {}, {"message": "Cannot send an empty message", "code": 50006}
        if len(content) > 2000:
            told = {"content": ["Must be 2000 or fewer in length."]}
            return 400, {}, {**told, "code": 50035}
        if re.search(r"@everyone|@here|<@", content):
            return 400, {}, {"message": "mentioned somebody", "code": 0}
        return 204, {}, ""

    return judged(judge)


def ntfy() -> Action:
    """Publish as JSON: 4,096 bytes of message, more becomes an attachment and is no message."""

    def judge(request: Request) -> tuple[int, dict[str, str], Any]:
        body = json.loads(request.body)
        if len(body["message"].encode()) > 4096:
            return 413, {}, {"code": 41301, "http": 413, "error": "message too large"}
        return 200, {}, {"id": "x", "event": "message", "topic": body["topic"]}

    return judged(judge)


def matrix() -> Action:
    """A home server: login, rooms, and events that are known again by their transaction."""

    def judge(request: Request) -> tuple[int, dict[str, str], Any]:
        body = json.loads(request.body or b"{}")
        if "/login" in request.path:
            if body.get("password") == "hunter22":
                return 200, {}, {"access_token": "t0ken", "user_id": "@bot:x", "device_id": "d"}
            return 403, {}, {"errcode": "M_FORBIDDEN", "error": "Invalid password"}
        if "t0ken" not in request.headers.get("authorization", ""):
            return 401, {}, {"errcode": "M_UNKNOWN_TOKEN"}
        if "/join/" in request.path:
            return 200, {}, {"room_id": "!abc:x"}
        if "/send/m.room.message/" in request.path:
            return 200, {}, {"event_id": "$" + request.path.rsplit("/", 1)[1]}
        return 200, {}, {}

    return judged(judge)


def shown_text(html: str) -> str:
    """Return what a reader sees of Telegram's HTML."""
    return unescape(re.sub(r"<[^>]*>", "", html))


# --- services whose address is fixed -----------------------------------------------------

_ADDRESSES = {
    "tgram": {"notify_url": "{base}/bot"},
    "discord": {"notify_url": "{base}/discord"},
    "slack": {"webhook_url": "{base}/slack", "api_url": "{base}/api/{{}}"},
    "dingtalk": {"notify_url": "{base}/sink?token={{token}}"},
    "wecombot": {"api_url": "{base}/sink"},
    "feishu": {"notify_url": "{base}/sink/{{token}}"},
    "lark": {"webhook_url": "{base}/sink"},
    "schan": {"notify_url": "{base}/sink/{{token}}"},
    "pushplus": {"notify_url": "{base}/sink"},
    "wxpusher": {"notify_url": "{base}/sink"},
    "qq": {"webhook_url": "{base}/sink"},
    "pover": {"notify_url": "{base}/sink"},
}


def stand_in(base: str) -> Callable[[Any], None]:
    """Return what points a plugin at the server at `base` instead of the real service."""

    def adjust(plugin: Any) -> None:
        schemes = [plugin.protocol, plugin.secure_protocol]
        flat = [s for each in schemes for s in (each if isinstance(each, tuple) else (each,))]
        for scheme in flat:
            for name, value in _ADDRESSES.get(scheme or "", {}).items():
                setattr(plugin, name, value.format(base=base))

    return adjust


def service_sender(target: Target, base: str, tls: Any) -> Sender:
    """Return the sender of a target whose service is played by the server at `base`."""
    if not isinstance(target.via, Service):
        return make_sender(target, tls=tls)
    return apprise_sender.AppriseSender(target, tls=tls, adjust=stand_in(base))

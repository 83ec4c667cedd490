"""What a service can do and Apprise's plugin does not ask for: added to its request.

Each amendment takes the JSON that the plugin is about to send and the facts of
the piece (`shape.shape_message`), and changes the former. `None` of the facts is
needed for a message to be right; they make it better.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

Json: TypeAlias = dict[str, Any]
Facts: TypeAlias = Mapping[str, Any]
Amendment: TypeAlias = Callable[[bytes], bytes]


def amendment(scheme: str, url: str, facts: Facts, now: datetime) -> Amendment | None:
    """Return what to do to the body of a request of `scheme`, None: nothing.

    `url` is the channel's, for the settings in its query that Apprise does not know.
    """
    change = _CHANGES.get(scheme)
    if change is None:
        return None
    settings = dict(parse_qsl(url.partition("?")[2]))

    def amend(body: bytes) -> bytes:
        try:
            value = json.loads(body)
        except ValueError:
            return body
        if not isinstance(value, dict):
            return body
        change(value, facts, settings, now)
        return json.dumps(value, ensure_ascii=False).encode()

    return amend


def _discord(body: Json, facts: Facts, _settings: Facts, _now: datetime) -> None:
    """Nobody is called, whatever the text holds (docs.discord.com: allowed mentions).

    The owner's own ?ping= goes on working: the plugin has then set this itself.
    """
    body.setdefault("allowed_mentions", {"parse": []})
    if facts.get("priority") == "silent":
        body["flags"] = int(body.get("flags") or 0) | 1 << 12  # SUPPRESS_NOTIFICATIONS


def _gotify(body: Json, facts: Facts, _settings: Facts, _now: datetime) -> None:
    """A tap opens the entry (gotify.net/docs/msgextras#clientnotification)."""
    if facts.get("link"):
        extras = body.setdefault("extras", {})
        extras["client::notification"] = {"click": {"url": facts["link"]}}


def _wecom(body: Json, facts: Facts, _settings: Facts, _now: datetime) -> None:
    """Markdown where the piece is written in it; the plugin knows text alone."""
    if facts.get("markup") == "robot" and body.get("msgtype") == "text":
        content = body.pop("text")["content"]
        body.update({"msgtype": "markdown", "markdown": {"content": content}})


def _dingtalk(body: Json, facts: Facts, _settings: Facts, _now: datetime) -> None:
    """The list of chats shows the message's title, not our name."""
    if "markdown" in body and facts.get("subject"):
        body["markdown"]["title"] = facts["subject"]


def _feishu(body: Json, _facts: Facts, settings: Facts, now: datetime) -> None:
    """Signed, where the robot demands it and the URL has ?secret=…; no empty card header."""
    if "card" in body:
        body["card"].pop("header", None)
    if secret := settings.get("secret"):
        stamp = str(int(now.timestamp()))
        mark = hmac.new(f"{stamp}\n{secret}".encode(), b"", sha256).digest()
        body.update({"timestamp": stamp, "sign": base64.b64encode(mark).decode()})


_CHANGES: Mapping[str, Callable[[Json, Facts, Facts, datetime], None]] = {
    "discord": _discord,
    "gotify": _gotify,
    "gotifys": _gotify,
    "wecombot": _wecom,
    "dingtalk": _dingtalk,
    "feishu": _feishu,
    "lark": _feishu,
}

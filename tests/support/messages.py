"""Messages as the renderer makes them, in small."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from typing import Any

from digestd.core.messages import InlineImage, Message, MessageEntry, Piece
from digestd.core.models import Channel, MailServer
from digestd.delivery.compose import compose
from digestd.delivery.target import Target
from digestd.delivery.targets import open_target

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))

_HTML = """<!DOCTYPE html>
<html lang="zh"><head><meta charset="utf-8"><title>谱范数</title></head>
<body><p>设 <img class="m" src="cid:m1@digestd" alt="W = UΣVᵀ"> 为矩阵。</p></body></html>
"""


def fact(number: int = 1, **changes: Any) -> MessageEntry:
    known: dict[str, Any] = {
        "id": number,
        "feed": "kexue",
        "feed_name": "科学空间",
        "title": f"谱范数与 Muon（{number}）",
        "link": f"https://kexue.example/archives/{number}",
        "published_at": NOW,
        "seen_at": NOW,
    }
    return MessageEntry(**(known | changes))


def message(**changes: Any) -> Message:
    """An alert of one entry, but for what `changes` say."""
    known: dict[str, Any] = {
        "kind": "alert",
        "identity": "alert/kexue/1/1",
        "title": "谱范数与 Muon（1）",
        "text": "谱范数与 Muon（1）\nhttps://kexue.example/archives/1\n\n设 W = UΣVᵀ 为矩阵。\n",
        "html": _HTML,
        "created_at": NOW,
        "entries": (fact(),),
        "images": (InlineImage("m1@digestd", "image/png", PNG, "m1.png"),),
        "feed": "kexue",
        "language": "zh",
        "chat": '<a href="https://kexue.example/archives/1"><b>谱范数与 Muon（1）</b></a><br>'
        "<i>科学空间</i><br>设 W = UΣVᵀ 为矩阵。",
    }
    return Message(**(known | changes))


def target(url: str, mail: MailServer | None = None, *, name: str = "here") -> Target:
    return open_target(Channel(name, url), mail)


def one_piece(to: Target, **changes: Any) -> Piece:
    (piece,) = compose(to, message(**changes))
    return piece


def trusting(pem: bytes | None = None) -> ssl.SSLContext:
    """A client's context that trusts the authority of a test, and nobody else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if pem is not None:
        context.load_verify_locations(cadata=pem.decode())
    return context

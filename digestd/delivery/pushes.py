"""How a notification behaves: what a tap opens, what it is grouped under, how loud it is."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from digestd.core.messages import Message
from digestd.core.models import Priority

_WORDS: tuple[Priority, ...] = ("silent", "low", "normal", "high", "urgent")

# Attributes of Apprise's plugins.
_TAP = {
    "ntfy": "click",
    "ntfys": "click",
    "bark": "click",
    "barks": "click",
    "pover": "supplemental_url",
    "lauther": "click",
    "lauthers": "click",
    "youlmk": "link",
    "pushward": "supplemental_url",
    "trigv": "supplemental_url",
    "wpush": "click_url",
    "macosx": "click",
}
_GROUP = {"bark": "group", "barks": "group", "lauther": "group", "youlmk": "group"}

# What each service calls it; a word that it lacks is refused when the channel is opened.
_NTFY: dict[Priority, Any] = {"silent": "min", "low": "low", "high": "high", "urgent": "max"}
_BARK: dict[Priority, Any] = {
    "silent": "passive", "low": "passive", "high": "timeSensitive", "urgent": "critical",
}  # fmt: skip
_LOUDNESS: dict[str, tuple[str, dict[Priority, Any]]] = {
    "ntfy": ("priority", _NTFY),
    "ntfys": ("priority", _NTFY),
    "bark": ("level", _BARK),
    "barks": ("level", _BARK),
    # 2, "emergency", repeats until somebody confirms: no post is worth that.
    "pover": ("priority", {"silent": -2, "low": -1, "high": 1, "urgent": 1}),
    "prowl": ("priority", {"silent": -2, "low": -1, "high": 1, "urgent": 2}),
    "gotify": ("priority", {"silent": 0, "low": 3, "high": 8, "urgent": 10}),
    "gotifys": ("priority", {"silent": 0, "low": 3, "high": 8, "urgent": 10}),
    "tgram": ("silent", {"silent": True}),
    "nctalk": ("silent", {"silent": True}),
    "nctalks": ("silent", {"silent": True}),
    "matrix": ("msgtype", {"silent": "notice"}),
    "matrixs": ("msgtype", {"silent": "notice"}),
    "discord": ("", {"silent": True}),  # in its request: `amend`
}

_NAMES = tuple(
    {*_TAP.values(), *_GROUP.values(), *(name for name, _ in _LOUDNESS.values() if name)}
)


def words_of(scheme: str) -> tuple[Priority, ...]:
    """Return the priorities that the service behind `scheme` can show, none if it has none."""
    known = _LOUDNESS.get(scheme, ("", {}))[1]
    return tuple(word for word in _WORDS if word in known or (known and word == "normal"))


def loudness(wished: Priority, message: Message) -> Priority:
    """Return how loud `message` is to be: a digest never shouts, yet it can be silent."""
    loud = wished in ("high", "urgent")
    return "normal" if loud and message.kind != "alert" else wished


def remember_own(plugin: Any) -> None:  # noqa: ANN401  (plugins have attributes of their own)
    """Note what the owner's URL says, before anything is changed."""
    plugin.digestd_own = {name: getattr(plugin, name) for name in _NAMES if hasattr(plugin, name)}


def behave(plugin: Any, scheme: str, facts: Mapping[str, Any]) -> None:  # noqa: ANN401
    """Set `plugin` up for one piece; what the owner's URL says of taps and groups stays."""
    own = plugin.digestd_own
    for table, fact in ((_TAP, "link"), (_GROUP, "group")):
        name = table.get(scheme)
        if name is not None:
            setattr(plugin, name, own.get(name) or facts.get(fact) or None)
    name, values = _LOUDNESS.get(scheme, ("", {}))
    if name:
        word = facts.get("priority")
        setattr(plugin, name, values[word] if word in values else own.get(name))


def identify(plugin: Any, uid: str) -> None:  # noqa: ANN401
    """Give a piece the identity that Matrix takes: a repeat within a login is then known as one.

    Left alone the plugin counts from 0 with each start, which a server that
    remembers the last start's 0 takes for a repeat; and, given a token instead of
    a password, it fails after the message was taken.
    """
    if hasattr(plugin, "transaction_id"):
        if plugin.access_token is None and plugin.password and not plugin.user:
            plugin.access_token = plugin.password
        plugin.transaction_id = int.from_bytes(sha256(uid.encode()).digest()[:8], "big")

"""Several receivers behind one Apprise URL, each a piece of its own."""

from __future__ import annotations

from typing import Any

from digestd.delivery.apprise_door import Plugin

_LISTS = ("targets", "channels", "topics", "rooms")


def _receivers(plugin: Plugin) -> tuple[str, list[Any]] | None:
    """Return the one list of receivers of `plugin`: its attribute and its items."""
    lists = [(name, getattr(plugin, name, None)) for name in _LISTS]
    filled = [(name, each) for name, each in lists if isinstance(each, list) and each]
    if len(filled) != 1 or len(plugin) != len(filled[0][1]) or getattr(plugin, "batch", False):
        return None
    return filled[0]


def _label(item: object) -> str:
    parts = item if isinstance(item, tuple | list) else (item,)
    return ":".join(str(part) for part in parts if part not in (None, "", False))


def recipients_of(plugin: Plugin) -> tuple[str, ...]:
    """Return the receivers of `plugin`, a piece for each, so that a retry repeats one alone."""
    found = _receivers(plugin)
    if found is None or len(found[1]) < 2:
        return ("",)
    labels = [_label(item) for item in found[1]]
    return tuple(labels) if len(set(labels)) == len(labels) else ("",)


def choose_recipient(plugin: Plugin, recipient: str) -> bool:
    """Narrow `plugin` to `recipient` ("": all); say whether it is one of its own."""
    if not recipient:
        return True
    found = _receivers(plugin)
    if found is None:
        return False
    chosen = [item for item in found[1] if _label(item) == recipient]
    setattr(plugin, found[0], chosen)
    return bool(chosen)

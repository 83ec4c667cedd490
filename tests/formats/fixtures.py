"""Documents in tests/data/feeds beside what they should say."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

FEEDS = Path(__file__).parent.parent / "data" / "feeds"
PLATFORMS = FEEDS.parent / "platforms"  # as large ones write them, nothing beside them
URL = "https://host.example/dir/feed.xml"


def names(suffix: str) -> list[str]:
    """Return the names of the documents with this suffix."""
    return sorted(p.name for p in FEEDS.glob(f"*{suffix}") if ".expected." not in p.name)


def expected(name: str) -> dict[str, Any]:
    """Return what the document of this name should say; what is not named is empty."""
    path = FEEDS / (name.rpartition(".")[0] + ".expected.json")
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def plain(value: object) -> Any:
    """Return a parsed value as JSON knows it, without its empty fields."""
    if is_dataclass(value):
        pairs = {f.name: plain(getattr(value, f.name)) for f in fields(value)}
        return {k: v for k, v in pairs.items() if v not in (None, "", [], 0)}
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, tuple | frozenset):
        return [plain(v) for v in (sorted(value) if isinstance(value, frozenset) else value)]
    return value

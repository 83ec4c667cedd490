"""The event loop that the daemon runs on."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` to its end: on uvloop where that is built, else on asyncio's own loop."""
    try:
        import uvloop  # noqa: PLC0415 (commands that end at once do without)
    except ImportError:
        return asyncio.run(work)
    return uvloop.run(work)

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from digestd.app import App
from digestd.parts import Parts
from digestd.store.lanes import Store
from tests.support.nouns import NOW


class Wall:
    """A clock that is set by hand."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def shift(self, span: timedelta) -> None:
        self.now += span


@pytest.fixture
def wall() -> Wall:
    return Wall()


Open = Callable[[str], AbstractAsyncContextManager[Parts]]


@pytest.fixture
def open_parts(tmp_path: Path, wall: Wall) -> Iterator[Open]:
    """Build all parts on a configuration text; every opening uses the same database."""
    stores: list[Store] = []

    def open_(text: str) -> AbstractAsyncContextManager[Parts]:
        path = tmp_path / "config.toml"
        path.write_text(text)
        environ = {"STATE_DIRECTORY": str(tmp_path / "state"), "LANG": "en_US.UTF-8", "TZ": "UTC"}
        app = App(environ, wall, str(path))
        stores.append(Store(app.config.store.path))
        return app.parts(app.config, stores[-1], serves=True)

    yield open_
    for store in stores:
        store.close()

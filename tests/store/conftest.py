from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from digestd.store.db import Database, connect


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    opened = connect(tmp_path / "digestd.db")
    yield opened
    opened.conn.close()

from __future__ import annotations

from tests.services.conftest import open_parts, wall

__all__ = ["open_parts", "wall"]

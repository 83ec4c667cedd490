"""Parts that a test needs and a machine may lack."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest


def need(program: str) -> str:
    """Return the path of `program`; without it the test is skipped, or fails in CI."""
    path = shutil.which(program)
    if path is None:
        missing(f"needs {program}")
    return path


def missing(reason: str) -> NoReturn:
    """Skip the test for `reason`, or fail it where CI promises that every part is there."""
    if os.environ.get("CI", "").lower() not in {"", "0", "false"}:
        pytest.fail(f"{reason}, which CI must install", pytrace=False)
    pytest.skip(reason)

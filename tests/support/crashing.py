"""A program that makes passes (`run --once`) and dies at a commit of the store that one names.

    echo '{"config": "…", "state": "…", "now": "…", "die_at": 7}' | python -m tests.support.crashing

Each line is a pass in a child of its own, forked, so that nothing is imported
again. The 2n-th point is just before the n-th commit, the next just after it.
The answer is a line: how the child ended (its signal, or its exit code), and how
many points it has passed if it lived. `digestd` itself knows nothing of this.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import importlib
import json
import os
import signal
import sqlite3
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from digestd.app import App
from digestd.cli.once import run_once
from digestd.store import db
from digestd.worker.child import JOBS
from digestd.worker.parent import Worker


class Mortal(sqlite3.Connection):
    """A connection that counts its commits, over all connections, and dies at one of them."""

    passed = 0
    die_at = 0

    def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
        if sql == "PRAGMA synchronous = FULL":
            sql = "PRAGMA synchronous = OFF"  # a process dies here, not the machine
        if sql != "COMMIT":
            return super().execute(sql, *args)
        self._pass()
        done = super().execute(sql)
        self._pass()
        return done

    @staticmethod
    def _pass() -> None:
        Mortal.passed += 1
        if Mortal.passed == Mortal.die_at:
            os.kill(os.getpid(), signal.SIGKILL)


async def _here(_worker: Worker, job: str, *args: Any, **kwargs: Any) -> Any:
    """Do a worker's job in this process: another one to start for each pass costs a second."""
    module, function = JOBS[job]
    return getattr(importlib.import_module(module), function)(*args, **kwargs)


def one_pass(order: dict[str, Any]) -> int:
    """Make a pass; return the points that it has passed."""
    Mortal.die_at = order["die_at"]
    environ = {"STATE_DIRECTORY": order["state"], "LANG": "en", "TZ": "UTC"}
    now = datetime.fromisoformat(order["now"])
    asyncio.run(run_once(App(environ, lambda: now, order["config"]), every=True))
    return Mortal.passed


def main() -> None:
    """Serve until standard input ends."""
    db.sqlite3.connect = functools.partial(sqlite3.connect, factory=Mortal)  # type: ignore[attr-defined]
    Worker.run = _here  # type: ignore[assignment, method-assign]
    for line in sys.stdin:
        with tempfile.TemporaryDirectory() as folder:
            told = Path(folder) / "told"
            child = os.fork()
            if child == 0:
                passed = one_pass(json.loads(line))
                told.write_text(json.dumps({"passed": passed, "modules": list(sys.modules)}))
                os._exit(0)
            _, status = os.waitpid(child, 0)
            lived = json.loads(told.read_text()) if told.exists() else {"modules": []}
        for name in lived.pop("modules"):
            _load(name)  # once, here, and not again in each child
        answer = {"ended": os.waitstatus_to_exitcode(status), **lived}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _load(name: str) -> None:
    if name not in sys.modules and not name.startswith(("__", "tests.")):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


if __name__ == "__main__":
    main()

"""The picture of the layers stays true: arrows point down, the core stays pure.

    cli  demo  daemon  >  app  >  wiring  >  parts  >  web  >  services
        >  net | store | delivery | worker  >  formats  >  core

`errors`, `clock`, `frozen`, `garbage`, `loop` and `patterns` are leaves for all, `telemetry` is
one for the shell, and `config` knows only `core` and `errors`. An import inside a function, or
only for the type checker, is an arrow like any other.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "digestd"

TOP = {"cli", "demo", "daemon", "__main__"}
RANKS = dict.fromkeys(TOP, 9) | {
    "app": 8,
    "wiring": 7,
    "parts": 6,
    "web": 5,
    "services": 4,
    "net": 3,
    "store": 3,
    "delivery": 3,
    "worker": 3,
    "formats": 2,
    "core": 1,
}
STRANGERS = {"net", "store", "delivery", "worker"}
LEAVES = {
    "",
    "errors",
    "clock",
    "frozen",
    "garbage",
    "loop",
    "patterns",
}  # "": the package itself, which holds the version
LAYERS = RANKS.keys() | LEAVES | {"config", "telemetry"}

# Time, chance and the world are arguments of what is pure.
IMPURE = {
    *("apprise", "asyncio", "httpx", "multiprocessing", "os", "random", "secrets", "selectors"),
    *("signal", "socket", "sqlite3", "sqlite_utils", "subprocess", "threading", "time"),
}
ASKS_THE_CLOCK = {"now", "utcnow", "today"}

# Types of these libraries never leave the place that imports them.
OWNERS = {
    "apprise": ("delivery",),
    "feedparser": ("formats.feed",),
    "httpcore": ("net", "delivery"),
    "httptools": ("net", "delivery"),
    "httpx": ("net", "delivery"),
    "PIL": ("formats",),
    "nh3": ("formats",),
    "quickjs": ("formats.mathsvg",),
    "resvg_py": ("formats.mathpicture",),
    "sqlite3": ("store",),
    "sqlite_utils": ("store",),
}


def may_import(importer: str, imported: str) -> bool:
    """Return whether the first part `importer` of a module's path may know `imported`."""
    if importer == imported or imported in LEAVES:
        return True
    if importer in LEAVES:
        return False
    if importer == "config":
        return imported == "core"
    if importer == "telemetry":
        return False
    if imported == "telemetry":
        return importer not in {"core", "formats"}
    if imported == "config":
        return RANKS[importer] > RANKS["formats"]
    if importer in TOP and imported in TOP:
        return True
    if {importer, imported} <= STRANGERS:
        return False
    return RANKS[importer] > RANKS[imported]


def imports(tree: ast.Module, package: str, known: set[str]) -> Iterator[tuple[int, str]]:
    """Yield line and full dotted name of everything that a module of `package` imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: 1 - node.level or None] if node.level else []
            base = ".".join([*parents, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield node.lineno, inner if inner in known else base


def violations(package_dir: Path) -> list[str]:
    """Return a line for each arrow that goes up or sideways, each impurity, each cycle."""
    files: dict[str, Path] = {}
    for path in sorted(package_dir.rglob("*.py")):
        parts = path.relative_to(package_dir.parent).with_suffix("").parts
        files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    found = []
    arrows: dict[str, set[str]] = {}
    for module, path in files.items():
        here = module.partition(".")[2]  # "core.slots"
        layer = here.partition(".")[0]
        if layer not in LAYERS:
            found.append(f"{module}: no layer is known for it")
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
        package = module if path.name == "__init__.py" else module.rpartition(".")[0]
        for line, name in imports(tree, package, set(files)):
            top, _, rest = name.partition(".")
            where = f"{module}:{line}"
            if top == package_dir.name:
                arrows.setdefault(module, set()).add(name)
                target = rest.partition(".")[0]
                if target in LAYERS and not may_import(layer, target):
                    found.append(f"{where}: {layer} must not know {name}")
                continue
            if layer in {"core", "formats"} and top in IMPURE:
                found.append(f"{where}: {layer} must not import {top}")
            owners = OWNERS.get(top)
            if owners and not any(f"{here}.".startswith(f"{owner}.") for owner in owners):
                found.append(f"{where}: only {' and '.join(owners)} may import {top}")
        if layer in {"core", "formats"}:
            found += [f"{module}:{line}: {layer} asks the clock" for line in clock_calls(tree)]
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as exc:
        found.append(f"a circle: {' -> '.join(exc.args[1])}")
    return found


def clock_calls(tree: ast.Module) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in ASKS_THE_CLOCK:
            yield node.lineno


def test_every_arrow_points_down() -> None:
    assert violations(PACKAGE) == []


@pytest.mark.parametrize(
    ("path", "source", "complaint"),
    [
        ("core/a.py", "import digestd.store.b", "core must not know digestd.store.b"),
        ("core/a.py", "def f():\n    from digestd.formats import x", "core must not know"),
        ("core/a.py", "from ..services import poll", "core must not know digestd.services"),
        ("core/a.py", "from digestd import config", "core must not know digestd.config"),
        ("formats/a.py", "from digestd import telemetry", "formats must not know"),
        ("store/b.py", "from digestd.net import client", "store must not know digestd.net"),
        ("net/a.py", "from digestd.worker import x", "net must not know digestd.worker"),
        ("services/a.py", "from digestd.web import x", "services must not know digestd.web"),
        ("web/a.py", "from digestd.app import App", "web must not know digestd.app"),
        ("errors.py", "from digestd.core import models", "errors must not know"),
        ("core/a.py", "import os.path", "core must not import os"),
        ("formats/a.py", "from time import time", "formats must not import time"),
        ("core/a.py", "from datetime import datetime\nx = datetime.now()", "asks the clock"),
        ("core/a.py", "import datetime as d\nf = d.date.today", "asks the clock"),
        ("services/a.py", "import sqlite3", "only store may import sqlite3"),
        ("formats/html.py", "import feedparser", "only formats.feed may import feedparser"),
        ("web/a.py", "import httpx", "only net and delivery may import httpx"),
        ("gadgets/a.py", "", "no layer is known for it"),
        ("core/a.py", "from digestd.core import b\n", "a circle: digestd.core."),
    ],
)
def test_a_wrong_import_is_seen(tmp_path: Path, path: str, source: str, complaint: str) -> None:
    package = tmp_path / "digestd"
    for name in [*RANKS.keys() - TOP, "gadgets"]:
        (package / name).mkdir(parents=True)
        (package / name / "__init__.py").touch()
    for name in ("config.py", "errors.py", "telemetry.py", "__init__.py"):
        (package / name).touch()
    (package / "gadgets" / "__init__.py").unlink()
    (package / "store" / "b.py").touch()
    (package / "core" / "b.py").write_text("from digestd.core import a\n")
    (package / "core" / "a.py").touch()
    assert violations(package) == []
    (package / path).write_text(source)
    assert any(complaint in line for line in violations(package)), violations(package)


def test_what_is_allowed_is_not_complained_about(tmp_path: Path) -> None:
    package = tmp_path / "digestd"
    (package / "services").mkdir(parents=True)
    (package / "store").mkdir()
    (package / "store" / "outbox.py").touch()
    (package / "services" / "poll.py").write_text(
        "import os, time\n"
        "from digestd import __version__, telemetry\n"
        "from digestd.config import Config\n"
        "from digestd.core.models import Feed\n"
        "from digestd.store import outbox\n"
        "now = lambda: time.time()\n"
    )
    assert violations(package) == []


# Whatever a pass that finds nothing new has no use for; together, half a second and 40 MB.
HEAVY = {
    *("PIL", "apprise", "babel", "feedparser", "h11", "httpcore", "isal", "jinja2", "lxml", "nh3"),
    *("pickle", "requests", "rich", "starlette", "tomlkit", "uvicorn"),
}
# Whatever the child has no use for that reads documents as most are.
NOT_TO_READ = {
    *("asyncio", "email", "feedparser", "hmac", "json", "logging", "random", "socket", "ssl"),
    *("sqlite3", "subprocess", "zoneinfo"),
}


@pytest.mark.parametrize(
    ("module", "unneeded"),
    [
        ("digestd.cli", HEAVY),
        ("digestd.app", HEAVY | {"asyncio", "email", "http", "ssl"}),
        ("digestd.wiring", HEAVY),
        ("digestd.daemon", HEAVY),
        ("digestd.formats.news", NOT_TO_READ),
        ("digestd.worker.child", NOT_TO_READ | {"dataclasses", "inspect"}),
    ],
)
def test_nothing_is_loaded_before_it_is_needed(module: str, unneeded: set[str]) -> None:
    code = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert unneeded & set(loaded.split()) == set()


def test_a_pass_without_feeds_loads_no_more(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f'[store]\npath = "{tmp_path}/db"\n[channels]\nscreen = "terminal://"\n')
    code = (
        f"import sys, digestd.cli; digestd.cli.main(['-c', {str(file)!r}, 'run', '--once']);"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert HEAVY & set(loaded.split()) == set()

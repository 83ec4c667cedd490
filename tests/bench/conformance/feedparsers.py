"""feedparser's suite: each document holds the expression that must be true of it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.conformance.judge import Case, Field, Wanted

ARCHIVE = "feedparser==6.0.14"

_EXPECT = re.compile(rb"Description:\s*(.*?)\s*Expect:\s*(.*)\s*-->")
_HEADER = re.compile(r"Header:\s*([\w-]+):\s*([^\r\n]*)", re.IGNORECASE)
_TEXTS: dict[str, Field] = {
    "title": "title",
    "link": "link",
    "id": "id",
    "guid": "id",
    "summary": "content",
    "description": "content",
    "subtitle": "content",
}
_DATES = ("published", "updated", "created", "date", "issued", "modified")


def cases(source: Path) -> Iterator[Case]:
    """Yield every case that says anything of what we keep."""
    tests = source / "tests"
    for path in sorted(tests.rglob("*.xml")):
        body = path.read_bytes()
        expression = _expression(body)
        wanted = tuple(_wanted(expression)) if expression else ()
        if wanted:
            name = path.relative_to(tests).as_posix()
            found = _HEADER.findall(body[:4_000].decode("latin-1"))
            headers = {key.lower(): value.strip() for key, value in found}
            yield Case(
                name,
                body,
                wanted,
                headers.get("content-type", ""),
                headers.get("content-location", f"http://127.0.0.1:8097/tests/{name}"),
            )


def _expression(body: bytes) -> str:
    for encoding in _encodings(body):
        found = _EXPECT.search(body.decode(encoding, "replace").encode("utf-8", "replace"))
        if found:
            return found[2].decode("utf-8").strip()
    return ""


def _encodings(body: bytes) -> Iterator[str]:
    if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        yield "utf-16"
    if body[:4] == b"\x4c\x6f\xa7\x94":
        yield "cp037"
    yield "latin-1"
    for wide in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"):
        if b"\0" in body[:8]:
            yield wide


def _wanted(expression: str) -> Iterator[Wanted]:
    try:
        tree = ast.parse(expression, mode="eval").body
    except (SyntaxError, ValueError):
        return
    parts = tree.values if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And) else [tree]
    for part in parts:
        if isinstance(part, ast.Compare) and len(part.ops) == 1 and isinstance(part.ops[0], ast.Eq):
            found = _comparison(part.left, part.comparators[0])
            if found is not None:
                yield found


def _comparison(left: ast.expr, right: ast.expr) -> Wanted | None:
    path = _path(left)
    try:
        value = ast.literal_eval(right)
    except (ValueError, TypeError, SyntaxError):
        return None
    match path:
        case ["feed", "title"] | ["feed", "title_detail", "value"] if isinstance(value, str):
            return Wanted("feed title", value)
        case ["feed", "link"] if isinstance(value, str):
            return Wanted("feed link", value)
        case ["entries", int(number), str(key)] | [
            "entries",
            int(number),
            str(key),
            "value",
        ] if isinstance(value, str) and key.removesuffix("_detail") in _TEXTS:
            return Wanted(_TEXTS[key.removesuffix("_detail")], value, number)
        case ["entries", int(number), "content", int(), "value"] if isinstance(value, str):
            return Wanted("content", value, number)
        case ["entries", int(number), str(key)] if key.removesuffix("_parsed") in _DATES:
            if isinstance(value, tuple):
                year, month, day, hour, minute, second = value[:6]
                moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
                return Wanted("date", moment, number)
            return Wanted("date", value, number) if isinstance(value, str) else None
    return None


def _path(node: ast.expr) -> list[str | int]:
    """Return `entries[0]['title']` as its steps, nothing for other expressions."""
    steps: list[str | int] = []
    while isinstance(node, ast.Subscript):
        try:
            steps.append(ast.literal_eval(node.slice))
        except ValueError:
            return []
        node = node.value
    return [node.id, *reversed(steps)] if isinstance(node, ast.Name) else []

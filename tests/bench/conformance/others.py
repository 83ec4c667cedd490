"""Other parsers' suites, from their source archives: podcastparser, rss-parser, reader."""

from __future__ import annotations

import ast
import html
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.bench.conformance.judge import Case, Field, Wanted

PODCASTPARSER = "podcastparser==0.6.11"
RSS_PARSER = "rss-parser==4.4.1"
READER = "reader==3.26"
_URL = "http://example.com/feed/"


def podcastparser(source: Path) -> Iterator[Case]:
    """Yield its pairs of a document and what it makes of it; it skips episodes without a file."""
    for path in sorted((source / "tests" / "data").glob("*.rss")):
        expected = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        body = path.read_bytes()
        text = html.unescape(body.decode("utf-8", "replace"))
        wanted = [Wanted("feed title", expected.get("title", ""))]
        wanted.append(Wanted("feed link", expected.get("link", "")))
        # It sorts episodes, and leaves out those without a file.
        count = len(re.findall(r"<(?:item|entry)[\s>]", text))
        if len(expected["episodes"]) == count and "serial" not in path.name:
            for number, episode in enumerate(expected["episodes"]):
                wanted += _episode(episode, number)
        # What is not in the document it made up: titles from file names, guids from links.
        wanted = [
            one
            for one in wanted
            if one.field not in ("title", "feed title", "feed link", "id")
            or (isinstance(one.value, str) and one.value and _stands_in(one.value, text))
        ]
        if wanted:
            yield Case(path.name, body, tuple(wanted), url=_URL)


def _stands_in(value: str, text: str) -> bool:
    return bool(re.search(rf"(?:>|CDATA\[)\s*{re.escape(value)}\s*(?:<|\]\])", text))


def _episode(episode: dict[str, Any], number: int) -> Iterator[Wanted]:
    if episode.get("title"):
        yield Wanted("title", episode["title"], number)
    if episode.get("link"):
        yield Wanted("link", episode["link"], number)
    if episode.get("guid") and " " not in episode["guid"]:
        yield Wanted("id", episode["guid"], number)
    if episode.get("published"):
        yield Wanted("date", datetime.fromtimestamp(episode["published"], UTC), number)
    if episode.get("description_html") or episode.get("description"):
        yield Wanted("content", episode.get("description_html") or episode["description"], number)


def rss_parser(source: Path) -> Iterator[Case]:
    """Yield its samples with their whole results, and its corpus with what it says of each."""
    for path in sorted((source / "tests").rglob("data.xml")):
        name = path.parent.relative_to(source / "tests").as_posix()
        result, expect = path.with_name("result.json"), path.with_name("expect.json")
        if result.exists():
            wanted = tuple(_result(json.loads(result.read_text(encoding="utf-8"))))
        else:
            facts = json.loads(expect.read_text(encoding="utf-8"))
            wanted = (
                Wanted("feed title", facts["title"]),
                Wanted("title", facts["first_item_title"]),
            )
        yield Case(name, path.read_bytes(), wanted, url=_URL)


def _result(result: dict[str, Any]) -> Iterator[Wanted]:
    channel = _content(result.get("channel") or result.get("feed"))
    if not isinstance(channel, dict):
        return
    if title := _said(channel, "title"):
        yield Wanted("feed title", title)
    items = channel.get("item") or channel.get("entry") or channel.get("entries")
    items = items or result.get("item") or []
    for number, item in enumerate(items if isinstance(items, list) else [items]):
        facts = _content(item)
        for key, field in _NAMES:
            if isinstance(facts, dict) and (value := _said(facts, key)):
                yield Wanted(field, value, number)


_NAMES: tuple[tuple[str, Field], ...] = (
    ("title", "title"),
    ("guid", "id"),
    ("id", "id"),
    ("link", "link"),
    ("pub_date", "date"),
    ("published", "date"),
    ("updated", "date"),
    ("description", "content"),
    ("summary", "content"),
)


def _said(facts: dict[str, Any], key: str) -> str:
    value = facts.get(key)
    value = value[0] if isinstance(value, list) and value else value
    found = _content(value)
    return found if isinstance(found, str) else ""


def _content(value: object) -> object:
    return value.get("content") if isinstance(value, dict) else value


def reader(source: Path) -> Iterator[Case]:
    """Yield its documents with the entries that its data modules build, read, not run."""
    folder = source / "tests" / "data"
    for path in sorted(folder.glob("*.py")):
        document = path.with_suffix("")
        if document.suffix not in (".atom", ".json", ".rss"):
            continue
        wanted = tuple(_module(ast.parse(path.read_text(encoding="utf-8"))))
        if wanted:
            url = f"{_URL}{document.name}"
            yield Case(document.name, document.read_bytes(), wanted, url=url)


def _module(tree: ast.Module) -> Iterator[Wanted]:
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    for call in calls:
        if isinstance(call.func, ast.Name) and call.func.id == "FeedData":
            facts = {k.arg: k.value for k in call.keywords}
            if isinstance(title := _literal(facts.get("title")), str):
                yield Wanted("feed title", title)
            if isinstance(link := _literal(facts.get("link")), str):
                yield Wanted("feed link", link)
    entries = [c for c in calls if isinstance(c.func, ast.Name) and c.func.id == "EntryData"]
    for number, call in enumerate(sorted(entries, key=lambda c: c.lineno)):
        facts = {k.arg: k.value for k in call.keywords}
        for key, field in (("title", "title"), ("link", "link"), ("id", "id")):
            if isinstance(value := _literal(facts.get(key)), str):
                yield Wanted(field, value, number)  # type: ignore[arg-type]
        for key in ("published", "updated"):
            if (moment := _moment(facts.get(key))) is not None:
                yield Wanted("date", moment, number)
        if isinstance(summary := _literal(facts.get("summary")), str) and summary:
            yield Wanted("content", summary, number)


def _literal(node: ast.expr | None) -> object:
    if isinstance(node, ast.JoinedStr):
        parts = [str(p.value) if isinstance(p, ast.Constant) else _URL for p in node.values]
        return "".join(parts)
    return node.value if isinstance(node, ast.Constant) else None


def _moment(node: ast.expr | None) -> datetime | None:
    if not isinstance(node, ast.Call):
        return None
    parts = [a.value for a in node.args if isinstance(a, ast.Constant)]
    numbers = [p for p in parts if isinstance(p, int)]
    if len(numbers) < 3:
        return None
    year, month, day, hour, minute, second = (*numbers, 0, 0, 0)[:6]
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC)


def gofeed(source: Path) -> Iterator[Case]:
    """Yield gofeed's pairs: of its three parsers, and of what it makes of all formats."""
    for path in sorted(source.rglob("*.json")):
        stem = path.name.removesuffix("_expected.json").removesuffix(".json")
        document = path.with_name(f"{stem}.xml")
        if not document.exists() and path.name.endswith("_expected.json"):
            document = path.with_name(f"{stem}.json")
        if document == path or not document.exists():
            continue
        wanted = tuple(_gofeed(json.loads(path.read_text(encoding="utf-8"))))
        if wanted:
            name = document.relative_to(source).as_posix()
            yield Case(name, document.read_bytes(), wanted, url=_URL)


def _gofeed(expected: dict[str, Any]) -> Iterator[Wanted]:
    if title := _go_text(expected.get("title")):
        yield Wanted("feed title", title)
    if link := _go_text(expected.get("link") or expected.get("home_page_url")):
        yield Wanted("feed link", link)
    for number, item in enumerate(expected.get("items") or expected.get("entries") or []):
        for key, field in _GO_NAMES:
            if key == "content_text" and "content_html" in item:
                continue  # two forms of one text, of which we keep the richer
            if value := _go_text(item.get(key)):
                yield Wanted(field, value, number)


_GO_NAMES: tuple[tuple[str, Field], ...] = (
    ("title", "title"),
    ("link", "link"),
    ("url", "link"),
    ("guid", "id"),
    ("id", "id"),
    ("pubDateParsed", "date"),
    ("publishedParsed", "date"),
    ("updatedParsed", "date"),
    ("date_published", "date"),
    ("description", "content"),
    ("summary", "content"),
    ("content", "content"),
    ("content_html", "content"),
    ("content_text", "content"),
)


def _go_text(value: object) -> str:
    value = value.get("value") if isinstance(value, dict) else value
    return value if isinstance(value, str) else ""

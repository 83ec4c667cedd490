"""Three corpora of our own to look at: Chinese mathematics, news in three scripts, releases.

`python -m tests.support.corpora FOLDER` writes their digests there, as HTML and text.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from zoneinfo import ZoneInfo

from digestd.core.messages import Letter, Message
from digestd.core.models import Entry, Feed
from digestd.core.parsed import Enclosure
from digestd.core.selection import Member
from digestd.delivery.around import Around, Life
from digestd.delivery.render import Renderer
from digestd.formats.html import clean
from digestd.formats.maths import mark_title
from tests.support.samples import NOW, digest, feed

_AROUND = Around(
    life=Life(well=42, failing=1, quiet=2, extra=("arXiv: 3 of 214 by rule",)),
    pause="To pause it for a week: digestd pause morning --for 7d",
)
_NUMBERS = count(1)
_TEXTS = tomllib.loads((Path(__file__).parent.parent / "data" / "corpora.toml").read_text("utf-8"))
_FEEDS = {
    each.id: each
    for each in (
        feed(201, "xianxing", "线性与随机 Linear and Random", "zh-CN", 90),
        feed(202, "teahouse", "茶馆里的分析学", "zh-CN", 120),
        feed(203, "stat", "arXiv, statistics", "en", 3),
        feed(204, "shulun", "數論札記", "zh-TW", 200),
        feed(211, "akhbar", "أخبار العلوم والبحر", "ar", 8),
        feed(212, "minato", "港のニュース", "ja", 10),
        feed(213, "kurier", "Der Bergkurier", "de", 9),
        feed(214, "anzeiger", "Talanzeiger", "de", 14),
    )
}
_BRIDGE = "https://kurier.example/archives/bruecke"
_EPISODE = Enclosure(
    "https://kurier.example/folge-112.mp3", "audio/mpeg", 62_000_000, timedelta(minutes=43)
)


def _post(
    of: Feed,
    title: str,
    html: str,
    hours: float,
    *,
    author: str = "",
    files: Sequence[Enclosure] = (),
) -> Member:
    """Return an entry as it is stored: cleaned, formulas marked."""
    number = next(_NUMBERS)
    title, title_html = mark_title(title)
    home = (of.home_url or of.url).rstrip("/")
    made = Entry(
        id=number,
        feed_pk=of.pk,
        revision=1,
        guid=str(number),
        link=f"{home}/archives/{11000 + number}",
        title=title,
        title_html=title_html,
        content_html=clean(html, home),
        summary_html="",
        author=author,
        categories=(),
        published_at=NOW - timedelta(hours=hours),
        updated_at=None,
        seen_at=NOW - timedelta(hours=hours) + timedelta(minutes=2),
        first_fetch=False,
        enclosures=tuple(files),
    )
    return made, of


def _written(name: str) -> list[Member]:
    return [_post(_FEEDS[r["feed"]], r["title"], r["html"], r["hours"]) for r in _TEXTS[name]]


def maths() -> list[Member]:
    """Return Chinese mathematics: formulas in every form, two ways of writing, a little arXiv."""
    return _written("maths")


def news() -> list[Member]:
    """Return news in Arabic, Japanese and German; one story is in two papers, one is a podcast."""
    members = _written("news")
    for at in (4, 6):  # two papers, one page
        members[at] = (replace(members[at][0], link=_BRIDGE), members[at][1])
    title, html = "Bergfunk, Folge 112: Wer räumt den Schnee?", "<p>Salz, Schaufeln, Nachbarn.</p>"
    members.append(_post(_FEEDS["kurier"], title, html, 1.5, files=[_EPISODE]))
    return members


# --- software releases -------------------------------------------------------------------

_TOOLS = (
    "ledger parquet-tools hound tinyhttp moss quay sextant wick barnacle halyard kelp lantern"
    " driftwood anchorage tidepool compass-rs rudder jib keelson foghorn spinnaker bilge capstan"
    " mooring windlass gunwale scupper bowline davit fathom"
).split()
_NOTES = (
    "Reads files that end without a newline",
    "Start-up is faster by a third on cold caches",
    "Fixes a crash when the configuration names a folder",
    "Drops support for the old wire format, as announced",
    "Documentation for the plug-in interface",
)


def releases(number: int = 500, feeds: int = 30) -> list[Member]:
    """Return releases of many tools, a few of which hardly ever stop."""
    of = [
        feed(300 + n, name, f"{name} releases", "en", 0.7 if n < 3 else 30 + 40 * n)
        for n, name in enumerate(_TOOLS[:feeds])
    ]

    def which() -> Iterator[Feed]:
        for n in range(number):
            # Half of all is of the first three.
            yield of[n % min(3, feeds)] if n % 2 else of[(n // 2) % feeds]

    made = []
    for n, tool in enumerate(which()):
        items = "".join(f"<li>{_NOTES[(n + i) % len(_NOTES)]}</li>" for i in range(3))
        version = f"{1 + n // 90}.{n // 9 % 10}.{n % 9}"
        html = f"<h2>What changed</h2><ul>{items}</ul><p>Checksums are in the usual place.</p>"
        author = ("mira", "tobias", "ana")[n % 3]
        made.append(_post(tool, f"{tool.id} {version}", html, 0.3 + n * 0.11, author=author))
    return made


def messages(language: str) -> dict[str, Message]:
    """Return the digest of each corpus, by a name for its file."""

    def made(members: list[Member], title: str) -> Message:
        return Renderer([], language, ZoneInfo("Europe/Berlin")).render_digest(
            replace(digest(title=title), same_story="alike"),
            members,
            identity="digest/morning/2026-11-24T08:00",
            now=NOW,
            slot_due_at=NOW,
            around=replace(_AROUND, marks={members[0][0].id: ("already on your phone 21:40",)}),
        )

    return {
        "maths": made(maths(), "数学早报" if language == "zh" else "The maths paper"),
        "news": made(news(), "The morning paper"),
        "releases": made(releases(), "Releases"),
    }


def _write(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for language in ("en", "zh", "de"):
        for name, message in messages(language).items():
            letters: Sequence[Message | Letter] = message.letters or (message,)
            for n, letter in enumerate(letters, start=1):
                file = folder / f"{name}-{language}{f'-{n}' if n > 1 else ''}.html"
                file.write_text(letter.html, encoding="utf-8")
                file.with_suffix(".txt").write_text(letter.text, encoding="utf-8")
            (folder / f"{name}-{language}.chat.html").write_text(message.chat, encoding="utf-8")


if __name__ == "__main__":
    _write(Path(sys.argv[1]))

"""What the demo's three blogs have to say; the posts lie in `posts/`, one file for each blog.

A file is a run of HTML fragments, each begun by a line `<h1 id="slug">Title</h1>`.
When a blog has said it all, it goes on with numbered posts that are worked out
on the spot, so that the demo may run as long as it likes.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from digestd.frozen import dataclass

POSTS = Path(__file__).parent / "posts"
# NAME.jpg for a post's slug, NAME.png for a blog's icon.
PICTURES = Path(__file__).parent / "pictures"
FOGHORN = "/foghorn.wav"
_HEADING = re.compile(r'^<h1 id="([\w-]+)">(.*)</h1>$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Post:
    """A post before it has a date. `title` is plain text; `audio` is a path on the server."""

    slug: str
    title: str
    content: str
    audio: str = ""


@dataclass(frozen=True, slots=True)
class Blog:
    """A blog, and where its feed is."""

    name: str
    path: str
    title: str
    subtitle: str
    author: str
    language: str


BLOGS = (
    Blog("maths", "/maths.xml", "窗下数学", "坐在窗边想清楚的几件小事", "临窗", "zh-CN"),
    Blog("releases", "/releases.atom", "Lantern", "Releases and notes", "Lantern authors", "en"),
    Blog("notes", "/notes.json", "Tidepool notes", "Small science by the sea", "Marit", "en"),
)


def posts_of(blog: Blog) -> Iterator[Post]:
    """Yield the posts of `blog`, oldest first, without end."""
    # Split at the headings: [before, slug, title, content, slug, title, content, …].
    _, *parts = _HEADING.split((POSTS / f"{blog.name}.html").read_text(encoding="utf-8"))
    for slug, title, content in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        audio = FOGHORN if slug == "foghorn" else ""
        yield Post(slug, html.unescape(title), _illustrated(slug, content.strip()), audio)
    make = {"maths": _exercise, "releases": _patch_release, "notes": _tide_table}[blog.name]
    yield from map(make, count(1))


def _illustrated(slug: str, content: str) -> str:
    if not (PICTURES / f"{slug}.jpg").is_file():
        return content
    return f'{content}\n<p><img src="/pictures/{slug}.jpg" width="480" height="360" alt=""></p>'


def _exercise(number: int) -> Post:
    m = 9 + number
    squares = m * (m + 1) * (2 * m + 1) // 6
    residue = pow(2, m, 7)
    return Post(
        f"exercise-{number}",
        f"每日一题（{number}）：$1^2+2^2+\\cdots+{m}^2$",
        f"<p>用公式 $\\sum_{{k=1}}^{{n}}k^2=\\frac{{n(n+1)(2n+1)}}{{6}}$，取 $n={m}$：</p>\n"
        f"<p>$$\\sum_{{k=1}}^{{{m}}}k^2=\\frac{{{m}\\times {m + 1}\\times {2 * m + 1}}}{{6}}"
        f"={squares}$$</p>\n"
        f"<p>附加题：$2^{{{m}}}$ 除以 $7$ 余几？因为 $2^3\\equiv 1\\pmod 7$，"
        f"而 ${m}\\equiv {m % 3}\\pmod 3$，所以余 ${residue}$。</p>",
    )


_FIXES = (
    "the clock shown by <code>lantern status</code> follows the time zone of the photograph",
    "a place on a USB stick is found again after it was plugged in elsewhere",
    "quotation marks in folder names no longer upset <code>lantern move</code>",
    "verification pauses while the machine runs on battery",
    "the summary counts one burst as one burst",
    "copying to two places no longer reads the photograph twice",
    "a read error names the file and the place",
)


def _patch_release(number: int) -> Post:
    version = f"1.6.{number + 1}"
    chosen = [_FIXES[(number * 3 + step) % len(_FIXES)] for step in range(3)]
    items = "\n".join(f"<li>Fixed: {fix}.</li>" for fix in chosen)
    return Post(
        version.replace(".", "-"),
        f"Lantern {version}",
        f"<ul>\n{items}\n</ul>\n<p>Nothing needs to be done after upgrading.</p>",
    )


def _tide_table(number: int) -> Post:
    # A lunar day is 24 h 50 min, and has two high tides.
    first = (6 * 60 + 50 * number) % 745
    rows = "\n".join(
        f"<li>{what} water at {minutes // 60 % 24:02d}:{minutes % 60:02d}</li>"
        for what, minutes in (("high", first), ("low", first + 372), ("high", first + 745))
    )
    return Post(
        f"tides-{number}",
        f"Tide table, page {number}",
        f"<p>Reckoned by hand from yesterday's, fifty minutes later each day:</p>\n"
        f"<ul>\n{rows}\n</ul>\n<p>Do not sail by it.</p>",
    )

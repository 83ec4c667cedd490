"""Sample feeds and entries of our own, for tests and for looking at what is rendered.

`python -m tests.support.samples FOLDER` writes every kind of message there, as HTML and text.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path
from zoneinfo import ZoneInfo

from digestd.core.messages import Message
from digestd.core.models import ContentLevel, Digest, Entry, Feed
from digestd.core.parsed import Enclosure
from digestd.core.selection import Member
from digestd.core.slots import Schedule
from digestd.delivery.around import Around, Life
from digestd.delivery.render import Renderer

NOW = datetime(2026, 11, 24, 0, 0, tzinfo=UTC)  # 08:00 in Shanghai
SHANGHAI = ZoneInfo("Asia/Shanghai")
HOUR = 3600.0


def marked(text: str) -> str:
    """Return entry HTML as it is stored, from text in which ⟦LaTeX‖Unicode⟧ is a formula."""

    def span(match: re.Match[str]) -> str:
        kind = "block" if match[1] == "⟦⟦" else "inline"
        return (
            f'<span class="math" data-tex="{escape(match[2])}" data-display="{kind}">'
            f"{escape(match[3])}</span>"
        )

    return re.sub(r"(⟦⟦?)([^‖]*)‖([^⟧]*)⟧⟧?", span, text)


def feed(pk: int, feed_id: str, title: str, language: str, gap_hours: float) -> Feed:
    return Feed(
        pk=pk,
        id=feed_id,
        url=f"https://{feed_id}.example/feed.xml",
        title=title,
        home_url=f"https://{feed_id}.example/",
        language=language,
        recent_gaps=(gap_hours * HOUR,) * 5,
    )


def entry(
    number: int,
    of: Feed,
    title: str,
    content: str,
    hours_ago: float,
    *,
    title_html: str = "",
    author: str = "",
    link: str | None = "",
    enclosures: Sequence[Enclosure] = (),
) -> Entry:
    published = NOW - timedelta(hours=hours_ago)
    return Entry(
        id=number,
        feed_pk=of.pk,
        revision=1,
        guid=f"{of.id}/{number}",
        link=f"https://{of.id}.example/{number}" if link == "" else link,
        title=title,
        title_html=title_html,
        content_html=marked(content),
        summary_html="",
        author=author,
        categories=(),
        published_at=published,
        updated_at=None,
        seen_at=published + timedelta(minutes=3),
        first_fetch=False,
        enclosures=tuple(enclosures),
        language="",
    )


MATHS = feed(1, "xianxing", "线性与随机", "zh-CN", 90)
NOTES = feed(2, "workbench", "Workbench Notes", "en", 100)
RELEASES = feed(3, "releases", "Tool Releases", "en", 2)
NEWS = feed(4, "akhbar", "أخبار العلوم", "ar", 20)
TALK = feed(5, "longwave", "Long Wave, a podcast", "en", 160)

_PROJECTION = r"""
<p>给定子空间和空间外的一点，离它最近的点就是它的正交投影。这件事看上去“显然”，可一旦换成别的范数，
结论立刻就不成立了。设 ⟦\boldsymbol{A}\in\mathbb{R}^{n\times d}‖A ∈ ℝⁿˣᵈ⟧ 列满秩，要在它的列空间里逼近
⟦\boldsymbol{b}‖b⟧，最小二乘的解写成</p>
⟦⟦\boldsymbol{x}^* = (\boldsymbol{A}^{\top}\boldsymbol{A})^{-1}\boldsymbol{A}^{\top}\boldsymbol{b}‖x* = (AᵀA)⁻¹Aᵀb⟧⟧
<p>于是投影矩阵 ⟦\boldsymbol{P}‖P⟧ 满足 ⟦\boldsymbol{P}^2=\boldsymbol{P}‖P² = P⟧，而且对称。
对称这一条恰恰来自内积，换成一般的范数就没有了。下面先看平面上的例子，再看一般的情形。</p>
"""  # noqa: E501 - a formula is one line
_SINGULAR = r"""
<p>高斯矩阵的条件数通常是 ⟦O(n)‖O(n)⟧ 的量级，也就是说
⟦\sigma_{\min}\sim n^{-1/2}‖σ_min ∼ n⁻¹ᐟ²⟧。本文给出一个只用初等概率的证明，不需要 ε-网，
也不需要集中不等式，读起来大约和泡一壶茶一样久。</p>
"""
_SOFTMAX = r"""
<p>把温度调低，分布就越来越接近独热，梯度也随之趋于零。对任意 ⟦i\neq j‖i ≠ j⟧，都有</p>
⟦⟦\frac{\partial p_i}{\partial x_j} = -p_i p_j,\quad \sum_i p_i = 1‖∂pᵢ/∂xⱼ = −pᵢpⱼ, ∑ᵢ pᵢ = 1⟧⟧
<p>右边最大也只有四分之一，一旦某个概率接近一，它就几乎处处为零。</p>
"""
_KETTLE = """
<p>Water boils at 96 °C up here, and that is enough to measure how high the house stands. All it
takes is a kettle, a kitchen thermometer with one decimal, and the patience to wait for a calm day.
The result was off by nine metres, about as much as the weather moves it within an afternoon.</p>
"""
_SCREWS = """
<p>Twelve jars, four hundred screws, and a rule that has held for a year: measure the thread first
and the head last. What I would do differently, and the one jar that I would never give up.</p>
<ul><li>Metric on the left</li><li>Wood on the right</li></ul>
"""
_RELAY = """
<p>For sixty years one station told every ship between two capes what the weather would be. We talk
to the woman who switched it off, and to the radio amateurs who still listen at ten past the
hour.</p>
"""
_COMET = """
<p>رصد فريق من الهواة مذنّبًا جديدًا بتلسكوب لا يزيد قطره على ثلاثين سنتيمترًا، قبل أن تعلن عنه
المراصد الكبيرة بيومين كاملين. ويقول أعضاء الفريق إن السرّ في الصبر وفي ليلة صافية بلا قمر.</p>
"""
# What follows after the part that a digest shows.
_REST = "<p>" + "后面的推导只用到初等的线性代数，读者可以先自己试一试。" * 60 + "</p>"
_METHOD = "<p>" + "What follows is the method, step by step, with its errors. " * 40 + "</p>"
_EPISODE = Enclosure(
    "https://longwave.example/media/112.mp3", "audio/mpeg", 62_000_000, timedelta(minutes=43)
)

MEMBERS: list[Member] = [
    (entry(1, MATHS, "投影为什么总是“最近”的那个点？", _PROJECTION + _REST, 10.3), MATHS),
    (entry(2, MATHS, "随机矩阵的最小奇异值有多小", _SINGULAR + _REST, 61), MATHS),
    (entry(3, MATHS, "softmax 的梯度为什么会消失", _SOFTMAX + _REST, 131), MATHS),
    (
        entry(4, NOTES, "A kettle, a thermometer and the height of a hill", _KETTLE + _METHOD, 15),
        NOTES,
    ),
    (entry(5, NOTES, "Sorting screws", _SCREWS, 32), NOTES),
    (entry(6, TALK, "The last relay on the coast", _RELAY, 20, enclosures=[_EPISODE]), TALK),
    (entry(7, NEWS, "تلسكوب صغير يرصد مذنّبًا قبل الجميع", _COMET, 5), NEWS),
]


def releases(count: int, start: int = 100) -> list[Member]:
    """Return what a busy feed of software releases brings in a day."""
    names = ("ledger", "parquet-tools", "hound", "tinyhttp", "moss", "quay", "sextant", "wick")
    return [
        (
            entry(
                start + i,
                RELEASES,
                f"{names[i % len(names)]} {1 + i // 8}.{i % 8}.0",
                "<h2>Changes</h2><ul><li>Reads files that end without a newline</li>"
                f"<li>Start-up is faster by {7 + i % 30}%</li></ul><p>Thanks to all who wrote.</p>",
                0.5 + i * 0.7,
                author=("mira", "tobias", "ana")[i % 3],
            ),
            RELEASES,
        )
        for i in range(count)
    ]


def digest(content: ContentLevel = "excerpt", title: str = "", subject: str = "") -> Digest:
    return Digest(
        name="morning",
        schedule=Schedule.parse("08:00"),
        zone=SHANGHAI,
        to=("inbox",),
        content=content,
        title=title,
        subject=subject,
    )


def _write(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for language, title in (("en", "The morning paper"), ("zh", "早间文摘")):
        for name, message in messages(Renderer([], language, SHANGHAI), title).items():
            for form, ending in (("html", "html"), ("text", "txt"), ("chat", "chat.html")):
                file = folder / f"{name}-{language}.{ending}"
                file.write_text(getattr(message, form), encoding="utf-8")


def messages(renderer: Renderer, title: str) -> dict[str, Message]:
    """Return one message of every kind, by a name for its file."""

    def made(members: Sequence[Member], content: ContentLevel, *notes: str) -> Message:
        return renderer.render_digest(
            digest(content, title),
            members,
            identity="digest/morning/2026-11-24T08:00",
            now=NOW,
            slot_due_at=NOW,
            around=Around(
                notes=notes,
                marks={5: ("already on your phone 21:40",)},
                life=Life(well=42, failing=1, quiet=2),
                pause="To pause it for a week: digestd pause morning --for 7d",
            ),
        )

    few = MEMBERS[:3] + MEMBERS[5:]
    return {
        "digest": made(MEMBERS + releases(31), "excerpt"),
        "short": made(few, "excerpt", "This one makes up for yesterday's."),
        "full": made(MEMBERS, "full"),
        "many": made(MEMBERS + releases(493), "excerpt"),
        "alert": renderer.render_alert(MEMBERS[:1], identity="alert/1", now=NOW),
        "burst": renderer.render_alert(releases(6), identity="alert/2", now=NOW),
        "test": renderer.render_test("inbox", NOW),
    }


if __name__ == "__main__":
    _write(Path(sys.argv[1]))

"""Fixed words, dates and plurals in six languages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from babel.messages.pofile import read_po

from digestd.core.slots import Schedule
from digestd.delivery.words import Words, languages

ROOT = Path(__file__).parent.parent.parent
SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 24, 1, tzinfo=UTC)  # 09:00 in Shanghai


def messages() -> Iterator[tuple[str, str]]:
    """Yield each fixed text that our code or templates ask for, with its plural or nothing."""
    for file in (ROOT / "digestd").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            texts = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
            if node.func.attr == "say" and len(texts) == 1:
                yield str(texts[0]), ""
            elif node.func.attr == "count" and len(texts) >= 2:
                yield str(texts[0]), str(texts[1])
    for file in (ROOT / "templates").glob("*.j2"):
        source = file.read_text("utf-8")
        for text in re.findall(r'words\.say\("([^"]*)"', source):
            yield text, ""
        yield from re.findall(r'words\.count\("([^"]*)", "([^"]*)"', source)


@pytest.mark.parametrize("language", languages())
def test_a_catalogue_has_every_text_and_no_other(language: str) -> None:
    path = resources.files("digestd") / "locale" / f"{language}.po"
    with path.open("rb") as file:
        catalogue = read_po(file, locale=language)
    asked = dict(messages())
    known = {m.id if isinstance(m.id, str) else m.id[0]: m for m in catalogue if m.id}
    assert set(known) == set(asked)
    for text, plural in asked.items():
        said = known[text].string
        for form in [said] if isinstance(said, str) else said or [""]:
            assert form, f"{language}: {text} is not translated"
            wanted = set(re.findall(r"\{\w+\}", text)) | set(re.findall(r"\{\w+\}", plural))
            assert set(re.findall(r"\{\w+\}", str(form))) == wanted, f"{language}: {text}"


def test_the_promised_languages_are_there() -> None:
    assert set(languages()) >= {"zh", "de", "fr", "ja", "es"}


@pytest.mark.parametrize(
    ("language", "hours_ago", "said"),
    [
        ("zh", 3, "今天 06:00"),
        ("zh", 11.5, "昨天 21:30"),
        ("zh", 24 * 6, "6天前"),
        ("en", 24 * 33, "1 month ago"),
        ("de", 24 * 3, "vor 3 Tagen"),
        ("en", 24 * 800, "Sep 15, 2024"),
        ("en", -48, "Nov 26, 2026"),
    ],
)
def test_how_long_ago_something_was(language: str, hours_ago: float, said: str) -> None:
    assert Words(language, SHANGHAI).when(NOW - timedelta(hours=hours_ago), NOW) == said


def test_yesterday_is_by_the_calendar_of_the_place() -> None:
    moment = datetime(2026, 11, 23, 15, 30, tzinfo=UTC)  # 23:30 in Shanghai
    assert Words("zh", SHANGHAI).when(moment, NOW) == "昨天 23:30"
    assert Words("zh", ZoneInfo("America/New_York")).when(moment, NOW) == "今天 10:30"


@pytest.mark.parametrize(
    ("tag", "language"),
    [("zh_CN.UTF-8", "zh-Hans-CN"), ("zh", "zh"), ("C", "en"), ("", "en"), ("xx-YY", "en")],
)
def test_any_way_of_naming_a_language_is_understood(tag: str, language: str) -> None:
    assert Words(tag, SHANGHAI).language == language


def test_a_language_without_words_has_no_dates_either() -> None:
    words = Words("ar", SHANGHAI)
    assert (words.language, words.direction) == ("en", "ltr")
    assert words.when(NOW, NOW).startswith("Today at 9:00")
    assert Words("en-GB", SHANGHAI).day(NOW) == "Tuesday, 24 November 2026"


def test_a_variant_has_the_words_of_its_language() -> None:
    assert Words("zh_CN.UTF-8", SHANGHAI).say("Read on") == "继续阅读"


def test_a_plural_and_a_name_with_braces() -> None:
    words = Words("en", SHANGHAI)
    assert words.count("{n} feed", "{n} feeds", 1) == "1 feed"
    assert words.count("{title} and {n} more", "{title} and {n} more", 2, title="{n} {x}") == (
        "{n} {x} and 2 more"
    )


def test_lengths_and_sizes() -> None:
    words = Words("en", SHANGHAI)
    assert words.length(timedelta(minutes=43, seconds=10)) == "43 min"
    assert words.length(timedelta(hours=1, minutes=12)) == "1 hr 12 min"
    assert words.size(62_300_000) == "62 MB"
    assert words.size(1_440_000_000) == "1.4 GB"
    assert words.size(3) == "1 kB"


@pytest.mark.parametrize(
    ("when", "english", "chinese"),
    [
        ("08:00", "every day at 8:00 AM", "每天 08:00"),
        ("mon-fri 08:00", "Monday – Friday at 8:00 AM", "星期一 – 星期五 08:00"),
        ("sat,sun 10:00", "Saturday and Sunday at 10:00 AM", "星期六和星期日 10:00"),
        ("1st 09:00", "day 1 of the month at 9:00 AM", "每月1 日 09:00"),
        ("last-day 18:00", "the last day of the month at 6:00 PM", "每月最后一天 18:00"),
        ("hourly", "every hour", "每小时"),
        ("manual", "", ""),
    ],
)
def test_when_a_digest_comes(when: str, english: str, chinese: str) -> None:
    schedule = Schedule.parse(when)
    assert Words("en", SHANGHAI).schedule(schedule).replace("\u202f", " ") == english
    assert Words("zh", SHANGHAI).schedule(schedule) == chinese

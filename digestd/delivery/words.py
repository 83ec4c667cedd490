"""Fixed words, dates, plurals and sizes in the reader's language.

The words of a language are one file, `digestd/locale/TAG.po`, read at run time:
no compile step, and a new language is a new file.
"""

from __future__ import annotations

import gettext
import io
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from importlib import resources
from typing import Literal
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time, format_timedelta
from babel.lists import format_list
from babel.units import format_unit

from digestd.core.language import Direction, direction_of
from digestd.core.slots import Rule, Schedule
from digestd.formats.borders import display_width, wrap


class Words:
    """How things are said in one language, at one place."""

    def __init__(self, language: str, zone: ZoneInfo) -> None:
        """Use `language` (BCP 47, or a POSIX locale).

        One without a catalogue becomes English: dates of one language in sentences of
        another are worse than either.
        """
        locale = _locale(language)
        catalogue = _catalogue(str(locale))
        is_known = catalogue is not None or locale.language == "en"
        self._locale = locale if is_known else Locale("en")
        self._catalogue = catalogue or gettext.NullTranslations()
        self.zone = zone

    @property
    def language(self) -> str:
        """Return the BCP 47 tag."""
        return str(self._locale).replace("_", "-")

    @property
    def direction(self) -> Direction:
        """Return the direction of the frame around the entries."""
        return direction_of(self.language)

    def say(self, message: str, **facts: object) -> str:
        """Return a fixed text, its `{names}` filled in."""
        return self._catalogue.gettext(message).format(**facts)

    def count(self, one: str, many: str, n: int, **facts: object) -> str:
        """Return the form of a text that `n` of something takes; `{n}` is the number."""
        return self._catalogue.ngettext(one, many, n).format(n=n, **facts)

    def day(self, moment: datetime) -> str:
        """Return a date in full: "Tuesday, 24 November 2026"."""
        return _date(moment.astimezone(self.zone).date(), "full", self._locale)

    def clock(self, moment: datetime) -> str:
        """Return hours and minutes as the language writes them."""
        return format_time(moment.astimezone(self.zone), "short", locale=self._locale)

    def when(self, moment: datetime, now: datetime) -> str:
        """Return how long ago something was: "Yesterday at 21:40", "6 days ago"."""
        local = moment.astimezone(self.zone)
        days = (now.astimezone(self.zone).date() - local.date()).days
        if days == 0:
            return self.say("Today at {time}", time=self.clock(moment))
        if days == 1:
            return self.say("Yesterday at {time}", time=self.clock(moment))
        # A day to come is a publisher's mistake, or the date of what is announced.
        if days < 0 or days > 350:
            return self.short_day(moment)
        return _days_ago(days, self._locale)

    def short_day(self, moment: datetime) -> str:
        """Return a day as a short date."""
        return _date(moment.astimezone(self.zone).date(), "medium", self._locale)

    def minutes(self, n: int) -> str:
        """Return a reading time: "6 min"."""
        return _duration(n, "minute", self._locale)

    def length(self, span: timedelta) -> str:
        """Return how long a recording is: "43 min", "1 hr 12 min"."""
        hours, minutes = divmod(max(1, round(span.total_seconds() / 60)), 60)
        parts = [(hours, "hour"), (minutes, "minute")]
        between = "" if self._locale.language in {"zh", "ja"} else " "
        return between.join(_duration(n, unit, self._locale) for n, unit in parts if n)

    def size(self, n: int) -> str:
        """Return a file's size: "62 MB"."""
        for unit, scale in (("gigabyte", 10**9), ("megabyte", 10**6)):
            if n >= scale:
                amount = round(n / scale, 1 if n < 10 * scale else None)
                return format_unit(amount, f"digital-{unit}", length="short", locale=self._locale)
        amount = max(1, round(n / 1000))
        return format_unit(amount, "digital-kilobyte", length="short", locale=self._locale)

    def schedule(self, schedule: Schedule) -> str:
        """Return when a digest comes: "every day at 08:00", "Monday at 09:00"; "" if by hand."""
        if schedule.hourly:
            return self.say("every hour")
        return self.joined([self._rule(rule) for rule in schedule.rules])

    def _rule(self, rule: Rule) -> str:
        time = format_time(rule.at, "short", locale=self._locale)
        if rule.weekdays:
            names = self._locale.days["stand-alone"]["wide"]
            days = sorted(rule.weekdays)
            if len(days) > 2 and days[-1] - days[0] == len(days) - 1:
                span = f"{names[days[0]]} – {names[days[-1]]}"
                return self.say("{days} at {time}", days=span, time=time)
            return self.say(
                "{days} at {time}", days=self.joined([names[day] for day in days]), time=time
            )
        if rule.monthdays:
            # 0 is the last day of the month.
            dates = [self._monthday(day) for day in sorted(rule.monthdays, key=lambda d: d or 99)]
            return self.say("{days} of the month at {time}", days=self.joined(dates), time=time)
        return self.say("every day at {time}", time=time)

    def _monthday(self, day: int) -> str:
        return self.say("day {day}", day=day) if day else self.say("the last day")

    def joined(self, items: Sequence[str]) -> str:
        """Return "A, B and C"."""
        return format_list(list(items), locale=self._locale)

    def wrap(self, text: str, columns: int = 76) -> str:
        """Return a paragraph in lines of at most `columns`, by display width."""
        return wrap(text, columns)

    def heading(self, text: str) -> str:
        """Return a line of text and one of as many columns under it."""
        line = text.strip()
        return f"{line}\n{'=' * min(display_width(line), 76)}"


# The entries of a moment have most of these in common, and finding one takes long.
_once = lru_cache(maxsize=1024)


@_once
def _date(day: date, length: Literal["full", "medium"], locale: Locale) -> str:
    return format_date(day, length, locale=locale)


@_once
def _days_ago(days: int, locale: Locale) -> str:
    return format_timedelta(timedelta(days=-days), threshold=1, add_direction=True, locale=locale)


@_once
def _duration(n: int, unit: str, locale: Locale) -> str:
    return format_unit(n, f"duration-{unit}", length="short", locale=locale)


def languages() -> list[str]:
    """Return the tags of the languages that have a catalogue, English apart."""
    folder = resources.files("digestd") / "locale"
    return sorted(f.name.removesuffix(".po") for f in folder.iterdir() if f.name.endswith(".po"))


def _locale(language: str) -> Locale:
    tag = language.partition(".")[0].partition("@")[0].replace("-", "_")
    while tag:
        try:
            return Locale.parse(tag)
        except (ValueError, UnknownLocaleError):
            tag = tag.rpartition("_")[0]
    return Locale("en")


@lru_cache(maxsize=16)
def _catalogue(tag: str) -> gettext.NullTranslations | None:
    """Return the words of `tag`, or of its language (`zh` for `zh_TW`); None if there are none."""
    folder = resources.files("digestd") / "locale"
    while tag:
        file = folder / f"{tag}.po"
        if file.is_file():
            from babel.messages.mofile import write_mo  # noqa: PLC0415 (English does without)
            from babel.messages.pofile import read_po  # noqa: PLC0415

            catalogue = read_po(io.BytesIO(file.read_bytes()), locale=tag)
            compiled = io.BytesIO()
            write_mo(compiled, catalogue)
            compiled.seek(0)
            return gettext.GNUTranslations(compiled)
        tag = tag.rpartition("_")[0]
    return None

"""Dates as publishers write them, as aware UTC times.

Standards first (RFC 3339, RFC 5322), then epoch numbers, then what people write in
their own language. A date without a zone is taken as UTC; whether a date can be true
is for `core.identity.clamp_date`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from digestd.patterns import pattern

_MONTHS = {
    1: "january jan janvier janv januar jän jänner enero ene gennaio gen janeiro januari"
    " январь января янв styczeń stycznia sty leden ledna január ianuarie ocak"
    " ιανουαρίου tammikuu",
    2: "february feb février févr fév februar febrero febbraio fevereiro fev februari"
    " февраль февраля фев luty lutego lut únor února február februarie şubat"
    " φεβρουαρίου",
    3: "march mar mars märz mrz marzo março maart mrt март марта мар marzec marca březen"
    " března március martie mart μαρτίου",
    4: "april apr avril avr abril abr aprile апрель апреля апр kwiecień kwietnia kwi"
    " duben dubna április aprilie nisan απριλίου",
    5: "may mai mayo maggio mag maio mei май мая maj maja květen května május mayıs μαΐου",
    6: "june jun juin juni junio giugno giu junho июнь июня июн czerwiec czerwca cze"
    " červen června június iunie haziran ιουνίου",
    7: "july jul juillet juil juli julio luglio lug julho июль июля июл lipiec lipca lip"
    " červenec července július iulie temmuz ιουλίου",
    8: "august aug août aout agosto ago augustus augusti август августа авг sierpień"
    " sierpnia sie srpen srpna augusztus ağustos αυγούστου",
    9: "september sep sept septembre septiembre settembre set setembro сентябрь сентября"
    " сен сент wrzesień września wrz září szeptember septembrie eylül σεπτεμβρίου",
    10: "october oct octobre oktober okt octubre ottobre ott outubro out октябрь октября"
    " окт październik października paź říjen října október octombrie ekim οκτωβρίου",
    11: "november nov novembre noviembre novembro ноябрь ноября ноя listopad listopada"
    " lis listopadu noiembrie kasım νοεμβρίου",
    12: "december dec décembre déc dezember dez diciembre dic dicembre dezembro декабрь"
    " декабря дек grudzień grudnia gru prosinec prosince decembrie aralık δεκεμβρίου",
}
_MONTH = {name: number for number, names in _MONTHS.items() for name in names.split()}
# Hours east of Greenwich. CST and IST mean several things: the commonest in feeds.
_ZONES = {
    "z": 0, "gmt": 0, "utc": 0, "ut": 0, "wet": 0, "bst": 1, "cet": 1, "mez": 1, "cest": 2,
    "mesz": 2, "eet": 2, "eest": 3, "msk": 3, "ist": 5.5, "hkt": 8, "sgt": 8, "awst": 8, "jst": 9,
    "kst": 9,
    "aest": 10, "aedt": 11, "nzst": 12, "nzdt": 13, "est": -5, "edt": -4, "cst": -6, "cdt": -5,
    "mst": -7, "mdt": -6, "pst": -8, "pdt": -7,
    # As announcers say it, summer or winter.
    "et": -5, "ct": -6, "mt": -7, "pt": -8,
    "akst": -9, "hst": -10, "brt": -3, "art": -3,
}  # fmt: skip
_MAX = 80
_ISO = pattern(r"([0-9]{4})[-/.年 ]\s?([0-9]{1,2})[-/.月 ]\s?([0-9]{1,2})(?![0-9])")
_DIGIT = re.compile("[0-9]")
# As nearly all of RSS has it (RFC 5322, section 3.3); the rest is for `email.utils`.
_MAIL = pattern(
    r"(?:[A-Z][a-z]{2}, )?([0-9]{1,2}) ([A-Z][a-z]{2}) ([12][0-9]{3})"
    r" ([0-9]{2}):([0-9]{2}):([0-9]{2}) (?:GMT|([+-])(0[0-9]|1[0-4])([0-5][0-9]))"
)
_MAIL_MONTH = dict(
    zip("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), range(1, 13), strict=True)
)
_BASIC = pattern(r"([0-9]{8})T([0-9]{4}(?:[0-9]{2})?)(Z|[+-][0-9]{2}:?[0-9]{2})?")
# With dots the day goes first; with slashes only if nothing else is possible.
_DOTTED = pattern(r"(?<![0-9])([0-9]{1,2})\.\s?([0-9]{1,2})\.\s?([0-9]{4})(?![0-9])")
_SLASHED = pattern(r"(?<![0-9])(1[3-9]|2[0-9]|3[01])/([0-9]{1,2})/([0-9]{4})(?![0-9])")
_US_SLASHED = pattern(r"(?<![0-9])([0-9]{1,2})/(1[3-9]|2[0-9]|3[01])/([0-9]{4})(?![0-9])")
_HALF_DAY = pattern(r"[0-9]\s?[ap]\.?m\b", re.IGNORECASE)
_DAY_FIRST = pattern(
    r"(?<![0-9])([0-9]{1,2})(?:st|nd|rd|th|er|º|\.)?[\s-]{1,3}(?:de\s)?([^\W\d_]{2,15})\.?,?[\s-]{1,3}(?:de\s)?([0-9]{4})(?![0-9])"
)
_MONTH_FIRST = pattern(r"([^\W\d_]{2,15})\.?\s([0-9]{1,2})(?:st|nd|rd|th)?,?\s([0-9]{4})(?![0-9])")
_CLOCK = pattern(
    r"(上午|下午|오전|오후|午前|午後)?\s?(?<![0-9])([0-9]{1,2})[:h时時点시](?:([0-9]{1,2})(?:[:分분]([0-9]{1,2}))?)?[^\s+zZa-zA-Z-]{0,8}\s?([ap]\.?m)?"
)
_OFFSET = pattern(r"(?:gmt|utc)?\s?([+-])([0-9]{1,2}):?([0-9]{2})?\s{0,3}(?:\(.{0,20})?$")
_ZONE = pattern(r"(?<![a-z])([a-z]{1,4})\.?$")


def parse_date(text: str) -> datetime | None:
    """Return the time that `text` names, in UTC, or None."""
    text = text.strip()[:_MAX]
    if not _DIGIT.search(text):
        return None
    for read in (_standard, _epoch, _written):
        found = read(text)
        if found is not None:
            return found
    return None


def _standard(text: str) -> datetime | None:
    try:
        # Not for all: it takes "20240102", and with it numbers that are no dates.
        if text[4:5] == "-" or _BASIC.fullmatch(text):
            return _utc(datetime.fromisoformat(text))
        if found := _MAIL.fullmatch(text):
            return _mailed(found)
        if _HALF_DAY.search(text):
            return None  # it takes 3 PM for 3
        from email.utils import parsedate_to_datetime  # noqa: PLC0415 (few dates need it)

        parsed = parsedate_to_datetime(text)
        # It knows the zones of the United States alone.
        return _utc(parsed) if parsed.tzinfo else _utc(parsed - _zone(text.lower()))
    except (ValueError, TypeError, OverflowError, LookupError):
        return None


def _mailed(found: re.Match[str]) -> datetime:
    day, month, year, hour, minute, second, sign, hours, minutes = found.groups()
    at = datetime(
        int(year), _MAIL_MONTH[month], int(day), int(hour), int(minute), int(second), tzinfo=UTC
    )
    if not sign:
        return at
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    return at + offset if sign == "-" else at - offset


def _epoch(text: str) -> datetime | None:
    if not re.fullmatch(r"[0-9]{9,13}(?:\.[0-9]{1,9})?", text):
        return None
    seconds = float(text)
    if seconds > 1e11:  # milliseconds
        seconds /= 1000
    return datetime.fromtimestamp(seconds, UTC)


def _written(text: str) -> datetime | None:
    lowered = " ".join(text.lower().split())
    day = _day(lowered)
    if day is None:
        return None
    rest = lowered[day[1] :]
    try:
        return _utc(day[0] + _clock(rest) - _zone(rest))
    except OverflowError:
        return None


def _day(text: str) -> tuple[datetime, int] | None:
    for order, (year, month, day) in (
        (_ISO, (1, 2, 3)),
        (_DAY_FIRST, (3, 2, 1)),
        (_MONTH_FIRST, (3, 1, 2)),
        (_DOTTED, (3, 2, 1)),
        (_SLASHED, (3, 2, 1)),
        (_US_SLASHED, (3, 1, 2)),
    ):
        found = order.search(text)
        if found is None:
            continue
        number = int(found[month]) if found[month].isdecimal() else _MONTH.get(found[month], 0)
        try:
            return datetime(int(found[year]), number, int(found[day]), tzinfo=UTC), found.end()
        except ValueError:
            continue
    return None


def _clock(text: str) -> timedelta:
    found = _CLOCK.search(text)
    if found is None:
        return timedelta()
    hour, minute, second = int(found[2]), int(found[3] or 0), int(found[4] or 0)
    if hour > 24 or minute > 59 or second > 60:
        return timedelta()
    if hour < 12 and (found[1] in ("下午", "오후", "午後") or (found[5] or "").startswith("p")):
        hour += 12
    elif hour == 12 and (found[1] in ("上午", "오전", "午前") or (found[5] or "").startswith("a")):
        hour = 0
    return timedelta(hours=hour, minutes=minute, seconds=second)


def _zone(text: str) -> timedelta:
    offset = _OFFSET.search(text)
    if offset:
        size = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
        return (-size if offset[1] == "-" else size) if size <= timedelta(hours=15) else timedelta()
    name = _ZONE.search(text)
    return timedelta(hours=_ZONES.get(name[1], 0) if name else 0)


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC)

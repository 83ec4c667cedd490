"""What an HTTP answer means by its status, and how long it asks to wait."""

from __future__ import annotations

import email.utils
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from digestd.core.outcomes import Broken, Refused, SendOutcome, Sent, TryAgain
from digestd.frozen import dataclass

_LONGEST_WAIT = timedelta(days=30)  # of what a service may ask for; more is a mistake of its own


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What came back: `body` is the beginning of it, `headers` have lower-case names.

    `cut`: the body broke off, took too long or was too long.
    """

    status: int
    reason: str
    headers: Mapping[str, str]
    body: str
    cut: bool = False

    @property
    def line(self) -> str:
        """Return the answer on one line."""
        return f"HTTP {self.status} {self.reason} {self.body[:200]}".strip()


def classify_http(answer: HttpAnswer, now: datetime) -> SendOutcome:
    """Return what an answer means by its status alone (RFC 9110, section 15)."""
    status, line = answer.status, answer.line
    if 200 <= status < 300:
        return Sent(line)
    if status in (429, 503):
        return TryAgain(line, retry_after(answer.headers.get("retry-after"), now))
    if status in (408, 409, 423, 425) or status >= 500:
        return TryAgain(line, retry_after(answer.headers.get("retry-after"), now))
    if status in (401, 402, 403, 407):
        return Broken(line)
    if 300 <= status < 400:
        place = answer.headers.get("location", "elsewhere")
        told = f"HTTP {status}: redirects to {place}; not followed: a message goes where you said"
        # A lasting move is for the owner to write down; another may be a portal in the way.
        return Broken(told) if status in (301, 308) else TryAgain(told)
    return Refused(line)


def retry_after(value: str | None, now: datetime) -> timedelta | None:
    """Return how long a Retry-After asks to wait: seconds or a date (RFC 9110, 10.2.3).

    None for nonsense; a date in the past is no wait.
    """
    if value is None:
        return None
    text = value.strip()
    try:
        return wait_of(float(text))
    except ValueError:
        pass
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max(moment - now, timedelta(0)), _LONGEST_WAIT)


def wait_of(seconds: object) -> timedelta | None:
    """Return a number of seconds as a wait; None if it is none."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    if not math.isfinite(seconds) or seconds < 0:
        return None
    return timedelta(seconds=min(float(seconds), _LONGEST_WAIT.total_seconds()))

"""What became of a message, from all that can be known of a call into Apprise."""

from __future__ import annotations

import re

import requests

from digestd.clock import Clock
from digestd.core.outcomes import Broken, Refused, SendOutcome, Sent, TryAgain, Unknown
from digestd.delivery.answers import BODY_DECIDES, classify_service, says_no
from digestd.delivery.classify import HttpAnswer, classify_http
from digestd.delivery.wire import Seen


def judge(
    scheme: str,
    accepted: bool,
    seen: list[Seen],
    said: list[str],
    clock: Clock,
) -> SendOutcome:
    """Return what happened, from Apprise's word, what passed over HTTP, and what was logged."""
    last = seen[-1] if seen else None
    if accepted:
        if isinstance(last, HttpAnswer) and scheme in BODY_DECIDES:
            return classify_service(scheme, last, clock())
        if isinstance(last, HttpAnswer) and (no := says_no(last)):
            return TryAgain(no)
        return Sent(last.line if isinstance(last, HttpAnswer) else "accepted")
    if isinstance(last, requests.RequestException):
        return _judge_exception(last)
    if isinstance(last, HttpAnswer):
        outcome = classify_service(scheme, last, clock())
        # A 2xx that the plugin itself did not like: it knows better than the status.
        return outcome if not isinstance(outcome, Sent) else TryAgain(_loudest(said) or last.line)
    return judge_log(said, clock)


def _judge_exception(exc: requests.RequestException) -> SendOutcome:
    """Return what a broken exchange means: before the request was sent, nothing arrived."""
    told = f"{type(exc).__name__}: {exc}"
    if isinstance(
        exc,
        requests.ConnectTimeout | requests.exceptions.ProxyError | requests.exceptions.SSLError,
    ):
        return TryAgain(told)
    if isinstance(exc, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        return Broken(told)
    if isinstance(exc, requests.ConnectionError) and re.search(
        r"NewConnectionError|NameResolutionError|ConnectTimeout|refused", told
    ):
        return TryAgain(told)
    return Unknown(told)


_HTTP_CODE = re.compile(r"\berror=(\d{3})\b")
_SMTP_CODE = re.compile(r"\((\d{3}), b?['\"]")
_LOGIN = re.compile(
    r"not authori[sz]ed|bad user ?name|bad credentials|invalid credentials|authentication fail"
    r"|failed authentication|login (?:failed|incorrect)|access denied",
    re.IGNORECASE,
)
# The address names no receiver, or none that its plugin takes for one.
_NOBODY = re.compile(
    r"\bno (?:valid )?[\w.() ]{0,60}(?:to notify|specified|configured)", re.IGNORECASE
)
_NO_ANSWER = re.compile(
    r"timed? ?out|connection reset|broken pipe|could not be delivered", re.IGNORECASE
)


def judge_log(said: list[str], clock: Clock) -> SendOutcome:
    """Return what failed, by Apprise's log alone: for MQTT, XMPP, IRC and their like."""
    text = "\n".join(said)
    told = _loudest(said) or "not accepted; no reason given"
    if _LOGIN.search(text) or _NOBODY.search(text):
        return Broken(told)
    if code := _HTTP_CODE.search(text):
        return classify_http(HttpAnswer(int(code[1]), told, {}, ""), clock())
    if code := _SMTP_CODE.search(text):
        if code[1].startswith("5"):
            return Broken(told) if code[1] in ("530", "535") else Refused(told)
        return TryAgain(told)
    return Unknown(told) if _NO_ANSWER.search(text) else TryAgain(told)


_QUIET = (
    "POST URL",
    "GET URL",
    "Payload",
    "send() completed",
    "Response Details",
    "Loaded",
    "URL:",
)


def _loudest(said: list[str]) -> str:
    """Return the last line that tells of trouble, not of what was about to be sent."""
    for line in reversed(said):
        if line and not any(part in line for part in _QUIET):
            return line
    return ""

"""What the services' own answers mean: many say 200 and mean something else, told in the body."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal

from digestd.core.outcomes import Broken, Refused, SendOutcome, Sent, TryAgain, Unknown
from digestd.delivery.classify import HttpAnswer, classify_http, retry_after, wait_of
from digestd.frozen import dataclass

Verdict = Literal["again", "refused", "broken"]


@dataclass(frozen=True, slots=True)
class BodyCode:
    """Where a service puts its code, which values are good, and what the others mean.

    A code that is not known is tried again: losing a message is worse than
    repeating a question.
    """

    keys: tuple[str, ...]
    good: tuple[object, ...]
    verdicts: Mapping[int, Verdict]
    source: str
    text: tuple[str, ...] = ("msg", "errmsg", "message", "error", "description")


_DINGTALK = BodyCode(
    ("errcode",),
    (0,),
    {
        -1: "again",
        130101: "again",  # more than 20 messages a minute
        410100: "again",
        300001: "broken",  # no such token
        300005: "broken",
        310000: "broken",  # keyword, signature or address not as the robot demands
        400101: "broken",
        400102: "broken",  # the robot is switched off
        400105: "refused",  # message type
        40035: "refused",  # parameters
        460101: "refused",  # too long
        43004: "refused",
    },
    "open.dingtalk.com, custom robot: errors",
)
_WECOM = BodyCode(
    ("errcode",),
    (0,),
    {
        -1: "again",
        45009: "again",  # 20 messages a minute
        45033: "again",
        93000: "broken",  # no such webhook
        93004: "broken",
        93008: "broken",
        93017: "broken",
        40058: "refused",
        40008: "refused",
        44004: "refused",  # empty
        45002: "refused",  # too long
    },
    "developer.work.weixin.qq.com, global error codes",
)
_FEISHU = BodyCode(
    ("code", "StatusCode"),
    (0,),
    {
        9499: "refused",  # bad request
        11232: "again",  # 100 a minute, 5 a second
        11246: "refused",
        19001: "broken",  # no such webhook
        19021: "broken",  # signature or clock
        19022: "broken",  # address not allowed
        19024: "broken",  # keyword missing
        230020: "again",
        230025: "refused",  # too long
        99991400: "again",
    },
    "open.feishu.cn, custom bot: errors",
)
_SERVERCHAN = BodyCode(
    ("code", "errno"),
    (0,),
    {40001: "broken", 40003: "broken", 20001: "again", 40011: "again"},
    "sct.ftqq.com",
)
_BARK = BodyCode(("code",), (200,), {400: "broken", 401: "broken", 404: "broken"}, "bark-server")
_PUSHDEER = BodyCode(("code",), (0,), {80501: "broken", 80502: "broken"}, "pushdeer.com api")
_PUSHPLUS = BodyCode(
    ("code",),
    (200,),
    {
        302: "broken",
        401: "broken",
        403: "broken",
        600: "refused",
        805: "broken",
        900: "again",
        903: "broken",
        905: "broken",
    },
    "pushplus.plus, return codes",
)
_WXPUSHER = BodyCode(
    ("code",), (1000,), {1001: "refused", 1002: "broken", 1003: "broken"}, "wxpusher.zjiecode.com"
)
_QMSG = BodyCode(("code",), (0,), {500: "again"}, "qmsg.zendee.cn")

BODY_CODES: Mapping[str, BodyCode] = {
    "dingtalk": _DINGTALK,
    "wecombot": _WECOM,
    "feishu": _FEISHU,
    "lark": _FEISHU,
    "schan": _SERVERCHAN,
    "bark": _BARK,
    "barks": _BARK,
    "pushdeer": _PUSHDEER,
    "pushdeers": _PUSHDEER,
    "pushplus": _PUSHPLUS,
    "wecom": _PUSHPLUS,
    "wxpusher": _WXPUSHER,
    "qq": _QMSG,
}

# Services whose body tells more than their status, even where Apprise is content.
BODY_DECIDES = frozenset({*BODY_CODES, "tgram", "slack", "pover"})


def classify_service(scheme: str, answer: HttpAnswer, now: datetime) -> SendOutcome:
    """Return what `answer` means coming from the service behind `scheme`: the body decides."""
    body = _json_object(answer.body)
    own = _OWN_RULES.get(scheme)
    if own is not None and body is not None and (outcome := own(answer, body, now)) is not None:
        return outcome
    rule = BODY_CODES.get(scheme)
    if rule is not None and answer.status < 500 and answer.status != 429:
        if body is None:
            if answer.status == 200:
                # Cut off in the middle it may have been a yes.
                kind = Unknown if answer.cut else TryAgain
                return kind(f"answer not understood: {answer.line}")
        elif (outcome := _by_code(rule, body, answer)) is not None:
            return outcome
    return _by_status(scheme, answer, body, now)


def says_no(answer: HttpAnswer) -> str:
    """Return how a 2xx answer says no in its body, "" if it does not, for services without rules.

    Only what cannot be meant otherwise: `{"ok": false}`, `{"errcode": 40001}` and
    their like. To take a yes for a no would repeat a message for days.
    """
    body = _json_object(answer.body) if 200 <= answer.status < 300 else None
    if body is None:
        return ""
    status = body.get("status", body.get("result"))
    codes = (body.get("errcode"), body.get("error_code"))
    no = (
        body.get("ok") is False
        or body.get("success") is False
        or (isinstance(status, str) and status.lower() in ("error", "fail", "failed", "failure"))
        or any(type(code) is int and code != 0 for code in codes)
    )
    return answer.line if no else ""


def _by_code(rule: BodyCode, body: Mapping[str, Any], answer: HttpAnswer) -> SendOutcome | None:
    code = next((body[key] for key in rule.keys if key in body), None)
    if code is None:
        return None
    if code in rule.good:
        # A good code under a bad status would be a proxy's doing; the status then decides.
        return Sent(answer.line) if answer.status < 400 else None
    told = next((str(body[key]) for key in rule.text if body.get(key)), answer.line)
    reason = f"code {code}: {told}"
    match rule.verdicts.get(code if isinstance(code, int) else 0, "again"):
        case "broken":
            return Broken(reason)
        case "refused":
            return Refused(reason)
        case "again":
            return TryAgain(reason, wait_of(body.get("retry_after")))


def _by_status(
    scheme: str, answer: HttpAnswer, body: Mapping[str, Any] | None, now: datetime
) -> SendOutcome:
    outcome = classify_http(answer, now)
    if isinstance(outcome, TryAgain) and outcome.after is None and body is not None:
        for key, unit in (("retry_after", 1.0), ("retry_after_ms", 0.001)):
            seconds = body.get(key)
            if isinstance(seconds, int | float):
                return TryAgain(outcome.reason, wait_of(seconds * unit))
    if isinstance(outcome, Refused) and answer.status in (404, 410) and scheme in _GONE_IS_BROKEN:
        return Broken(outcome.reason)
    return outcome


# Where the address itself is the secret, "not found" speaks of the channel, not of the message.
_GONE_IS_BROKEN = frozenset(
    {"tgram", "slack", "discord", "mmost", "mmosts", "gchat", "workflow", "workflows", "rocket",
     "rockets", "guilded", "wecombot", "feishu", "lark", "dingtalk", "bark", "barks", "matrix",
     "matrixs", "gotify", "gotifys"}
)  # fmt: skip


def _telegram(answer: HttpAnswer, body: Mapping[str, Any], now: datetime) -> SendOutcome | None:
    """Telegram (core.telegram.org/bots/api#making-requests): `ok` decides, `error_code` says."""
    if body.get("ok") is True and answer.status == 200:
        return Sent(answer.line)
    if "ok" not in body:
        return None
    code = body.get("error_code", answer.status)
    told = str(body.get("description", answer.line))
    parameters = body.get("parameters")
    wait = wait_of(parameters.get("retry_after")) if isinstance(parameters, dict) else None
    moved = parameters.get("migrate_to_chat_id") if isinstance(parameters, dict) else None
    reason = f"error {code}: {told}" + (f"; the chat's id is now {moved}" if moved else "")
    if code == 429 or wait is not None:
        return TryAgain(reason, wait or retry_after(answer.headers.get("retry-after"), now))
    if moved or code in (401, 403, 404) or any(part in told.lower() for part in _NO_SUCH_CHAT):
        return Broken(reason)
    return Refused(reason) if code in (400, 413) else TryAgain(reason)


_NO_SUCH_CHAT = (
    "chat not found", "upgraded to a supergroup", "user not found", "not a member",
    "not enough rights", "chat_write_forbidden", "thread not found",
)  # fmt: skip


def _slack(answer: HttpAnswer, body: Mapping[str, Any], now: datetime) -> SendOutcome | None:
    """Slack's web API answers 200 with `ok` and `error` (api.slack.com/web#responses)."""
    if body.get("ok") is not False:
        return None
    error = str(body.get("error", ""))
    reason = f"error {error}"
    if error in ("ratelimited", "rate_limited", "internal_error", "fatal_error",
                 "service_unavailable", "request_timeout"):  # fmt: skip
        return TryAgain(reason, retry_after(answer.headers.get("retry-after"), now))
    if error in ("msg_too_long", "no_text", "invalid_blocks", "invalid_arguments",
                 "too_many_attachments", "msg_blocks_too_long"):  # fmt: skip
        return Refused(reason)
    return Broken(reason)


def _pushover(answer: HttpAnswer, body: Mapping[str, Any], _now: datetime) -> SendOutcome | None:
    """Pushover (pushover.net/api#response): `status` 1 is good; 4xx is about us, for ever."""
    if body.get("status") == 1 and answer.status == 200:
        return Sent(answer.line)
    errors = " ".join(str(error) for error in body.get("errors") or ())
    if "status" not in body or answer.status not in (200, 400):
        return None
    kind = Broken if "token" in errors or "user" in errors else Refused
    return kind(f"HTTP {answer.status}: {errors or answer.line}")


def _pushdeer(_answer: HttpAnswer, body: Mapping[str, Any], _now: datetime) -> SendOutcome | None:
    """PushDeer: code 0 with no result means that no device is registered with the key."""
    content = body.get("content")
    if body.get("code") == 0 and isinstance(content, dict) and content.get("result") == []:
        return Broken("no device is registered with this key")
    return None


_OWN_RULES: Mapping[
    str, Callable[[HttpAnswer, Mapping[str, Any], datetime], SendOutcome | None]
] = {
    "tgram": _telegram,
    "slack": _slack,
    "pover": _pushover,
    "pushdeer": _pushdeer,
    "pushdeers": _pushdeer,
}


def _json_object(text: str) -> Mapping[str, Any] | None:
    """Return `text` as a JSON object, or None. Its size was bounded when it was read."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None

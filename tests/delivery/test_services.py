"""Chat and push services through Apprise, played by servers that judge as they do."""

from __future__ import annotations

import hmac
import json
import re
import socket
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl

import pytest

from digestd.core.models import Channel
from digestd.core.outcomes import Broken, Refused, SendOutcome, Sent, TryAgain, Unknown
from digestd.delivery.compose import compose
from digestd.delivery.target import Target
from digestd.delivery.targets import open_target
from digestd.errors import ConfigError
from tests.support.messages import fact, message, one_piece, target, trusting
from tests.support.sinks import (
    accept_then_drop,
    discord,
    matrix,
    ntfy,
    says,
    service_sender,
    shown_text,
    slack,
    telegram,
)
from tests.support.webserver import Action, Authority, WebServer, answer, hang, reset, status

TOKEN = "123456789:ABCdefghijklmnop_ABCdefghijklmnop12"
TELEGRAM = f"tgram://{TOKEN}/12345"
SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
DISCORD = "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js"
NASTY = (
    '<b>1 &lt; 2 &amp; *stars* _under_ `tick` [x](y) ~~no~~ ||spoiler||</b><br>'
    "@everyone @here @channel &lt;!here&gt; &lt;@U123&gt; &lt;b<br># not a heading"
)  # fmt: skip


@pytest.fixture
def web() -> Iterator[WebServer]:
    with WebServer() as server:
        yield server


def route(web: WebServer, scheme: str, *actions: Action) -> None:
    for path in {
        "tgram": [f"/bot{TOKEN}/sendMessage"],
        "slack": ["/slack/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"],
        "discord": ["/discord/4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js"],
        "ntfy": ["/", "/feeds"],
    }.get(scheme, ["/sink", "/push", "/message/push", "/message"]):
        web.route(path, *actions)


def send(web: WebServer, to: Target, *, timeout: float = 5.0, **changes: Any) -> SendOutcome:
    sender = service_sender(to, web.url(""), trusting)
    with closing(sender):
        return sender.send(one_piece(to, **changes))


def bodies(web: WebServer) -> list[dict[str, Any]]:
    return [json.loads(request.body) for request in web.requests]


LONG = "<b>今日</b>" + "".join(
    f'<br><br><b>科学空间 {number}</b><br>• <a href="https://kexue.example/{number}?a=1&amp;b=2">'
    f"第 {number} 篇：谱范数 &lt; 核范数 😀</a><br>{'这是一段摘要，' * 20}<i>完</i>"
    for number in range(60)
)


# --- what arrives ----------------------------------------------------------------------


def test_telegram_gets_its_html(web: WebServer) -> None:
    route(web, "tgram", telegram())
    outcome = send(web, target(TELEGRAM))
    assert isinstance(outcome, Sent)
    (body,) = bodies(web)
    assert body["chat_id"] == 12345 or body["chat_id"] == "12345"
    assert body["text"].replace("\r", "") == (
        '<a href="https://kexue.example/archives/1"><b>谱范数与 Muon（1）</b></a>\n'
        "<i>科学空间</i>\n设 W = UΣVᵀ 为矩阵。"
    )


@pytest.mark.parametrize(
    ("url", "sink"), [(TELEGRAM, telegram), (SLACK, slack), (DISCORD, discord)]
)
def test_nothing_a_feed_writes_is_refused_or_calls_people(
    web: WebServer, url: str, sink: Any
) -> None:
    to = target(url)
    route(web, to.scheme, sink())
    assert isinstance(send(web, to, chat=NASTY, title="@everyone <!here> *x*"), Sent)
    assert len(web.requests) == 1


def test_a_long_digest_reaches_telegram_in_parts_that_fit(web: WebServer) -> None:
    route(web, "tgram", telegram())
    to = target(TELEGRAM)
    pieces = compose(to, message(kind="digest", chat=LONG))
    with closing(service_sender(to, web.url(""), trusting)) as sender:
        assert [type(sender.send(piece)) for piece in pieces] == [Sent] * len(pieces)
    assert 3 <= len(pieces) <= 5
    seen = "\n".join(shown_text(body["text"]) for body in bodies(web))
    links = re.findall(r'href="([^"]*)"', " ".join(body["text"] for body in bodies(web)))
    assert [f"第 {n} 篇：谱范数 < 核范数 😀" in seen for n in range(60)] == [True] * 60
    assert links == [f"https://kexue.example/{n}?a=1&amp;b=2" for n in range(60)]
    # Every part but the first begins with an entry's own heading.
    assert all(body["text"].startswith("<b>科学空间") for body in bodies(web)[1:])


@pytest.mark.parametrize(("url", "sink"), [(SLACK, slack), (DISCORD, discord)])
def test_a_long_digest_reaches_the_others_too(web: WebServer, url: str, sink: Any) -> None:
    to = target(url)
    route(web, to.scheme, sink())
    pieces = compose(to, message(kind="digest", chat=LONG))
    with closing(service_sender(to, web.url(""), trusting)) as sender:
        assert {type(sender.send(piece)) for piece in pieces} == {Sent}
    assert len(web.requests) == len(pieces)


def test_ntfy_gets_a_title_a_link_to_tap_and_bytes_that_fit(web: WebServer) -> None:
    to = target(f"ntfy://127.0.0.1:{web.port}/feeds")
    route(web, "ntfy", ntfy())
    assert isinstance(send(web, to), Sent)
    (request,) = web.requests
    body = json.loads(request.body)
    assert body["title"] == "谱范数与 Muon（1）"
    assert "https://kexue.example/archives/1" in (
        request.headers.get("x-click", "") + str(body.get("click", ""))
    )
    assert "x-icon" not in request.headers
    pieces = compose(to, message(kind="digest", chat=LONG))
    with closing(service_sender(to, web.url(""), trusting)) as sender:
        assert {type(sender.send(piece)) for piece in pieces} == {Sent}


def test_slack_and_discord_load_no_picture_from_elsewhere(web: WebServer) -> None:
    for url, sink in ((SLACK, slack()), (DISCORD, discord())):
        to = target(url)
        route(web, to.scheme, sink)
        assert isinstance(send(web, to), Sent)
    assert all(b"github" not in request.body for request in web.requests)
    assert all(b"apprise" not in request.body.lower() for request in web.requests)


def test_discord_draws_markdown(web: WebServer) -> None:
    route(web, "discord", discord())
    send(web, target(DISCORD))
    (body,) = bodies(web)
    assert body["content"].startswith(
        "[**谱范数与 Muon（1）**](<https://kexue.example/archives/1>)\n*科学空间*"
    )


def test_slack_draws_its_own_marks(web: WebServer) -> None:
    route(web, "slack", slack())
    send(
        web, target(SLACK), chat='<b>Bold</b> <a href="https://x.example/?a=1&amp;b=2">a &lt; b</a>'
    )
    (body,) = bodies(web)
    assert "*Bold*" in body["attachments"][0]["text"]
    assert "<https://x.example/?a=1&amp;b=2|a &lt; b>" in body["attachments"][0]["text"]


def test_a_services_own_pace_is_known() -> None:
    assert target("dingtalk://abcdefghijklmnopq").pace == (20, 0)
    assert target("ntfy://topic").pace == target("ntfys://ntfy.sh/topic").pace == (12, 60)
    assert target("json://127.0.0.1").pace == (0, 0)


def test_an_own_server_is_not_held_to_the_public_ones_pace() -> None:
    assert target("ntfy://127.0.0.1:2586/topic").pace == (0, 0)
    assert target("ntfys://me:pw@ntfy.example.org/topic?priority=high").pace == (0, 0)


def test_each_chat_behind_one_url_is_a_piece_of_its_own(web: WebServer) -> None:
    route(web, "tgram", telegram())
    to = target(f"tgram://{TOKEN}/12345/678")
    pieces = compose(to, message())
    with closing(service_sender(to, web.url(""), trusting)) as sender:
        assert [type(sender.send(piece)) for piece in pieces] == [Sent, Sent]
        assert [type(sender.send(pieces[1]))] == [Sent]
    assert [str(body["chat_id"]) for body in bodies(web)] == ["12345", "678", "678"]


def test_bark_groups_by_feed(web: WebServer) -> None:
    route(web, "bark", says({"code": 200, "message": "success"}))
    to = target(f"bark://127.0.0.1:{web.port}/DEVICEKEY12345")
    assert isinstance(send(web, to), Sent)
    (body,) = bodies(web)
    assert body["url"] == "https://kexue.example/archives/1"
    assert body["group"] == "科学空间"
    assert "icon" not in body


# --- what went wrong -------------------------------------------------------------------


def refusal(code: int, told: str, **parameters: Any) -> Action:
    body: dict[str, Any] = {"ok": False, "error_code": code, "description": told}
    return says(body | ({"parameters": parameters} if parameters else {}), code)


@pytest.mark.parametrize(
    ("act", "kind", "after"),
    [
        (refusal(429, "Too Many Requests: retry after 17", retry_after=17), TryAgain, 17),
        (refusal(500, "Internal Server Error"), TryAgain, None),
        (refusal(401, "Unauthorized"), Broken, None),
        (refusal(403, "Forbidden: bot was blocked by the user"), Broken, None),
        (refusal(404, "Not Found"), Broken, None),
        (refusal(400, "Bad Request: chat not found"), Broken, None),
        (refusal(400, "Bad Request: message is too long"), Refused, None),
        (refusal(400, "group chat was upgraded", migrate_to_chat_id=-100123), Broken, None),
        (says({"ok": False, "error_code": 400, "description": "odd"}), Refused, None),
        (says({"ok": False, "error_code": 429, "parameters": {"retry_after": 3}}), TryAgain, 3),
        (status(503, Retry_After="9"), TryAgain, 9),
        (reset, Unknown, None),
        (accept_then_drop, Unknown, None),
    ],
)
def test_telegrams_answers(
    web: WebServer, act: Action, kind: type[SendOutcome], after: float | None
) -> None:
    route(web, "tgram", act)
    outcome = send(web, target(TELEGRAM))
    assert type(outcome) is kind, outcome
    if isinstance(outcome, TryAgain):
        assert outcome.after == (timedelta(seconds=after) if after is not None else None)
    assert TOKEN not in repr(outcome)
    assert TOKEN.partition(":")[2] not in repr(outcome)


def test_markup_that_is_refused_is_sent_once_more_without(web: WebServer) -> None:
    route(web, "tgram", refusal(400, "Bad Request: can't parse entities: x"), telegram())
    outcome = send(web, target(TELEGRAM))
    assert isinstance(outcome, Sent)
    assert "plain text" in outcome.answer
    assert "https://kexue.example/archives/1" in bodies(web)[1]["text"]


@pytest.mark.parametrize(
    ("act", "kind", "after"),
    [
        (says({"message": "limited", "retry_after": 0.64}, 429), TryAgain, 0.64),
        (says({"message": "limited"}, 429, Retry_After="65"), TryAgain, 65),
        (says({"message": "Unknown Webhook", "code": 10015}, 404), Broken, None),
        (says({"message": "Invalid Webhook Token", "code": 50027}, 401), Broken, None),
        (says({"content": ["Must be 2000 or fewer in length."]}, 400), Refused, None),
        (status(502), TryAgain, None),
    ],
)
def test_discords_answers(
    web: WebServer, act: Action, kind: type[SendOutcome], after: float | None
) -> None:
    route(web, "discord", act)
    outcome = send(web, target(DISCORD))
    assert type(outcome) is kind, outcome
    if isinstance(outcome, TryAgain):
        assert outcome.after == (timedelta(seconds=after) if after is not None else None)


@pytest.mark.parametrize(
    ("act", "kind", "after"),
    [
        (answer("rate_limited", 429, Retry_After="30"), TryAgain, 30),
        (answer("invalid_token", 403), Broken, None),
        (answer("no_service", 404), Broken, None),
        (answer("channel_is_archived", 410), Broken, None),
        (answer("invalid_blocks", 400), Refused, None),
        (answer("rollup_error", 500), TryAgain, None),
    ],
)
def test_slacks_answers(
    web: WebServer, act: Action, kind: type[SendOutcome], after: float | None
) -> None:
    route(web, "slack", act)
    outcome = send(web, target(SLACK))
    assert type(outcome) is kind, outcome
    if isinstance(outcome, TryAgain):
        assert outcome.after == (timedelta(seconds=after) if after is not None else None)


HIDDEN = [
    ("dingtalk://abcdefghijklmnopq", {"errcode": 0, "errmsg": "ok"}, Sent),
    ("dingtalk://abcdefghijklmnopq", {"errcode": 130101, "errmsg": "send too fast"}, TryAgain),
    ("dingtalk://abcdefghijklmnopq", {"errcode": 310000, "errmsg": "keywords"}, Broken),
    ("dingtalk://abcdefghijklmnopq", {"errcode": 40035, "errmsg": "bad"}, Refused),
    ("dingtalk://abcdefghijklmnopq", {"errcode": 999999, "errmsg": "new"}, TryAgain),
    ("wecombot://12345678-1234-1234-1234-1234567890ab", {"errcode": 0}, Sent),
    ("wecombot://12345678-1234-1234-1234-1234567890ab", {"errcode": 93000}, Broken),
    ("wecombot://12345678-1234-1234-1234-1234567890ab", {"errcode": 45009}, TryAgain),
    ("wecombot://12345678-1234-1234-1234-1234567890ab", {"errcode": 40058}, Refused),
    ("feishu://abcdefghijklmnopq", {"code": 0, "msg": "success"}, Sent),
    ("feishu://abcdefghijklmnopq", {"StatusCode": 0, "StatusMessage": "success"}, Sent),
    ("feishu://abcdefghijklmnopq", {"code": 19024, "msg": "Key Words Not Found"}, Broken),
    ("feishu://abcdefghijklmnopq", {"code": 11232, "msg": "frequency limited"}, TryAgain),
    ("lark://abcdefghijklmnopq", {"code": 19001, "msg": "incoming webhook invalid"}, Broken),
    ("lark://abcdefghijklmnopq", {"code": 0}, Sent),
    ("schan://SCT12345abcdefg", {"code": 0, "errno": 0}, Sent),
    ("schan://SCT12345abcdefg", {"code": 40001, "message": "bad key"}, Broken),
    ("pushplus://abcdefghijklmnopqrstuvwxyz012345", {"code": 200, "msg": "ok"}, Sent),
    ("pushplus://abcdefghijklmnopqrstuvwxyz012345", {"code": 903, "msg": "bad token"}, Broken),
    ("pushplus://abcdefghijklmnopqrstuvwxyz012345", {"code": 900, "msg": "limit"}, TryAgain),
    ("wxpusher://AT_appid/UID_abc", {"code": 1000, "msg": "ok"}, Sent),
    ("wxpusher://AT_appid/UID_abc", {"code": 1002, "msg": "bad token"}, Broken),
    ("bark://127.0.0.1:{port}/DEVICEKEY12345", {"code": 200}, Sent),
    ("bark://127.0.0.1:{port}/DEVICEKEY12345", {"code": 400, "message": "no device"}, Broken),
    ("pushdeer://127.0.0.1:{port}/PDU123", {"code": 0, "content": {"result": ["{}"]}}, Sent),
    ("pushdeer://127.0.0.1:{port}/PDU123", {"code": 0, "content": {"result": []}}, Broken),
    ("qq://abcdefghijklmnopqrstuvwxyz012345", {"success": True, "code": 0}, Sent),
    ("qq://abcdefghijklmnopqrstuvwxyz012345", {"success": False, "code": 500}, TryAgain),
    (
        "pover://uabcdefghijklmnopqrstuvwxyz0123@aabcdefghijklmnopqrstuvwxyz0123",
        {"status": 1},
        Sent,
    ),
    (
        "pover://uabcdefghijklmnopqrstuvwxyz0123@aabcdefghijklmnopqrstuvwxyz0123",
        {"status": 0, "errors": ["user identifier is invalid"]},
        Broken,
    ),
    ("slack://xoxb-1234-1234-abc124/#general", {"ok": True, "message": {"ts": "1"}}, Sent),
    ("slack://xoxb-1234-1234-abc124/#general", {"ok": False, "error": "invalid_auth"}, Broken),
    ("slack://xoxb-1234-1234-abc124/#general", {"ok": False, "error": "ratelimited"}, TryAgain),
    ("slack://xoxb-1234-1234-abc124/#general", {"ok": False, "error": "msg_too_long"}, Refused),
    ("pushdeer://127.0.0.1:{port}/PDU123", {"code": 80501, "error": "token"}, Broken),
]


@pytest.mark.parametrize(("url", "body", "kind"), HIDDEN)
def test_the_body_decides_where_the_status_lies(
    web: WebServer, url: str, body: dict[str, Any], kind: type[SendOutcome]
) -> None:
    to = target(url.format(port=web.port))
    for path in (
        "/sink", "/sink/abcdefghijklmnopq", "/sink/SCT12345abcdefg", "/push", "/message/push",
        "/sink/abcdefghijklmnopqrstuvwxyz012345", "/api/chat.postMessage",
    ):  # fmt: skip
        web.route(path, says(body))
    outcome = send(web, to)
    assert len(web.requests) >= 1, outcome
    assert type(outcome) is kind, outcome


def test_silence_is_unknown(web: WebServer) -> None:
    route(web, "tgram", hang)
    to = target(TELEGRAM + "?rto=0.3")
    assert isinstance(send(web, to), Unknown)
    assert len(web.requests) == 1


def test_nobody_at_the_port_is_worth_another_try() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    to = target(f"ntfy://127.0.0.1:{port}/feeds")
    with closing(service_sender(to, "http://127.0.0.1:1", trusting)) as sender:
        assert isinstance(sender.send(one_piece(to)), TryAgain)


def test_a_recipient_that_the_owner_took_away_is_told(web: WebServer) -> None:
    both = target(f"tgram://{TOKEN}/12345/678")
    piece = compose(both, message())[1]
    one = target(f"tgram://{TOKEN}/12345/999")
    with closing(service_sender(one, web.url(""), trusting)) as sender:
        assert isinstance(sender.send(piece), Refused)  # the others' messages need not wait


def test_tls_goes_over_the_shared_context() -> None:
    authority = Authority()
    with WebServer(tls=authority.server_context("localhost")) as web:
        web.route("/", ntfy())
        web.route("/feeds", ntfy())
        to = target(f"ntfys://localhost:{web.port}/feeds")
        good = service_sender(to, "", lambda: trusting(authority.pem))
        assert isinstance(good.send(one_piece(to)), Sent)
        other = service_sender(to, "", lambda: trusting(Authority().pem))
        outcome = other.send(one_piece(to))
        assert isinstance(outcome, TryAgain)
        assert "certificate" in outcome.reason.lower()


def test_the_entry_is_what_a_tap_opens_only_where_there_is_one(web: WebServer) -> None:
    to = target(f"bark://127.0.0.1:{web.port}/DEVICEKEY12345")
    route(web, "bark", says({"code": 200}))
    with closing(service_sender(to, "", trusting)) as sender:
        sender.send(one_piece(to))
        sender.send(one_piece(to, identity="alert/2", entries=(fact(1), fact(2))))
    assert ["url" in body for body in bodies(web)] == [True, False]


def test_gotify_opens_the_entry(web: WebServer) -> None:
    web.route("/message", says({"id": 1}))
    to = target(f"gotify://127.0.0.1:{web.port}/ABCDEFGHIJKLMNO")
    assert isinstance(send(web, to), Sent)
    (body,) = bodies(web)
    click = body["extras"]["client::notification"]["click"]
    assert click == {"url": "https://kexue.example/archives/1"}


def test_discord_is_told_to_call_nobody(web: WebServer) -> None:
    route(web, "discord", discord())
    assert isinstance(send(web, target(DISCORD)), Sent)
    assert bodies(web)[0]["allowed_mentions"] == {"parse": []}


def test_feishu_is_signed_where_its_robot_demands_it(web: WebServer) -> None:
    web.route("/sink/abcdefghijklmnopq", says({"code": 0}))
    assert isinstance(send(web, target("feishu://abcdefghijklmnopq?secret=s3cr3t")), Sent)
    (body,) = bodies(web)
    key = f"{body['timestamp']}\ns3cr3t".encode()
    assert body["sign"] == b64encode(hmac.new(key, b"", sha256).digest()).decode()
    assert "s3cr3t" not in json.dumps(body)


def test_dingtalk_is_signed_with_the_secret_before_the_token(web: WebServer) -> None:
    web.route("/sink", says({"errcode": 0}))
    assert isinstance(send(web, target("dingtalk://SECabc123@abcdefghijklmnopq")), Sent)
    query = dict(parse_qsl(web.requests[0].path.partition("?")[2]))
    told = f"{query['timestamp']}\nSECabc123".encode()
    assert query["sign"] == b64encode(hmac.new(b"SECabc123", told, sha256).digest()).decode()


def wished(url: str, **wishes: Any) -> Target:
    return open_target(Channel("here", url, **wishes), None)


def test_a_robot_finds_its_keyword_in_every_part(web: WebServer) -> None:
    web.route("/sink", says({"errcode": 0}))
    to = wished("dingtalk://abcdefghijklmnopq", prefix="订阅")
    pieces = compose(to, message(kind="digest", chat=LONG * 3))
    assert len(pieces) > 1
    with closing(service_sender(to, web.url(""), trusting)) as sender:
        assert {type(sender.send(piece)) for piece in pieces} == {Sent}
    for body in bodies(web):
        assert body["text"]["content"].startswith("订阅 ")
        assert len(body["text"]["content"].encode()) <= 20000
    to = wished(f"bark://127.0.0.1:{web.port}/DEVICEKEY12345", prefix="订阅")
    assert json.loads(one_piece(to).payload)["title"] == "订阅 谱范数与 Muon（1）"


def test_robots_draw_markdown_if_wished(web: WebServer) -> None:
    web.route("/sink", says({"errcode": 0, "code": 0}))
    web.route("/sink/abcdefghijklmnopq", says({"code": 0}))
    wecom = "wecombot://12345678-1234-1234-1234-1234567890ab?format=markdown"
    chat = '<b>[1] *谱*</b><br><a href="https://x.example/a_(b)">一 [二]</a>'
    for url in (
        wecom, "dingtalk://abcdefghijklmnopq?format=markdown",
        "feishu://abcdefghijklmnopq?format=markdown", "lark://abcdefghijklmnopq?format=markdown",
    ):  # fmt: skip
        assert isinstance(send(web, target(url), chat=chat, title="谱"), Sent)
    drawn = "**［1］ *谱***  \n[一 ［二］](https://x.example/a_%28b%29)"
    one, two, three, four = bodies(web)
    assert one == {"msgtype": "markdown", "markdown": {"content": drawn}}
    assert (two["markdown"]["title"], two["markdown"]["text"]) == ("谱", drawn)
    assert three["card"]["elements"][0]["text"]["content"] == drawn
    assert four["card"] == three["card"]
    assert "header" not in three["card"]


def test_a_long_markdown_message_fits_wecom(web: WebServer) -> None:
    web.route("/sink", says({"errcode": 0}))
    to = target("wecombot://12345678-1234-1234-1234-1234567890ab?format=markdown")
    pieces = compose(to, message(kind="digest", chat=LONG))
    with closing(service_sender(to, web.url(""), trusting)) as sender:
        assert {type(sender.send(piece)) for piece in pieces} == {Sent}
    sizes = [len(body["markdown"]["content"].encode()) for body in bodies(web)]
    assert 2048 < max(sizes) <= 4096


@pytest.mark.parametrize(
    ("url", "wish", "where"),
    [
        ("ntfy://127.0.0.1:{port}/feeds", "high", "x-priority: high"),
        ("ntfy://127.0.0.1:{port}/feeds", "silent", "x-priority: min"),
        ("bark://127.0.0.1:{port}/DEVICEKEY12345", "urgent", '"level": "critical"'),
        ("bark://127.0.0.1:{port}/DEVICEKEY12345", "silent", '"level": "passive"'),
        ("gotify://127.0.0.1:{port}/ABCDEFGHIJKLMNO", "high", '"priority": 8'),
        (TELEGRAM, "silent", '"disable_notification": true'),
        (DISCORD, "silent", '"flags": 4096'),
        ("pover://uabcdefghijklmnopqrstuvwxyz0123@aabcdefghijklmnopqrstuvwxyz0123", "low",
         "priority=-1"),
    ],
)  # fmt: skip
def test_a_message_is_as_loud_as_wished(web: WebServer, url: str, wish: Any, where: str) -> None:
    for scheme in ("tgram", "discord", "ntfy", "bark"):
        route(web, scheme, says({"ok": True, "code": 200, "status": 1}))
    to = wished(url.format(port=web.port), priority=wish)
    with closing(service_sender(to, web.url(""), trusting)) as sender:
        assert isinstance(sender.send(one_piece(to)), Sent)
        assert isinstance(sender.send(one_piece(to, kind="digest")), Sent)
    told = [
        request.body.decode() + "".join(f" {k}: {v}" for k, v in request.headers.items())
        for request in web.requests
    ]
    # A digest never shouts; it can be silent.
    assert [where in text for text in told] == [True, wish in ("silent", "low")]


def test_a_webhook_is_told_how_loud(web: WebServer) -> None:
    to = wished("json://localhost/", priority="high", prefix="[x]")
    body = json.loads(one_piece(to).payload)
    assert (body["priority"], body["title"]) == ("high", "[x] 谱范数与 Muon（1）")
    assert "priority" not in json.loads(one_piece(target("json://localhost/")).payload)


@pytest.mark.parametrize(
    "text", ['&lt;at user_id="all"&gt;所有人&lt;/at&gt;', "&lt;users/all&gt;", "@所有人"]
)
def test_what_calls_people_elsewhere_is_defused_too(web: WebServer, text: str) -> None:
    route(web, "feishu", says({"code": 0}))
    web.route("/sink/abcdefghijklmnopq", says({"code": 0}))
    assert isinstance(send(web, target("feishu://abcdefghijklmnopq"), chat=text), Sent)
    told = bodies(web)[0]["content"]["text"]
    assert not re.search("<at |<users/|@所有人", told)


@pytest.mark.parametrize("login", ["bot:hunter22", ":t0ken"])
def test_matrix_knows_a_repeat_for_what_it_is(web: WebServer, login: str) -> None:
    web.route("*", matrix())
    to = target(f"matrix://{login}@127.0.0.1:{web.port}/!abc:x")
    one, other = one_piece(to), one_piece(to, identity="alert/kexue/2/1")
    with closing(service_sender(to, "", trusting)) as sender:
        assert [type(sender.send(piece)) for piece in (one, one, other)] == [Sent] * 3
    first, again, second = [path for path in web.paths() if "/send/" in path]
    assert first == again != second
    (body, *_) = [json.loads(request.body) for request in web.requests if "/send/" in request.path]
    assert body["formatted_body"].count("谱范数与 Muon（1）") == 1
    assert 'href="https://kexue.example/archives/1"' in body["formatted_body"]


@pytest.mark.parametrize(
    ("act", "kind", "after"),
    [
        (says({"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 2500}, 429), TryAgain, 2.5),
        (says({"errcode": "M_FORBIDDEN", "error": "Invalid password"}, 403), Broken, None),
        (says({"errcode": "M_UNKNOWN"}, 500), TryAgain, None),
    ],
)
def test_matrixs_answers(
    web: WebServer, act: Action, kind: type[SendOutcome], after: float | None
) -> None:
    web.route("*", act)
    to = target(f"matrix://bot:hunter22@127.0.0.1:{web.port}/#room")
    with closing(service_sender(to, "", trusting)) as sender:
        outcome = sender.send(one_piece(to))
    assert type(outcome) is kind, outcome
    if isinstance(outcome, TryAgain):
        assert outcome.after == (timedelta(seconds=after) if after is not None else None)
    assert "hunter22" not in repr(outcome)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("clickatell://abcdef123456", "no Clickatell targets"),
        ("opsgenie://abcdef-123456", "nothing was sent"),
    ],
)
def test_a_plugin_that_asks_nobody_is_no_success_and_no_case_for_patience(
    url: str, told: str
) -> None:
    try:
        to = target(url)
    except ConfigError as exc:
        assert "nobody" in exc.reason
        return
    with closing(service_sender(to, "", trusting)) as sender:
        outcome = sender.send(one_piece(to))
    assert isinstance(outcome, Broken), outcome
    assert told in outcome.reason


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"success": True}, Sent),
        ({"success": False, "error": {"code": 400}}, TryAgain),
        ({"ok": False}, TryAgain),
        ({"status": "error", "message": "no"}, TryAgain),
        ({"errcode": 40001}, TryAgain),
        ({"errcode": 0, "status": "failing over, yet accepted"}, Sent),
        ({"status": 1, "error": None}, Sent),
        ([{"ok": False}], Sent),
        ("ok: false", Sent),
    ],
)
def test_a_no_in_the_body_is_heard_from_services_without_rules_too(
    web: WebServer, body: Any, kind: type[SendOutcome]
) -> None:
    web.route("*", says(body))
    to = target(f"gotify://127.0.0.1:{web.port}/ABCDEFGHIJKLMNO")
    with closing(service_sender(to, "", trusting)) as sender:
        assert type(sender.send(one_piece(to))) is kind

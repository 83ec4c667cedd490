"""Mail as bytes: what every reader and filter finds in it."""

from __future__ import annotations

import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from digestd.core.messages import Letter
from digestd.core.models import Channel, MailServer
from digestd.delivery.compose import compose
from digestd.delivery.target import Target
from digestd.delivery.targets import open_target
from tests.support.messages import NOW, PNG, message, one_piece, target

SERVER = MailServer("smtp.example.org", sender="数学简报 <digestd@example.org>")
TO = target("mail:reader@example.org", SERVER)


def parsed(to: Target = TO, **changes: object) -> EmailMessage:
    content = one_piece(to, **changes).payload
    return message_from_bytes(content, policy=policy.default)


def test_text_html_and_images_stand_where_readers_look() -> None:
    mail = parsed()
    assert mail.get_content_type() == "multipart/alternative"
    text, related = mail.iter_parts()
    assert text.get_content_type() == "text/plain"
    assert "设 W = UΣVᵀ 为矩阵" in text.get_content()
    assert related.get_content_type() == "multipart/related"
    page, image = related.iter_parts()
    assert "cid:m1@digestd" in page.get_content()
    assert image["Content-ID"] == "<m1@digestd>"
    assert image["Content-Disposition"].content_disposition == "inline"
    assert image.get_content() == PNG
    assert {part["Content-Transfer-Encoding"] for part in (text, page, image)} == {"base64"}


def test_without_images_there_is_no_related_part() -> None:
    kinds = [part.get_content_type() for part in parsed(html="<p>x</p>").walk()]
    assert kinds == ["multipart/alternative", "text/plain", "text/html"]


def test_without_html_it_is_plain_text() -> None:
    assert parsed(html="").get_content_type() == "text/plain"


def test_the_headers_that_programs_act_on() -> None:
    mail = parsed()
    assert mail["Subject"] == "谱范数与 Muon（1）"
    assert mail["From"].addresses[0].display_name == "数学简报"
    assert mail["From"].addresses[0].addr_spec == "digestd@example.org"
    assert mail["To"] == "reader@example.org"
    assert mail["Date"].datetime == NOW
    assert mail["List-Id"] == "<kexue.alert.digestd.example.org>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Auto-Response-Suppress"] == "All"
    assert mail["Precedence"] == "bulk"
    assert mail["Message-ID"].startswith("<alert.kexue.1.1.")
    assert mail["Message-ID"].endswith("@example.org>")


def test_a_digest_has_a_list_of_its_own() -> None:
    digest = parsed(
        kind="digest", digest="morning", feed="", identity="digest/morning/2026-11-24T08:00"
    )
    assert digest["List-Id"] == "<morning.digest.digestd.example.org>"
    assert digest["Message-ID"].startswith("<digest.morning.2026-11-24T08.00.")


def test_the_same_message_gives_the_same_bytes() -> None:
    assert compose(TO, message()) == compose(TO, message())


def test_identity_and_recipient_make_the_message_id() -> None:
    both = target("mail:a@example.org,b@example.org", SERVER)
    ids = {piece.uid for identity in ("x/1", "x/2") for piece in compose(
        both, message(identity=identity))}  # fmt: skip
    assert len(ids) == 4


def test_several_letters_are_mails_and_pages_of_their_own() -> None:
    letters = tuple(Letter(f"Part ({n}/2)", f"text {n}", f"<p>page {n}</p>") for n in (1, 2))
    several = message(letters=letters)
    mails = compose(TO, several)
    assert [(piece.part, piece.title) for piece in mails] == [(0, "Part (1/2)"), (1, "Part (2/2)")]
    read = [message_from_bytes(piece.payload, policy=policy.default) for piece in mails]
    assert [mail["Subject"] for mail in read] == ["Part (1/2)", "Part (2/2)"]
    assert len({mail["Message-ID"] for mail in read}) == 2
    assert read[0]["Message-ID"] == one_piece(TO).uid  # as if it were one
    pages = compose(target("file:///tmp/pages"), several)
    assert [piece.payload for piece in pages] == [b"<p>page 1</p>", b"<p>page 2</p>"]
    assert len({piece.uid for piece in pages}) == 2


@pytest.mark.parametrize("domain", ["x.org", "a-quite-long-name.of-a-company.example"])
def test_what_names_a_mail_stays_on_its_line(domain: str) -> None:
    server = MailServer("smtp.example.org", sender=f"digestd@{domain}")
    to = open_target(Channel("here", "mail:reader@example.org", threads=True), server)
    content = one_piece(to, identity="digest/a-long-name/2026-11-24T08:00:00/" + "x" * 90).payload
    head = content.partition(b"\r\n\r\n")[0].decode()
    assert re.search(rf"(?m)^Message-ID: <\S+@{domain}>\r?$", head)
    for name in ("References", "In-Reply-To"):
        assert re.search(rf"(?m)^{name}: <thread\.\S+@{domain}>\r?$", head), head


def test_a_title_cannot_forge_a_header() -> None:
    mail = parsed(title="Hi\r\nBcc: all@example.org\r\n\r\nbody\u202e\x00", feed="a\r\nX: y")
    assert mail["Bcc"] is None
    assert mail["X"] is None
    assert mail["Subject"] == "Hi Bcc: all@example.org body"


def test_the_owners_own_headers_do_not_displace_ours() -> None:
    url = "mailto://localhost/?from=a@example.org&to=b@example.org&%2BMessage-ID=<1@x>&%2BX-A=1"
    mail = parsed(target(url))
    assert mail.get_all("Message-ID") != ["<1@x>"]
    assert len(mail.get_all("Message-ID", [])) == 1
    assert mail["X-A"] == "1"


def test_a_maildir_gets_a_whole_mail_too() -> None:
    mail = parsed(target("maildir:///tmp/x"))
    assert mail["To"] == "digestd@localhost"


def wished(to: str = "mail:reader@example.org", **wishes: Any) -> Target:
    return open_target(Channel("here", to, **wishes), SERVER)


def test_whoever_gets_another_s_mail_can_ask_for_no_more() -> None:
    mail = parsed(kind="digest", digest="morning")
    assert mail["List-Unsubscribe"] == (
        "<mailto:digestd@example.org?subject=unsubscribe%20morning>"
    )
    # One's own daemon needs no asking.
    assert parsed(wished("mail:digestd@example.org"))["List-Unsubscribe"] is None
    assert parsed(target("maildir:///tmp/x"))["List-Unsubscribe"] is None
    ways = ("https://example.org/off?u=1", "mailto:off@example.org?subject=off")
    mail = parsed(wished(unsubscribe=ways))
    assert mail["List-Unsubscribe"].strip() == f"<{ways[0]}>, <{ways[1]}>"


def test_alerts_of_a_feed_stand_in_a_thread_if_wished() -> None:
    assert parsed()["References"] is None
    to = wished(threads=True)
    one, two = parsed(to), parsed(to, identity="alert/kexue/2/1")
    assert one["Message-ID"] != two["Message-ID"]
    assert one["References"] == one["In-Reply-To"] == two["References"]
    assert one["References"].startswith("<thread.")
    assert parsed(to, feed="other")["References"] != one["References"]
    # Digests are letters of their own.
    assert parsed(to, kind="digest", digest="morning", feed="")["References"] is None


def test_importance_is_written_as_programs_read_it() -> None:
    assert parsed()["Importance"] is None
    high = parsed(wished(priority="high"))
    assert (high["X-Priority"], high["Importance"]) == ("2", "high")
    assert parsed(wished(priority="high"), kind="digest")["Importance"] is None
    assert parsed(wished(priority="low"), kind="digest")["Importance"] == "low"


def test_a_prefix_begins_the_subject() -> None:
    assert parsed(wished(prefix="[feeds]"))["Subject"] == "[feeds] 谱范数与 Muon（1）"


hostile = st.text(
    st.characters(), max_size=300
)  # every character there is, controls and surrogates with them


@given(title=hostile, text=hostile, name=hostile)
@example(title="", text="", name="\ud800")
def test_no_text_whatever_breaks_a_mail(title: str, text: str, name: str) -> None:
    content = one_piece(TO, title=title, text=text, html=f"<p>{text}</p>", digest=name).payload
    mail = message_from_bytes(content, policy=policy.default)
    assert not mail.defects
    assert content.isascii()
    assert max(map(len, content.split(b"\r\n"))) <= 998
    assert [key for key in mail if key.lower() == "bcc"] == []
    assert len(mail["Subject"] or "") <= 400
    body = mail.get_body(("plain",))
    assert body is not None


@pytest.mark.parametrize("language", ["汉" * 200, "a" * 500, "é" * 180 + "\u0301" * 50, "𝔄" * 199])
def test_a_long_subject_is_bounded_and_folded(language: str) -> None:
    content = one_piece(TO, title=language).payload
    head = content.partition(b"\r\n\r\n")[0]
    assert max(len(line) for line in head.split(b"\r\n")) <= 100

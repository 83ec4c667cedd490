"""Shaping: nothing left out, nothing too long, every mark closed, nobody called."""

from __future__ import annotations

import re
from html import escape
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.core.messages import Letter
from digestd.delivery.atoms import atoms_of, defused
from digestd.delivery.dialects import render
from digestd.delivery.limits import LIMITS, MARKDOWN_LIMITS, Shape
from digestd.delivery.shape import measure, shape_message, split
from tests.support.messages import message

words = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf", "Zl", "Zp"]), max_size=30)


@st.composite
def chats(draw: st.DrawFn) -> str:
    """A chat form of some entries, as templates make it, but with any words."""
    parts = []
    for _ in range(draw(st.integers(1, 6))):
        title, text = escape(draw(words)), escape(draw(words))
        link = f"https://example.org/{draw(st.integers(0, 99))}?a=1&amp;b=2"
        parts.append(
            draw(
                st.sampled_from(
                    [
                        f'<a href="{link}"><b>{title}</b></a><br><i>{text}</i>',
                        f"<b>{title}</b><br>• {text}<br>• {text}",
                        f"<b>{title} <i>{text}</b> odd</i>",
                        f"<ul><li>{title}<li><code>{text}</code></ul>",
                        f"<p>{title}</p><pre>{text}\n  {text}</pre>",
                    ]
                )
            )
        )
    return "<br><br>".join(parts)


def solid(text: str) -> str:
    """Text without what splitting and rendering may change: blanks."""
    return re.sub(r"\s+", "", text)


@given(chats(), st.sampled_from(["text", "telegram", "html", "markdown"]), st.integers(130, 400))
def test_parts_fit_and_hold_all_the_words(chat: str, markup: Any, limit: int) -> None:
    shape = Shape(markup, limit, "bytes")
    parts = shape_message(message(chat=chat, title=""), shape)
    whole = defused(atoms_of(chat))
    assert all(measure(part["body"], shape) <= limit for part in parts)
    runs = split(whole, lambda run: measure(render(run, markup), shape) <= limit)
    kept = solid("".join(atom.text for run in runs for atom in run))
    assert kept == (solid("".join(atom.text for atom in whole)) or "…")


@given(chats(), st.integers(60, 300))
def test_html_is_balanced_in_every_part(chat: str, limit: int) -> None:
    shape = Shape("telegram", limit, "utf16", shown=True)
    for part in shape_message(message(chat=chat), shape):
        tags: list[str] = []
        for close, tag in re.findall(r"<(/?)([a-z]+)[^>]*>", part["body"]):
            if not close:
                tags.append(tag)
            else:
                assert tags.pop() == tag
        assert not tags
        assert not re.search(r"<(?!/?(?:b|i|a|code)\b)", part["body"])


@given(st.text(max_size=200))
def test_any_characters_at_all_can_be_shaped(text: str) -> None:
    for markup in ("text", "telegram", "markdown"):
        for part in shape_message(message(chat=text, text=text, title=text), Shape(markup, 500)):
            part["body"].encode()
            assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]",
                                 part["body"])  # fmt: skip
            assert part["body"]


MENTIONS = ["@everyone", "@here", "@channel", "@all", "@room", "@所有人", "<!here>", "<!channel|x>",
            "<@U12345>", "<@&8>", "<#C1>", "x@everyone", "@Everyone!", "@<b>everyone</b>",
            "@every<i>one</i>"]  # fmt: skip


@pytest.mark.parametrize("mention", MENTIONS)
@pytest.mark.parametrize("markup", ["text", "telegram", "markdown", "commonmark"])
def test_nobody_is_called(mention: str, markup: Any) -> None:
    written = mention if "<b>" in mention or "<i>" in mention else escape(mention)
    (part,) = shape_message(message(chat=f"see {written} there", title=mention), Shape(markup))
    shown = part["body"].replace("*", "").replace("\\", "")
    shown = re.sub(r"</?[bi]>", "", shown)
    assert not re.search(r"@(?:everyone|here|channel|all|room|所有人)", shown, re.IGNORECASE)
    assert not re.search(r"<[@!#&]", shown)


def test_an_address_keeps_working_when_it_looks_like_a_mention() -> None:
    (part,) = shape_message(message(chat="https://m.example/@everyone/1"), Shape("text"))
    assert part["body"] == "https://m.example/%40everyone/1"
    chat = '<a href="https://m.example/@here">x</a>'
    (part,) = shape_message(message(chat=chat), Shape("markdown"))
    assert "https://m.example/@here" in part["body"]


def test_an_ordinary_at_sign_stays() -> None:
    (part,) = shape_message(message(chat="a@example.org and @someone"), Shape("text"))
    assert part["body"] == "a@example.org and @someone"


def test_markdown_shows_what_was_written() -> None:
    chat = "*x* _y_ `z` [a](b) # h &lt;i&gt; https://e.example/a_b*c"
    (part,) = shape_message(message(chat=chat), Shape("markdown"))
    assert part["body"] == r"\*x\* \_y\_ \`z\` \[a\](b) \# h \<i\> https://e.example/a_b%2Ac"


def test_bold_around_blanks_stays_bold() -> None:
    assert render(atoms_of("a<b> b </b>c"), "markdown") == "a **b** c"


def test_text_keeps_the_links() -> None:
    chat = '<a href="https://e.example/1">One</a>, <a href="https://e.example/2">e.example/2</a>'
    (part,) = shape_message(message(chat=chat), Shape("text"))
    assert part["body"] == "One (https://e.example/1), e.example/2"


def test_a_cut_falls_between_entries() -> None:
    entry = "<b>Entry {}</b><br>" + "some words " * 8
    chat = "<br><br>".join(entry.format(n) for n in range(9))
    parts = shape_message(message(chat=chat), Shape("telegram", 250))
    assert len(parts) > 3
    assert all(part["body"].startswith("<b>Entry") for part in parts)


def test_a_title_field_is_numbered_and_not_repeated_below() -> None:
    shape = Shape("text", 120, title=50)
    (part,) = shape_message(message(), shape)
    assert part["title"] == "谱范数与 Muon（1）"
    assert part["body"].startswith("科学空间\n")
    assert part["body"].endswith("\nhttps://kexue.example/archives/1")
    parts = shape_message(message(chat="word " * 60), shape)
    assert [part["title"][-5:] for part in parts] == [f"({n}/3)" for n in (1, 2, 3)]


def test_without_a_chat_form_the_text_is_sent_and_the_title_said_once() -> None:
    (part,) = shape_message(message(chat="", text="Body."), Shape("telegram"))
    assert part["body"] == "<b>谱范数与 Muon（1）</b>\n\nBody."
    (part,) = shape_message(message(chat=""), Shape("text"))
    assert part["body"].count("谱范数与 Muon（1）") == 1


def test_mail_by_http_gets_the_page_with_words_for_images() -> None:
    (part,) = shape_message(message(), LIMITS["sendgrid"])
    assert part["format"] == "html"
    assert "设 W = UΣVᵀ 为矩阵" in part["body"]
    assert "cid:" not in part["body"]


def test_mail_by_http_gets_every_letter_of_a_long_digest() -> None:
    letters = tuple(Letter(f"Part ({n}/2)", f"text {n}", f"<p>page {n}</p>") for n in (1, 2))
    parts = shape_message(message(letters=letters), LIMITS["sendgrid"])
    assert [(part["title"], part["body"]) for part in parts] == [
        ("Part (1/2)", "<p>page 1</p>"),
        ("Part (2/2)", "<p>page 2</p>"),
    ]


def test_what_is_shown_counts_in_utf16_for_telegram() -> None:
    chat = "😀" * 3000 + '<a href="https://example.org/long/long/long">x</a>'
    parts = shape_message(message(chat=chat), LIMITS["tgram"])
    assert len(parts) == 2
    assert len(parts[0]["body"]) == 2048


def test_a_flag_or_family_is_never_cut_in_two() -> None:
    family = "👨‍👩‍👧‍👦"
    parts = shape_message(message(chat=family * 40), Shape("text", 100, "bytes"))
    assert all(set(re.split(family, part["body"])) == {""} for part in parts)


def test_shaping_is_linear_enough() -> None:
    hostile = "<b>" * 5000 + "<" * 5000 + "[" * 20000 + "&lt;" * 20000 + "@" * 20000
    assert shape_message(message(chat=hostile), LIMITS["discord"])


@pytest.mark.parametrize(
    ("scheme", "shape"),
    [*LIMITS.items(), *((f"{name}-markdown", shape) for name, shape in MARKDOWN_LIMITS.items())],
)
def test_every_service_gets_parts_within_its_limit(scheme: str, shape: Shape) -> None:
    chat = "<br><br>".join(
        f'<b>第 {n} 篇</b><br><a href="https://e.example/{n}">谱范数 &amp; Muon</a> {"汉字" * 30}'
        for n in range(40)
    )
    parts = shape_message(message(chat=chat, kind="digest"), shape)
    for part in parts:
        text = re.sub(r"<[^>]*>", "", part["body"]) if shape.shown else part["body"]
        assert not shape.limit or measure(text, shape) <= shape.limit
        assert len(part["title"]) <= max(shape.title, 0)
    if shape.markup != "page":
        told = "".join(part["body"] for part in parts)
        assert all(f"https://e.example/{n}" in told for n in range(40))


@pytest.mark.parametrize(
    ("scheme", "text", "is_called"),
    [
        ("mmost", "ask @alice or 问@bob", False),
        ("tgram", "ask @alice", False),
        ("zulip", "see @**all** and @_**Bob** and @*team*", False),
        ("mmost", "write to ann@example.org", True),
        ("ntfy", "ask @alice", True),
    ],
)
def test_nobody_is_called_by_name_where_a_service_would(
    scheme: str, text: str, is_called: bool
) -> None:
    (part,) = shape_message(message(chat=text, title=text), LIMITS[scheme])
    told = part["body"] + part["title"]
    assert bool(re.search(r"@(?=[\w*])", told)) == is_called
    assert part["body"].replace("\u2060", "").replace("\\", "") == text


def test_a_title_of_its_own_calls_nobody_either_and_still_fits() -> None:
    title = "@everyone @here @channel " * 9
    for part in shape_message(
        message(chat="word " * 60, title=title), Shape("text", 120, title=50)
    ):
        assert not re.search("@(?:everyone|here|channel)", part["title"])
        assert len(part["title"]) <= 50

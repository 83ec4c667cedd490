"""Messages as readers get them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from digestd.core.messages import Message
from digestd.core.models import ContentLevel, Digest, Grouping, Subscription
from digestd.core.parsed import Enclosure
from digestd.core.selection import Member
from digestd.delivery import context
from digestd.delivery.around import Around, Life
from digestd.delivery.digestmail import MAX_HTML_BYTES
from digestd.delivery.limits import LIMITS
from digestd.delivery.render import Renderer
from digestd.delivery.shape import shape_message
from tests.support.samples import (
    MATHS,
    MEMBERS,
    NEWS,
    NOTES,
    NOW,
    SHANGHAI,
    digest,
    entry,
    feed,
    releases,
)

ROOT = Path(__file__).parent.parent.parent
RENDERER = Renderer([], "en", SHANGHAI)
VOID = frozenset({"meta", "br", "img", "hr"})


def made(
    members: list[Member],
    content: ContentLevel = "excerpt",
    renderer: Renderer = RENDERER,
    of: Digest | None = None,
    notes: tuple[str, ...] = (),
    life: Life | None = None,
) -> Message:
    return renderer.render_digest(
        of or digest(content, "The morning paper"),
        members,
        identity="digest/morning/2026-11-24T08:00",
        now=NOW,
        slot_due_at=NOW,
        around=Around(notes=notes, life=life),
    )


class Page(HTMLParser):
    """Reads a page: is it well nested, what links and what text does it have?"""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.faults: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        if tag == "a":
            self.links.append(dict(attrs).get("href") or "")
        if tag in {"script", "iframe", "object", "form", "link"}:
            self.faults.append(tag)
        self.faults += [f"{tag} {name}" for name, _ in attrs if name.startswith("on")]

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if not {"style", "title"} & set(self.open):
            self.text += data


def check(message: Message) -> None:
    """What holds for every message."""
    for html in [message.html, *(letter.html for letter in message.letters)]:
        page = Page(html)
        assert not page.faults
        assert not page.open
        assert len(html.encode()) <= MAX_HTML_BYTES
    assert "\n" not in message.title
    assert message.text.strip()
    assert message.complaint == ""
    for member in message.entries:
        assert member.title in message.text
        assert member.link in message.text
    assert not re.search(r"</?(?!/?(?:b|i|a|code|pre|br)\b)\w+", message.chat)


# --- alerts --------------------------------------------------------------------------------


def test_an_alert_names_feed_and_title_and_has_the_link() -> None:
    message = RENDERER.render_alert(MEMBERS[4:5], identity="alert/1/1", now=NOW)
    check(message)
    assert message.title == "Workbench Notes: Sorting screws"
    assert message.text.startswith("Sorting screws\nhttps://workbench.example/5\n")
    assert Page(message.html).links.count("https://workbench.example/5") == 1
    assert 'href="https://workbench.example/5"' in message.chat
    assert (message.kind, message.identity, message.feed) == ("alert", "alert/1/1", "workbench")


def test_an_alert_of_many_says_how_many() -> None:
    message = RENDERER.render_alert(releases(9), identity="alert/2", now=NOW)
    check(message)
    assert message.title == "Tool Releases: ledger 1.0.0 and 8 more"
    assert len(message.entries) == 9


def test_an_alert_of_several_feeds_names_none_in_its_title() -> None:
    message = RENDERER.render_alert([MEMBERS[0], MEMBERS[4]], identity="alert/3", now=NOW)
    check(message)
    assert message.title == "投影为什么总是“最近”的那个点？ and 1 more"
    assert message.feed == ""


def test_an_entry_without_a_title_is_named_by_how_it_begins() -> None:
    post = entry(1, NOTES, "", "<p>Just a short note about the weather today.</p>", 1)
    message = RENDERER.render_alert([(post, NOTES)], identity="a", now=NOW)
    check(message)
    assert message.title == "Workbench Notes: Just a short note about the weather today."
    assert message.html.count("about the weather today.</a>") == 1
    assert Page(message.html).text.count("short note") == 1


def test_an_entry_without_a_link_leads_to_its_file_or_its_feed() -> None:
    plain = entry(1, NOTES, "One", "", 1, link=None)
    file = replace(plain, id=2, enclosures=(Enclosure("https://x.example/a.mp3", "audio/mpeg"),))
    links = [
        RENDERER.render_alert([(e, NOTES)], identity="a", now=NOW).entries[0].link
        for e in (plain, file)
    ]
    assert links == ["https://workbench.example/", "https://x.example/a.mp3"]


# --- digests -------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "zh", "de", "fr", "ja", "es", "ar", "xx"])
def test_a_digest_in_any_language(language: str) -> None:
    message = made(
        MEMBERS + releases(31),
        renderer=Renderer([], language, SHANGHAI),
        notes=("Read this first.",),
        life=Life(well=42, failing=1),
    )
    check(message)
    assert len(message.entries) == 38
    assert "Read this first." in message.text


def test_the_frame_speaks_the_reader_s_language() -> None:
    message = made(MEMBERS, renderer=Renderer([], "zh", SHANGHAI), life=Life(well=3, quiet=2))
    assert message.title == "投影为什么总是“最近”的那个点？，另有 6 篇"
    assert message.language == "zh"
    for part in (
        "2026年11月24日星期二",
        "昨天 21:42",
        "每天 08:00",
        "7 篇新文章",
        "2 个比平时安静",
    ):
        assert part in message.html
        assert part in message.text


def test_each_entry_has_its_own_language_and_direction() -> None:
    html = made(MEMBERS).html
    assert 'lang="zh-CN" dir="ltr"' in html
    assert 'lang="ar" dir="rtl" align="right"' in html
    assert 'lang="en" dir="ltr"' in html


def test_formulas_are_set_in_html_and_in_unicode_elsewhere() -> None:
    message = made(MEMBERS[:1])
    assert re.search(r"<b><i>P</i></b><sup[^>]*>2</sup>", message.html)
    assert "P² = P" in message.text
    assert "\n    x* = (AᵀA)⁻¹Aᵀb\n" in message.text
    assert "data-tex" not in message.html + message.chat


def test_a_file_is_told_by_length_size_and_kind() -> None:
    message = made(MEMBERS[5:6])
    assert "43 min · 62 MB · mp3" in message.html
    assert "43 min · 62 MB · mp3: https://longwave.example/media/112.mp3" in message.text


def test_a_title_with_formulas_has_them_set() -> None:
    shown = 'Bounds in <span class="math" data-tex="O(n^2)" data-display="inline">O(n²)</span>'
    post = entry(1, MATHS, "Bounds in O(n²)", "<p>text</p>", 1, title_html=shown)
    message = made([(post, MATHS), MEMBERS[4]])
    assert message.title == "Bounds in O(n²) and 1 more"
    assert re.search(r"Bounds in <span[^>]*><i>O</i>\(<i>n</i><sup", message.html)


@pytest.mark.parametrize("count", [0, 1])
def test_few_entries_or_none(count: int) -> None:
    message = made(MEMBERS[:count])
    check(message)
    title = "投影为什么总是“最近”的那个点？"
    assert message.title == (title if count else "The morning paper: nothing new")


def crowd(feeds: int, each: int, content: str) -> list[Member]:
    members = []
    for f in range(feeds):
        of = feed(1000 + f, f"feed{f}", f"来源之{f}", "zh", 6)
        for i in range(each):
            title = f"第 {f * each + i} 篇：一个相当长的标题，用来看看邮件会有多大"
            members.append((entry(f * each + i, of, title, content, i * 0.3), of))
    return members


@pytest.mark.parametrize(
    ("feeds", "each", "content"),
    [
        (1, 500, "full"),
        (12, 3, "excerpt"),
        (12, 3, "full"),
        (50, 10, "excerpt"),
        (500, 1, "title"),
    ],
)
def test_any_number_of_entries_makes_a_mail_that_is_not_clipped(
    feeds: int, each: int, content: ContentLevel
) -> None:
    members = crowd(feeds, each, MEMBERS[0][0].content_html)
    message = made(members, content)
    check(message)  # the text has every title and link
    assert len(message.entries) == len(members)
    letters = [letter.html for letter in message.letters] or [message.html]
    assert len(letters) <= 2
    text = "".join(Page(html).text for html in letters)
    shown = len(set(re.findall(r"第 \d+ 篇", text)))
    counted = sum(map(int, re.findall(r"and (\d+) more", text)))
    assert shown > 15
    assert shown == len(members) or counted
    sizes = [len(html) for html in letters]
    assert max(sizes) < 1.2 * min(sizes)
    if message.letters:
        n = len(letters)
        assert [letter.title[-5:] for letter in message.letters] == [
            f"({i + 1}/{n})" for i in range(n)
        ]
        apart = "".join(letter.text for letter in message.letters)
        assert all(f"第 {i} 篇" in apart for i in range(len(members)))


def test_a_long_entry_is_whole_only_where_it_fits() -> None:
    long = entry(1, NOTES, "Long", "<p>" + "A sentence of some words. " * 900 + "The end.</p>", 1)
    endless = replace(long, id=2, content_html=long.content_html * 40)
    assert "The end." in made([(long, NOTES)], "full").html
    assert "The end." not in made([(long, NOTES)], "excerpt").html
    check(made([(long, NOTES), (endless, NOTES)], "full"))
    # What is too long is cut, with a link; the rest stays whole.
    short = replace(long, id=3, content_html="<p>" + "Some words. " * 90 + "It ends here.</p>")
    both = made(
        [(long, NOTES), (replace(long, id=4), NOTES), (endless, NOTES), (short, NOTES)], "full"
    )
    assert both.html.count("It ends here.") == 1
    assert both.html.count("Read on") >= 1
    check(both)


# --- hostile feeds -------------------------------------------------------------------------

EVIL = "{{ 7*7 }}{% raise %}<script>alert(1)</script>\"'><b onmouseover=x>\r\nBcc: a@b\u202egnp"


def test_what_a_feed_says_is_never_code_nor_markup() -> None:
    of = replace(feed(9, "evil", EVIL, EVIL, 5), home_url='javascript:alert("x")')
    post = entry(1, of, EVIL, f"<p>{EVIL}</p>", 1, author=EVIL, link="javascript:alert(1)")
    post = replace(post, language='x" onload="y', title_html=EVIL)
    for message in (
        RENDERER.render_alert([(post, of)], identity="a", now=NOW),
        made([(post, of), MEMBERS[4]]),
    ):
        page = Page(message.html)
        assert not page.faults
        assert not page.open
        assert "{{ 7*7 }}" in message.text
        assert "\r" not in message.title + message.html
        assert "\n" not in message.title
        assert "\u202e" not in message.title
        assert all(link.startswith("https://") for link in page.links)
        assert "javascript:" not in message.html + message.chat + message.text


# --- templates of the owner's --------------------------------------------------------------


@pytest.fixture
def own(tmp_path: Path) -> Callable[..., Renderer]:
    def write(**files: str) -> Renderer:
        for name, text in files.items():
            (tmp_path / f"{name.replace('_', '.')}.j2").write_text(text, encoding="utf-8")
        return Renderer([tmp_path], "en", SHANGHAI)

    return write


def test_a_template_of_the_owner_s_goes_first(own: Callable[..., Renderer]) -> None:
    message = made(
        MEMBERS[:2], renderer=own(digest_html="<p>{{ digest.groups[0].name }} & <b></b></p>")
    )
    assert message.html == "<p>线性与随机 & <b></b></p>"
    assert "The morning paper" in message.text  # what was not replaced stays
    assert message.complaint == ""


def test_a_folder_of_templates_may_be_made_later(tmp_path: Path) -> None:
    renderer = Renderer([tmp_path / "templates"], "en", SHANGHAI)
    assert made(MEMBERS[:2], renderer=renderer) == made(MEMBERS[:2])
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "digest.html.j2").write_text("<i>mine</i>", encoding="utf-8")
    assert made(MEMBERS[:2], renderer=renderer).html == "<i>mine</i>"


def test_a_digest_may_name_its_own_template(own: Callable[..., Renderer]) -> None:
    weekend = replace(digest(), template="weekend")
    message = made(MEMBERS[:1], renderer=own(weekend_html="<i>weekend</i>"), of=weekend)
    assert message.html == "<i>weekend</i>"
    assert message.complaint == ""


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{ digest.nonsense }}", "nonsense"),
        ("{% if %}", "Expected an expression"),
        ("\n\n{{ 1 // 0 }}", "digest.html.j2:3: ZeroDivisionError"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{% extends 'absent.j2' %}", "absent.j2 was not found"),
        ("{% for i in range(1000000) %}{% endfor %}", "Range too big"),
    ],
)
def test_a_broken_template_is_replaced_and_complained_of(
    own: Callable[..., Renderer], template: str, reason: str
) -> None:
    message = made(MEMBERS, renderer=own(digest_html=template))
    assert "digest.html.j2" in message.complaint
    assert reason in message.complaint
    note = f"Your own template was not used: {message.complaint}"
    assert message.html == made(MEMBERS, notes=(note,)).html
    assert "Your own template was not used: " in message.text


def test_a_template_that_is_not_there_is_complained_of() -> None:
    message = made(MEMBERS, of=replace(digest(title="The morning paper"), template="missing"))
    assert "missing.html.j2" in message.complaint
    assert "The morning paper" in message.html
    assert message.complaint in message.html


def test_a_broken_part_of_the_owner_s_breaks_no_message(own: Callable[..., Renderer]) -> None:
    message = RENDERER.render_test("inbox", NOW)
    mended = own(parts_html="{{ nothing }}", base_html="{% block %}").render_test("inbox", NOW)
    assert mended.html == message.html
    assert "base.html.j2" in mended.complaint


def test_a_subject_is_a_template_too() -> None:
    subject = "{{ digest.title }} ({{ digest.groups|length }}): {{ frame.title }}"
    message = made(MEMBERS, of=digest(title="Paper", subject=subject))
    assert message.title == "Paper (4): 投影为什么总是“最近”的那个点？ and 6 more"
    broken = made(MEMBERS, of=digest(subject="{{ nothing }}"))
    assert broken.title == made(MEMBERS).title
    assert broken.complaint.startswith("digests.morning.subject: ")
    unsafe = made(MEMBERS, of=digest(subject="{{ ''.__class__.__mro__ }}"))
    assert "unsafe" in unsafe.complaint


def test_the_names_that_templates_see_are_documented() -> None:
    document = (ROOT / "templates" / "README.md").read_text("utf-8")
    assert f"version of this list is {context.CONTEXT_VERSION}" in document
    for view in (
        context.Frame,
        context.DigestView,
        context.AlertView,
        context.NoticeView,
        context.GroupView,
        context.EntryView,
    ):
        properties = [name for name, kind in vars(view).items() if isinstance(kind, property)]
        for name in [*(field.name for field in dataclasses.fields(view)), *properties]:
            assert name.startswith("_") or f"`{name}`" in document, f"{view.__name__}.{name}"


# --- the rest ------------------------------------------------------------------------------


def test_a_test_message_names_its_channel() -> None:
    message = RENDERER.render_test("phone", NOW)
    check(message)
    assert message.kind == "test"
    assert "phone" in message.title


def test_a_notice_is_data() -> None:
    message = RENDERER.render_notice(
        "Feed <b> is broken", ["It said {{ 404 }}"], identity="n", now=NOW, link="https://e.x/a"
    )
    check(message)
    assert "Feed &lt;b&gt; is broken" in message.html
    assert "It said {{ 404 }}" in message.text
    assert message.text.rstrip().endswith("https://e.x/a")


def test_the_same_entries_make_the_same_message() -> None:
    assert made(MEMBERS) == made(list(reversed(MEMBERS)))


def test_a_story_in_two_feeds_is_told_once_with_both() -> None:
    other = feed(77, "echo", "Echo & Co", "en", 20)
    again = replace(entry(70, other, "Hill and kettle", "<p>Look.</p>", 1), link=MEMBERS[3][0].link)
    message = made([*MEMBERS, (again, other)])
    assert len(message.entries) == len(MEMBERS) + 1
    assert "Hill and kettle" not in message.html + message.text
    assert re.search(r"also in <a [^>]*>Echo &amp; Co</a>", message.html)
    assert "\nalso in Echo & Co\n" in message.text
    assert "also in Echo &amp; Co" in message.chat
    apart = made([*MEMBERS, (again, other)], of=replace(digest(), same_story="off"))
    assert "Hill and kettle" in apart.html


@pytest.mark.parametrize("group", ["tag", "none"])
def test_entries_arranged_otherwise_name_their_feeds(group: Grouping) -> None:
    wishes = {
        MATHS.pk: Subscription(MATHS.url, tags=("maths",)),
        NOTES.pk: Subscription(NOTES.url, tags=("home", "maths")),
    }
    of = replace(digest(title="Paper"), group=group)
    members = MEMBERS + releases(30)
    message = RENDERER.render_digest(
        of, members, identity="d", now=NOW, slot_due_at=NOW, wishes=wishes
    )
    check(message)
    shown = Page(message.html).text
    assert ("Other feeds" in shown) is (group == "tag")
    assert "Workbench Notes · Yesterday" in shown
    assert "13 more from Tool Releases" in shown
    assert "• " in message.chat


def test_a_chat_gets_a_list_that_one_reads_not_a_wall() -> None:
    message = made([*MEMBERS, *releases(400)])
    for scheme, most in (("tgram", 1), ("discord", 2), ("slack", 1), ("matrix", 1), ("ntfy", 1)):
        sent = shape_message(message, LIMITS[scheme])
        assert len(sent) <= most
        assert "396 more" in sent[-1]["body"]
    few = shape_message(made(MEMBERS), LIMITS["tgram"])
    [body] = [part["body"] for part in few]
    assert body.startswith("<b>The morning paper</b>\n7 new entries")
    assert '\n• <a href="https://workbench.example/5">Sorting screws</a>' in body
    assert "<i>43 min · 62 MB · mp3</i>" in body


def test_an_entry_that_is_told_again_says_that_it_changed() -> None:
    again = replace(MEMBERS[4][0], revision=2)
    message = made([(again, NOTES), MEMBERS[0]])
    assert re.search(r"ago · updated|AM · updated|PM · updated", message.html)
    assert "updated" not in made(MEMBERS).html


def test_lists_quotations_and_code_keep_to_the_side_of_their_language() -> None:
    body = (
        "<p>هذا الإصدار يضيف:</p><ul><li>بدء أسرع مع <code>--fast</code></li></ul>"
        "<blockquote>قال المطوّر: لم أتوقع هذا.</blockquote><pre>ls -la</pre>"
    )
    html = made([(entry(1, NEWS, "أدوات جديدة", body, 1), NEWS)]).html
    assert '<ul style="margin:10px 0 0;padding:0 22px 0 0">' in html
    assert "border-right:3px" in html
    assert "padding:0 16px 0 0;border:0;border-right" in html
    assert '<code dir="ltr"' in html
    assert '<pre class="eq" dir="ltr"' in html
    assert re.search(r'<p class="mut" lang="en" dir="ltr" align="right"', html)
    plain = made([MEMBERS[4]]).html
    assert '<ul style="margin:10px 0 0;padding:0 0 0 22px">' in plain


def test_an_alert_of_hundreds_is_not_clipped_either() -> None:
    message = RENDERER.render_alert(releases(400), identity="alert/9", now=NOW)
    check(message)
    assert all(member.link in message.chat for member in message.entries)

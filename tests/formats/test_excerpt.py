"""Excerpts: what is never torn, and where a reader would pause."""

from __future__ import annotations

import json
import re
from html import escape, unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from digestd.formats.excerpt import beginning, excerpt, shorten, whole
from digestd.formats.maths import mark_html
from digestd.formats.tokens import as_html, as_text
from tests.support import adapters

FORMULA = '<span class="math" data-tex="{0}" data-display="{1}">{0}</span>'


class Tags(HTMLParser):
    """Tells whether every tag is closed in its order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.balanced = True

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self.balanced = self.balanced and bool(self.open) and self.open.pop() == tag


def is_balanced(html: str) -> bool:
    tags = Tags()
    tags.feed(html)
    tags.close()
    return tags.balanced and not tags.open


@pytest.mark.parametrize(
    ("html", "limit", "text"),
    [
        pytest.param("<p>One. Two three four five six</p>", 12, "One. Two…", id="word"),
        pytest.param("<p>It rained all day. We stayed in</p>", 24, "It rained all day.", id="stop"),
        pytest.param("<p>Costs rose by 12 % in May alone</p>", 17, "Costs rose by…", id="percent"),
        pytest.param("<p>Ask Dr. Smith about all of it</p>", 9, "Ask…", id="abbreviation"),
        pytest.param("<p>Written by J. Smith in a week</p>", 14, "Written by…", id="initial"),
        pytest.param("<p>人口达到1400万以上的城市</p>", 8, "人口达到…", id="number-and-measure"),
        pytest.param(
            "<p>他说，这很好！！但是没有人相信</p>", 9, "他说，这很好！！", id="two-marks"
        ),
        pytest.param(
            "<p>“到此为止。”他走了，再也没有回来过</p>", 9, "“到此为止。”", id="closing-quote"
        ),
        pytest.param(
            "<p>第一部分，第二部分，第三部分的内容</p>", 11, "第一部分，第二部分…", id="clause"
        ),
        pytest.param("<p>これは「とても長い」文章なので切ります</p>", 4, "これは…", id="kinsoku"),
        pytest.param(
            "<h2>First</h2><p>Body text that goes on</p>", 8, "First…", id="heading-alone"
        ),
        pytest.param(
            "<p>Some words first.</p><h2>Then a heading</h2><p>Body text</p>",
            33,
            "Some words first.",
            id="no-heading-left-behind",
        ),
        pytest.param(
            "<p>a<br>b</p><ol><li>x</li><li>y</li></ol>", 50, "a\nb\n1. x\n2. y", id="list"
        ),
        pytest.param("<p>中文\n换行</p>", 50, "中文换行", id="line-ends-in-chinese"),
        pytest.param("<p>See <code>a b c d e f</code> now</p>", 8, "See…", id="code-is-whole"),
        pytest.param(
            "<pre>x = 1\ny = 2</pre><p>after it</p>", 5, "after…", id="long-listing-first"
        ),
        pytest.param("", 10, "", id="nothing"),
        pytest.param("<p>abc</p>", 0, "…", id="no-room"),
    ],
)
def test_it_pauses_where_a_reader_would(html: str, limit: int, text: str) -> None:
    assert excerpt(html, limit, "text") == text


@pytest.mark.parametrize(
    "tail",
    [
        " [&#8230;]",
        " [...]",
        "… <a href='https://e.x/'>Continue reading <span>A title</span> →</a>",
        "… <a href='https://e.x/'>Read more</a>",
        " <a href='https://e.x/'>(more&hellip;)</a>",
        "</p><p><a href='https://e.x/'>Read the full article</a> »",
        "……</p><p>点击阅读全文",
        "…[阅读全文]",
        "… 続きを読む →",
        "</p><p>The post <a href='https://e.x/'>A</a> appeared first on <a href='#'>B</a>.",
    ],
)
def test_the_source_s_own_marks_of_cutting_become_an_ellipsis(tail: str) -> None:
    assert excerpt(f"<p>The beginning of it{tail}</p>", 500, "text") == "The beginning of it…"


@pytest.mark.parametrize(
    "text", ["You should read more books.", "We will continue reading.", "One must read on and on"]
)
def test_prose_about_reading_is_left_alone(text: str) -> None:
    assert excerpt(f"<p>{text}</p>", 500, "text") == text


@pytest.mark.parametrize("torn", [r"$\Vert x", r"\begin{align} a &= b", r"\[ x^2", r"$$ a_i ="])
def test_a_formula_cut_by_the_source_is_dropped(torn: str) -> None:
    assert excerpt(f"<p>It holds that {torn}...</p>", 500, "text") == "It holds that…"


def test_prices_are_no_torn_formulas() -> None:
    assert excerpt("<p>It costs $40, not $60</p>", 500, "text") == "It costs $40, not $60"


def test_a_formula_is_kept_as_it_is_marked() -> None:
    html = "<p>Let " + FORMULA.format("a&lt;b", "inline") + " hold</p>"
    assert excerpt(html, 9, "html") == html.replace(" hold", "…")
    assert excerpt(html, 50, "text") == "Let a<b hold"
    assert excerpt(html, 50, "text", formulas="tex") == "Let $a<b$ hold"


def test_a_display_formula_stands_alone_and_indented() -> None:
    html = "<p>So</p>" + FORMULA.format("E = m", "block") + "<p>which is that.</p>"
    assert excerpt(html, 100, "text") == "So\n\n    E = m\n\nwhich is that."


def test_what_nobody_sees_is_left_out() -> None:
    html = (
        "<p hidden>a</p><p style='Display : NONE'>b</p><script>c</script><style>d</style>"
        "<p style='font-size:0'>e</p><table><tr><td>f</td></tr></table><p>seen</p><!-- g -->"
    )
    assert excerpt(html, 100, "text") == "seen"


def test_only_harmless_attributes_and_addresses_survive() -> None:
    html = (
        '<p onclick="x()" dir="rtl"><a href="javascript:x()">a</a><a href="https://e.x">b</a></p>'
    )
    assert excerpt(html, 100, "html") == '<p dir="rtl"><a>a</a><a href="https://e.x">b</a></p>'


def test_a_link_is_not_cut_inside() -> None:
    html = '<p>A few words come first, and then <a href="https://e.x">a link of some words</a></p>'
    assert excerpt(html, 40, "text") == "A few words come first, and then…"


def test_the_whole_keeps_its_tables() -> None:
    tokens = whole("<table><tr><td>a</td><td></td></tr><tr><td>b</td><td>c</td></tr></table>")
    html = "<tr><td>a</td><td></td></tr><tr><td>b</td><td>c</td></tr>"
    assert as_html(tokens) == f"<table>{html}</table>"
    assert as_text(tokens) == "a | \nb | c"


def test_a_pile_of_accents_is_no_flood() -> None:
    assert len(excerpt("<p>a" + "\u0301" * 100_000 + "</p>", 10, "text")) < 50


def test_a_deep_pile_of_elements_is_no_trouble() -> None:
    assert excerpt("<b>" * 5000 + "deep", 10, "text") in {"deep", ""}


def test_a_line_of_text_is_shortened_as_text() -> None:
    assert shorten("a <b> & $5 " * 10, 9) == "a <b> &…"
    assert shorten("short\n one", 50) == "short one"


# --- the table -----------------------------------------------------------------------------

CASES = json.loads((Path(__file__).parent.parent / "data/cases/excerpts.json").read_text("utf-8"))


def seen(text: str, mode: str, formulas: list[str]) -> int:
    """Return how many signs a reader sees, each of `formulas` being one."""
    if mode == "html":
        text = unescape(re.sub(r"<[^>]*>", "", text))
    for formula in formulas:
        text = text.replace(unescape(formula), "F")
    return len(regex.findall(r"\X", re.sub(r"\s+", " ", text)))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_the_table_of_cases(case: dict[str, Any]) -> None:
    expect = case["expect"]
    out = adapters.excerpt(case["input"], case["limit"], case["mode"])
    formulas = expect.get("formulas", [])
    accepted = expect.get("any_of", [expect["exact"]] if "exact" in expect else [out])
    assert out in accepted
    assert all(part in out for part in expect.get("contains", []))
    assert not any(part in out for part in expect.get("not_contains", []))
    assert not any(re.search(pattern, out) for pattern in expect.get("not_matches", []))
    assert not out.endswith(tuple(expect.get("not_ends_with", [])))
    assert out.startswith(expect.get("starts_with", ""))
    assert expect.get("min", 0) <= seen(out, case["mode"], formulas) <= expect.get("max", 10**6)
    if "ellipsis" in expect:
        assert ("…" in out[-40:]) is expect["ellipsis"]
    for formula in formulas:
        torn = re.search(r"\\begin\{|\\boldsymbol|\\sum|10\^|\$", out)
        assert formula in out or formula in unescape(out) or not torn
    assert is_balanced(out) or not expect.get("balanced")


# --- laws ----------------------------------------------------------------------------------

words = st.text(alphabet="ab Z9.,，。“”（）中国のカ\n👍🏽é", max_size=40)
formulas = st.sampled_from(["x", "a=b", "∑ᵢ"]).map(lambda tex: FORMULA.format(f"⟨{tex}⟩", "inline"))
leaves = st.one_of(words, formulas, st.sampled_from(["<br>", "<code>f(x)</code>", "<img src=x>"]))
trees = st.recursive(
    leaves,
    lambda inner: st.builds(
        lambda tag, parts: f"<{tag}>{''.join(parts)}</{tag}>",
        st.sampled_from(
            ["p", "b", "i", "div", "li", "ul", "blockquote", "h2", "a href='https://e.x'"]
        ),
        st.lists(inner, max_size=4),
    ).map(lambda html: html.replace("</a href='https://e.x'>", "</a>")),
    max_leaves=12,
)


def visible(html: str) -> int:
    """Return how many signs a reader sees, a formula being one."""
    text = unescape(re.sub(r"<[^>]*>", "", re.sub(r"⟨[^⟩]*⟩", "F", html)))
    return len(regex.findall(r"\X", re.sub(r"\s+", " ", text)))


@given(trees, st.integers(0, 60))
def test_no_excerpt_is_longer_than_its_limit(html: str, limit: int) -> None:
    assert visible(re.sub(r'data-tex="[^"]*"', "", excerpt(html, limit, "html"))) <= limit + 1


@given(trees, st.integers(0, 60))
def test_no_excerpt_leaves_a_tag_open(html: str, limit: int) -> None:
    assert is_balanced(excerpt(html, limit, "html"))


@given(trees, st.integers(0, 60))
def test_no_excerpt_tears_a_formula(html: str, limit: int) -> None:
    text = excerpt(html, limit, "text")
    assert set(re.findall(r"⟨[^⟩]*⟩?", text)) <= {"⟨x⟩", "⟨a=b⟩", "⟨∑ᵢ⟩"}


@given(trees, st.integers(0, 60))
def test_an_excerpt_is_the_beginning(html: str, limit: int) -> None:
    def bare(text: str) -> str:
        return re.sub(r"\s", "", text)

    kept = [token for token in beginning(html, limit) if token.text != "…"]
    assert bare(as_text(beginning(html, 10**6))).startswith(bare(as_text(kept)).rstrip("…"))


texts = st.lists(
    st.sampled_from(
        ["a", "Dr.", "of ", ", ", "; ", ". ", "“", "”", "(1)", "50 %", "…", "梯度，", "3万", "ع"]
    ),
    min_size=20,
    max_size=60,
).map("".join)


@given(texts, st.integers(1, 60), st.integers(0, 80))
def test_it_matters_not_in_how_many_elements_a_text_is(text: str, size: int, limit: int) -> None:
    def in_pieces_of(signs: int) -> str:
        pieces = [text[start : start + signs] for start in range(0, len(text), signs)]
        return "".join(f"<span>{escape(piece)}</span>" for piece in pieces)

    assert excerpt(in_pieces_of(size), limit, "text") == excerpt(in_pieces_of(1), limit, "text")


@given(trees, st.sampled_from([0, 20, 60]), st.sampled_from(["…", " Read more", "<pre>x</pre>"]))
def test_what_comes_long_after_has_no_say(html: str, limit: int, end: str) -> None:
    def followed_by(paragraphs: int) -> str:
        return html + "<p>It rained all day, and more.</p>" * paragraphs + end

    assert excerpt(followed_by(60), limit, "html") == excerpt(followed_by(600), limit, "html")


@given(st.text(max_size=200), st.integers(0, 50))
def test_nothing_that_calls_itself_html_raises(html: str, limit: int) -> None:
    assert is_balanced(excerpt(html, limit, "html"))
    assert isinstance(excerpt(html, limit, "text"), str)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<table><tr><td>Laid out in a table</td></tr></table>", "Laid out in a table"),
        ("<figure><img src='a.png'><figcaption>A sunset</figcaption></figure>", "A sunset"),
        ("<p>Words.</p><table><tr><td>1</td></tr></table>", "Words."),
    ],
)
def test_a_table_is_read_where_there_is_nothing_else(html: str, text: str) -> None:
    assert excerpt(html, 100, "text") == text


def test_what_is_hidden_within_a_line_does_not_break_it() -> None:
    assert excerpt("<p>A <i style='display:none'>x</i>B <i hidden>y</i>C</p>", 9, "text") == "A B C"


def test_a_german_quotation_closes_its_sentence() -> None:
    source = "<p>„Wir reden über Geld, nicht über ein Bauwerk.“ Dann gingen alle nach Hause.</p>"
    assert excerpt(source, 60, "text") == "„Wir reden über Geld, nicht über ein Bauwerk.“"


@pytest.mark.parametrize(
    ("source", "limit", "shown"),
    [
        ("1,234,567 dollars", 5, "…"),
        ("＄12.5%，很多", 4, "…"),
        ("约12.5%", 4, "约…"),
        ("Supercalifragilistic", 5, "Super…"),
    ],
)
def test_no_limit_is_so_small_that_a_number_is_cut(source: str, limit: int, shown: str) -> None:
    assert excerpt(f"<p>{source}</p>", limit, "text") == shown


def test_latex_stands_where_it_stood() -> None:
    source = mark_html("<p>设$$E=mc^2$$而后继续说明其余的内容</p>", sources=True)
    assert excerpt(source, 4, "text", formulas="tex") == "设$$E=mc^2$$而后…"

from __future__ import annotations

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lxml import html as lxml_html

from digestd.formats import policy
from digestd.formats.html import clean, first_image, from_text, images
from digestd.formats.plaintext import to_text

BASE = "https://e.example/blog/post/"


def check_safe(markup: str) -> None:
    """Assert that a browser's reading of `markup` holds nothing that is not allowed."""
    if not markup:
        return
    root = lxml_html.fragment_fromstring(markup, create_parent="div")
    for element in root.iterdescendants():
        assert isinstance(element.tag, str), "comments are gone"
        allowed = policy.ALLOWED[element.tag] | policy.EVERYWHERE | {"rel"}
        if element.get("class") == policy.NO_MATHS_CLASS:
            allowed |= {"class"}
        elif element.tag == "span" and element.get("class"):
            assert element.get("class") == "math"
            assert element.get("data-tex") is not None
            allowed |= {"class"}
        assert set(element.attrib) <= allowed
        for name in ("href", "src"):
            assert element.get(name, "https://").startswith(("http://", "https://", "mailto:"))


# --- cleaning --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dirty", "cleaned"),
    [
        pytest.param("<p onclick=x style=y class=z id=q>a</p>", "<p>a</p>", id="attributes"),
        pytest.param("<script>alert(1)</script>a", "a", id="script"),
        pytest.param("<style>p{}</style>a", "a", id="style"),
        pytest.param("<svg><style><img src=x onerror=1></style></svg>a", "a", id="svg"),
        pytest.param("<svg><a xlink:href='javascript:x'>b</a></svg>a", "a", id="svg-link"),
        pytest.param(
            "<form action=x>t<input value=q><button>b</button></form>", "<div>t</div>", id="form"
        ),
        pytest.param("<iframe src='https://x.example/'></iframe>a", "a", id="iframe"),
        pytest.param("<object data=x><embed src=y></object>a", "a", id="object"),
        pytest.param("<textarea><p>x</textarea>a", "a", id="textarea"),
        pytest.param("<math><mtext><b>z</b></mtext></math>", None, id="mathml"),
        pytest.param("<!-- x --><?php y ?>a", "a", id="comments"),
        pytest.param("a < b & c", "a &lt; b &amp; c", id="bare-signs"),
        pytest.param("<blink>a</blink>", "a", id="unknown"),
        pytest.param("</body></html><p>a</p>", "<p>a</p>", id="document-ends-early"),
        pytest.param(
            "<html><head><title>t</title></head><body>a</body></html>", "a", id="document"
        ),
        pytest.param("<video src=//v.example/x><source src=y></video>", None, id="video"),
        pytest.param("<embed src=x>a<p>b</p>", "a<p>b</p>", id="void-swallows-nothing"),
        pytest.param("<p style='display: none'>preheader</p>a", "a", id="hidden"),
        pytest.param("\u202ea\x00\x1bb", "ab", id="control"),
        pytest.param("", "", id="empty"),
    ],
)
def test_only_what_is_allowed_is_left(dirty: str, cleaned: str | None) -> None:
    found = clean(dirty, BASE)
    check_safe(found)
    if cleaned is not None:
        assert found == cleaned


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\nscript:alert(1)", "java&#x09;script:x",
        "&#106;avascript:x", " \x01javascript:x", "vbscript:x", "data:text/html,x", "file:///etc/passwd",
        "blob:https://x", "http://[::1", "ftp://x.example/", "about:blank", "view-source:x",
    ],
)  # fmt: skip
def test_addresses_of_other_schemes_are_gone(address: str) -> None:
    for tag in ("<a href='{}'>x</a>", "<img src='{}' alt=y>", "<img data-src='{}' srcset='{} 2x'>"):
        found = clean(tag.replace("{}", address), BASE)
        assert "href" not in found
        assert "src" not in found


@pytest.mark.parametrize(
    ("address", "absolute"),
    [
        ("../x?a=1", "https://e.example/blog/x?a=1"),
        ("/x", "https://e.example/x"),
        ("//cdn.example/x", "https://cdn.example/x"),
        ("#note", "https://e.example/blog/post/#note"),
        ("https://x.example/?utm_source=a&amp;b=1&amp;fbclid=c", "https://x.example/?b=1"),
        ("https://x.example/a b", "https://x.example/a%20b"),
        ("mailto:a@x.example", "mailto:a@x.example"),
    ],
)
def test_links_are_absolute_and_follow_nobody(address: str, absolute: str) -> None:
    assert f'href="{absolute}"'.replace("&", "&amp;") in clean(f"<a href='{address}'>x</a>", BASE)


def test_without_a_base_relative_links_lose_their_address() -> None:
    assert "href" not in clean("<a href='/x'>x</a>", None)


@pytest.mark.parametrize(
    "image",
    [
        "<img src=/p.gif width=1 height=1>",
        "<img src=/p.gif width='1px'>",
        "<img src=/p.gif style='width:1px;height:1px'>",
        "<img src=/p.gif style='display: none'>",
        "<img src=/p.gif hidden>",
        "<img src='https://pixel.wp.com/b.gif?x=1'>",
        "<img src='https://feeds.feedburner.com/~r/x/~4/y'>",
        "<img src='https://a.feedsportal.com/x.gif'>",
        "<img src='https://www.facebook.com/tr?id=1'>",
    ],
)
def test_tracking_images_are_gone(image: str) -> None:
    assert clean(f"a{image}b", BASE) == "ab"


@pytest.mark.parametrize(
    "image",
    [
        "<img data-src=/a.png src='data:image/gif;base64,R0'>",
        "<img data-original=/a.png src=/loading.gif>",
        "<img data-actualsrc=/a.png>",
        "<img srcset='/s.png 320w, /a.png 1200w, /xl.png 4000w' src=/blank.gif>",
        "<img data-srcset='/a.png 2x'>",
        "<picture><source srcset='/a.png 1x'><img></picture>",
        "<img data-src=/a.png><noscript><img src=/a.png></noscript>",
        "<noscript><img src=/a.png></noscript>",
    ],
)
def test_lazy_images_are_found(image: str) -> None:
    found = clean(image, BASE)
    assert found.count("<img") == 1
    assert 'src="https://e.example/a.png"' in found


def test_emoji_images_become_emoji() -> None:
    assert "🎉" in to_text(
        clean("<img class='emoji' alt='🎉' src='https://s.example/1.svg'>", BASE)
    )


def test_a_known_player_becomes_a_link() -> None:
    found = clean("<iframe src='https://www.youtube.com/embed/abcdefghijk?rel=0'></iframe>", BASE)
    assert 'href="https://www.youtube.com/watch?v=abcdefghijk"' in found


def test_marks_of_formulas_pass_and_no_other_class_does() -> None:
    mark = '<span class="math" data-tex="a&lt;b" data-display="block" id="x">a &lt; b</span>'
    found = clean(mark + '<span class="math">x</span><p class="math" data-tex="y">z</p>', BASE)
    assert found.count("class=") == 1
    assert 'data-tex="a&lt;b"' in found
    assert 'data-display="block"' in found


def test_formulas_are_marked_before_anything_is_cleaned() -> None:
    found = clean("<p>若 $a<b$ 且 $\\alpha<c$ 则</p>", BASE)
    assert 'data-tex="a&lt;b"' in found
    assert to_text(found) == "若 a < b 且 α < c 则"


def test_maths_can_be_turned_off() -> None:
    assert "math" not in clean("<p>$x^2$</p>", BASE, math="off")


def test_a_post_full_of_inequalities_keeps_its_markup() -> None:
    post = "<p>if $a<b$ then <em>so</em></p>" * 300 + "<ul><li><a href='/x'>y</a></li></ul>"
    found = clean(post, BASE, math="on")
    assert found.count("<em>") == 300
    assert "<li><a href" in found


@pytest.mark.parametrize(
    "markup",
    [
        "<div>" * 100_000,
        "<b>" * 100_000,
        "<span>" * 100_000 + "x" + "</span>" * 100_000,
        "<p>" + "".join(f"<b a={n}>" for n in range(60)) + "</p>" + "<p>x" * 70_000,
        "<table><tr><td>" * 20_000,
        "<ul><li>" * 30_000,
        "<x-y>" * 150_000,
        "<svg></svg>x" * 30_000,
        "<" * 1_000_000,
        "<a " * 300_000,
        "<a href='" + "x" * 990_000,
        "<img srcset='" + "a 1x," * 200_000,
        "<blockquote>" * 50 + "<p>x</p>" * 30_000,
    ],
    ids=lambda markup: markup[:12],
)
def test_malice_costs_seconds_at_most(markup: str) -> None:
    started = time.process_time()
    found = clean(markup, BASE)
    to_text(found)
    assert len(found) <= 1_000_000
    assert time.process_time() - started < 5


def test_text_deep_inside_is_not_lost() -> None:
    assert (
        to_text(clean("<div>" * 5_000 + "here" + "</div>" * 5_000 + "<p>after</p>", BASE))
        == "here\n\nafter"
    )


_TAGS = st.sampled_from(
    [
        *sorted(policy.ALLOWED),
        *sorted(policy.DROPPED),
        *sorted(policy.RENAMED),
        "math",
        "mi",
        "desc",
        "foreignObject",
        "x",
    ]
)
_ATTRIBUTES = st.sampled_from(
    [
        *(
            "",
            " onload=alert(1)",
            " style='x:y'",
            " href='javascript:1'",
            " src=x",
            " src='data:x'",
        ),
        *(" class=math", " class=math data-tex='a<b'", " srcset='javascript:1 2x'", " lang=en"),
        *(' title="</a><script>"', " xlink:href=x", " id=a", " hidden", " href=//e.example"),
        *(" width=1", " dir=rtl", " formaction=x", " srcdoc='<script>'"),
    ]
)
_OPENING = st.builds(lambda tag, attribute: f"<{tag}{attribute}>", _TAGS, _ATTRIBUTES)
_TEXT = st.sampled_from(
    [
        "x",
        " ",
        "\n",
        "<",
        ">",
        "&lt;",
        "&",
        "$a<b$",
        "\\(x\\)",
        "<!--",
        "-->",
        "]]>",
        "<![CDATA[",
        "\x00",
        '"',
        "'",
        "语",
    ]
)
_SOUP = st.lists(_OPENING | _TAGS.map("</{}>".format) | _TEXT, max_size=25).map("".join)


@given(_SOUP)
@settings(max_examples=200, deadline=None)
def test_nothing_forbidden_survives_any_soup(soup: str) -> None:
    found = clean(soup, BASE)
    check_safe(found)
    to_text(found)
    first_image(found)


_MATHS = st.sampled_from(
    [
        *("$", "$$", "\\(", "\\)", "\\begin{align}", "\\end{align}", "{", "_", "1", "=\n", "…"),
        *("&#36;", "&#1;", "&#xe000;", "</td>", "</rss>", "<div class=highlight>", "<tt>"),
        *("<span class=katex>", "<iframe>", "</iframe>", "<span class=math data-tex="),
        '<span class="math" data-tex="',
    ]
)


@given(st.lists(_OPENING | _TAGS.map("</{}>".format) | _TEXT | _MATHS, max_size=25).map("".join))
@settings(max_examples=300, deadline=None)
@example("a $</rss>x<y$ b")
@example("$</textarea><rt>")
@example("<p>$$a\n=\nb$$ and $${\\displaystyle x^2}$$ and $" + "x_{1}+" * 90 + "y$")
@example("<div class=highlight>a $x^2$ b</div><font class=hljs><video src=//a/b>\\(")
@example("<iframe></iframe>&#1;<a title='&#1;'>&#x202e;&#xe000;")
@example("<p><b><option><center>&lt;<p><th>")
@example("<listing><dt><span class=math data-tex=</pre>")
@example(f"<img src=data:,{9_000 * 'A'}><a href=https://a.example/?{3_900 * 'A'}>")
def test_cleaning_twice_changes_nothing(soup: str) -> None:
    once = clean(soup, BASE)
    assert clean(once, BASE) == once


def test_formulas_cut_off_within_each_other_go_a_few_at_a_time() -> None:
    # Each is known to be cut off only when the next one is gone.
    few, many = (clean("$a=b \\(" * n + "...", BASE) for n in (5, 50))
    assert clean(few, BASE) == few
    assert clean(many, BASE) != many


@pytest.mark.parametrize("many", ["<", "&", "$x", "<p>a", "<b>$x$", "$x^2$ ", "<table><td>", "$5 "])
def test_a_lot_of_it_is_cleaned_once_too(many: str) -> None:
    once = clean(many * (20_000 // len(many)) + "$x^2$", BASE)
    assert clean(once, BASE) == once


def test_an_inlined_picture_is_no_text() -> None:
    picture = f'<img src="data:image/png;base64,{"A" * 100_000}" alt="A cat">'
    assert clean(f"<p>a {picture} b</p>", BASE) == "<p>a <span>A cat</span> b</p>"


# --- text ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        pytest.param("<p>a</p><p>b<br>c</p>", "a\n\nb\nc", id="paragraphs"),
        pytest.param("<p>a <b>b</b>\n  c</p>", "a b c", id="inline"),
        pytest.param(
            "<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>", "- a\n  - b\n- c", id="lists"
        ),
        pytest.param("<ol start=3><li>a</li><li>b</li></ol>", "3. a\n4. b", id="numbered"),
        pytest.param("see <a href='https://x.example'>here</a>.", "see here.", id="links"),
        pytest.param("<pre>a\n  b  c</pre>d", "a\n  b  c\n\nd", id="pre"),
        pytest.param("<blockquote><p>a</p><p>b</p></blockquote>c", "> a\n>\n> b\n\nc", id="quotes"),
        pytest.param("<table><tr><th>a<td>b<tr><td>c<td>d</table>", "a | b\nc | d", id="tables"),
        pytest.param("x<sup>2</sup> H<sub>2</sub>O", "x² H₂O", id="scripts"),
        pytest.param("a &amp; b &lt; c&nbsp;d", "a & b < c d", id="entities"),
        pytest.param("<h2>a</h2><p>b</p><hr><p>c</p>", "a\n\nb\n\n* * *\n\nc", id="headings"),
        pytest.param("<img src=x alt='A cat'>", "[A cat]", id="images"),
        pytest.param("plain", "plain", id="no-markup"),
        pytest.param(
            '<p>so <span class="math" data-tex="x" data-display="block">x =\ny</span> and</p>',
            "so\n    x =\n    y\nand",
            id="display-formula",
        ),
    ],
)
def test_text_reads_well(markup: str, text: str) -> None:
    assert to_text(markup) == text


def test_plain_text_becomes_paragraphs() -> None:
    assert from_text("a <b\nc\n\nd") == "<p>a &lt;b<br>c</p><p>d</p>"


def test_the_first_image_is_no_icon() -> None:
    icon, picture = (
        "<img src='https://e.example/i.png' width=16>",
        "<img src='https://e.example/p.png'>",
    )
    assert first_image(clean(icon + picture, BASE)) == "https://e.example/p.png"
    assert first_image(clean(icon, BASE)) is None
    assert first_image("none") is None


def test_an_image_is_none_within_a_title() -> None:
    quoted = """<abbr title='<img src="https://e.example/q.png">'>x</abbr>"""
    picture = "<img alt='<img>' src='/p.png?a=1&amp;copy=2' width='50%'>"
    assert list(images(clean(quoted + picture, BASE))) == ["https://e.example/p.png?a=1&copy=2"]


def test_a_brace_among_the_attributes_hides_nothing() -> None:
    link = '<p><a { href="https://example.org/x" }b>word</a></p>'
    assert '<a href="https://example.org/x"' in clean(link, None)

"""Feeds as the web has them, made from nothing but a number: the same bytes on every machine.

What is in it follows a count of real subscriptions: WordPress with whole posts, short RSS, Atom
(escaped, XHTML, of a video site, of a code forge), podcasts, papers full of LaTeX, RDF, JSON
Feed; three in ten are Chinese, some in GBK or Latin-1. A document has a median of some 39 KB,
one in a hundred more than 270 KB.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from html import escape
from random import Random
from typing import Any

LISTED = 20  # entries in a document
BASES = 1_000  # documents that differ; feed number n is document n modulo this

_WORDS = (
    "the of and a to in is that for it with as on we this are be by an from was which model time"
    " system data work new use can one two first result however between under over more language"
    " network compiler kernel memory release version paper theorem proof bound learning gradient"
    " matrix tensor server client protocol request response cache token parser daemon feed reader"
    " people year world city history music river bridge winter garden bread train station letter"
).split()
_HAN = (
    "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说"
    "产种面而方后多定行学法所民得经十三之进着等部度家电力里如水化高自二理起小物现实加量都两体制机当使"
    "模型训练梯度优化注意力矩阵向量旋转位置编码分布概率信息数据网络语言学习算法收敛证明"
)
_FORMULAS = (
    r"$\mathbf{q}_m^{\top}\mathbf{k}_n = \Re\left[\sum q_i k_i e^{i(m-n)\theta_i}\right]$",
    r"$\|W\|_2 \leq \sqrt{mn}\,\|W\|_{\max}$",
    r"$$\int_0^\infty \frac{x^{s-1}}{e^x-1}\,dx = \Gamma(s)\zeta(s)$$",
    r"\(\eta_t = \eta_0 / \sqrt{t}\)",
)


@dataclass(frozen=True, slots=True)
class Post:
    """One entry before it has a format."""

    number: int
    link: str
    title: str
    html: str  # the body
    short: str  # a sentence or two, no markup
    at: datetime
    author: str


@dataclass(frozen=True, slots=True)
class Style:
    """How a document is written: what stands around its entries, and each of them."""

    head: Callable[[str, str, datetime], str]  # site, language, when built
    entry: Callable[[Post], str]
    tail: str
    content_type: str
    joint: str = "\n"
    fullness: float = 1.0  # of a post's length, on the whole


def document(number: int, first: int, built_at: datetime, today: datetime) -> tuple[bytes, str]:
    """Return feed `number` when its oldest listed entry is `first`, and its content type.

    `built_at` is the date in its head, `today` midnight: entries are dated in the month before.
    """
    number %= BASES
    style, language, charset = _style(number)
    site = f"https://blog{number}.example"
    posts = (_post(number, k, today) for k in range(first + LISTED - 1, first - 1, -1))
    entries = style.joint.join(map(style.entry, posts))
    text = style.head(site, language, built_at) + entries + style.tail
    if style.content_type.endswith("json"):
        return text.encode(), style.content_type
    declaration = f'<?xml version="1.0" encoding="{charset}"?>\n'
    return (declaration + text).encode(charset, "xmlcharrefreplace"), style.content_type


def first_title(number: int, first: int, today: datetime) -> str:
    """Return the title of a document's newest entry."""
    return _post(number % BASES, first + LISTED - 1, today).title


@functools.cache
def _style(number: int) -> tuple[Style, str, str]:
    chance = Random(f"style {number}")
    styles, shares = zip(*_STYLES, strict=True)
    style = chance.choices(styles, shares)[0]
    language = "zh" if chance.random() < 0.3 else "en"
    charset = "utf-8"
    if style in (_WORDPRESS, _PLAIN) and chance.random() < 0.25:
        charset = "gbk" if language == "zh" else "iso-8859-1"
    return style, language, charset


@functools.cache
def _paragraphs(language: str, with_formulas: bool) -> tuple[str, ...]:
    chance = Random(f"paragraphs {language} {with_formulas}")
    made = []
    for number in range(300):
        sentences = []
        for _ in range(chance.randrange(2, 7)):
            if language == "zh":
                size = chance.randrange(12, 60)
                sentences.append("".join(chance.choices(_HAN, k=size)) + "。")
            else:
                words = " ".join(chance.choices(_WORDS, k=chance.randrange(6, 24)))
                sentences.append(words.capitalize() + ".")
        if with_formulas:
            sentences.insert(1, chance.choice(_FORMULAS))
        text = " ".join(sentences)
        match number % 8:
            case 0:
                made.append(f'<p>{text} <a href="/tag/{number}?utm_source=rss">{number}</a></p>')
            case 1:
                picture = f'<img src="/pictures/{number}.jpg" alt="" width="640" height="480" />'
                made.append(f'<figure class="wp-block-image">{picture}</figure><p>{text}</p>')
            case 2:
                items = "".join(f"<li>{sentence}</li>" for sentence in sentences)
                made.append(f"<ul>{items}</ul>")
            case 3:
                made.append(f"<h3>{sentences[0]}</h3><p><em>{text}</em></p>")
            case _:
                made.append(f"<p>{text}</p>")
    return tuple(made)


def _post(number: int, k: int, today: datetime) -> Post:
    chance = Random(f"post {number} {k}")
    style, language, _ = _style(number)
    scale = Random(f"scale {number}").lognormvariate(0.0, 0.95)
    paragraphs = _paragraphs(language, style is _PAPERS)
    wanted = min(1_100 * scale * style.fullness * chance.uniform(0.5, 1.5), 40_000)
    body, size = [], 0.0
    while size < wanted:
        piece = chance.choice(paragraphs)
        body.append(piece)
        size += len(piece.encode()) if language == "zh" else len(piece)
    if language == "zh":
        title = "".join(chance.choices(_HAN, k=chance.randrange(6, 24)))
        short = "".join(chance.choices(_HAN, k=80))
    else:
        title = " ".join(chance.choices(_WORDS, k=chance.randrange(3, 10))).capitalize()
        short = " ".join(chance.choices(_WORDS, k=30)).capitalize()
    at = today - timedelta(hours=8 * (90 - k), minutes=number % 60)
    link = f"https://blog{number}.example/{at:%Y/%m}/{k}-post.html"
    return Post(k, link, title, "\n".join(body), short, at, chance.choice(("Ann", "Bo", "陈")))


# --- the formats -------------------------------------------------------------------------


def _rss_head(
    site: str, language: str, built_at: datetime, spaces: str = "", more: str = ""
) -> str:
    return (
        f'<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"{spaces}>\n<channel>\n'
        f"<title>Blog at {site[8:]}</title>\n<link>{site}/</link>\n"
        f'<atom:link href="{site}/feed/" rel="self" type="application/rss+xml" />\n'
        f"<description>Notes &amp; letters</description>\n<language>{language}</language>\n"
        f"<lastBuildDate>{format_datetime(built_at)}</lastBuildDate>\n{more}"
    )


def _wordpress_head(site: str, language: str, built_at: datetime) -> str:
    spaces = (
        ' xmlns:content="http://purl.org/rss/1.0/modules/content/"'
        ' xmlns:wfw="http://wellformedweb.org/CommentAPI/"'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/"'
        ' xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"'
        ' xmlns:slash="http://purl.org/rss/1.0/modules/slash/"'
    )
    more = (
        "<sy:updatePeriod>hourly</sy:updatePeriod>\n<sy:updateFrequency>1</sy:updateFrequency>\n"
        "<generator>https://wordpress.org/?v=6.8</generator>\n"
    )
    return _rss_head(site, language, built_at, spaces, more)


def _wordpress_item(post: Post) -> str:
    return (
        f"<item>\n<title>{escape(post.title)}</title>\n<link>{post.link}</link>\n"
        f"<comments>{post.link}#comments</comments>\n"
        f"<dc:creator><![CDATA[{post.author}]]></dc:creator>\n"
        f"<pubDate>{format_datetime(post.at)}</pubDate>\n<category><![CDATA[Notes]]></category>\n"
        f'<guid isPermaLink="false">{post.link.rpartition("/")[0]}/?p={post.number}</guid>\n'
        f"<description><![CDATA[<p>{post.short} [&#8230;]</p>]]></description>\n"
        f"<content:encoded><![CDATA[{post.html}]]></content:encoded>\n"
        f"<wfw:commentRss>{post.link}/feed/</wfw:commentRss>\n<slash:comments>0</slash:comments>\n"
        "</item>"
    )


def _plain_item(post: Post) -> str:
    return (
        f"<item><title>{escape(post.title)}</title><link>{post.link}</link>"
        f"<guid>{post.link}</guid><pubDate>{format_datetime(post.at)}</pubDate>"
        f"<description>{escape(post.html)}</description></item>"
    )


def _podcast_head(site: str, language: str, built_at: datetime) -> str:
    spaces = ' xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"'
    more = f'<itunes:author>Ann</itunes:author>\n<itunes:image href="{site}/cover.jpg" />\n'
    return _rss_head(site, language, built_at, spaces, more)


def _podcast_item(post: Post) -> str:
    return (
        f"<item><title>{escape(post.title)}</title><link>{post.link}</link>"
        f'<guid isPermaLink="false">episode-{post.number}</guid>'
        f"<pubDate>{format_datetime(post.at)}</pubDate>"
        f"<description><![CDATA[{post.html}]]></description>"
        f'<enclosure url="{post.link}.mp3" length="41231234" type="audio/mpeg" />'
        f"<itunes:duration>00:42:17</itunes:duration><itunes:explicit>no</itunes:explicit>"
        f"<itunes:episode>{post.number}</itunes:episode></item>"
    )


def _atom_head(site: str, language: str, built_at: datetime) -> str:
    return (
        '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:media="http://search.yahoo.com/mrss/"'
        f' xml:lang="{language}">\n<title>Blog at {site[8:]}</title>\n'
        f'<link href="{site}/" />\n<link href="{site}/atom.xml" rel="self" />\n'
        f"<updated>{built_at.isoformat()}</updated>\n<id>{site}/</id>\n"
    )


def _atom_entry(post: Post, content: str) -> str:
    return (
        f'<entry>\n<title>{escape(post.title)}</title>\n<link href="{post.link}" />\n'
        f"<id>tag:blog.example,2026:{post.link.rpartition('/')[2]}</id>\n"
        f"<published>{post.at.isoformat()}</published>\n<updated>{post.at.isoformat()}</updated>\n"
        f"<author><name>{post.author}</name></author>\n{content}\n</entry>"
    )


def _escaped_entry(post: Post) -> str:
    return _atom_entry(post, f'<content type="html">{escape(post.html)}</content>')


def _xhtml_entry(post: Post) -> str:
    inside = f'<div xmlns="http://www.w3.org/1999/xhtml">{post.html}</div>'
    return _atom_entry(post, f'<content type="xhtml">{inside}</content>')


def _video_entry(post: Post) -> str:
    group = (
        f"<media:group><media:title>{escape(post.title)}</media:title>"
        f'<media:content url="{post.link}?v=3" type="application/x-shockwave-flash" />'
        f'<media:thumbnail url="{post.link}/hq.jpg" width="480" height="360" />'
        f"<media:description>{escape(post.short)}</media:description></media:group>"
    )
    return _atom_entry(post, group)


def _forge_entry(post: Post) -> str:
    face = '<media:thumbnail height="30" width="30" url="https://avatars.example/u/1?s=30" />'
    content = f'<content type="html">&lt;pre&gt;{escape(escape(post.short))}&lt;/pre&gt;</content>'
    return _atom_entry(post, face + content)


def _papers_item(post: Post) -> str:
    return (
        f"<item><title>{escape(post.title)} $O(n^{{3/2}})$</title><link>{post.link}</link>"
        f"<description>arXiv:2611.{post.number:05}v1 Announce Type: new\nAbstract:"
        f" {escape(post.html)}</description>"
        f'<guid isPermaLink="false">oai:arXiv.org:2611.{post.number:05}v1</guid>'
        f"<category>cs.LG</category><pubDate>{format_datetime(post.at)}</pubDate></item>"
    )


def _rdf_head(site: str, language: str, built_at: datetime) -> str:
    return (
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
        ' xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/">\n'
        f'<channel rdf:about="{site}/"><title>Blog at {site[8:]}</title><link>{site}/</link>'
        f"<description>Notes</description><dc:language>{language}</dc:language>"
        f"<dc:date>{built_at.isoformat()}</dc:date></channel>\n"
    )


def _rdf_item(post: Post) -> str:
    return (
        f'<item rdf:about="{post.link}"><title>{escape(post.title)}</title>'
        f"<link>{post.link}</link><dc:date>{post.at.isoformat()}</dc:date>"
        f"<dc:creator>{post.author}</dc:creator>"
        f"<description>{escape(post.html)}</description></item>"
    )


def _json_head(site: str, language: str, built_at: datetime) -> str:
    head: dict[str, Any] = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": f"Blog at {site[8:]}",
        "home_page_url": f"{site}/",
        "feed_url": f"{site}/feed.json",
        "language": language,
        "_built": built_at.isoformat(),
    }
    return json.dumps(head, ensure_ascii=False)[:-1] + ', "items": ['


def _json_item(post: Post) -> str:
    item = {
        "id": post.link,
        "url": post.link,
        "title": post.title,
        "content_html": post.html,
        "date_published": post.at.isoformat(),
        "authors": [{"name": post.author}],
    }
    return json.dumps(item, ensure_ascii=False)


_RSS_END = "\n</channel>\n</rss>\n"
_RSS_TYPE, _XML_TYPE, _ATOM_TYPE = "application/rss+xml", "text/xml", "application/atom+xml"

_WORDPRESS = Style(_wordpress_head, _wordpress_item, _RSS_END, _RSS_TYPE, fullness=1.6)
_PLAIN = Style(_rss_head, _plain_item, _RSS_END, _XML_TYPE, fullness=0.5)
_PAPERS = Style(_rss_head, _papers_item, _RSS_END, _RSS_TYPE)
_STYLES = (
    (_WORDPRESS, 38.0),
    (_PLAIN, 15.0),
    (Style(_atom_head, _escaped_entry, "\n</feed>\n", _ATOM_TYPE), 16.0),
    (Style(_atom_head, _xhtml_entry, "\n</feed>\n", _ATOM_TYPE), 6.0),
    (Style(_atom_head, _video_entry, "\n</feed>\n", _ATOM_TYPE), 5.0),
    (Style(_atom_head, _forge_entry, "\n</feed>\n", _ATOM_TYPE), 5.0),
    (Style(_podcast_head, _podcast_item, _RSS_END, _RSS_TYPE), 5.0),
    (_PAPERS, 4.0),
    (Style(_rdf_head, _rdf_item, "\n</rdf:RDF>\n", "application/rdf+xml"), 3.0),
    (Style(_json_head, _json_item, "]}", "application/feed+json", joint=", "), 3.0),
)

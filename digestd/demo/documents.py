"""The demo's blogs as documents: RSS 2.0, Atom (RFC 4287), JSON Feed 1.1, and pages."""

from __future__ import annotations

import functools
import io
import json
import math
import wave
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from html import escape
from typing import Any

from digestd.demo.texts import Blog, Post
from digestd.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Published:
    """A post with its link and the instant at which it appeared."""

    blog: Blog
    post: Post
    link: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Document:
    """What a URL of the server answers with."""

    mime_type: str
    body: bytes
    modified_at: datetime


def rss(blog: Blog, base: str, items: list[Published]) -> str:
    """Return the blog as RSS 2.0, whose dates know no fractions of a second."""
    entries = "".join(
        "<item>"
        f"<title>{escape(item.post.title)}</title><link>{item.link}</link>"
        f'<guid isPermaLink="true">{item.link}</guid>'
        f"<pubDate>{http_date(item.at)}</pubDate><dc:creator>{blog.author}</dc:creator>"
        # As most blogs do it: HTML in CDATA, formulas in it as they were typed.
        f"<content:encoded><![CDATA[{item.post.content}]]></content:encoded>"
        "</item>\n"
        for item in items
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0"'
        ' xmlns:content="http://purl.org/rss/1.0/modules/content/"'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:atom="http://www.w3.org/2005/Atom">'
        f"<channel><title>{blog.title}</title><link>{base}/{blog.name}/</link>"
        f'<atom:link rel="self" type="application/rss+xml" href="{base}{blog.path}"/>'
        f"<description>{blog.subtitle}</description><language>{blog.language}</language>\n"
        f"{entries}</channel></rss>\n"
    )


def atom(blog: Blog, base: str, items: list[Published]) -> str:
    """Return the blog as an Atom feed."""
    entries = "".join(
        f"<entry><id>tag:lantern.example,2025:{item.post.slug}</id>"
        f'<title>{escape(item.post.title)}</title><link href="{item.link}"/>'
        f"<published>{_rfc3339(item.at)}</published><updated>{_rfc3339(item.at)}</updated>"
        f'<content type="html">{escape(item.post.content)}</content></entry>\n'
        for item in items
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom"'
        f' xml:lang="{blog.language}"><id>tag:lantern.example,2025:feed</id>'
        f"<title>{blog.title}</title><subtitle>{blog.subtitle}</subtitle>"
        f'<link rel="self" href="{base}{blog.path}"/><link href="{base}/{blog.name}/"/>'
        f"<author><name>{blog.author}</name></author>"
        f"<updated>{_rfc3339(items[0].at)}</updated>\n{entries}</feed>\n"
    )


def json_feed(blog: Blog, base: str, items: list[Published]) -> str:
    """Return the blog as a JSON Feed, recordings as attachments."""

    def entry(item: Published) -> dict[str, Any]:
        fields = {
            "id": f"tag:tidepool.example,2025:{item.post.slug}",
            "url": item.link,
            "title": item.post.title,
            "content_html": item.post.content,
            "date_published": _rfc3339(item.at),
        }
        if not item.post.audio:
            return fields
        recording = {
            "url": base + item.post.audio,
            "mime_type": "audio/wav",
            "size_in_bytes": len(foghorn()),
            "duration_in_seconds": _SECONDS,
        }
        return fields | {"attachments": [recording]}

    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": blog.title,
        "description": blog.subtitle,
        "home_page_url": f"{base}/{blog.name}/",
        "feed_url": base + blog.path,
        "language": blog.language,
        "authors": [{"name": blog.author}],
        "items": [entry(item) for item in items],
    }
    return json.dumps(feed, ensure_ascii=False, indent=1)


FEEDS: dict[str, tuple[str, Callable[[Blog, str, list[Published]], str]]] = {
    "maths": ("application/rss+xml; charset=utf-8", rss),
    "releases": ("application/atom+xml; charset=utf-8", atom),
    "notes": ("application/feed+json", json_feed),
}


def page(title: str, blogs: Sequence[Blog], content: str, at: datetime) -> Document:
    """Return an HTML page, in the language of the first of `blogs`, that names their feeds."""
    feeds = "".join(
        f'<link rel="alternate" type="{FEEDS[blog.name][0].partition(";")[0]}"'
        f' title="{blog.title}" href="{blog.path}">'
        for blog in blogs
    )
    style = "body{max-width:40rem;margin:2rem auto;padding:0 1rem;font:1.05rem/1.7 serif}"
    text = (
        f'<!doctype html>\n<html lang="{blogs[0].language}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
        f'<link rel="icon" type="image/png" sizes="64x64" href="/pictures/{blogs[0].name}.png">'
        f"{feeds}<style>{style}</style></head>\n<body><article><h1>{escape(title)}</h1>\n"
        f"{content}\n</article></body></html>\n"
    )
    return Document("text/html; charset=utf-8", text.encode(), at)


def links(items: list[Published]) -> str:
    """Return a list of the posts for a page."""
    return "<ul>" + "".join(
        f'<li><a href="{item.link}">{escape(item.post.title)}</a></li>' for item in items
    ) + "</ul>"  # fmt: skip


_SECONDS = 7


@functools.cache
def foghorn() -> bytes:
    """Return a blast of 110 Hz, and its echo 4.2 s after the end, as a WAV file."""
    rate = 8000
    tone = [math.sin(math.tau * 110 * i / rate) for i in range(rate)]
    samples = [0.0] * (_SECONDS * rate)
    for start, loudness in ((0.3, 0.9), (0.3 + 1 + 4.2, 0.15)):
        for i, value in enumerate(tone, start=int(start * rate)):
            samples[i] = loudness * value
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(rate)
        file.writeframes(bytes(128 + round(127 * sample) for sample in samples))
    return out.getvalue()


def http_date(at: datetime) -> str:
    """Return `at` as HTTP and RSS write it, in whole seconds."""
    return format_datetime(at.astimezone(UTC), usegmt=True)


def _rfc3339(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

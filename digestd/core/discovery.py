"""Where a feed may be behind an address, and which of several is the one that is meant.

All of it is guessing by rule: what people type, what pages say of their feeds, and the
paths where programs put them. `services.discover` asks; this says what, and ranks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import parse_qs, unquote, urljoin, urlsplit

from digestd.core.links import canonical_link, strip_tracking
from digestd.core.parsed import PageSelectors, ParsedFeed
from digestd.frozen import dataclass

Source = Literal["itself", "preset", "header", "tag", "anchor", "word", "known", "news"]


@dataclass(frozen=True, slots=True)
class FeedLink:
    """A link that leads, or may lead, to a feed."""

    url: str
    source: Source
    title: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """What an HTML page says that helps to find its feed."""

    url: str  # its own, `<base>` not applied
    title: str = ""
    language: str = ""
    links: tuple[FeedLink, ...] = ()
    deeper: tuple[str, ...] = ()  # pages of this site that may have a feed where this one has none
    refresh: str | None = None  # where it sends its visitors at once
    is_article: bool = False


@dataclass(frozen=True, slots=True)
class Proposal:
    """Selectors for a page without a feed, and what they give."""

    selectors: PageSelectors
    feed: ParsedFeed


# --- what people type ------------------------------------------------------------------

_FEED_SCHEMES = re.compile(
    r"(?:feed|feeds|rss|pcast|podcast|itpc|view-source|web\+feed)"
    r":(?://)?(?=https?:|[\w-]+(?:\.|:\d))",
    re.IGNORECASE,
)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?!\d)")
_SHORTHANDS = (
    (re.compile(r"/?r/([\w+]+)/?"), r"https://www.reddit.com/r/\1"),
    (re.compile(r"/?u(?:ser)?/([\w-]+)/?"), r"https://www.reddit.com/user/\1"),
    (re.compile(r"(UC[\w-]{22})"), r"https://www.youtube.com/channel/\1"),
    (re.compile(r"(?:acct:)?@?([\w.+-]+)@([\w-]+(?:\.[\w-]+)+(?::\d+)?)"), r"https://\2/@\1"),
)


def addresses(typed: str) -> list[str]:
    """Return what `typed` may mean, the likeliest first: addresses with a scheme.

    >>> addresses("example.org/blog")
    ['https://example.org/blog', 'http://example.org/blog']
    """
    text = typed.strip().strip("<>\"'“”").strip()
    for pattern, meaning in _SHORTHANDS:
        if pattern.fullmatch(text):
            return [pattern.sub(meaning, text)]
    text = _FEED_SCHEMES.sub("", text)
    scheme = _SCHEME.match(text)
    if scheme:
        rest = text[scheme.end() :]
        if scheme[0].lower() in ("http:", "https:"):
            url = f"{scheme[0].lower()}//{rest.lstrip('/')}"
            return [strip_tracking(url.partition("#")[0])]
        return [text]
    bare = strip_tracking(text.lstrip("/").partition("#")[0])
    return [f"https://{bare}", f"http://{bare}"] if bare else []


# --- what links look like --------------------------------------------------------------

_FEED_PATH = re.compile(
    r"(?:^|/)(?:rss2?|feeds?|atom|rdf|index\.(?:xml|rdf|rss|atom|json)|(?:rss|feed|atom)[\w.-]*\.(?:xml|json|php|aspx?)"
    r"|[\w.-]*(?:rss|feed|atom|podcast)\.(?:xml|json|php|aspx?|rss)|blog\.xml|posts\.xml|news\.xml|all\.xml"
    r"|[^/]+\.(?:rss|atom|rdf))/?$"
    r"|/(?:feed|feeds|rss)/",
    re.IGNORECASE,
)
_FEED_QUERY = re.compile(
    r"(?:^|&)(?:feed=(?:rss2?|atom|rdf)|format=(?:rss|atom|feed)|type=(?:rss|atom|100)|output=(?:rss|atom)"
    r"|alt=rss|mode=(?:rss|feed)|rss(?:=\w*)?|xml=rss|feed)(?:&|$)",
    re.IGNORECASE,
)
_FEED_HOST = re.compile(
    r"^(?:feeds?\d?|rss)\.|\bfeedburner\.|\bfeedpress\.|\bmegaphone\.fm$|\bfeedblitz\."
)
# Buttons that subscribe in a service: the feed's own address is a parameter, or the tail.
_SERVICES = re.compile(
    r"(?:^|\.)(?:feedly\.com|inoreader\.com|newsblur\.com|netvibes\.com|theoldreader\.com|my\.yahoo\.com"
    r"|subtome\.com|follow\.it|feedbin\.com|bloglines\.com|google\.com|add\.my\.yahoo\.com)$"
)
_SHARED = re.compile(
    r"(?:/feed/|feed%2F|[?&](?:url|add_feed|feed|feeds|source)=)(https?(?::|%3A).+)", re.IGNORECASE
)
# Never a feed, whatever its type says.
_NEVER = re.compile(
    r"/wp-json/|/oembed|oembed\?|/xmlrpc\.php|/opensearch|/manifest\.|/sitemap[\w-]*\.xml|/wlwmanifest|[?&]share="
    r"|\.(?:css|js|png|jpe?g|gif|svg|webp|ico|pdf|zip|mp3|mp4)$",
    re.IGNORECASE,
)
_COMMENTS = re.compile(
    r"comment|kommentar|comentari|coment[aá]rio|commento|komentar|komentář|коммент|комент|σχόλι|yorum|reacties"
    r"|hozzászól|bình luận|评论|評論|コメント|댓글|تعليق|תגובות|replies|withoutcomments|#comment",
    re.IGNORECASE,
)
_SEARCHES = re.compile(
    r"[?&]s=|/search/|search results|suchergebnis|résultats de recherche", re.IGNORECASE
)
_WORD = re.compile(
    r"(?<![a-z])(?:rss|atom|feeds?|xml|syndicat\w*|web ?feed)(?![a-z])"
    r"|订阅|訂閱|フィード|구독|лента|flux rss",
    re.IGNORECASE,
)
_DEEPER = re.compile(
    r"(?:our |the |my )?(?:blogs?|news|newsroom|weblog|journal|articles?|posts?|writing|essays"
    r"|notes|updates|changelog|press|announcements|magazine|stories|archives?|rss feeds?|rss|feeds"
    r"|aktuelles|neuigkeiten|nachrichten|actualit[ée]s|noticias|novedades|notizie|nieuws|nyheter"
    r"|новости|блог|新闻|資訊|博客|公告|文章|ニュース|ブログ|お知らせ|블로그|뉴스)",
    re.IGNORECASE,
)


def looks_like_feed(url: str) -> bool:
    """Tell whether an address is one that programs give to feeds."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if is_never_feed(url):
        return False
    return bool(
        _FEED_PATH.search(parts.path)
        or _FEED_QUERY.search(parts.query)
        or _FEED_HOST.search(parts.hostname or "")
    )


def is_never_feed(url: str) -> bool:
    """Tell whether an address cannot be a feed's: an interface for programs, a file."""
    return bool(_NEVER.search(url.partition("#")[0]))


def speaks_of_feed(text: str) -> bool:
    """Tell whether the words of a link say "feed" in one of several languages."""
    return len(text) < 80 and bool(_WORD.search(text))


def leads_deeper(text: str, url: str) -> bool:
    """Tell whether a link leads to the part of a site that changes: its blog, its news."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    last = parts.path.rstrip("/").rpartition("/")[2]
    host = (parts.hostname or "").partition(".")[0]
    return any(_DEEPER.fullmatch(word.strip()) for word in (text[:40], last) if word.strip()) or (
        host in ("blog", "news") and len(parts.path) < 2
    )


def unwrapped(url: str) -> str:
    """Return the feed's own address where `url` is a button that subscribes somewhere.

    Without a scheme where `url` says none: it is that of the page.
    """
    cleaned = _FEED_SCHEMES.sub("", url.strip())
    if cleaned != url.strip() and not cleaned.lower().startswith("http"):
        cleaned = f"//{cleaned}"  # by the scheme of its page
    try:
        host = urlsplit(cleaned).hostname or ""
    except ValueError:
        return cleaned
    if _SERVICES.search(host):
        shared = _SHARED.search(cleaned)
        if shared:
            inner = shared[1]
            return unquote(inner) if "%3a" in inner[:9].lower() else inner.partition("&")[0]
        values = parse_qs(urlsplit(cleaned).query)
        for found in (v for name in ("url", "add_feed", "feed") for v in values.get(name, [])):
            if found.startswith(("http://", "https://")):
                return found
    return cleaned


# --- where programs put them -----------------------------------------------------------

_KNOWN = tuple(
    "feed rss feed.xml rss.xml atom.xml index.xml feed.json feed/ rss/ index.rdf feed.atom feed.rss"
    " index.rss atom feeds/posts/default ?feed=rss2 ?format=rss blog-feed.xml blog/feed"
    " blog/index.xml blog/feed.xml blog/rss.xml blog/atom.xml rss2.xml posts.atom latest.rss"
    " news.xml news/feed news/rss feed/rss feeds rss/news feed/atom all.atom.xml"
    " feeds/all.atom.xml podcast.xml feed/podcast rdf feed/index.xml rss/index.xml atom/index.xml"
    " feed.php rss.php".split()
)
_LIKELY = 8  # of these, asked before other pages of the site are
_ENDINGS = (".rss", ".atom", ".xml", "?format=rss", "?format=feed&type=rss")
NEWS_SITEMAPS = ("sitemap-news.xml", "news-sitemap.xml", "sitemap_news.xml", "sitemap/news.xml")


@dataclass(frozen=True, slots=True)
class Usual:
    """Places where programs put feeds, each once, as seen from one page."""

    near: tuple[FeedLink, ...] = ()  # beside it, and beside its parent
    here: tuple[FeedLink, ...] = ()  # the less likely ones beside it
    root: tuple[FeedLink, ...] = ()
    rest: tuple[FeedLink, ...] = ()  # the less likely ones at the root


def well_known(url: str) -> Usual:
    """Return where a feed of the page at `url` may be: `/~me/` is a site of its own."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return Usual()
    root = f"{parts.scheme}://{parts.netloc}/"
    segments = [s for s in parts.path.split("/") if s]
    if segments and "." in segments[-1] and not parts.path.endswith("/"):
        segments.pop()
    here = root + "".join(f"{segment}/" for segment in segments)
    above = root + "".join(f"{segment}/" for segment in segments[:-1])
    bare = url.partition("?")[0].rstrip("/")
    endings = [bare + ending for ending in _ENDINGS] if segments else []
    parent = [above + name for name in _KNOWN[:_LIKELY]] if len(segments) > 1 else []
    taken: set[str] = set()

    def once(urls: Sequence[str]) -> tuple[FeedLink, ...]:
        fresh = [one for one in dict.fromkeys(urls) if one not in taken]
        taken.update(fresh)
        return tuple(FeedLink(one, "known") for one in fresh)

    return Usual(
        near=once([*(here + name for name in _KNOWN[:_LIKELY]), *endings, *parent]),
        here=once([here + name for name in _KNOWN[_LIKELY:]]),
        root=once([root + name for name in _KNOWN[:_LIKELY]]),
        rest=once([root + name for name in _KNOWN[_LIKELY:]]),
    )


def root_of(url: str) -> str:
    """Return the first page of the site of `url`."""
    return urljoin(url, "/")


# --- which one is meant ----------------------------------------------------------------

_BASE: dict[Source, float] = {
    "itself": 1000,
    "preset": 500,
    "header": 101,
    "tag": 100,
    "anchor": 60,
    "known": 50,
    "word": 40,
    "news": 10,
}
GOOD_ENOUGH = 0.0
_NO_NAMES = frozenset("index home default main start feed feeds rss en www site page".split())
_OLD = timedelta(days=400)


def prior(link: FeedLink, place: int, page: Page | None) -> float:
    """Return how likely `link`, the `place`th of its page, is the feed that is meant, unseen."""
    score = _BASE[link.source] - min(place, 40) * 0.25
    if link.source in ("itself", "preset"):
        return score
    if _COMMENTS.search(f"{link.title} {unquote(link.url)}"):
        score -= 150
    if _SEARCHES.search(f"{link.title} {link.url}"):
        score -= 60
    if page is None:
        return score
    near, alike = _nearness(link.url, page), _likeness(link, page)
    score += max(near, alike) if alike else near
    if link.language and page.language:
        same = _primary(link.language) == _primary(page.language)
        score += 12 if same else -30
    if link.source in ("anchor", "word") and _host(link.url) != _host(page.url):
        score -= 0 if _FEED_HOST.search(_host(link.url)) else 15
    return score


def _nearness(url: str, page: Page) -> float:
    """Prefer a section's own feed on its page, and the site's feed everywhere else."""
    here = [s for s in urlsplit(page.url).path.split("/") if s]
    there = [s for s in urlsplit(url).path.split("/") if s]
    if here and "." in here[-1]:
        here.pop()
    if not here or page.is_article:
        return -2.0 * max(0, len(there) - 1) if _host(url) == _host(page.url) else 0
    shared = 0
    for ours, theirs in zip(here, there, strict=False):
        if ours != theirs:
            break
        shared += 1
    if shared == len(here):
        return 20
    return 8.0 * shared / len(here)


def _likeness(link: FeedLink, page: Page) -> float:
    """Prefer a feed that is called what the page is called: /tag/python, /feeds/python.xml."""
    segments = [s for s in unquote(urlsplit(page.url).path).lower().split("/") if s]
    name = segments[-1].partition(".")[0] if segments else ""
    if page.is_article or len(name) < 2 or name in _NO_NAMES:
        return 0
    parts = urlsplit(link.url)
    words = re.split(r"[/.?&=_:]", unquote(f"{parts.path}?{parts.query}").lower())
    titled = set(re.findall(r"\w+", name)) <= set(re.findall(r"\w+", link.title.lower()))
    return 18 if name in words or titled else 0


def posterior(score: float, feed: ParsedFeed, now: datetime) -> float:
    """Return the score of a link once its feed was read."""
    if not feed.entries:
        return score - 90
    links = [entry.link or "" for entry in feed.entries[:20]]
    about = sum("#comment" in link or "#respond" in link for link in links)
    if about * 2 > len(links) or _COMMENTS.match(feed.title):
        score -= 150
    newest = newest_date(feed)
    if newest is not None and now - newest > _OLD:
        score -= 25
    return score


def newest_date(feed: ParsedFeed) -> datetime | None:
    """Return the date of the newest entry that has one."""
    dates = [e.published_at or e.updated_at for e in feed.entries]
    return max((date for date in dates if date), default=None)


def without_doubles(links: Sequence[FeedLink]) -> list[FeedLink]:
    """Return each address once, the first mention's."""
    seen: dict[str, FeedLink] = {}
    for link in links:
        seen.setdefault(canonical_link(link.url), link)
    return list(seen.values())


def _primary(language: str) -> str:
    return language.lower().partition("-")[0].partition("_")[0]


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""

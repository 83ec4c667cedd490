"""Addresses as people have them, what is behind them, and the feed that they mean."""

from __future__ import annotations

import json
from dataclasses import dataclass

from tests.support.internet import Answer, moved

RSS_TYPE, ATOM_TYPE = "application/rss+xml; charset=utf-8", "application/atom+xml"


@dataclass(frozen=True)
class Row:
    name: str
    typed: str
    feed: str
    pages: dict[str, Answer]


def rss(
    title: str = "A blog",
    kind: str = RSS_TYPE,
    *,
    links: str = "https://x.example/{}",
    count: int = 3,
    year: int = 2026,
) -> Answer:
    items = "".join(
        f"<item><title>Post {n}</title><link>{links.format(n)}</link>"
        f"<pubDate>Mon, {n:02d} Nov {year} 08:00:00 GMT</pubDate></item>"
        for n in range(count, 0, -1)
    )
    return Answer(
        f'<?xml version="1.0"?><rss version="2.0"><channel><title>{title}</title>{items}'
        "</channel></rss>",
        kind,
    )


def atom(title: str = "A blog", kind: str = ATOM_TYPE) -> Answer:
    return Answer(
        f'<feed xmlns="http://www.w3.org/2005/Atom"><title>{title}</title><entry><id>1</id>'
        '<title>Post</title><link href="https://x.example/1"/><updated>2026-11-02T08:00:00Z'
        "</updated></entry></feed>",
        kind,
    )


def json_feed(kind: str = "application/feed+json") -> Answer:
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "A blog",
        "items": [{"id": "1", "title": "Post", "url": "https://x.example/1"}],
    }
    return Answer(json.dumps(feed), kind)


def page(
    head: str = "", body: str = "<p>Words.</p>", lang: str = "en", status: int = 200
) -> Answer:
    html = f'<!DOCTYPE html><html lang="{lang}"><head><title>T</title>{head}</head><body>{body}'
    return Answer(html + "</body></html>", status=status)


def tag(href: str, kind: str = "application/rss+xml", title: str = "", more: str = "") -> str:
    return f'<link rel="alternate" type="{kind}" title="{title}" href="{href}" {more}>'


def row(name: str, typed: str, feed: str, pages: dict[str, Answer]) -> Row:
    return Row(name, typed, feed, pages)


def found_by(name: str, typed: str, at: str, head: str, href: str, **more: Answer) -> Row:
    """A page at `at` with this head, and a feed at `href`."""
    return Row(name, typed, href, {at: page(head), href: rss(), **more})


WP = "https://wp.example"
CHANNEL = "UCHnyfMqiRRG1u-2MsSQLbXA"
VIDEOS = "https://www.youtube.com/feeds/videos.xml"

ROWS = [
    # --- what pages say ---
    found_by(
        "a relative link tag",
        "https://a1.example/blog/",
        "https://a1.example/blog/",
        tag("feed.xml"),
        "https://a1.example/blog/feed.xml",
    ),
    found_by(
        "without a scheme",
        "a2.example",
        "https://a2.example/",
        tag("/atom.xml", "application/atom+xml"),
        "https://a2.example/atom.xml",
    ),
    row(
        "no TLS there, no scheme typed",
        "a3.example/news",
        "http://a3.example/rss",
        {"http://a3.example/news": page(tag("/rss")), "http://a3.example/rss": rss()},
    ),
    found_by(
        "a base element",
        "https://a4.example/deep/er/page.html",
        "https://a4.example/deep/er/page.html",
        '<base href="https://cdn.a4.example/site/">' + tag("feed"),
        "https://cdn.a4.example/site/feed",
    ),
    found_by(
        "capitals and more in rel and type",
        "https://a5.example/",
        "https://a5.example/",
        '<LINK REL="Alternate Home" TYPE="Application/RSS+XML; charset=UTF-8" HREF=" /Feed ">',
        "https://a5.example/Feed",
    ),
    found_by(
        "rel feed without a type",
        "https://a6.example/",
        "https://a6.example/",
        '<link rel="feed" href="/everything">',
        "https://a6.example/everything",
    ),
    found_by(
        "text/xml",
        "https://a7.example/",
        "https://a7.example/",
        tag("/index.rdf", "text/xml", "RSS"),
        "https://a7.example/index.rdf",
    ),
    found_by(
        "a feed on another host",
        "https://a8.example/",
        "https://a8.example/",
        tag("//feeds.feedburner.com/a8"),
        "https://feeds.feedburner.com/a8",
    ),
    found_by(
        "the feed scheme in a link",
        "https://a9.example/",
        "https://a9.example/",
        tag("feed://a9.example/posts.rss"),
        "https://a9.example/posts.rss",
    ),
    row(
        "a JSON Feed alone",
        "https://b1.example/",
        "https://b1.example/feed.json",
        {
            "https://b1.example/": page(
                tag("/wp-json/wp/v2/pages/2", "application/json")
                + tag("/oembed?url=x", "application/json+oembed")
                + tag("/feed.json", "application/feed+json")
            ),
            "https://b1.example/feed.json": json_feed(),
        },
    ),
    row(
        "a Link header",
        "https://b2.example/",
        "https://b2.example/everything",
        {
            "https://b2.example/": Answer(
                "<html><body>Words</body></html>",
                headers={
                    "Link": '<https://b2.example/style.css>; rel="stylesheet",'
                    ' </everything>; rel="alternate"; type="application/atom+xml"; title="A, b"'
                },
            ),
            "https://b2.example/everything": atom(),
        },
    ),
    row(
        "comments come first in the page",
        "https://b3.example/",
        "https://b3.example/feed/",
        {
            "https://b3.example/": page(
                tag("/comments/feed/", title="B » Comments Feed") + tag("/feed/", title="B » Feed")
            ),
            "https://b3.example/feed/": rss("B"),
            "https://b3.example/comments/feed/": rss("Comments for B"),
        },
    ),
    row(
        "comments in a language without the word",
        "https://b4.example/2026/11/ein-beitrag/",
        "https://b4.example/feed/",
        {
            "https://b4.example/2026/11/ein-beitrag/": page(
                tag("/2026/11/ein-beitrag/feed/", title="B » Antworten")
                + tag("/feed/", title="B » Feed"),
                lang="de",
            ),
            "https://b4.example/feed/": rss("B"),
            "https://b4.example/2026/11/ein-beitrag/feed/": rss(
                "B", links="https://b4.example/2026/11/ein-beitrag/#comment-{}"
            ),
        },
    ),
    row(
        "a category has its own feed",
        f"{WP}/category/math/",
        f"{WP}/category/math/feed/",
        {
            f"{WP}/category/math/": page(
                tag("/feed/", title="W » Feed")
                + tag("/comments/feed/", title="W » Comments Feed")
                + tag("/category/math/feed/", title="W » Math Category Feed")
            ),
            f"{WP}/feed/": rss("W"),
            f"{WP}/comments/feed/": rss("Comments for W"),
            f"{WP}/category/math/feed/": rss("Math – W"),
        },
    ),
    row(
        "the language of the page",
        "https://b5.example/de/",
        "https://b5.example/feeds/deutsch.xml",
        {
            "https://b5.example/de/": page(
                tag("/feeds/english.xml", title="English", more='hreflang="en-GB"')
                + tag("/feeds/francais.xml", title="Français", more='hreflang="fr"')
                + tag("/feeds/deutsch.xml", title="Deutsch", more='hreflang="de"')
                + '<link rel="alternate" hreflang="fr" href="/fr/">',
                lang="de-DE",
            ),
            **{
                f"https://b5.example/feeds/{name}.xml": rss(name)
                for name in ("english", "francais", "deutsch")
            },
        },
    ),
    row(
        "an empty feed beside a full one",
        "https://b6.example/",
        "https://b6.example/full.xml",
        {
            "https://b6.example/": page(tag("/empty.xml") + tag("/full.xml")),
            "https://b6.example/empty.xml": rss(count=0),
            "https://b6.example/full.xml": rss(),
        },
    ),
    row(
        "a dead link tag, a living anchor",
        "https://b7.example/",
        "https://b7.example/news.rss",
        {
            "https://b7.example/": page(tag("/old/feed"), '<a href="/news.rss">Subscribe</a>'),
            "https://b7.example/news.rss": rss(),
        },
    ),
    row(
        "an anchor with a word for it",
        "https://b8.example/",
        "https://b8.example/subscribe/all",
        {
            "https://b8.example/": page(
                body='<a href="/subscribe/all" title="RSS 订阅"><i></i></a>'
            ),
            "https://b8.example/subscribe/all": rss(),
        },
    ),
    row(
        "a button of a reader",
        "https://b9.example/",
        "https://b9.example/everything.php",
        {
            "https://b9.example/": page(
                body='<a href="https://feedly.com/i/subscription/feed%2Fhttps%3A%2F%2F'
                'b9.example%2Feverything.php">Feedly</a>'
            ),
            "https://b9.example/everything.php": rss(),
        },
    ),
    row(
        "a page that lists the feeds",
        "https://c1.example/",
        "https://c1.example/xml/top.xml",
        {
            "https://c1.example/": page(body='<a href="/rss">RSS</a>'),
            "https://c1.example/rss": page(
                body='<a href="/xml/top.xml" type="application/rss+xml">Top stories</a>'
                '<a href="/xml/sport.xml" type="application/rss+xml">Sport</a>'
            ),
            "https://c1.example/xml/top.xml": rss("Top"),
            "https://c1.example/xml/sport.xml": rss("Sport"),
        },
    ),
    row(
        "a page that sends its visitors on",
        "https://c2.example/",
        "https://c2.example/blog/feed",
        {
            "https://c2.example/": page('<meta http-equiv="Refresh" content="0; URL=\'/blog/\'">'),
            "https://c2.example/blog/": page(tag("feed")),
            "https://c2.example/blog/feed": rss(),
        },
    ),
    row(
        "a company whose blog is elsewhere",
        "https://c3.example/",
        "https://blog.c3.example/rss/",
        {
            "https://c3.example/": page(body='<a href="https://blog.c3.example/">Blog</a>'),
            "https://blog.c3.example/": page(tag("/rss/")),
            "https://blog.c3.example/rss/": rss(),
        },
    ),
    row(
        "many words, broken markup",
        "https://c4.example/",
        "https://c4.example/feed",
        {
            "https://c4.example/": Answer(
                "<p>"
                + "word " * 50_000
                + "<div><link rel=alternate type=application/rss+xml href=feed>"
            ),
            "https://c4.example/feed": rss(),
        },
    ),
    # --- where programs put them ---
    *(
        row(
            f"nothing said, {path}",
            f"https://known{number}.example/",
            f"https://known{number}.example/{path}",
            {
                f"https://known{number}.example/": page(),
                f"https://known{number}.example/{path}": answer,
            },
        )
        for number, (path, answer) in enumerate(
            [
                ("feed", rss(kind="text/html")),
                ("rss", rss(kind="text/plain")),
                ("atom.xml", atom()),
                ("index.xml", rss(kind="application/octet-stream")),
                ("feed.json", json_feed("application/json")),
                ("blog/feed.xml", rss()),
                ("?feed=rss2", rss()),
            ]
        )
    ),
    row(
        "a page that is gone, a feed at the root",
        "https://d1.example/2019/old-post.html",
        "https://d1.example/feed.xml",
        {"https://d1.example/feed.xml": rss()},
    ),
    row(
        "a page that says nothing, a front page that does",
        "https://d2.example/posts/one",
        "https://d2.example/all.php",
        {
            "https://d2.example/posts/one": page(),
            "https://d2.example/": page(tag("/all.php")),
            "https://d2.example/all.php": rss(),
        },
    ),
    row(
        "a soft 404 everywhere",
        "https://d3.example/journal/",
        "https://d3.example/journal/rss.xml",
        {
            "https://d3.example/journal/": page(),
            "https://d3.example/journal/feed": page(),
            "https://d3.example/journal/rss": page(),
            "https://d3.example/journal/rss.xml": rss(),
        },
    ),
    # --- a feed's own address ---
    row(
        "the feed itself, as text/html",
        "feed:https://e1.example/blog.php?feed=1",
        "https://e1.example/blog.php?feed=1",
        {"https://e1.example/blog.php?feed=1": rss(kind="text/html")},
    ),
    row(
        "the feed itself, moved for good",
        "http://e2.example/rss",
        "https://e2.example/feed/",
        {
            "http://e2.example/rss": moved("https://e2.example/feed/"),
            "https://e2.example/feed/": rss(),
        },
    ),
    row(
        "a comment feed that is asked for by name",
        "https://e3.example/comments/feed/",
        "https://e3.example/comments/feed/",
        {"https://e3.example/comments/feed/": rss("Comments for E", links="https://e/#comment-{}")},
    ),
    row(
        "news in a sitemap",
        "https://e4.example/",
        "https://e4.example/news-sitemap.xml",
        {
            "https://e4.example/": page(),
            "https://e4.example/news-sitemap.xml": Answer(
                '<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
                ' xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"><url><loc>'
                "https://e4.example/a</loc><news:news><news:publication_date>2026-11-24T08:00:00Z"
                "</news:publication_date><news:title>A title</news:title></news:news></url>"
                "</urlset>",
                "application/xml",
            ),
        },
    ),
    # --- presets ---
    row(
        "YouTube handle",
        "youtube.com/@someone",
        f"{VIDEOS}?channel_id={CHANNEL}",
        {
            "https://www.youtube.com/@someone": page(
                f'<script>{{"externalId":"{CHANNEL}"}}</script>'
            ),
            f"{VIDEOS}?channel_id={CHANNEL}": atom(),
            f"{VIDEOS}?playlist_id=UULF{CHANNEL[2:]}": atom(),
        },
    ),
    row(
        "YouTube handle, long videos alone",
        "https://www.youtube.com/@someone/videos",
        f"{VIDEOS}?playlist_id=UULF{CHANNEL[2:]}",
        {},
    ),
    row(
        "YouTube video",
        "https://youtu.be/dQw4w9WgXcQ",
        f"{VIDEOS}?channel_id={CHANNEL}",
        {
            "https://www.youtube.com/watch?v=dQw4w9WgXcQ": page(
                f'<meta itemprop="channelId" content="{CHANNEL}">'
            )
        },
    ),
    row(
        "subreddit, in short",
        "r/math",
        "https://www.reddit.com/r/math/.rss",
        {"https://www.reddit.com/r/math/.rss": atom()},
    ),
    row(
        "GitHub repository without releases",
        "github.com/me/tool",
        "https://github.com/me/tool/tags.atom",
        {
            "https://github.com/me/tool/releases.atom": Answer(
                '<feed xmlns="http://www.w3.org/2005/Atom"><title>Releases</title></feed>',
                ATOM_TYPE,
            ),
            "https://github.com/me/tool/tags.atom": atom("Tags"),
            "https://github.com/me/tool/commits.atom": atom("Commits"),
        },
    ),
    row(
        "Mastodon handle whose server is elsewhere",
        "@me@f1.example",
        "https://social.f1.example/@me.rss",
        {
            "https://f1.example/.well-known/webfinger?resource=acct:me@f1.example": Answer(
                '{"links":[{"rel":"http://webfinger.net/rel/profile-page","type":"text/html",'
                '"href":"https://social.f1.example/@me"}]}',
                "application/jrd+json",
            ),
            "https://social.f1.example/@me.rss": rss(),
        },
    ),
    row(
        "Misskey profile",
        "https://f2.example/@me",
        "https://f2.example/@me.atom",
        {"https://f2.example/@me.atom": atom()},
    ),
    row(
        "Apple podcast",
        "https://podcasts.apple.com/us/podcast/a-show/id123456789",
        "https://audio.example/show.xml",
        {
            "https://podcasts.apple.com/us/podcast/a-show/id123456789": page(
                '<script>{"feedUrl":"https:\\/\\/audio.example\\/show.xml"}</script>'
            ),
            "https://audio.example/show.xml": rss(),
        },
    ),
    row(
        "Stack Exchange tag, the other way",
        "https://math.stackexchange.com/questions/tagged/primes",
        "https://math.stackexchange.com/feeds/tag?tagnames=primes&sort=newest",
        {"https://math.stackexchange.com/feeds/tag?tagnames=primes&sort=newest": atom()},
    ),
    # --- and what else there is ---
    row(
        "tracking and a fragment",
        "HTTPS://G1.Example/feed?utm_source=mail#top",
        "https://G1.Example/feed",
        {"https://g1.example/feed": rss(), "https://G1.Example/feed": rss()},
    ),
    row(
        "a short link to a place that is known",
        "https://short.example/x",
        "https://github.com/me/other/releases.atom",
        {
            "https://short.example/x": moved("https://github.com/me/other", 302),
            "https://github.com/me/other": page(),
            "https://github.com/me/other/releases.atom": atom(),
        },
    ),
    row(
        "a script that sends visitors on",
        "https://g2.example/",
        "https://g2.example/site/atom",
        {
            "https://g2.example/": Answer(
                "<html><script>window.location.href = '/site/';</script>"
            ),
            "https://g2.example/site/": page(tag("atom", "application/atom+xml")),
            "https://g2.example/site/atom": atom(),
        },
    ),
    row(
        "frames",
        "http://g3.example/",
        "http://g3.example/news.rdf",
        {
            "http://g3.example/": Answer('<frameset><frame src="main.html"></frameset>'),
            "http://g3.example/main.html": page(body='<a href="news.rdf">RSS 1.0</a>'),
            "http://g3.example/news.rdf": rss(),
        },
    ),
    row(
        "an AMP page",
        "https://g4.example/amp/post",
        "https://www.g4.example/feed/all",
        {
            "https://g4.example/amp/post": page(
                '<link rel="canonical" href="https://www.g4.example/post">'
            ),
            "https://www.g4.example/post": page(tag("/feed/all")),
            "https://www.g4.example/feed/all": rss(),
        },
    ),
    row(
        "a page that is gone, whose site names its feed",
        "https://g5.example/old/page",
        "https://g5.example/posts.php?kind=atom",
        {
            "https://g5.example/old/page": page(tag("/wrong"), status=404),
            "https://g5.example/": page(tag("/posts.php?kind=atom", "application/atom+xml")),
            "https://g5.example/posts.php?kind=atom": atom(),
        },
    ),
    row(
        "Atom and RSS of one site, Atom first",
        "https://g6.example",
        "https://g6.example/atom",
        {
            "https://g6.example/": page(
                tag("/atom", "application/atom+xml", "Atom") + tag("/rss", title="RSS")
            ),
            "https://g6.example/atom": atom(),
            "https://g6.example/rss": rss(),
        },
    ),
    row(
        "comments in Chinese, listed first",
        "https://g7.example/archives/1/",
        "https://g7.example/feed/",
        {
            "https://g7.example/archives/1/": page(
                tag("/archives/1/feed/", title="某站 » 第一篇 评论 Feed")
                + tag("/comments/feed/", title="某站 » 评论 Feed")
                + tag("/feed/", title="某站 » Feed"),
                lang="zh-CN",
            ),
            **{
                f"https://g7.example/{path}": rss(path)
                for path in ("archives/1/feed/", "comments/feed/", "feed/")
            },
        },
    ),
    row(
        "a page in gb18030",
        "http://g8.example/",
        "http://g8.example/%E8%AE%A2%E9%98%85.xml",
        {
            "http://g8.example/": Answer(
                '<html><head><meta charset="gb2312"><title>新闻</title></head><body>'
                '<a href="/%E8%AE%A2%E9%98%85.xml">订阅</a>'.encode("gb18030"),
                "text/html",
            ),
            "http://g8.example/%E8%AE%A2%E9%98%85.xml": rss(),
        },
    ),
    row(
        "the search of a site is no feed of it",
        "https://g9.example/",
        "https://g9.example/index.rss",
        {
            "https://g9.example/": page(
                '<link rel="search" type="application/opensearchdescription+xml" href="/os.xml">'
                + tag("/search/rss?q=x", title="Search results")
                + tag("/index.rss", title="News")
            ),
            "https://g9.example/search/rss?q=x": rss("Search"),
            "https://g9.example/index.rss": rss("News"),
        },
    ),
    row(
        "a living feed beside a dead one",
        "https://h1.example/",
        "https://h1.example/new.xml",
        {
            "https://h1.example/": page(tag("/old.xml") + tag("/new.xml")),
            "https://h1.example/old.xml": rss(year=2012),
            "https://h1.example/new.xml": rss(),
        },
    ),
    row(
        "a category is listed before the site",
        "https://h2.example/",
        "https://h2.example/feed",
        {
            "https://h2.example/": page(tag("/category/notes/archive/feed") + tag("/feed")),
            "https://h2.example/category/notes/archive/feed": rss("Notes"),
            "https://h2.example/feed": rss("All"),
        },
    ),
    row(
        "a feed behind the stylesheet of a browser",
        "https://h3.example/rss",
        "https://h3.example/rss",
        {
            "https://h3.example/rss": Answer(
                '\n<?xml version="1.0"?><?xml-stylesheet href="/pretty.xsl"?>'
                + str(rss().body)[21:],
                "text/xml",
            )
        },
    ),
    row(
        "a redirect for the time being",
        "https://h4.example/feed",
        "https://h4.example/feed",
        {
            "https://h4.example/feed": moved("https://cdn.h4.example/a1b2c3.xml", 302),
            "https://cdn.h4.example/a1b2c3.xml": rss(),
        },
    ),
    row(
        "a shop's blog",
        "https://h5.example/blogs/news",
        "https://h5.example/blogs/news.atom",
        {
            "https://h5.example/blogs/news": page(),
            "https://h5.example/blogs/news.atom": atom(),
        },
    ),
    row(
        "another scheme in an anchor",
        "https://h6.example/podcast",
        "https://audio.h6.example/show",
        {
            "https://h6.example/podcast": page(
                body='<a href="itpc://audio.h6.example/show">iTunes</a>'
            ),
            "https://audio.h6.example/show": rss(),
        },
    ),
    row(
        "unquoted, in the body, with a base that is relative",
        "https://h7.example/a/b/",
        "https://h7.example/site/rss.php",
        {
            "https://h7.example/a/b/": Answer(
                "<base href=/site/><body><LINK rel=ALTERNATE type=text/xml title=RSS href=rss.php>"
            ),
            "https://h7.example/site/rss.php": rss(),
        },
    ),
    row(
        "a name that is not ASCII",
        "https://bücher.example/",
        "https://xn--bcher-kva.example/feed",
        {
            "https://xn--bcher-kva.example/": page(tag("https://xn--bcher-kva.example/feed")),
            "https://xn--bcher-kva.example/feed": rss(),
        },
    ),
    row(
        "a wiki's changes",
        "https://h8.example/wiki/",
        "https://h8.example/w/index.php?title=Special:RecentChanges&feed=atom",
        {
            "https://h8.example/wiki/": page(
                tag(
                    "/w/index.php?title=Special:RecentChanges&amp;feed=atom",
                    "application/atom+xml",
                    "Atom feed",
                )
            ),
            "https://h8.example/w/index.php?title=Special:RecentChanges&feed=atom": atom(),
        },
    ),
    row(
        "a newsroom two clicks away",
        "https://h9.example/",
        "https://h9.example/newsroom/all.rss",
        {
            "https://h9.example/": page(body='<nav><a href="/en/newsroom">Newsroom</a></nav>'),
            "https://h9.example/en/newsroom": page(body='<a href="/newsroom/all.rss">RSS</a>'),
            "https://h9.example/newsroom/all.rss": rss(),
        },
    ),
    row(
        "Bluesky",
        "bsky.app/profile/someone.example",
        "https://bsky.app/profile/someone.example/rss",
        {"https://bsky.app/profile/someone.example/rss": rss()},
    ),
    row(
        "GitLab project without releases",
        "https://gitlab.com/group/sub/project",
        "https://gitlab.com/group/sub/project/-/tags?format=atom",
        {"https://gitlab.com/group/sub/project/-/tags?format=atom": atom()},
    ),
    row(
        "arXiv list",
        "arxiv.org/list/math.CO/new",
        "https://rss.arxiv.org/rss/math.CO",
        {"https://rss.arxiv.org/rss/math.CO": rss()},
    ),
    row(
        "Medium story of an author",
        "https://medium.com/@someone/a-story-of-mine-0123456789ab",
        "https://medium.com/feed/@someone",
        {"https://medium.com/feed/@someone": rss()},
    ),
    row(
        "PeerTube by its page",
        "https://tube.example/c/a_channel/videos",
        "https://tube.example/feeds/videos.xml?videoChannelId=7",
        {
            "https://tube.example/c/a_channel/videos": page(
                tag("/feeds/videos.xml?videoChannelId=7")
            ),
            "https://tube.example/feeds/videos.xml?videoChannelId=7": rss(),
        },
    ),
    row(
        "a site in a folder",
        "https://uni.example/~me/",
        "https://uni.example/~me/blog/index.xml",
        {
            "https://uni.example/~me/": page(),
            "https://uni.example/~me/blog/index.xml": rss(),
        },
    ),
    row(
        "a tag's feed has its name",
        "https://pelican.example/tag/python.html",
        "https://pelican.example/feeds/python.tag.atom.xml",
        {
            "https://pelican.example/tag/python.html": page(
                tag("/feeds/all.atom.xml", "application/atom+xml", "P Full Atom Feed")
                + tag("/feeds/python.tag.atom.xml", "application/atom+xml", "P Tag Atom Feed")
            ),
            "https://pelican.example/feeds/all.atom.xml": atom("All"),
            "https://pelican.example/feeds/python.tag.atom.xml": atom("Python"),
        },
    ),
    row(
        "a podcast beside the articles",
        "https://i1.example/podcast/",
        "https://i1.example/feed/podcast/",
        {
            "https://i1.example/podcast/": page(
                tag("/feed/", title="I » Feed")
                + tag("/comments/feed/", title="I » Comments Feed")
                + tag("/feed/podcast/", title="Podcast RSS feed")
            ),
            "https://i1.example/feed/": rss("I"),
            "https://i1.example/comments/feed/": rss("Comments for I"),
            "https://i1.example/feed/podcast/": rss("Podcast"),
        },
    ),
    row(
        "a section by its title alone",
        "https://i2.example/ressort/wissen",
        "https://i2.example/x/9f3.rss",
        {
            "https://i2.example/ressort/wissen": page(
                tag("/x/1a2.rss", title="Alles") + tag("/x/9f3.rss", title="Ressort: Wissen")
            ),
            "https://i2.example/x/1a2.rss": rss("Alles"),
            "https://i2.example/x/9f3.rss": rss("Wissen"),
        },
    ),
    row(
        "the feed scheme where there is no TLS",
        "http://i3.example/",
        "http://i3.example/news",
        {
            "http://i3.example/": page(body='<a href="feed://i3.example/news">abonnieren</a>'),
            "http://i3.example/news": rss(),
        },
    ),
]

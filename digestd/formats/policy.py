"""What of a stranger's HTML is kept: the allow-list and its neighbours, as data."""

from __future__ import annotations

from collections.abc import Mapping

# Element -> its attributes. What is not named here loses its tags and keeps its text.
# No style, no class (but those below), no id, no handler, nothing that loads,
# runs or submits. `lang` and `dir` are allowed everywhere.
ALLOWED: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(
        "b bdi bdo blockquote br caption cite code dd del details dfn div dl dt em"
        " figcaption figure h1 h2 h3 h4 h5 h6 hr i ins kbd mark p pre q rp rt ruby s"
        " samp small strong sub summary sup table tbody tfoot thead tr u ul var wbr".split(),
        frozenset(),
    ),
    "a": frozenset({"href", "title"}),
    "abbr": frozenset({"title"}),
    "col": frozenset({"span"}),
    "colgroup": frozenset({"span"}),
    "img": frozenset({"src", "alt", "title", "width", "height"}),
    "li": frozenset({"value"}),
    "ol": frozenset({"start"}),
    "span": frozenset({"data-tex", "data-display"}),
    "td": frozenset({"colspan", "rowspan"}),
    "th": frozenset({"colspan", "rowspan"}),
}
EVERYWHERE = frozenset({"lang", "dir"})
MATH_CLASS = "math"  # of spans that carry `data-tex`
NO_MATHS_CLASS = "nomathjax"  # of what holds dollars that are no formula's; no other class is kept
SCHEMES = frozenset({"http", "https", "mailto"})
NUMERIC = frozenset({"width", "height", "colspan", "rowspan", "span", "start", "value"})

# Elements that mean the same as an allowed one, or nearly.
RENAMED: Mapping[str, str] = {
    **dict.fromkeys(
        "address article aside center fieldset footer form header hgroup main nav section".split(),
        "div",
    ),
    "acronym": "abbr",
    "dir": "ul",
    "listing": "pre",
    "menu": "ul",
    "strike": "s",
    "tt": "code",
}

# Elements that go with all they contain. Not the void ones: lxml takes what follows a
# <source> or <embed> for its content.
DROPPED = frozenset(
    "annotation annotation-xml base basefont button canvas datalist frame frameset"
    " head iframe input legend link map meta noembed noframes optgroup option param"
    " plaintext portal progress script select slot style svg template textarea title xmp"
    " audio video".split()
)
GONE = "gone"  # what they are renamed to: nh3 drops an element of this name with its content

# Elements that hold what to show in their place.
WITH_FALLBACK = frozenset({"applet", "object"})

# Images that count readers: hosts (with their subdomains), and parts of an address.
TRACKER_HOSTS = frozenset(
    "ad.doubleclick.net stats.g.doubleclick.net google-analytics.com"
    " googletagmanager.com pixel.wp.com stats.wordpress.com pixel.quantserve.com"
    " scorecardresearch.com feedsportal.com b.scorecardresearch.com pixel.parsely.com"
    " pheedo.com ads.pheedo.com feedads.g.doubleclick.net a.rfihub.com rss-tracking.com"
    " api.follow.it pi.feedsportal.com res.feedsportal.com track.adform.net"
    " pixel.mathtag.com sb.scorecardresearch.com analytics.twitter.com count.getloli.com"
    " hits.seeyoufarm.com countingcats.com bat.bing.com mc.yandex.ru counter.yadro.ru"
    " hm.baidu.com cnzz.com".split()
)
TRACKER_PARTS = (
    "feeds.feedburner.com/~r/",
    "feeds.feedburner.com/~ff/",
    "medium.com/_/stat",
    "facebook.com/tr?",
    "/piwik.php",
    "/matomo.php",
    "/pixel.gif",
    "/pixel.png",
    "/tracking.gif",
    "/open.gif",
    "/b.gif?",
    "/ns.html?id=gtm",
    "/rss-pixel",
    "visitor-badge",
    "/feed-tracker",
)

# Players that are worth a link where they cannot play: (part of the address, name).
PLAYERS = (
    ("youtube.com/embed/", "YouTube"),
    ("youtube-nocookie.com/embed/", "YouTube"),
    ("player.vimeo.com/video/", "Vimeo"),
    ("player.bilibili.com/", "Bilibili"),
    ("open.spotify.com/embed", "Spotify"),
    ("w.soundcloud.com/player", "SoundCloud"),
    ("embed.podcasts.apple.com/", "Apple Podcasts"),
    ("player.twitch.tv/", "Twitch"),
)

# Where lazy loaders keep the true address, in order of trust.
LAZY_SOURCES = (
    "data-src",
    "data-original",
    "data-lazy-src",
    "data-actualsrc",
    "data-original-src",
    "data-orig-file",
    "data-url",
    "data-echo",
    "data-hi-res-src",
)
LAZY_SETS = ("data-srcset", "data-lazy-srcset", "srcset")

"""Every key that the configuration may hold, and which of them wait for their feature.

To turn a feature on, read its key in `load` and delete its line from `NOT_YET`.
"""

from __future__ import annotations

# `*` is a name that the owner chose, or the place in a list.
KNOWN: dict[str, tuple[str, ...]] = {
    "": (
        *("timezone", "language", "mail", "channels", "digests", "feeds", "tags", "rules"),
        *("store", "poll", "delivery", "notices", "web", "push"),
    ),
    "mail": ("server", "port", "security", "user", "password", "from"),
    "channels.*": (
        *("url", "proxy", "prefix", "priority", "threads", "unsubscribe"),
        *("quiet", "burst", "burst_window"),
    ),
    "digests.*": (
        *("when", "timezone", "to", "tags", "at_least", "max_wait", "content", "template"),
        *("subject", "title", "group", "same_story", "images", "image_budget"),
    ),
    "feeds.*": (
        *("url", "id", "name", "tags", "alert", "digest", "first", "updates", "interval"),
        *("content", "full_text", "math", "macros", "page", "headers", "cookies", "user"),
        *("password", "token", "user_agent", "proxy", "timeout", "opml"),
    ),
    "rules.*": (
        *("name", "feeds", "tags", "any", "unless"),
        *("title", "text", "author", "link", "category", "then", "to"),
    ),
    "store": ("path", "keep"),
    "poll": (
        *("requests_per_feed_per_day", "fairness", "min_interval", "max_interval"),
        *("concurrency", "per_host"),
        *("timeout", "max_size", "allow_private", "proxy", "contact", "rsshub"),
    ),
    "delivery": ("first_retry", "give_up", "fallback"),
    "notices": ("to", "after"),
    "web": ("listen", "url", "public"),
    "push": ("callback_url", "secret_over_http", "least_signature"),
}

# What says which feed it is cannot be a default for many.
FEED_ONLY = ("url", "id", "name", "tags", "opml")
KNOWN["tags.*"] = tuple(key for key in KNOWN["feeds.*"] if key not in FEED_ONLY)

NOT_YET = frozenset(
    {
        "web.public",
    }
)


def available() -> set[str]:
    """Return every key of this version that holds a value: "poll.timeout", "feeds.*.url"."""
    tables = {name.partition(".")[0] for name in KNOWN}
    return {
        path
        for table, keys in KNOWN.items()
        for key in keys
        if (path := f"{table}.{key}".lstrip(".")) not in NOT_YET
        and table.partition(".")[0] not in NOT_YET
        and path not in tables
    }

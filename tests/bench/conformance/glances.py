"""What a first fetch finds at a glance, beside what reading the whole document finds.

Most documents of a suite are of one odd entry without a title or a link, and are read whole.
So each is seen again with a title, with a link as well, and with one more entry.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from digestd.formats.news import read_news
from tests.bench.conformance.judge import Case
from tests.formats.test_news import assert_glanced

_ENTRY = re.compile(rb"<((?:\w+:)?)(item|entry)(?:\s[^<>]*)?>")
_TITLE = b"Title &amp; &lt;b>more&lt;/b>"
_PAGE = b"http://site.example/1?a=1&amp;b=2"
_MORE = {
    b"</channel>": b"<item><title>A</title><link>/a</link><guid>a1</guid></item>",
    b"</feed>": b'<entry><title>A</title><link href="/a"/><id>a1</id></entry>',
    b"</rdf:RDF>": b'<item rdf:about="/a"><title>A</title><link>/a</link></item>',
}


@dataclass
class Tally:
    """How many documents were seen, how many of them at a glance, and which otherwise."""

    seen: int = 0
    glanced: int = 0
    differing: list[str] = field(default_factory=list)

    def add(self, cases: Iterable[Case]) -> None:
        """Look at all forms of these documents."""
        for case in cases:
            for form, body in enumerate(_forms(case.body)):
                where: dict[str, Any] = {"url": case.url, "content_type": case.content_type}
                document = read_news(body, spare=True, **where).document
                self.seen += 1
                if any(entry.unread for entry in getattr(document, "entries", ())):
                    self.glanced += 1
                    try:
                        assert_glanced(body, **where)
                    except AssertionError:
                        self.differing.append(f"{case.name}, form {form}")


def _forms(body: bytes) -> Iterator[bytes]:
    yield body
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return
    yield _ENTRY.sub(lambda start: start[0] + _lacking(start, body, has_link=True), body)
    completed = _ENTRY.sub(lambda start: start[0] + _lacking(start, body), body)
    yield completed
    for end, entry in _MORE.items():
        if completed.count(end) == 1:
            yield completed.replace(end, entry + end)


def _lacking(start: re.Match[bytes], body: bytes, *, has_link: bool = False) -> bytes:
    """Return the title and the link that an entry has not."""
    prefix, name = start[1], start[2]
    inside = body[start.end() :].partition(b"</" + prefix + name)[0]
    title = b"<%stitle>%s</%stitle>" % (prefix, _TITLE, prefix)
    link = b"<%slink>%s</%slink>" % (prefix, _PAGE, prefix)
    if name == b"entry":
        link = b'<%slink href="%s"/>' % (prefix, _PAGE)
    has_title = b"<%stitle" % prefix in inside
    has_link = has_link or b"<%slink" % prefix in inside
    return (b"" if has_title else title) + (b"" if has_link else link)

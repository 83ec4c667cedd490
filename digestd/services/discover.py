"""Finding the feed behind an address: asked for politely, ranked by rule.

In stages, each only where those before it gave nothing good: presets, the address itself,
what its page links to, the usual places, the pages that usually have one, sitemaps of news.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path

from digestd.core import discovery
from digestd.core.addresses import check_url, origin_of
from digestd.core.discovery import FeedLink, Page, Proposal
from digestd.core.links import RSSHUB, canonical_link
from digestd.core.outcomes import Failed, Fetched
from digestd.core.parsed import ParsedFeed, Unreadable
from digestd.core.presets import Known, known, read_presets
from digestd.frozen import dataclass, field, replace
from digestd.services.browse import Browser, Passing, Unreachable, refusal

_PRESETS = Path(__file__).parents[1] / "presets.toml"
_MOST_REQUESTS = 100  # for one address
_LONGEST = 120.0  # seconds; what is being asked then is waited for
_MOST_CANDIDATES = 10  # of one page that are read
_AT_ONCE = 4
_MAX_LOOKED_UP = 3_000_000  # bytes of a page that a preset's patterns see


@dataclass(frozen=True, slots=True)
class Candidate:
    """A feed that was found. `url` is what to follow."""

    url: str
    feed: ParsedFeed
    what: str  # how it came to be known
    score: float


@dataclass(slots=True)
class Findings:
    """What came of one address. `candidates`: the best first."""

    address: str
    candidates: list[Candidate] = field(default_factory=list)
    problem: str = ""  # why there are none
    page: Page | None = None
    # A feed that a preset is sure of, though it could not be asked just now, and why.
    unchecked: tuple[str, str] | None = None


class Discoverer:
    """Finds feeds by the table of presets, by what pages say, and in the usual places."""

    def __init__(self, browser: Browser, *, rsshub: str = "") -> None:
        """`rsshub` stands before the routes of `rsshub://`."""
        self.browser = browser
        self.rsshub = rsshub
        self.presets = read_presets(_PRESETS.read_text("utf-8"))

    async def find(self, typed: str) -> Findings:
        """Return the feeds behind what the owner typed."""
        findings = Findings(typed, problem="that is no address")
        for address in discovery.addresses(typed):
            self.browser.home = origin_of(address)
            findings = await _Search(self, address).run()
            if findings.candidates or findings.page is not None or findings.unchecked:
                break
        return findings

    async def propose(self, typed: str) -> tuple[str, Sequence[Proposal], str]:
        """Return a page's address, selectors for it with what they give, and what went wrong."""
        problem = "that is no address"
        for address in discovery.addresses(typed):
            wrong = check_url(address)
            if wrong:
                return address, (), wrong
            self.browser.home = origin_of(address)
            answer = await self.browser.fetch(address)
            if not isinstance(answer, Fetched):
                problem = refusal(answer)
                continue
            found = await self.browser.propose(answer)
            if isinstance(found, Unreadable):
                return address, (), found.reason
            return answer.moved_to or address, found, ""
        return typed, (), problem


class _Search:
    """One address on its way to a feed."""

    def __init__(self, finder: Discoverer, address: str) -> None:
        self._finder = finder
        self._address = address
        self._clock = finder.browser.clock
        self._tried: dict[str, Candidate | Page | str] = {}
        self._left = _MOST_REQUESTS
        self._front: Page | None = None  # of the site, where the address was another page
        self._end = asyncio.get_running_loop().time() + _LONGEST
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self.findings = Findings(address)

    async def run(self) -> Findings:
        """Return what was found, the best first."""
        found = self.findings
        if self._address.startswith(RSSHUB):
            await self._ask(FeedLink(self._address, "itself"), "a route of RSSHub", 0, None)
            self._note_rsshub()
            return found
        wrong = check_url(self._address)
        if wrong:
            found.problem = wrong
            return found
        await self._ask_presets(self._address)
        if not self._good and found.unchecked is None:
            await self._ask_page()
        self._note_rsshub()
        best_first = sorted(found.candidates, key=lambda c: -c.score)
        once = {canonical_link(c.url).rstrip("/"): c for c in reversed(best_first)}
        found.candidates = sorted(once.values(), key=lambda c: -c.score)
        return found

    def _note_rsshub(self) -> None:
        """Where only RSSHub has a feed of it, that is the problem to name."""
        routes = [v for k, v in self._tried.items() if k.startswith(RSSHUB) and isinstance(v, str)]
        if routes and not self.findings.candidates:
            self.findings.problem = routes[0]

    @property
    def _good(self) -> bool:
        return any(c.score > discovery.GOOD_ENOUGH for c in self.findings.candidates)

    # --- presets ---

    async def _ask_presets(self, address: str) -> None:
        for preset in known(self._finder.presets, address):
            feeds = preset.feeds or await self._look_up(preset)
            await self._ask_ways(preset, feeds)
            if not self._good and preset.feeds and preset.pages:
                await self._ask_ways(preset, await self._look_up(preset))
            if self._good:
                return

    async def _ask_ways(self, preset: Known, feeds: Sequence[tuple[str, tuple[str, ...]]]) -> None:
        label = preset.preset.name
        for place, (what, urls) in enumerate(feeds):
            for url in urls:
                answer = await self._ask(FeedLink(url, "preset"), f"{label}: {what}", place, None)
                if isinstance(answer, Candidate):
                    break
                if (
                    isinstance(answer, Passing)
                    and not preset.preset.guess
                    and self.findings.unchecked is None
                ):
                    self.findings.unchecked = (url, str(answer))
            if self.findings.unchecked is not None and not self._good:
                return  # its host does not answer: one refusal is enough
        if self._good:
            self.findings.unchecked = None

    async def _look_up(self, preset: Known) -> Sequence[tuple[str, tuple[str, ...]]]:
        for page in preset.pages:
            answer = await self._finder.browser.fetch(page, preset.preset.headers)
            self._left -= 1
            if isinstance(answer, Fetched):
                text = answer.body[:_MAX_LOOKED_UP].decode("utf-8", "replace")
                feeds = preset.looked_up(text)
                if feeds:
                    return feeds
            elif isinstance(answer, Failed):
                self.findings.problem = answer.reason
        return []

    # --- pages ---

    async def _ask_page(self) -> None:
        found = self.findings
        answer = await self._ask(FeedLink(self._address, "itself"), "the address itself", 0, None)
        if isinstance(answer, Page) and answer.refresh:
            moved = await self._ask(FeedLink(answer.refresh, "itself"), "where it leads", 0, None)
            answer = moved if isinstance(moved, Candidate | Page) else answer
        if isinstance(answer, Candidate):
            return
        if isinstance(answer, Page):
            found.page = answer
            if canonical_link(answer.url) != canonical_link(self._address):
                await self._ask_presets(answer.url)  # a short link to a place that is known
            if self._good:
                return
            await self._ask_links(answer, answer.links)
        else:
            found.problem = str(answer)
            if isinstance(answer, Unreachable):
                return  # no door, no other room behind it
        if not self._good:
            await self._ask_around(found.page.url if found.page else self._address)

    async def _ask_around(self, where: str) -> None:
        """Ask where a feed may be that the page says nothing of, the nearest places first."""
        usual = discovery.well_known(where)
        await self._ask_front(where)
        await self._ask_usual(usual.near)
        await self._ask_deeper()
        if self.findings.page is not None:  # what is not there has little beside it
            await self._ask_usual(usual.here)
        await self._ask_usual(usual.root)
        await self._ask_usual(usual.rest)
        if not self._good:
            await self._ask_sitemaps(discovery.root_of(where))
        if not self.findings.candidates and not self.findings.problem:
            self.findings.problem = "no feed was found there, nor in any of the usual places"

    async def _ask_usual(self, links: Sequence[FeedLink]) -> None:
        if not self._good:
            await self._ask_in_turn(links, "a usual place")

    async def _ask_front(self, where: str) -> None:
        """Look at the site's first page, where this one says nothing or is not there."""
        root = discovery.root_of(where)
        if root.rstrip("/") == where.rstrip("/"):
            return
        answer = await self._ask(FeedLink(root, "known"), "the site's first page", 0, None)
        if isinstance(answer, Page):
            page = answer if self.findings.page is None else replace(answer, url=where)
            named = [link for link in answer.links if link.source in ("header", "tag")]
            await self._ask_links(page, named, "the site's first page")
            self._front = answer

    async def _ask_sitemaps(self, root: str) -> None:
        index = await self._ask(FeedLink(f"{root}sitemap.xml", "news"), _NEWS, 0, None)
        named = list(index.links) if isinstance(index, Page) else []
        usual = [FeedLink(root + name, "news") for name in discovery.NEWS_SITEMAPS]
        await self._ask_in_turn([x for x in named if x.source == "news"] + usual, _NEWS)

    async def _ask_deeper(self) -> None:
        page = self.findings.page or self._front
        for url in page.deeper if page and not self._good else ():
            answer = await self._ask(FeedLink(url, "word"), "a page of the site", 0, None)
            if isinstance(answer, Page):
                await self._ask_links(answer, answer.links, f"the page {url}")
                await self._ask_usual(discovery.well_known(url).near[:3])
            if self._good:
                return

    async def _ask_links(
        self, page: Page, links: Iterable[FeedLink], whose: str = "its page"
    ) -> None:
        """Read what a page links to, kind by kind, as long as nothing good is among it."""
        ranked = discovery.without_doubles(list(links))
        kinds: tuple[tuple[str, ...], ...] = (("header", "tag"), ("anchor",), ("word",))
        for kind in kinds:
            of_kind = [link for link in ranked if link.source in kind]
            scored = sorted(
                enumerate(of_kind), key=lambda pair: -discovery.prior(pair[1], pair[0], page)
            )[:_MOST_CANDIDATES]
            answers = await asyncio.gather(
                *(
                    self._ask(link, f"{_WHAT[link.source]} {whose}", place, page)
                    for place, link in scored
                )
            )
            if self._good:
                return
            for answer in answers:  # a page about the site's feeds, most likely
                if isinstance(answer, Page) and not self._good:
                    await self._ask_list(answer)

    async def _ask_list(self, page: Page) -> None:
        links = [link for link in page.links if link.source != "word"][:_MOST_CANDIDATES]
        await asyncio.gather(
            *(
                self._ask(link, "listed by a page of the site", place, page)
                for place, link in enumerate(links)
            )
        )

    async def _ask_in_turn(self, links: Sequence[FeedLink], what: str) -> None:
        for place, link in enumerate(links):
            await self._ask(link, what, place, self.findings.page)
            if self._good or self._left <= 0:
                return

    # --- one document ---

    async def _ask(
        self, link: FeedLink, what: str, place: int, page: Page | None
    ) -> Candidate | Page | str:
        key = link.url
        if key in self._tried:
            return self._tried[key]
        self._tried[key] = "asked already"
        async with self._turns:
            answer = await self._answer(link, what, place, page)
        self._tried[key] = answer
        if isinstance(answer, Candidate):
            self.findings.candidates.append(answer)
        return answer

    async def _answer(
        self, link: FeedLink, what: str, place: int, page: Page | None
    ) -> Candidate | Page | str:
        if self._left <= 0 or asyncio.get_running_loop().time() > self._end:
            return "enough was asked"
        self._left -= 1
        url = link.url
        if url.startswith(RSSHUB):
            if not self._finder.rsshub:
                return _NO_RSSHUB
            url = f"{self._finder.rsshub}/{url.removeprefix(RSSHUB).lstrip('/')}"
        outcome = await self._finder.browser.fetch(url)
        if not isinstance(outcome, Fetched):
            return refusal(outcome)
        document = await self._finder.browser.examine(outcome)
        if isinstance(document, Unreadable):
            return document.reason
        if isinstance(document, Page):
            return document
        score = discovery.posterior(discovery.prior(link, place, page), document, self._clock())
        lasting = link.url if link.url.startswith(RSSHUB) else outcome.moved_to or link.url
        known = f"“{link.title}”, {what}" if link.title else what
        return Candidate(lasting, document, known, score)


_NO_RSSHUB = 'RSSHub has a route for it, if you have one: [poll] rsshub = "http://localhost:1200"'
_NEWS = "a sitemap of news"
_WHAT = {
    "header": "named in a header of",
    "tag": "named by",
    "anchor": "linked in",
    "word": "linked in",
    "news": "listed by",
}

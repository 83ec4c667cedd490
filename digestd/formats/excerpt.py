"""Shortening entry HTML without breaking anything in it.

The tree is walked into tokens (a grapheme cluster, a formula, a piece of code, a
border between blocks), each of which knows the elements it stands in; so a cut
falls between tokens and the closing tags come by themselves. Work is bounded by
the parser (one pass over the input) and by the limit (clusters are counted only
that far); every pattern here runs over a bounded stretch of text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape
from itertools import accumulate, chain
from typing import Literal

import regex
from lxml import etree
from lxml.html import HtmlElement, HTMLParser, document_fromstring

from digestd.formats.borders import CLOSING, OPENING, clusters, is_east_asian, may_break

Kind = Literal["text", "space", "formula", "display", "code", "pre", "br", "block"]
FormulaForm = Literal["unicode", "tex"]

_INLINE = frozenset("a b strong i em u s del ins sub sup small mark q cite abbr dfn var span bdi".split())
_BLOCKS = frozenset(
    "p div section article header footer main aside nav address blockquote ul ol li dl dt dd"
    " h1 h2 h3 h4 h5 h6 center details summary body".split()
)
_KEPT_BLOCKS = frozenset("p div blockquote ul ol li dl dt dd h1 h2 h3 h4 h5 h6".split())
_LEFT_OUT = frozenset(
    "script style head title template noscript iframe object embed audio video canvas svg img"
    " picture source form button input select textarea option figure figcaption table hr map"
    " math annotation link meta base".split()
)
_HEADINGS = frozenset("h1 h2 h3 h4 h5 h6".split())
_CODE = frozenset("code kbd samp tt".split())
_HIDDEN = regex.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all|font-size\s*:\s*0(?![.\d])", regex.I
)
_ROOT = "digestd-root"  # our own wrapper, which the result leaves out
_SAFE_LINK = regex.compile(r"(?:https?|mailto):", regex.I)
# Signs that take no room and would only get in the way of counting and joining.
_INVISIBLE = regex.compile("[\u200b\ufeff\u00ad\u2060\x00-\x08\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True, eq=False)
class _Element:
    """An element of the source that the result keeps, with the attributes that survive."""

    tag: str
    attributes: str = ""


_Path = tuple[_Element, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Token:
    """The smallest thing that is kept or dropped as a whole; a run of text before it is split."""

    kind: Kind
    text: str
    path: _Path
    cost: int = 1
    markup: str = ""  # of formulas, as it stands in HTML
    link: _Element | None = None


def excerpt(
    html: str,
    limit: int,
    mode: Literal["text", "html"],
    *,
    formulas: FormulaForm = "unicode",
) -> str:
    """Return the beginning of an entry, at most `limit` signs long, cut where a reader would pause.

    `html` is sanitised, its formulas are marked (`formats.maths.mark_html`). A sign is
    a grapheme cluster; a formula counts as one, whatever its length. An ellipsis
    stands where something was dropped and the text does not end a sentence.
    `formulas` says how they are written: as they are marked, or as LaTeX.
    """
    runs, cut_by_source = _without_tail(list(_runs(html, formulas)))
    tokens, more = _tokens(runs, limit)
    kept = tokens[: _cut(tokens, limit)] if more else tokens
    kept = _trimmed(kept, cut=more)
    if (more or cut_by_source) and not _ends_sentence(kept, len(kept), None):
        kept = _with_ellipsis(kept) if kept or more else kept
    return _as_text(kept) if mode == "text" else _as_html(kept)


def plain_text(html: str, *, formulas: FormulaForm = "unicode") -> str:
    """Return the whole of an entry as text: paragraphs apart, lists with bullets."""
    tokens, _ = _tokens(list(_runs(html, formulas)), limit=10**9)
    return _as_text(_trimmed(tokens, cut=False))


def shorten(text: str, limit: int) -> str:
    """Return one line of plain text, at most `limit` signs (and an ellipsis) long."""
    return excerpt(escape(text, quote=False), limit, "text").replace("\n", " ")


# --- from HTML to runs -----------------------------------------------------------------


def _parse(html: str) -> HtmlElement:
    # Bytes, since lxml refuses a str that carries an encoding declaration.
    parser = HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
    source = f"<body><div id={_ROOT}>{_INVISIBLE.sub('', html)}</div></body>"
    return document_fromstring(source.encode("utf-8", "replace"), parser=parser)


def _runs(html: str, formulas: FormulaForm) -> Iterator[_Token]:
    """Walk the tree and yield unsplit text, formulas, code, and the borders between blocks."""
    path: list[_Element] = []
    counters: list[int] = []  # of the ordered lists that are open
    walker = etree.iterwalk(_parse(html), events=("start", "end"))
    for event, element in walker:
        tag = element.tag
        if event == "start":
            if _is_left_out(element) or _is_whole(element):
                yield from _atom(element, tuple(path), formulas)
                walker.skip_subtree()
                continue
            yield from _opening(element, path, counters)
            if element.text:
                yield _Token("text", element.text, tuple(path), link=_link(path))
            continue
        if not (_is_left_out(element) or _is_whole(element)):
            yield from _closing(tag, path, counters)
        if element.tail:
            yield _Token("text", element.tail, tuple(path), link=_link(path))


def _opening(element: HtmlElement, path: list[_Element], counters: list[int]) -> Iterator[_Token]:
    tag = element.tag
    if tag == "br":
        yield _Token("br", "\n", tuple(path))
        return
    if tag in ("ol", "ul"):
        counters.append(1 if tag == "ol" else 0)
    if tag in _KEPT_BLOCKS or tag in _INLINE:
        path.append(_Element("" if element.get("id") == _ROOT else tag, _attributes(element)))
    if tag == "li" and counters:
        number = counters[-1]
        counters[-1] += 1 if number else 0
        yield _Token("block", f"\n{number}. " if number else "\n• ", tuple(path))
    elif tag in _BLOCKS:
        yield _Token("block", "\n\n", tuple(path))


def _closing(tag: str, path: list[_Element], counters: list[int]) -> Iterator[_Token]:
    if tag in ("ol", "ul") and counters:
        counters.pop()
    if tag in _KEPT_BLOCKS or tag in _INLINE:
        path.pop()
    if tag in _BLOCKS:
        yield _Token("block", "\n" if tag == "li" else "\n\n", tuple(path))


def _atom(element: HtmlElement, path: _Path, formulas: FormulaForm) -> Iterator[_Token]:
    """Yield what is kept whole or dropped whole; nothing for what excerpts leave out."""
    if _is_left_out(element):
        if element.tag in ("table", "hr", "figure", "form"):
            yield _Token("block", "\n\n", path)
        return
    link = _link(path)
    text = element.text_content()
    if element.tag == "pre":
        shown = text.strip("\n")
        yield _Token("block", "\n\n", path)
        yield _Token("pre", shown, path, cost=len(shown))
        yield _Token("block", "\n\n", path)
    elif element.tag in _CODE:
        shown = " ".join(text.split())
        if shown:
            yield _Token("code", shown, path, len(shown), f"<code>{escape(shown)}</code>", link)
    else:
        yield _formula(element, " ".join(text.split(" ")), path, formulas)


def _formula(element: HtmlElement, shown: str, path: _Path, formulas: FormulaForm) -> _Token:
    tex = element.get("data-tex") or ""
    is_display = element.get("data-display") == "block"
    if formulas == "tex":
        if is_display:
            shown = tex if tex.startswith("\\begin") else f"$${tex}$$"
        else:
            shown = f"${tex}$"
        markup = escape(shown)
    else:
        markup = (
            f'<span class="math" data-tex="{escape(tex)}"'
            f' data-display="{"block" if is_display else "inline"}">{escape(shown)}</span>'
        )
    return _Token("display" if is_display else "formula", shown, path, 1, markup, _link(path))


def _is_left_out(element: HtmlElement) -> bool:
    return (
        element.tag in _LEFT_OUT
        or element.get("hidden") is not None
        or bool(_HIDDEN.search((element.get("style") or "")[:1000]))
    )


def _is_whole(element: HtmlElement) -> bool:
    return element.tag == "pre" or element.tag in _CODE or _is_formula(element)


def _is_formula(element: HtmlElement) -> bool:
    return element.tag == "span" and "data-tex" in element.attrib


def _attributes(element: HtmlElement) -> str:
    kept = [(name, element.get(name)) for name in ("dir", "lang")]
    if element.tag == "a" and _SAFE_LINK.match((element.get("href") or "").strip()):
        kept.append(("href", element.get("href")))
    return "".join(f' {name}="{escape(value)}"' for name, value in kept if value)


def _link(path: Iterable[_Element]) -> _Element | None:
    return next((element for element in path if element.tag == "a"), None)


# --- the source's own marks of cutting ---------------------------------------------------

# How far from the end they are looked for; this also bounds the patterns below.
_TAIL = 1500
_MARKS = [
    regex.compile(pattern)
    for pattern in (
        r"\s+$",
        r"(?:^|\n|(?<=[.!?。\]…])\s)\s*The (?:post|article|entry)\s[^\n]{1,500}"
        r"(?:appeared first|first appeared|was first published)\s(?:on|at|in)\s[^\n]{0,200}$",
        r"(?<![^\s.…。！？!?\])→>])(?:Continue [Rr]eading|Keep [Rr]eading)(?:\s[^\n]{0,200})?$",
        r"(?<![^\s.…。！？!?\])→>])\(?Read (?:[Mm]ore|[Oo]n|(?:the )?(?:full|whole|rest|entire)\b[^\n.]{0,80})"
        r"\)?[\s.…→»›>]{0,8}$",
        r"(?<![^\s.…。！？!?\])→>])(?:Weiterlesen|Lire la suite|Leer más|Seguir leyendo)[^\n.]{0,80}$",
        r"[(（\[【]?(?:点击|点此|继续)?(?:阅读|查看|閱讀|查閱)(?:全文|更多|原文|余下全文|餘下全文)"
        r"[)）\]】]?[\s.…→»›>]{0,8}$",
        r"続きを読む[\s.…→»›>]{0,8}$",
        r"[(（\[［【]\s?(?:\.{2,6}|[…⋯]{1,3})\s?[)）\]］】]$",
        r"(?:\.{3,12}|[…⋯]{1,6}|\s[→»›]{1,3})$",
    )
]
# A formula that the source's own shortening has cut in two can only be dropped.
_TORN = [
    regex.compile(pattern)
    for pattern in (
        r"\\begin\{[a-zA-Z]{1,20}\*?\}(?:(?!\\end\{)[^\n])*$",
        r"\\[\[(](?:(?!\\[\])])[^\n])*$",
        r"\${1,2}(?=[^$\n]*[\\^_])[^$\n]*$",
    )
]


def _without_tail(runs: list[_Token]) -> tuple[list[_Token], bool]:
    """Drop "[...]", "Continue reading" and the like from the end; tell whether there were any."""
    first, length = len(runs), 0
    while first and length < _TAIL:
        first -= 1
        length += len(_shape(runs[first]))
    tail = "".join(map(_shape, runs[first:]))[-_TAIL:]
    rest, was_cut = tail, False
    for _ in range(8):  # one mark hides another; more than a few is somebody's game
        shorter = rest
        for mark in _MARKS:
            stripped = mark.sub("", shorter)
            was_cut = was_cut or len(stripped.rstrip()) < len(shorter.rstrip())
            shorter = stripped
        for torn in _TORN:
            found = torn.search(shorter)
            if found:
                shorter, was_cut = shorter[: found.start()], True
        if shorter == rest:
            break
        rest = shorter
    return (_shortened(runs, len(tail) - len(rest)), True) if was_cut else (runs, False)


def _shape(run: _Token) -> str:
    """Return the run as the patterns see it: a formula or code is one sign that matches none."""
    if run.kind == "text":
        return run.text
    return "\n" if run.kind in ("block", "br") else "\ufffc"


def _shortened(runs: list[_Token], excess: int) -> list[_Token]:
    runs = list(runs)
    while excess > 0 and runs:
        run = runs.pop()
        length = len(_shape(run))
        if length > excess:
            runs.append(replace(run, text=run.text[: length - excess]))
        excess -= length
    return runs


# --- from runs to tokens -----------------------------------------------------------------


def _tokens(runs: Sequence[_Token], limit: int) -> tuple[list[_Token], bool]:
    """Split runs into tokens, a little past the limit; tell whether they go on beyond it."""
    tokens: list[_Token] = []
    cost = 0
    for token in _joined(chain.from_iterable(map(_split, runs))):
        if cost + token.cost > limit and token.kind == "pre" and not tokens:
            continue  # a page that opens with a long listing
        tokens.append(token)
        cost += token.cost
        # Two more than the limit: the rules look at what follows a border.
        if cost > limit + 2 and token.kind not in ("space", "block", "br"):
            break
    while tokens and tokens[-1].kind in ("space", "block", "br"):
        cost -= tokens.pop().cost
    return tokens, cost > limit


def _split(run: _Token) -> Iterator[_Token]:
    if run.kind != "text":
        yield run
        return
    for cluster in clusters(run.text):
        if cluster.isspace():
            yield _Token("space", " ", run.path, link=run.link)
        else:
            yield _Token("text", cluster, run.path, link=run.link)


def _joined(tokens: Iterable[_Token]) -> Iterator[_Token]:
    """Collapse blanks and borders; none stands at the beginning, but for a list's bullet."""
    waiting: _Token | None = None
    begun = False
    for token in tokens:
        if token.kind in ("space", "block", "br"):
            waiting = token if waiting is None else _stronger(waiting, token)
            continue
        if waiting is not None and (begun or waiting.text.strip()):
            yield waiting
        waiting, begun = None, True
        yield token


def _stronger(first: _Token, second: _Token) -> _Token:
    def rank(token: _Token) -> tuple[bool, int]:
        return bool(token.text.strip()), len(token.text) if token.kind != "space" else 0

    return second if rank(second) > rank(first) else first


# --- where to cut ------------------------------------------------------------------------

_FULL_STOPS = frozenset("。！？｡．؟۔।॥։።…")
_STOPS = frozenset(".!?")
_PAUSES = frozenset("，、；：,;:—–،؛､")
_CLOSERS = frozenset(")]}）］｝〕】》〉」』”’»›\"'｣")
_ABBREVIATIONS = frozenset(
    "e.g i.e etc vs cf al viz approx ca no nos fig figs eq eqs sec ch vol pp p ed eds dr mr mrs ms"
    " prof st jr sr inc ltd co corp dept est resp thm lem def prop jan feb mar apr jun jul aug sep"
    " sept oct nov dec z.b d.h u.a bzw vgl usw evtl ggf nr bd m.e p.ex av mme mlle sra dra ud uds"
    " u.s u.k a.m p.m ph.d".split()
)


def _cut(tokens: Sequence[_Token], limit: int) -> int:
    """Return how many tokens to keep so that they cost at most `limit`."""
    costs = [0, *accumulate(token.cost for token in tokens)]
    last = max(i for i, cost in enumerate(costs) if cost <= limit)
    for at in range(last, 0, -1):
        if costs[at] < 0.6 * limit:
            break
        if _ends_sentence(tokens, at, tokens[at]) and _is_border(tokens, at):
            return at
    for at in range(last, 0, -1):
        if costs[at] < 0.75 * limit:
            break
        if _ends_clause(tokens, at) and _is_border(tokens, at):
            return at
    borders = [at for at in range(last, 0, -1) if _is_border(tokens, at)]
    outside = [at for at in borders if not _is_inside_link(tokens, at)]
    if outside and costs[outside[0]] >= 0.4 * limit:
        return outside[0]
    if borders:
        return borders[0]
    return _forced(tokens, last)


def _forced(tokens: Sequence[_Token], last: int) -> int:
    """Return a cut inside a word that alone is longer than the limit; 0 for a URL or a number."""
    word = "".join(token.text for token in tokens[:12])
    if regex.match(r"(?:https?://|www\.|\d)", word):
        return 0
    return last


def _is_border(tokens: Sequence[_Token], at: int) -> bool:
    before, after = tokens[at - 1], tokens[at]
    if before.kind in ("space", "block", "br"):
        return False  # the border is before the blank
    if before.text in OPENING or _is_abbreviation(tokens, at):
        return False
    if after.kind == "space":
        follower = tokens[at + 1].text if at + 1 < len(tokens) else ""
        return not (before.text.isdigit() and follower[:1] in tuple("%％‰°€"))
    if after.kind != "text":
        return after.kind in ("block", "br", "pre", "display") or _stands_free(before)
    if before.kind != "text":
        return before.kind in ("pre", "display") or (
            is_east_asian(after.text) and after.text[0] not in CLOSING
        )
    return may_break(before.text, after.text)


def _stands_free(token: _Token) -> bool:
    """Tell whether a formula or code that follows without a blank may be parted from `token`."""
    return token.kind != "text" or is_east_asian(token.text)


def _is_inside_link(tokens: Sequence[_Token], at: int) -> bool:
    link = tokens[at - 1].link
    return link is not None and link is tokens[at].link


def _ends_sentence(tokens: Sequence[_Token], at: int, after: _Token | None) -> bool:
    """Tell whether the first `at` tokens end with a sentence, `after` being what follows."""
    stop = at - 1
    while stop > 0 and tokens[stop].text in _CLOSERS:
        stop -= 1
    if stop < 0 or tokens[stop].kind != "text":
        return False
    mark = tokens[stop].text
    if mark in _FULL_STOPS:
        return True
    if mark not in _STOPS or (after and after.kind == "text" and not is_east_asian(after.text)):
        return False
    return mark != "." or not (
        _is_abbreviation(tokens, stop + 1)
        or (after is not None and at + 1 < len(tokens) and tokens[at + 1].text.islower())
    )


def _ends_clause(tokens: Sequence[_Token], at: int) -> bool:
    stop = at - 1
    while stop > 0 and tokens[stop].text in _CLOSERS:
        stop -= 1
    return tokens[stop].text in _PAUSES or tokens[at].kind == "block"


def _is_abbreviation(tokens: Sequence[_Token], at: int) -> bool:
    """Tell whether the word before `at` is written with a full stop that ends no sentence."""
    if tokens[at - 1].text != ".":
        return False
    start = at - 1
    while start > 0 and at - start < 12 and tokens[start - 1].kind == "text":
        start -= 1
    word = "".join(token.text for token in tokens[start : at - 1]).lstrip("(“\"'[")
    if word.lower() in _ABBREVIATIONS or (len(word) == 1 and word.isupper()):
        return True
    # "1." opens an item; "in 2024." ends a sentence.
    opens = start == 0 or tokens[start - 1].kind in ("block", "br")
    return opens and len(word) <= 2 and word.isdigit()


def _trimmed(tokens: Sequence[_Token], *, cut: bool) -> list[_Token]:
    """Drop blanks from the end, and a heading whose text was cut off."""
    kept = list(tokens)
    _strip_blanks(kept)
    if cut and kept and _heading(kept[-1]) and not _heading(kept[0]):
        heading = _heading(kept[-1])
        while kept and (kept[-1].kind == "block" or _heading(kept[-1]) is heading):
            kept.pop()
        _strip_blanks(kept)
    return kept


def _strip_blanks(tokens: list[_Token]) -> None:
    while tokens and tokens[-1].kind in ("space", "block", "br"):
        tokens.pop()


def _heading(token: _Token) -> _Element | None:
    return next((element for element in token.path if element.tag in _HEADINGS), None)


def _with_ellipsis(tokens: Sequence[_Token]) -> list[_Token]:
    kept = list(tokens)
    while kept and (
        kept[-1].kind in ("space", "block", "br")
        or kept[-1].text in _PAUSES
        or kept[-1].text in OPENING
        or kept[-1].text in ("-", "·", "|")
    ):
        kept.pop()
    path: _Path = ()
    if kept:
        path = kept[-1].path
        while path and path[-1].tag in _INLINE:
            path = path[:-1]
    return [*kept, _Token("text", "…", path)]


# --- writing it down -----------------------------------------------------------------------


def _as_text(tokens: Sequence[_Token]) -> str:
    parts: list[str] = []
    for token in tokens:
        if token.kind == "display":
            lines = "\n".join("    " + line.strip() for line in token.text.splitlines())
            parts.append(f"\n\n{lines}\n\n")
        else:
            parts.append(token.text)
    text = regex.sub(r"[ \n]*\n\n[\n]*(?: (?! {3}))*", "\n\n", "".join(parts))
    return text.strip("\n").strip() if not text.startswith("\n\n    ") else text.strip("\n")


def _as_html(tokens: Sequence[_Token]) -> str:
    parts: list[str] = []
    open_elements: list[_Element] = []
    for token in tokens:
        if token.kind == "block":
            continue
        shared = 0
        for ours, theirs in zip(open_elements, token.path, strict=False):
            if ours is not theirs:
                break
            shared += 1
        while len(open_elements) > shared:
            parts.append(_end(open_elements.pop()))
        for element in token.path[shared:]:
            parts.append(f"<{element.tag}{element.attributes}>" if element.tag else "")
            open_elements.append(element)
        parts.append(_token_html(token))
    parts.extend(map(_end, reversed(open_elements)))
    return "".join(parts)


def _end(element: _Element) -> str:
    return f"</{element.tag}>" if element.tag else ""


def _token_html(token: _Token) -> str:
    if token.kind == "br":
        return "<br>"
    if token.kind == "pre":
        return f"<pre>{escape(token.text, quote=False)}</pre>"
    return token.markup or escape(token.text, quote=False)

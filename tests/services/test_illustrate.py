"""Pictures in a digest: drawn once, kept, sent along; text wherever there are none."""

from __future__ import annotations

import asyncio
import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from html import unescape
from pathlib import Path

from digestd.core.mathtext import to_text
from digestd.core.messages import Debt
from digestd.formats.html import clean
from digestd.parts import Parts
from digestd.services.digests import manual_slot
from digestd.store.db import Database
from tests.services.conftest import Open, Wall
from tests.support.nouns import NOW, followed, new, seen

CONFIG = """
[web]
listen = ""
[channels]
paper = "maildir://{folder}/Mail"
[digests.daily]
when = "manual"
to = "paper"
"""
HARD = r"\frac{\partial L}{\partial \boldsymbol{W}}"


def entry_html(*formulas: str) -> str:
    marked = "".join(
        f'<p>Then <span class="math" data-tex="{tex}" data-display="inline">{to_text(tex)}</span>'
        " holds.</p>"
        for tex in formulas
    )
    return f"<p>Some words first.</p>{marked}"


async def owe(parts: Parts, *formulas: str, guid: str = "1") -> None:
    def work(db: Database) -> None:
        [feed] = followed(db, now=NOW)
        debt = Debt("digest", "daily", NOW)
        seen(db, feed, new(guid, debt, content_html=entry_html(*formulas)), now=NOW)

    await parts.store.write(work)


async def mail(parts: Parts, wall: Wall) -> EmailMessage:
    """Close a slot and return the mail as it lies in the outbox."""
    closed = await parts.digests.close(
        parts.config.digests["daily"],
        manual_slot(parts.config.digests["daily"], wall()),
        force=True,
    )
    assert closed is not None
    return await parts.store.read(newest_mail)


def newest_mail(db: Database) -> EmailMessage:
    (found,) = db.conn.execute("SELECT payload FROM deliveries ORDER BY id DESC").fetchone()
    message = message_from_bytes(bytes(found), policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def html_of(message: EmailMessage) -> str:
    body = message.get_body(("html",))
    assert body is not None
    return str(body.get_content())


def images_of(message: EmailMessage) -> list[EmailMessage]:
    return [part for part in message.walk() if part.get_content_maintype() == "image"]


async def test_a_formula_travels_as_a_picture_with_its_text(
    tmp_path: Path, open_parts: Open, wall: Wall
) -> None:
    async with open_parts(CONFIG.format(folder=tmp_path)) as parts:
        await owe(parts, HARD, "x^2", HARD)
        message = await mail(parts, wall)
    html, [image] = html_of(message), images_of(message)
    cid = image["Content-ID"].strip("<>")
    assert html.count(f'src="cid:{cid}"') == 2, "equal formulas travel once"
    assert 'alt="∂L/∂W"' in html
    assert '<i>x</i><sup style="font-size:72%;line-height:0">2</sup>' in html
    text = message.get_body(("plain",))
    assert text is not None
    assert text.get_content().count("∂L/∂W") == 2, "the text form is complete"
    assert image.get_content().startswith(b"\x89PNG")


async def test_what_was_drawn_once_is_taken_from_the_cache(
    tmp_path: Path, open_parts: Open, wall: Wall
) -> None:
    async with open_parts(CONFIG.format(folder=tmp_path)) as parts:
        await owe(parts, HARD)
        digest = parts.config.digests["daily"]
        first = await parts.digests.preview(digest)
        parts.illustrator.drawer.memory_bytes = 1  # nothing could be drawn any more
        await parts.illustrator.drawer.close()
        second = await parts.digests.preview(digest)
    assert len(first.images) == 1
    assert (second.html, second.images) == (first.html, first.images)


async def test_what_cannot_be_drawn_is_text_and_holds_nothing_up(
    tmp_path: Path, open_parts: Open, wall: Wall
) -> None:
    async with open_parts(CONFIG.format(folder=tmp_path)) as parts:
        await owe(parts, r"\frac{a}{\undefinedmacro{b}}", HARD)
        message = await mail(parts, wall)
    assert len(images_of(message)) == 1
    assert "undefinedmacro" in html_of(message)


async def test_a_process_that_breaks_leaves_text(
    tmp_path: Path, open_parts: Open, wall: Wall
) -> None:
    async with open_parts(CONFIG.format(folder=tmp_path)) as parts:
        parts.illustrator.drawer.memory_bytes = 1
        await owe(parts, HARD)
        message = await mail(parts, wall)
    assert images_of(message) == []
    assert "∂L/∂W" in html_of(message)


async def test_an_alert_by_mail_has_its_formulas_drawn_too(
    tmp_path: Path, open_parts: Open
) -> None:
    async with open_parts(CONFIG.format(folder=tmp_path)) as parts:

        def work(db: Database) -> None:
            [feed] = followed(db, now=NOW)
            debt = Debt("alert", "paper", NOW)
            seen(db, feed, new("1", debt, content_html=entry_html(HARD)), now=NOW)

        await parts.store.write(work)
        assert await parts.alerts.work() == 1
        message = await parts.store.read(newest_mail)
    assert len(images_of(message)) == 1
    assert 'alt="∂L/∂W"' in html_of(message)


async def test_a_channel_without_pictures_does_not_wait_for_those_of_another(
    tmp_path: Path, open_parts: Open
) -> None:
    config = CONFIG.format(folder=tmp_path).replace(
        "[channels]", '[channels]\nscreen = "terminal://"'
    )
    async with open_parts(config) as parts:

        def work(db: Database) -> None:
            [feed] = followed(db, now=NOW)
            debts = [Debt("alert", channel, NOW) for channel in ("paper", "screen")]
            seen(db, feed, new("1", *debts, content_html=entry_html(HARD)), now=NOW)

        def waiting(db: Database) -> list[str]:
            return [row[0] for row in db.conn.execute("SELECT channel FROM deliveries ORDER BY id")]

        await parts.store.write(work)
        rung = parts.lanes["screen"].bell
        async with parts.illustrator.drawer._turn:  # it draws something else meanwhile
            making = asyncio.create_task(parts.alerts.work())
            await rung.wait()
            assert await parts.store.read(waiting) == ["screen"]
        assert await making == 2
        assert await parts.store.read(waiting) == ["screen", "paper"]


async def test_the_text_says_all_that_pictures_say(
    tmp_path: Path, open_parts: Open, wall: Wall
) -> None:
    display = r"\begin{cases}x, & x \ge 0\\ 0, & x < 0\end{cases} \tag{2}"
    async with open_parts(CONFIG.format(folder=tmp_path)) as parts:

        def work(db: Database) -> None:
            [feed] = followed(db, now=NOW)
            tex = r"\sqrt{\frac{a}{b}}"
            title = clean(f"On ${tex}$", None)
            html = clean(f"<p>As $\\sum_{{i=1}}^n x_i$ and $${display}$$ show.</p>", None)
            debt = Debt("digest", "daily", NOW)
            entry = new("1", debt, title=f"On {to_text(tex)}", title_html=title, content_html=html)
            seen(db, feed, entry, now=NOW)

        await parts.store.write(work)
        message = await mail(parts, wall)
    said = re.findall(r'<img class="m"[^>]* alt="([^"]+)"', html_of(message))
    body = message.get_body(("plain",))
    assert body is not None
    text = " ".join(body.get_content().split())
    assert len(images_of(message)) == len(said) == 3
    assert all(unescape(alt) in text for alt in said), (said, text)
    assert ">(2)<" in html_of(message), "the number of an equation stands beside it"


async def test_many_digests_leave_no_memory_behind(tmp_path: Path, open_parts: Open) -> None:
    async with open_parts(CONFIG.format(folder=tmp_path)) as parts:
        digest = parts.config.digests["daily"]
        resident = []
        for number in range(6):
            few = [rf"\frac{{\partial x_{{{number}}}}}{{\partial y_{{{i}}}}}" for i in range(6)]
            await owe(parts, *few, guid=str(number))
            assert (await parts.digests.preview(digest)).images
            resident.append(_megabytes())
    assert resident[-1] - resident[2] < 12, f"megabytes: {resident}"


def _megabytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 >> 20

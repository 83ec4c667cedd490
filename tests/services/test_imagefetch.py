"""Thumbnails and icons in a digest: fetched politely, bounded, sent along or linked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from digestd.core.messages import Debt, Message
from digestd.parts import Parts
from digestd.store.db import Database
from tests.services.conftest import Open
from tests.support.nouns import NOW, followed, new, seen
from tests.support.webserver import Request, WebServer, answer, hang, status

CONFIG = """
[web]
listen = ""
[poll]
allow_private = ["127.0.0.1"]
[channels]
paper = "maildir://{folder}/Mail"
[digests.daily]
when = "manual"
to = "paper"
{more}
"""


@pytest.fixture
def web() -> Iterator[WebServer]:
    with WebServer() as server:
        yield server


def photo(colour: str = "teal", side: int = 400) -> bytes:
    image = Image.linear_gradient("L").resize((side, side)).convert("RGB")
    image.paste(colour, (0, 0, side // 2, side // 2))
    out = BytesIO()
    image.save(out, "JPEG")
    return out.getvalue()


def config(folder: Path, more: str = "") -> str:
    return CONFIG.format(folder=folder, more=more)


async def owe(parts: Parts, web: WebServer, *images: str) -> None:
    """Owe the digest an entry for each of these images."""

    def work(db: Database) -> None:
        [feed] = followed(db, web.url("/feed"))
        feed = replace(feed, home_url=web.url("/"), title="A blog")
        debt = Debt("digest", "daily", NOW)
        for number, source in enumerate(images):
            html = f'<p>Some words of entry {number}.</p><img src="{source}">'
            entry = new(str(number), debt, content_html=html, link=web.url(f"/post/{number}"))
            seen(db, feed, entry)

    await parts.store.write(work)


async def preview(parts: Parts) -> Message:
    return await parts.digests.preview(parts.config.digests["daily"])


def thumbnails(message: Message) -> list[bytes]:
    return [image.content for image in message.images if image.mime_type == "image/jpeg"]


def asked(web: WebServer, path: str) -> list[Request]:
    return [request for request in web.requests if request.path == path]


async def test_an_image_is_fetched_once_shrunk_and_sent_along(
    tmp_path: Path, open_parts: Open, web: WebServer
) -> None:
    web.route("/a.jpg", answer(photo()))
    async with open_parts(config(tmp_path)) as parts:
        await owe(parts, web, web.url("/a.jpg"))
        first, second = await preview(parts), await preview(parts)
    [content] = thumbnails(first)
    assert Image.open(BytesIO(content)).size == (232, 232)
    assert f'src="cid:{first.images[0].cid}" width="116" height="116"' in first.html
    assert "Some words of entry 0." in first.text
    assert second.images == first.images
    [request] = asked(web, "/a.jpg")
    assert "referer" not in request.headers
    assert request.headers["accept"].startswith("image/jpeg")


async def test_a_protected_image_is_asked_for_as_a_reader_of_its_page(
    tmp_path: Path, open_parts: Open, web: WebServer
) -> None:
    web.route("/a.jpg", status(403), answer(photo()))
    async with open_parts(config(tmp_path)) as parts:
        await owe(parts, web, web.url("/a.jpg"))
        message = await preview(parts)
    assert len(thumbnails(message)) == 1
    assert [r.headers.get("referer") for r in asked(web, "/a.jpg")] == [None, web.url("/post/0")]


async def test_a_slow_host_costs_its_own_picture_alone(
    tmp_path: Path, open_parts: Open, web: WebServer
) -> None:
    web.route("/slow.jpg", hang)
    web.route("/a.jpg", answer(photo()))
    async with open_parts(config(tmp_path)) as parts:
        await parts.illustrator.drawer.run("shrink_image", photo(), "thumbnail")  # it is awake
        parts.illustrator.patience = 2.0
        await owe(parts, web, web.url("/slow.jpg"), web.url("/a.jpg"))
        message = await preview(parts)
        assert len(thumbnails(message)) == 1
        assert "Some words of entry 0." in message.html
        web.route("/slow.jpg", answer(photo("red")))
        assert len(thumbnails(await preview(parts))) == 2, "another day it is there"


async def test_what_is_no_image_is_not_asked_for_again(
    tmp_path: Path, open_parts: Open, web: WebServer
) -> None:
    web.route("/a.jpg", status(404))
    web.route("/b.jpg", answer("<html>a login page</html>", content_type="image/jpeg"))
    async with open_parts(config(tmp_path)) as parts:
        await owe(parts, web, web.url("/a.jpg"), web.url("/b.jpg"))
        for _ in range(2):
            assert thumbnails(await preview(parts)) == []
    assert len(asked(web, "/a.jpg")) == len(asked(web, "/b.jpg")) == 2, "without and with Referer"


async def test_pictures_end_where_the_budget_ends(
    tmp_path: Path, open_parts: Open, web: WebServer
) -> None:
    web.route("/a.jpg", answer(photo("red")))
    web.route("/b.jpg", answer(photo("navy")))
    async with open_parts(config(tmp_path, 'image_budget = "3KB"')) as parts:
        await owe(parts, web, web.url("/a.jpg"), web.url("/b.jpg"))
        message = await preview(parts)
    assert len(thumbnails(message)) == 1
    assert sum(len(image.content) for image in message.images) <= 3_000


@pytest.mark.parametrize("mode", ["link", "off"])
async def test_images_stay_where_they_are(
    tmp_path: Path, open_parts: Open, web: WebServer, mode: str
) -> None:
    web.route("/a.jpg", answer(photo()))
    async with open_parts(config(tmp_path, f'images = "{mode}"')) as parts:
        await owe(parts, web, web.url("/a.jpg"))
        message = await preview(parts)
    assert message.images == ()
    assert (f'src="{web.url("/a.jpg")}" width="116"' in message.html) == (mode == "link")


async def test_no_reader_s_program_is_sent_to_a_tracking_pixel(
    tmp_path: Path, open_parts: Open, web: WebServer
) -> None:
    web.route("/count.jpg", answer(photo(side=1)))
    more = 'images = "link"\ncontent = "full"'
    for mode in ('images = "link"', more):
        async with open_parts(config(tmp_path, mode)) as parts:
            await owe(parts, web, web.url("/count.jpg"))
            assert "count.jpg" not in (await preview(parts)).html


async def test_a_picture_that_many_entries_have_is_left_out(
    tmp_path: Path, open_parts: Open, web: WebServer
) -> None:
    web.route("/logo.jpg", answer(photo()))
    web.route("/own.jpg", answer(photo("red")))
    async with open_parts(config(tmp_path)) as parts:
        await owe(parts, web, *[web.url("/logo.jpg")] * 3, web.url("/own.jpg"))
        message = await preview(parts)
    assert len(thumbnails(message)) == 1


async def test_nothing_is_fetched_from_the_local_network(
    tmp_path: Path, open_parts: Open, web: WebServer
) -> None:
    web.route("/a.jpg", answer(photo()))
    text = config(tmp_path).replace('allow_private = ["127.0.0.1"]', "")
    async with open_parts(text) as parts:
        await owe(parts, web, web.url("/a.jpg"))
        message = await preview(parts)
    assert message.images == ()
    assert web.requests == []


async def test_a_feed_has_the_icon_of_its_page(
    tmp_path: Path, open_parts: Open, web: WebServer
) -> None:
    page = '<!doctype html><html><head><link rel="icon" href="/i.png"></head><body>x</body></html>'
    web.route("/", answer(page, content_type="text/html"))
    web.route("/i.png", answer(photo(side=64)))
    async with open_parts(config(tmp_path)) as parts:
        await owe(parts, web, "")
        first, second = await preview(parts), await preview(parts)
    [icon] = first.images
    assert Image.open(BytesIO(icon.content)).size == (48, 48)
    assert f'src="cid:{icon.cid}" width="24" height="24" alt="A"' in first.html
    assert second.images == first.images
    assert [request.path for request in web.requests] == ["/", "/i.png"]


@pytest.mark.parametrize(
    ("mode", "shown"), [("attach", 'src="cid:'), ("link", "src="), ("off", ">[A heron]</a>")]
)
async def test_a_whole_text_has_its_images_where_they_belong(
    tmp_path: Path, open_parts: Open, web: WebServer, mode: str, shown: str
) -> None:
    web.route("/a.jpg", answer(photo()))
    more = f'images = "{mode}"\ncontent = "full"'
    async with open_parts(config(tmp_path, more)) as parts:
        await owe(parts, web, web.url("/a.jpg") + '" alt="A heron')
        message = await preview(parts)
    html = message.html
    assert html.index("Some words of entry 0.") < html.index(shown)
    assert "A heron" in html
    assert "[A heron]" in message.text
    assert len(thumbnails(message)) == (mode == "attach")
    assert len(asked(web, "/a.jpg")) == (mode != "off")

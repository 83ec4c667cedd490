"""Pictures inside a message: what they are, which are wanted, what may go along.

A message is written twice. The first time `Pictures` holds nothing and notes what
is asked of it; then the shell draws and fetches that, within its bounds; the second
time they are there. What could not be had stays text, so nobody waits for a picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from digestd.core.messages import InlineImage
from digestd.frozen import dataclass, field

# What a mail program shows without complaint, and a mailbox holds without regret.
MAX_FORMULAS = 100
MAX_FORMULA_BYTES = 5_000_000

# What is behind a formula in a line, and behind one that stands alone.
GROUND, PANEL = "#ffffff", "#f7f5f0"
# A thumbnail's side, and an icon's, in CSS pixels.
THUMBNAIL_PX, ICON_PX = 116, 24
COLUMN_PX = 552  # the width of a text, and so of an image in it
IMAGE_BUDGET = 400_000  # bytes of thumbnails and icons in a message

ImageMode = Literal["attach", "link", "off"]


@dataclass(frozen=True, slots=True, order=True)
class Formula:
    """A formula that wants to be drawn: LaTeX without delimiters."""

    tex: str
    display: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """An image, and the room it takes.

    `name` is a hash of its content: equal pictures travel once. `depth` is how far
    it hangs below the baseline of its line. All in CSS pixels; an image may have
    more of its own. `url`: where it is, if it does not travel along.
    """

    name: str
    width: int
    height: int
    mime_type: str = "image/png"
    content: bytes = field(default=b"", repr=False)
    depth: int = 0
    label: str = ""  # the number that stands beside a display formula
    url: str = ""

    @property
    def cid(self) -> str:
        """Return the Content-ID (RFC 2392) under which it travels."""
        return f"{self.name}@digestd"

    @property
    def filename(self) -> str:
        """Return a name for programs that list it as a file."""
        return f"{self.name[:12]}.{self.mime_type.rpartition('/')[2]}"

    @property
    def source(self) -> str:
        """Return what an `img` refers to."""
        return self.url or f"cid:{self.cid}"


class Pictures:
    """The pictures of one message. Asked for one that it has not, it notes the wish."""

    def __init__(
        self,
        formulas: Mapping[Formula, Picture | None] | None = None,
        thumbnails: Mapping[int, Picture] | None = None,
        icons: Mapping[int, Picture] | None = None,
        images: Mapping[str, Picture] | None = None,
        image_budget: int = IMAGE_BUDGET,
    ) -> None:
        """`thumbnails` are by entry, `icons` by `Feed.pk`, `images` of texts by address.

        None for a formula: it cannot be drawn.
        """
        self._formulas = formulas or {}
        self._thumbnails = thumbnails or {}
        self._icons = icons or {}
        self._images = images or {}
        self._image_budget = image_budget
        self.wishes = Wishes()
        self._used: dict[str, Picture] = {}
        self._count = self._bytes = self._image_bytes = 0

    def formula(self, tex: str, *, display: bool) -> Picture | None:
        """Return a formula as a picture; None: write it as text."""
        formula = Formula(tex, display)
        self.wishes.formulas.setdefault(formula)
        picture = self._formulas.get(formula)
        if picture is None or picture.name in self._used:
            return picture
        size = self._bytes + len(picture.content)
        if self._count >= MAX_FORMULAS or size > MAX_FORMULA_BYTES:
            return None
        self._count, self._bytes = self._count + 1, size
        return self._use(picture)

    def thumbnail(self, entry_id: int) -> Picture | None:
        """Return the picture that stands beside an entry."""
        self.wishes.thumbnails.setdefault(entry_id)
        return self._image(self._thumbnails.get(entry_id))

    def icon(self, feed_pk: int) -> Picture | None:
        """Return the sign of a feed."""
        self.wishes.icons.setdefault(feed_pk)
        return self._image(self._icons.get(feed_pk))

    def image(self, url: str, page: str) -> Picture | None:
        """Return an image that stands in a text; `page` is where that is from."""
        self.wishes.images.setdefault(url, page)
        return self._image(self._images.get(url))

    def _image(self, picture: Picture | None) -> Picture | None:
        if picture is None or picture.name in self._used:
            return picture
        size = self._image_bytes + len(picture.content)
        if size > self._image_budget:
            return None
        self._image_bytes = size
        return self._use(picture)

    def again(self) -> Pictures:
        """Return the same pictures for another try at the same message; its wishes count."""
        twin = Pictures(
            self._formulas, self._thumbnails, self._icons, self._images, self._image_budget
        )
        self.wishes = twin.wishes
        return twin

    @property
    def attached(self) -> tuple[InlineImage, ...]:
        """Return what was given out and travels along, each once, in order."""
        return tuple(
            InlineImage(picture.cid, picture.mime_type, picture.content, picture.filename)
            for picture in self._used.values()
            if not picture.url
        )

    def _use(self, picture: Picture) -> Picture:
        self._used.setdefault(picture.name, picture)
        return picture


class Wishes:
    """What was asked of `Pictures`, in order: formulas, entries, feeds, images of texts."""

    def __init__(self) -> None:
        self.formulas: dict[Formula, None] = {}
        self.thumbnails: dict[int, None] = {}
        self.icons: dict[int, None] = {}
        self.images: dict[str, str] = {}  # address -> the page that shows it

    def __bool__(self) -> bool:
        return bool(self.formulas or self.thumbnails or self.icons or self.images)

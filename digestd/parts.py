"""What works for one configuration: built by `app`; rung, named and stopped together here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from digestd.clock import Clock
from digestd.config import Config
from digestd.core.models import Subscription
from digestd.frozen import dataclass, field
from digestd.net.client import Client
from digestd.services.alerts import AlertMaker
from digestd.services.deliver import Lane, Targets
from digestd.services.digests import DigestMaker
from digestd.services.fulltext import FullTexts
from digestd.services.illustrate import Illustrator
from digestd.services.messages import Composer
from digestd.services.notices import Notary
from digestd.services.poll import Poller
from digestd.services.pricing import Pricing
from digestd.services.sweep import Sweeper
from digestd.services.waiting import Bell
from digestd.store.lanes import Store
from digestd.worker.lanes import Lanes

if TYPE_CHECKING:  # loaded where hubs push, and where the web port is open
    from digestd.services.push import PushService
    from digestd.web.server import WebServer


@dataclass(slots=True)
class Parts:
    """Everything that works for one configuration."""

    config: Config
    store: Store
    owner: str
    clock: Clock
    client: Client
    worker: Lanes
    targets: Targets
    composer: Composer
    illustrator: Illustrator
    full_texts: FullTexts
    poller: Poller
    pricing: Pricing
    push: PushService | None
    alerts: AlertMaker
    digests: DigestMaker
    notary: Notary
    lanes: dict[str, Lane]
    sweeper: Sweeper
    web: WebServer | None
    followed: Mapping[int, Subscription] = field(default_factory=dict)  # by `Feed.pk`

    def ring_all(self) -> None:
        """Let every loop look at the database now."""
        for bell in self.bells().values():
            bell.ring()

    def bells(self) -> dict[str, Bell]:
        """Return the bell of each loop that looks for work, by its name."""
        loops = {
            "poll": self.poller.bell,
            "alerts": self.alerts.bell,
            "digests": self.digests.bell,
            "notices": self.notary.bell,
        }
        if self.push is not None:
            loops["push"] = self.push.bell
        return loops | {f"lane {name}": lane.bell for name, lane in self.lanes.items()}

    def stop(self) -> None:
        """Ask every loop to end after what is in flight."""
        makers = (self.alerts, self.digests, self.notary, self.full_texts)
        stops = [self.poller.stop, self.sweeper.stop, *(maker.stop for maker in makers)]
        for stop in (*stops, *(lane.stop for lane in self.lanes.values())):
            stop()
        if self.push is not None:
            self.push.stop()
        if self.web is not None:
            self.web.stop()

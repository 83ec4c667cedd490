"""One pass of `reader`, run by the interpreter of its own environment.

    python reader_pass.py DATABASE add FILE-OF-ADDRESSES
    python reader_pass.py DATABASE update [SINK]

With a sink, each new entry is posted to it as it comes: `reader` is a library and sends nothing
by itself, and this is the shortest way that its documentation leads to.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    import reader as library  # type: ignore[import-not-found, unused-ignore]  # noqa: PLC0415
    import requests  # type: ignore[import-not-found, import-untyped, unused-ignore]  # noqa: PLC0415

    if trusted := os.environ.get("SSL_CERT_FILE"):
        # Its sessions do not ask for it.
        setattr(requests.adapters, "DEFAULT_CA_BUNDLE_PATH", trusted)  # noqa: B010
    database, command, *rest = sys.argv[1:]
    reader = library.make_reader(database)
    if command == "add":
        for url in Path(rest[0]).read_text().split():
            reader.add_feed(url)
        return
    if rest:
        session = requests.Session()

        def tell(_reader: Any, entry: Any, status: Any) -> None:
            if status is library.EntryUpdateStatus.NEW:
                body = {"title": entry.title, "link": entry.link}
                session.post(rest[0], json=body, timeout=10).raise_for_status()

        reader.after_entry_update_hooks.append(tell)
    reader.update_feeds(workers=10, scheduled=False)


main()

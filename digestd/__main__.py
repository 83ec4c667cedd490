"""The process: `digestd`, and `python -m digestd`."""

from __future__ import annotations

import sys

from digestd.garbage import collect_later, collect_no_more


def run() -> None:
    """Run the command line and exit."""
    collect_later()
    from digestd.cli import main  # noqa: PLC0415 (to load it makes no garbage)

    code = main()
    collect_no_more()
    sys.exit(code)


if __name__ == "__main__":
    run()

"""The child process: `python -m digestd.worker BYTES SECONDS`, as its parent starts it."""

from __future__ import annotations

from digestd.garbage import collect_later


def run() -> None:
    """Serve until standard input ends."""
    collect_later()
    from digestd.worker.child import main  # noqa: PLC0415 (to load it makes no garbage)

    main()


if __name__ == "__main__":
    run()

"""The daemon: a supervisor and its words to systemd."""

from digestd.daemon.supervisor import Daemon

__all__ = ["Daemon"]

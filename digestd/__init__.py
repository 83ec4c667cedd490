"""A daemon that announces new posts as they happen and sends the rest as a digest."""

__version__ = "0.1.0"

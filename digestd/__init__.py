"""A daemon that announces new posts as they happen and sends the rest as a digest."""

import sys

__version__ = "0.1.0"

# `import httpx` loads its command line too, and with it rich and pygments: 60 ms and 8 MB of
# every process, for a program that nobody calls. It is optional, and a stub takes its place
# where it cannot be imported.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]

"""The one TLS context that trusts anybody, for owners who said `verify=no`."""

from __future__ import annotations

import ssl


def trusting_context() -> ssl.SSLContext:
    """Return a context that encrypts without asking who is there."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context

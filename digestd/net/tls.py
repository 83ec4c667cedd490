"""The one TLS context of the process: whom we trust."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from digestd.errors import ConfigError


class _Unparsed(ssl.SSLObject):
    """A connection whose certificate nobody asks for: the handshake has verified it.

    Event loops take it apart all the same, to keep it with each connection. With a
    hundred names in it that costs as much as verifying it.
    """

    def getpeercert(self, binary_form: bool = False) -> Any:  # noqa: ANN401 (ssl's)
        """Return the certificate as bytes; in no other form."""
        return super().getpeercert(True) if binary_form else None


class _SharedContext(ssl.SSLContext):
    """A context that offers no protocol by ALPN.

    httpcore announces "http/1.1" on whatever context it is given. Feeds and mail
    share this one, and a mail server may refuse a client that offers HTTP
    (Exim does); web servers take silence for HTTP/1.1.
    """

    sslobject_class = _Unparsed

    def set_alpn_protocols(self, alpn_protocols: Iterable[str]) -> None:
        """Do nothing."""


def make_context(cert_file: str | None = None, cert_dir: str | None = None) -> ssl.SSLContext:
    """Return a verifying client context, for the life of the process: it costs 25 to 85 ms.

    It trusts the system's store, or `cert_file` and `cert_dir` (what SSL_CERT_FILE
    and SSL_CERT_DIR say) in its place, or certifi's list where the system has
    none. Raises ConfigError for a file or folder that cannot be used.
    """
    context = _SharedContext(ssl.PROTOCOL_TLS_CLIENT)
    if cert_file or cert_dir:
        _trust(context, cert_file, cert_dir)
        return context
    context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    if not context.cert_store_stats()["x509_ca"] and not _has_hashed_folder():
        import certifi  # noqa: PLC0415 (few systems have need of it)

        context.load_verify_locations(certifi.where())
    return context


def _trust(context: ssl.SSLContext, cert_file: str | None, cert_dir: str | None) -> None:
    # OpenSSL takes a folder that is not there for an empty one: every fetch would fail.
    if cert_dir and not Path(cert_dir).is_dir():
        raise ConfigError("SSL_CERT_DIR", f"{cert_dir} is no folder")
    try:
        context.load_verify_locations(cert_file or None, cert_dir or None)
    except (OSError, ValueError) as exc:
        raise ConfigError("SSL_CERT_FILE", f"{cert_file} cannot be read: {exc}") from exc


def _has_hashed_folder() -> bool:
    """Return whether there is a folder of certificates by hash, which is read as needed."""
    folder = ssl.get_default_verify_paths().capath
    return folder is not None and any(Path(folder).glob("*.0"))

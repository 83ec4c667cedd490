"""The one TLS context of the process: whom we trust."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from digestd.errors import ConfigError

_HASHED = re.compile(r"[0-9a-f]{8}\.[0-9]+")
_BEGIN = b"-----BEGIN CERTIFICATE-----"


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
    """Return a verifying client context, for the life of the process: it costs up to 85 ms.

    It trusts the system's store, or `cert_file` and `cert_dir` (what SSL_CERT_FILE
    and SSL_CERT_DIR say) in its place, or certifi's list where the system has
    none. Raises ConfigError for a file or folder that cannot be used.
    """
    context = _SharedContext(ssl.PROTOCOL_TLS_CLIENT)
    if cert_file or cert_dir:
        _trust(context, cert_file, cert_dir)
        return context
    paths = ssl.get_default_verify_paths()
    if paths.capath and paths.cafile and _says_as_much(Path(paths.capath), Path(paths.cafile)):
        context.load_verify_locations(capath=paths.capath)
        return context
    context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    if not context.cert_store_stats()["x509_ca"] and not _hashed(paths.capath):
        import certifi  # noqa: PLC0415 (few systems have need of it)

        context.load_verify_locations(certifi.where())
    return context


def _says_as_much(folder: Path, file: Path) -> bool:
    """Tell whether a system's folder of certificates by hash holds what its list does.

    OpenSSL looks into the folder for the one that it needs; the list it takes apart whole,
    20 ms instead of 3. Whom the owner has put into the list alone is still trusted.
    """
    try:
        listed = file.read_bytes()
        held = {path.read_bytes() for path in _hashed(folder)}
    except OSError:
        return False
    # A file that is looked for by its hash holds one certificate.
    return 0 < listed.count(_BEGIN) == sum(one in listed for one in held)


def _trust(context: ssl.SSLContext, cert_file: str | None, cert_dir: str | None) -> None:
    # OpenSSL takes a folder that is not there for an empty one: every fetch would fail.
    if cert_dir and not Path(cert_dir).is_dir():
        raise ConfigError("SSL_CERT_DIR", f"{cert_dir} is no folder")
    try:
        context.load_verify_locations(cert_file or None, cert_dir or None)
    except (OSError, ValueError) as exc:
        raise ConfigError("SSL_CERT_FILE", f"{cert_file} cannot be read: {exc}") from exc


def _hashed(folder: str | Path | None) -> list[Path]:
    """Return the certificates that a folder holds by their hashes, to be read as needed."""
    if folder is None:
        return []
    with suppress(OSError):
        return [path for path in Path(folder).iterdir() if _HASHED.fullmatch(path.name)]
    return []

"""Whom we trust."""

from __future__ import annotations

import ssl
from hashlib import sha1
from pathlib import Path

import pytest
from cryptography import x509

from digestd.errors import ConfigError
from digestd.net.tls import make_context
from tests.support.webserver import Authority


def test_a_file_takes_the_place_of_the_systems_store(authority: Authority, tmp_path: Path) -> None:
    pem = tmp_path / "ca.pem"
    pem.write_bytes(authority.pem)
    context = make_context(cert_file=str(pem))
    assert context.cert_store_stats()["x509_ca"] == 1
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_a_folder_can_be_named_too(tmp_path: Path) -> None:
    assert make_context(cert_dir=str(tmp_path)).verify_mode == ssl.CERT_REQUIRED


def test_without_a_name_there_are_authorities() -> None:
    context = make_context()
    paths = ssl.get_default_verify_paths()
    assert context.cert_store_stats()["x509_ca"] > 0 or paths.capath


def test_a_system_without_a_store_gets_a_bundled_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert make_context().cert_store_stats()["x509_ca"] > 50


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, content: bytes | None) -> None:
    pem = tmp_path / "ca.pem"
    if content is not None:
        pem.write_bytes(content)
    with pytest.raises(ConfigError, match=r"ca\.pem"):
        make_context(cert_file=str(pem))


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere"):
        make_context(cert_dir=str(tmp_path / "nowhere"))


def shake_hands(
    client_side: ssl.SSLContext, server_side: ssl.SSLContext, name: str
) -> ssl.SSLObject:
    """Return the client's end of a connection to `name`."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_side.wrap_bio(to_client, to_server, server_hostname=name)
    server = server_side.wrap_bio(to_server, to_client, server_side=True)
    ends = {client, server}
    for _ in range(10):
        for end in tuple(ends):
            try:
                end.do_handshake()
                ends.discard(end)
            except ssl.SSLWantReadError:
                continue
    assert not ends
    return client


@pytest.fixture
def trusting(authority: Authority, tmp_path: Path) -> ssl.SSLContext:
    pem = tmp_path / "ca.pem"
    pem.write_bytes(authority.pem)
    return make_context(cert_file=str(pem))


def test_a_context_shared_with_mail_announces_no_web_protocol(
    authority: Authority, trusting: ssl.SSLContext
) -> None:
    trusting.set_alpn_protocols(["http/1.1"])
    server_side = authority.server_context("mail.example")
    server_side.set_alpn_protocols(["http/1.1"])
    client = shake_hands(trusting, server_side, "mail.example")
    assert client.selected_alpn_protocol() is None


def test_a_certificate_is_verified_and_not_taken_apart(
    authority: Authority, trusting: ssl.SSLContext
) -> None:
    server_side = authority.server_context("one.example", "other.example")
    client = shake_hands(trusting, server_side, "other.example")
    assert client.getpeercert() is None
    certificate = client.getpeercert(binary_form=True)
    assert certificate is not None
    assert b"other.example" in certificate
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        shake_hands(trusting, server_side, "third.example")


def hashed_name(certificate: bytes) -> str:
    """The name under which OpenSSL looks for a certificate in a folder."""
    subject = x509.load_pem_x509_certificate(certificate).subject
    canonical = b"".join(
        x509.Name([x509.NameAttribute(one.oid, str(one.value).lower())]).public_bytes()[2:]
        for one in subject
    )
    return f"{int.from_bytes(sha1(canonical).digest()[:4], 'little'):08x}.0"


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch, authority: Authority, tmp_path: Path) -> Path:
    """A system whose folder of certificates by hash holds our authority's alone."""
    folder = tmp_path / "certs"
    folder.mkdir()
    (folder / hashed_name(authority.pem)).write_bytes(authority.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "list.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(folder))
    return tmp_path


def test_of_a_system_s_folder_only_what_is_needed_is_read(
    authority: Authority, system: Path
) -> None:
    (system / "list.pem").write_bytes(authority.pem)
    context = make_context()
    assert context.cert_store_stats()["x509_ca"] == 0
    shake_hands(context, authority.server_context("one.example"), "one.example")
    assert context.cert_store_stats()["x509_ca"] == 1
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(context, Authority().server_context("one.example"), "one.example")


@pytest.mark.parametrize("beside", [False, True])
def test_an_authority_that_only_the_system_s_list_names_is_trusted(
    authority: Authority, system: Path, beside: bool
) -> None:
    own, foreign = Authority(), Authority()
    (system / "list.pem").write_bytes(authority.pem + own.pem)
    if beside:  # as many here as there, but others
        (system / "certs" / "0a1b2c3d.0").write_bytes(foreign.pem)
    for one in (authority, own):
        shake_hands(make_context(), one.server_context("one.example"), "one.example")

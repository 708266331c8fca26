"""The proxy's authority is good for Twilio's names and nothing else, by the judgement of OpenSSL; its key stays where it is."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from limpet.devtools.proxy import authority as files
from limpet.devtools.proxy.authority import CONTEXTS_MAX, open_authority
from limpet.devtools.proxy.certificates import LEAF_GOOD_FOR, Signer, is_good, new_authority, new_leaf

NOW = datetime.now(UTC)


def trusting(authority: Signer) -> ssl.SSLContext:
    """A client that trusts the authority, as strictly as OpenSSL can."""
    context = ssl.create_default_context(cadata=authority.certificate.public_bytes(Encoding.PEM).decode())
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


def shake_hands(client_side: ssl.SSLContext, server_side: ssl.SSLContext, host: str) -> None:
    """A handshake without a network; ssl.SSLError when either refuses."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_side.wrap_bio(to_client, to_server, server_hostname=host)
    server = server_side.wrap_bio(to_server, to_client, server_side=True)
    done: set[ssl.SSLObject] = set()
    while len(done) < 2:
        for side in (client, server):
            try:
                side.do_handshake()
                done.add(side)
            except ssl.SSLWantReadError:
                continue


def serving(leaf: Signer, folder: Path) -> ssl.SSLContext:
    file = folder / "leaf.pem"
    key = leaf.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(key + leaf.certificate.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@pytest.mark.parametrize("host", ["api.twilio.com", "messaging.twilio.com", "api.dublin.ie1.twilio.com"])
def test_a_name_of_twilios_is_believed(tmp_path: Path, host: str) -> None:
    authority = new_authority(NOW)
    shake_hands(trusting(authority), serving(new_leaf(authority, host, NOW), tmp_path), host)


@pytest.mark.parametrize("host", ["example.com", "twilio.com.example.com", "eviltwilio.com", "localhost"])
def test_another_name_is_refused_though_the_authority_signed_it(tmp_path: Path, host: str) -> None:
    authority = new_authority(NOW)
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
        shake_hands(trusting(authority), serving(new_leaf(authority, host, NOW), tmp_path), host)


def test_an_address_and_a_further_authority_are_refused(tmp_path: Path) -> None:
    authority = new_authority(NOW)
    leaf = new_leaf(authority, "api.twilio.com", NOW)
    by_address = resigned(authority, leaf, x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]))
    with pytest.raises(ssl.SSLCertVerificationError, match="excluded subtree violation"):
        shake_hands(trusting(authority), serving(by_address, tmp_path), "127.0.0.1")
    assert authority.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0


def resigned(authority: Signer, leaf: Signer, names: x509.SubjectAlternativeName) -> Signer:
    """The leaf with other names."""
    old = leaf.certificate
    builder = x509.CertificateBuilder(
        old.issuer, old.subject, leaf.key.public_key(), x509.random_serial_number(), old.not_valid_before_utc,
        old.not_valid_after_utc,
    )  # fmt: skip
    for extension in old.extensions:
        value = names if isinstance(extension.value, x509.SubjectAlternativeName) else extension.value
        builder = builder.add_extension(value, extension.critical)
    return Signer(builder.sign(authority.key, hashes.SHA256()), leaf.key)


def test_the_constraints_are_critical() -> None:
    found = new_authority(NOW).certificate.extensions.get_extension_for_class(x509.NameConstraints)
    assert found.critical
    assert found.value.permitted_subtrees == [x509.DNSName("twilio.com")]


def test_an_authority_is_good_while_its_leaves_are() -> None:
    authority = new_authority(NOW)
    end = authority.certificate.not_valid_after_utc
    assert is_good(authority, NOW)
    assert is_good(authority, end - LEAF_GOOD_FOR)
    assert not is_good(authority, end - LEAF_GOOD_FOR + timedelta(seconds=1))
    assert not is_good(authority, NOW - timedelta(days=2))
    assert not is_good(Signer(authority.certificate, new_authority(NOW).key), NOW)


def test_the_authority_is_made_once_and_its_key_is_its_owners_alone(tmp_path: Path) -> None:
    folder = open_authority(tmp_path, lambda: NOW).folder
    key, certificate = folder / files.KEY_FILE, (folder / files.CERTIFICATE_FILE).read_bytes()
    before = key.read_bytes()
    key.chmod(0o644)
    open_authority(tmp_path, lambda: NOW + timedelta(days=300))
    assert key.read_bytes() == before
    assert (folder / files.CERTIFICATE_FILE).read_bytes() == certificate
    assert (folder / files.BUNDLE_FILE).read_bytes().startswith(certificate)
    assert key.stat().st_mode & 0o777 == 0o600
    holding_keys = [path.name for path in folder.rglob("*") if path.is_file() and b"PRIVATE" in path.read_bytes()]
    assert holding_keys == [files.KEY_FILE]


@pytest.mark.parametrize("name", [files.KEY_FILE, files.CERTIFICATE_FILE])
@pytest.mark.parametrize("content", [b"", b"no certificate and no key", None])
def test_what_cannot_be_read_is_made_anew(tmp_path: Path, name: str, content: bytes | None) -> None:
    folder = open_authority(tmp_path, lambda: NOW).folder
    before = (folder / files.CERTIFICATE_FILE).read_bytes()
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    open_authority(tmp_path, lambda: NOW).context("api.twilio.com")
    assert (folder / files.CERTIFICATE_FILE).read_bytes() != before


def test_an_authority_that_is_nearly_over_is_made_anew(tmp_path: Path) -> None:
    folder = open_authority(tmp_path, lambda: NOW).folder
    before = (folder / files.CERTIFICATE_FILE).read_bytes()
    open_authority(tmp_path, lambda: NOW + timedelta(days=3650))
    assert (folder / files.CERTIFICATE_FILE).read_bytes() != before


def test_contexts_are_kept_within_bounds_and_not_too_long(tmp_path: Path) -> None:
    times = [NOW]
    authority = open_authority(tmp_path, lambda: times[-1])
    first = authority.context("api.twilio.com")
    for number in range(CONTEXTS_MAX - 1):
        authority.context(f"a{number}.twilio.com")
    assert authority.context("api.twilio.com") is first
    authority.context("one-more.twilio.com")
    assert authority.context("api.twilio.com") is first
    assert len(authority._contexts) == CONTEXTS_MAX
    times.append(NOW + timedelta(days=31))
    assert authority.context("api.twilio.com") is not first

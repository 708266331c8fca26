"""The certificates by which the proxy speaks for Twilio's host names: an authority that is good for nothing else, and leaves.

Values only: keys, names and times in, certificates out. It refuses to know files.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_network

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DOMAIN = "twilio.com"
AUTHORITY_NAME = "Limpet development, for twilio.com on this machine only"
AUTHORITY_GOOD_FOR = timedelta(days=3650)
LEAF_GOOD_FOR = timedelta(days=90)
BACKDATED = timedelta(days=1)
"""Clocks of containers and virtual machines may be behind."""
_NAME_LENGTH_MAX = 64
_SERVERS_ONLY = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])


@dataclass(frozen=True, slots=True)
class Signer:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)


def new_authority(now: datetime) -> Signer:
    """An authority whose certificates hold for names under `DOMAIN` only: name constraints (RFC 5280 §4.2.1.10), critical.

    A client that does not know that extension must refuse all of it. No IP address is permitted; it signs no further authority.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = _named(AUTHORITY_NAME)
    constraints = x509.NameConstraints(
        permitted_subtrees=[x509.DNSName(DOMAIN)],
        excluded_subtrees=[x509.IPAddress(ip_network(all_of_it)) for all_of_it in ("0.0.0.0/0", "::/0")],
    )
    signed = (
        _builder(name, name, key.public_key(), now, AUTHORITY_GOOD_FOR)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(constraints, critical=True)
        .add_extension(_SERVERS_ONLY, critical=False)
        .sign(key, hashes.SHA256())
    )
    return Signer(signed, key)


def new_leaf(authority: Signer, host: str, now: datetime) -> Signer:
    """A server's certificate for one host name. Whether clients believe it is decided by the authority's constraints."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = authority.certificate
    signed = (
        _builder(_named(host), issuer.subject, key.public_key(), now, LEAF_GOOD_FOR)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(_SERVERS_ONLY, critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False
        )
        .sign(authority.key, hashes.SHA256())
    )  # fmt: skip
    return Signer(signed, key)


def is_good(authority: Signer, at: datetime) -> bool:
    """Whether key and certificate belong together, and leaves made at that time would be believed as long as they last."""
    certificate = authority.certificate
    return (
        certificate.public_key() == authority.key.public_key()
        and certificate.not_valid_before_utc <= at
        and at + LEAF_GOOD_FOR <= certificate.not_valid_after_utc
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:_NAME_LENGTH_MAX])])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, good_for: timedelta
) -> x509.CertificateBuilder:
    return x509.CertificateBuilder(
        issuer, subject, key, x509.random_serial_number(), now - BACKDATED, now + good_for
    ).add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)


def _usage(*, signs: bool) -> x509.KeyUsage:
    """What the key may do: sign certificates, or prove who a server is."""
    return x509.KeyUsage(
        digital_signature=not signs, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=signs, crl_sign=signs, encipher_only=False, decipher_only=False,
    )  # fmt: skip

"""The lane over TLS: the carrier's certificate is checked."""

from __future__ import annotations

import random
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from limpet.carrier.port import Submitted
from limpet.carrier.smpp import SmppLane
from tests.support.smsc import Recorder, config, simulator, submission


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A file with a key and a certificate of its own for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "simulated carrier")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(
            name, name, key.public_key(), x509.random_serial_number(), now - timedelta(1), now + timedelta(1)
        )
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + signed.public_bytes(serialization.Encoding.PEM)
    path = tmp_path / "carrier.pem"
    path.write_bytes(pem)
    return path


def _server(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


async def test_messages_go_over_tls(certificate: Path) -> None:
    heard = Recorder()
    async with simulator(tls=_server(certificate)) as smsc:
        trust = ssl.create_default_context(cafile=str(certificate))
        lane = SmppLane("x/0", config(smsc.port, tls=trust), heard, random.Random(1))
        await lane.start()
        await heard.until(lambda: heard.rooms)
        lane.submit([submission(1)])
        await heard.until(lambda: heard.results)
        assert isinstance(heard.results[0], Submitted)
        await lane.stop(1.0)


async def test_carrier_whose_certificate_is_not_trusted_hears_nothing(certificate: Path) -> None:
    heard = Recorder()
    async with simulator(tls=_server(certificate)) as smsc:
        lane = SmppLane("x/0", config(smsc.port, tls=ssl.create_default_context()), heard, random.Random(1))
        await lane.start()
        await heard.until(lambda: heard.downs)
        assert "certificate verify failed" in heard.downs[0]
        assert (smsc.binds, lane.bound) == (0, False)
        await lane.stop(0.0)

"""The lane over TLS: the carrier's certificate is checked."""

from __future__ import annotations

import random
import ssl
from pathlib import Path

import pytest

from limpet.carrier.port import Submitted
from limpet.carrier.smpp import SmppLane
from tests.support.certificate import make_pem
from tests.support.smsc import Recorder, config, simulator, submission


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return make_pem(tmp_path)


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

"""`limpet doctor`, this machine: versions, open files, the server's certificate, its public URL, and where webhooks may go."""

from __future__ import annotations

import asyncio
import platform
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from ssl import SSLError
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, build_opener

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from limpet.commands.finding import Finding, Verdict, expiry
from limpet.config import Config, ServerConfig, WebhooksConfig

FILES_MIN = 4096
WIDE_PREFIX_MAX = 8
ANSWER_BYTES_MAX = 10_000


async def check_versions() -> Iterable[Finding]:
    """What runs."""
    return [
        Finding("limpet", "versions", Verdict.OK, f"Limpet {version('limpet')} on Python {platform.python_version()}")
    ]


async def check_files() -> Iterable[Finding]:
    """How many connections and files a process may have open."""
    if sys.platform == "win32":
        return []
    import resource

    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < FILES_MIN:
        return [
            Finding(
                "limpet",
                "open files",
                Verdict.WARN,
                f"at most {soft}",
                f"Allow {FILES_MIN} or more: LimitNOFILE, ulimit -n.",
            )
        ]
    return [Finding("limpet", "open files", Verdict.OK, f"at most {soft}")]


async def check_tls(server: ServerConfig) -> Iterable[Finding]:
    """The server's own certificate: readable, of that key, and good for a while."""
    if server.tls_certificate_file is None or server.tls_key_file is None:
        detail = "ended by something in front" if server.behind_proxy else f"none; it listens on {server.host} only"
        return [Finding("server", "TLS", Verdict.OK, detail)]
    certificate = x509.load_pem_x509_certificates(server.tls_certificate_file.read_bytes())[0]
    key = load_pem_private_key(server.tls_key_file.read_bytes(), None)
    plain = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if certificate.public_key().public_bytes(*plain) != key.public_key().public_bytes(*plain):
        advice = "Let server.tls_key_file be the key for which server.tls_certificate_file was made."
        return [
            Finding(
                "server",
                "TLS",
                Verdict.FAIL,
                "server.tls_key_file does not belong to server.tls_certificate_file",
                advice,
            )
        ]
    return [expiry("server", "TLS", certificate.not_valid_after_utc, datetime.now(UTC), "the certificate is good")]


async def check_public_url(server: ServerConfig, timeout_s: float) -> Iterable[Finding]:
    """Whether the server can be reached where its answers say that it is."""
    if server.public_url is None:
        return [Finding("server", "public_url", Verdict.OK, "not set: answers name the host that was asked")]
    verdict, detail, advice = await asyncio.to_thread(_ask, server.public_url, timeout_s)
    return [Finding("server", "public_url", verdict, detail, advice)]


async def check_webhooks(webhooks: WebhooksConfig) -> Iterable[Finding]:
    """Where customers' URLs may lead beyond public addresses."""
    wide = [str(network) for network in webhooks.allow_networks if network.prefixlen < WIDE_PREFIX_MAX]
    inside = [*(["loopback"] if webhooks.allow_loopback else []), *map(str, webhooks.allow_networks)]
    if wide:
        advice = "Name only the networks in which receivers are."
        return [
            Finding("webhooks", "allow-lists", Verdict.FAIL, f"customers' URLs may lead to {', '.join(wide)}", advice)
        ]
    if inside:
        advice = "Make sure that all customers may reach these."
        return [
            Finding("webhooks", "allow-lists", Verdict.WARN, f"customers' URLs may lead to {', '.join(inside)}", advice)
        ]
    return [
        Finding(
            "webhooks", "allow-lists", Verdict.OK, f"public addresses only, ports {', '.join(map(str, webhooks.ports))}"
        )
    ]


def routing(config: Config) -> list[Finding]:
    """Carriers without another that may take their place."""
    alone = [carrier.name for carrier in config.carriers if not carrier.also_through]
    if len(config.carriers) > 1 and alone:
        return [Finding("carriers", "fail-over", Verdict.OK, f"messages of {', '.join(alone)} wait while it is down")]
    return []


def _ask(url: str, timeout_s: float) -> tuple[Verdict, str, str]:
    place = f"{url}/health"
    try:
        with build_opener(ProxyHandler({})).open(place, timeout=timeout_s) as response:
            response.read(ANSWER_BYTES_MAX)
    except HTTPError as error:
        return Verdict.FAIL, f"{place} answers {error.code}", "Let server.public_url lead to Limpet."
    except URLError as error:
        if isinstance(error.reason, SSLError):
            return (
                Verdict.FAIL,
                f"{place}: {error.reason.reason or error.reason}",
                "Renew or mend the certificate there.",
            )
        return (
            Verdict.WARN,
            f"{place} does not answer: {error.reason}",
            "Start Limpet, or let server.public_url lead to it.",
        )
    except (OSError, ValueError) as error:
        return Verdict.WARN, f"{place} does not answer: {error}", "Start Limpet, or let server.public_url lead to it."
    return Verdict.OK, f"{place} answers", ""

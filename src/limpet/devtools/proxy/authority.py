"""The proxy's certificate authority as files of the data directory, and TLS contexts made with it on demand.

The key is made once, is its owner's alone to read, and never leaves the directory. What clients are pointed at are `ca.pem`,
the authority's certificate, and `ca-bundle.pem`, the same with the system's own beside it.
"""

from __future__ import annotations

import os
import ssl
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from limpet.devtools.proxy.certificates import Signer, is_good, new_authority, new_leaf

CONTEXTS_MAX = 64
"""So many host names are remembered, the longest unused forgotten first."""
CONTEXT_GOOD_FOR = timedelta(days=30)
KEY_FILE, CERTIFICATE_FILE, BUNDLE_FILE, PHP_FOLDER = "ca.key", "ca.pem", "ca-bundle.pem", "php"
_LEAF_FILE = "leaf.pem"
_SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora
    "/etc/ssl/cert.pem",  # macOS, the BSDs
)
_OWN_ONLY = 0o600
_EVERYBODY_READS = 0o644


@dataclass(frozen=True, slots=True)
class _Made:
    context: ssl.SSLContext
    at: datetime


class Authority:
    """The authority of one data directory. `now` is asked for the machine's own time: that is what clients judge by."""

    def __init__(self, folder: Path, signer: Signer, now: Callable[[], datetime]) -> None:
        self.folder = folder
        self._signer = signer
        self._now = now
        self._contexts: OrderedDict[str, _Made] = OrderedDict()

    def context(self, host: str) -> ssl.SSLContext:
        """How a server of that name speaks TLS: HTTP/1.1 alone, TLS 1.2 or later. Blocks for about a millisecond."""
        now = self._now()
        made = self._contexts.pop(host, None)
        if made is None or now - made.at > CONTEXT_GOOD_FOR:
            made = _Made(self._new_context(host, now), now)
        self._contexts[host] = made
        if len(self._contexts) > CONTEXTS_MAX:
            self._contexts.popitem(last=False)
        return made.context

    def _new_context(self, host: str, now: datetime) -> ssl.SSLContext:
        leaf = new_leaf(self._signer, host, now)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        file = self.folder / _LEAF_FILE  # there for a moment: OpenSSL's binding reads keys from files only
        _write(file, _key_pem(leaf.key) + _pem(leaf.certificate), _OWN_ONLY)
        try:
            context.load_cert_chain(file)
        finally:
            file.unlink(missing_ok=True)
        return context


def open_authority(data_dir: Path, now: Callable[[], datetime]) -> Authority:
    """The authority that a data directory has, or a new one where there is none or its time is nearly over."""
    folder = data_dir / "proxy"
    folder.mkdir(mode=0o755, exist_ok=True)
    signer = _kept(folder)
    if signer is None or not is_good(signer, now()):
        signer = new_authority(now())
        _write(folder / KEY_FILE, _key_pem(signer.key), _OWN_ONLY)
    (folder / KEY_FILE).chmod(_OWN_ONLY)
    certificate = _pem(signer.certificate)
    _write(folder / CERTIFICATE_FILE, certificate, _EVERYBODY_READS)
    _write(folder / BUNDLE_FILE, certificate + _system_certificates(), _EVERYBODY_READS)
    _write_php(folder)
    return Authority(folder, signer, now)


def _kept(folder: Path) -> Signer | None:
    try:
        certificate = x509.load_pem_x509_certificate((folder / CERTIFICATE_FILE).read_bytes())
        key = serialization.load_pem_private_key((folder / KEY_FILE).read_bytes(), None)
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return Signer(certificate, key) if isinstance(key, ec.EllipticCurvePrivateKey) else None


def _system_certificates() -> bytes:
    """What the system trusts, where that is one file at a usual place: a program's other hosts are judged as ever."""
    for place in _SYSTEM_BUNDLES:
        try:
            return Path(place).read_bytes()
        except OSError:
            continue
    return b""


def _write_php(folder: Path) -> None:
    """PHP knows no variable for this, but for directories with further settings."""
    (folder / PHP_FOLDER).mkdir(mode=0o755, exist_ok=True)
    bundle = folder / BUNDLE_FILE
    settings = f'curl.cainfo = "{bundle}"\nopenssl.cafile = "{bundle}"\n'
    _write(folder / PHP_FOLDER / "limpet.ini", settings.encode(), _EVERYBODY_READS)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )  # fmt: skip


def _write(path: Path, content: bytes, mode: int) -> None:
    """There whole or not at all, and never readable by more than `mode` says."""
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.unlink(missing_ok=True)
    file = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(file, "wb") as out:
        out.write(content)
    unfinished.replace(path)

"""What a program's environment must say so that it comes to Limpet by the proxy: each client reads some of it."""

from __future__ import annotations

import os
from collections.abc import Mapping

from limpet.devtools.proxy.authority import BUNDLE_FILE, CERTIFICATE_FILE, PHP_FOLDER, Authority

DIRECT = "127.0.0.1,localhost,::1"


def environment(
    url: str, authority: Authority, account_sid: str, auth_token: str, service_sid: str
) -> Mapping[str, str]:
    """Variables and their values. `url` is the proxy's; the credentials are whom the program is at Limpet."""
    folder = authority.folder
    bundle, certificate = str(folder / BUNDLE_FILE), str(folder / CERTIFICATE_FILE)
    return {
        "HTTPS_PROXY": url,  # Python, twilio-cli, Go, curl
        "https_proxy": url,  # PHP, Ruby
        "HTTP_PROXY": url,  # Twilio's Node client
        "NO_PROXY": DIRECT,
        "no_proxy": DIRECT,
        "REQUESTS_CA_BUNDLE": bundle,  # Python
        "SSL_CERT_FILE": bundle,  # Ruby, Go, Python without requests
        "CURL_CA_BUNDLE": bundle,
        "NODE_EXTRA_CA_CERTS": certificate,  # Node, twilio-cli: beside what it brings
        "PHP_INI_SCAN_DIR": f"{os.pathsep}{folder / PHP_FOLDER}",  # beside PHP's own
        "TWILIO_ACCOUNT_SID": account_sid,
        "TWILIO_AUTH_TOKEN": auth_token,
        "TWILIO_MESSAGING_SERVICE_SID": service_sid,
    }

"""Forms and JSON of SMPP credentials, all of it ours. It knows no rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

from limpet.twilio.dates import rfc2822
from limpet.twilio.forms import FRIENDLY_NAME_LENGTH_MAX, Form, boolean, filled, invalid, sid, text
from limpet.twilio.resources import Json, account_uri

NETWORKS_MAX: Final = 50


@dataclass(frozen=True, slots=True)
class CredentialRequest:
    """A credential as it is asked for."""

    friendly_name: str
    service_sid: str | None
    networks: tuple[IPv4Network | IPv6Network, ...]
    inbound: bool


def parse_credential(form: Form) -> CredentialRequest:
    """Read `POST …/SmppCredentials.json`: `FriendlyName`, `MessagingServiceSid`, `Networks` (commas between them), `Inbound`."""
    inbound = boolean(form, "Inbound")
    return CredentialRequest(
        text(form, "FriendlyName", FRIENDLY_NAME_LENGTH_MAX) or "",
        sid(form, "MessagingServiceSid", "MG"),
        _networks(form),
        True if inbound is None else inbound,
    )


def _networks(form: Form) -> tuple[IPv4Network | IPv6Network, ...]:
    words = (filled(form, "Networks") or "").split(",")
    if len(words) > NETWORKS_MAX:
        raise invalid("Networks", f"more than {NETWORKS_MAX}")
    try:
        return tuple(ip_network(word.strip()) for word in words if word.strip())
    except ValueError:
        raise invalid("Networks", "not IP networks such as 192.0.2.0/24 with commas between them") from None


def smpp_credential_resource(
    account_sid: str, credential_sid: str, friendly_name: str, system_id: str, service_sid: str | None, networks: tuple[str, ...],
    inbound: bool, created_at: datetime, password: str | None = None,
) -> Json:  # fmt: skip
    """A credential; its password once, when it is made."""
    shown: Json = {
        "account_sid": account_sid,
        "date_created": rfc2822(created_at),
        "friendly_name": friendly_name,
        "inbound": inbound,
        "messaging_service_sid": service_sid,
        "networks": list(networks),
        "sid": credential_sid,
        "system_id": system_id,
        "uri": f"{account_uri(account_sid)}/SmppCredentials/{credential_sid}.json",
    }
    return shown if password is None else {**shown, "password": password}

"""Which network addresses a customer's URL may lead to: public unicast, and what the operator adds.

Only numbers are judged here. A name means nothing until it is resolved, so the question is asked by whoever connects,
of the final address, and not by whoever reads a URL.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

PORTS = frozenset({80, 443})

# IANA's special-purpose registries, multicast and reserved space, spelled out: `ipaddress.is_global` differs between
# versions of Python and lets NAT64, 6to4, multicast, site-local and 192.0.0.0/24 through.
_NEVER_4 = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    )
)  # fmt: skip
# Of IPv6 only global unicast counts, less Teredo, 6to4, benchmarks, identifiers, documentation and AS112.
_GLOBAL_6 = IPv6Network("2000::/3")
_NEVER_6 = tuple(
    ip_network(text)
    for text in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
)  # fmt: skip
_NAT64 = IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class UrlPolicy:
    """Where webhooks may go beyond public addresses, and to which ports of public ones."""

    allow_loopback: bool = False
    allow_networks: tuple[Network, ...] = ()
    ports: frozenset[int] = PORTS


def address_allowed(address: str, policy: UrlPolicy) -> bool:
    """Whether webhooks may go to an IP address: public unicast, or what the policy adds. What is no address: False."""
    found = _reached(address)
    return found is not None and (_added(found, policy) or _public(found))


def destination_allowed(address: str, port: int, policy: UrlPolicy) -> bool:
    """As `address_allowed`; a public address only on one of the policy's ports, what the policy adds on every port."""
    found = _reached(address)
    return found is not None and (_added(found, policy) or (_public(found) and port in policy.ports))


def _reached(text: str) -> Address | None:
    """The address that a connection would reach: what is IPv4 behind a mapped or NAT64 spelling is judged as IPv4."""
    try:
        found = ip_address(text)
    except ValueError:
        return None
    if isinstance(found, IPv4Address):
        return found
    if found in _NAT64:
        return IPv4Address(int(found) & 0xFFFF_FFFF)
    return found.ipv4_mapped or found


def _added(address: Address, policy: UrlPolicy) -> bool:
    return (policy.allow_loopback and address.is_loopback) or any(address in net for net in policy.allow_networks)


def _public(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NEVER_4)
    return address in _GLOBAL_6 and not any(address in network for network in _NEVER_6)

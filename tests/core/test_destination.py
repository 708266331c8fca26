"""Where webhooks may go, judged by number."""

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limpet.core.destination import UrlPolicy, address_allowed, destination_allowed

CLOSED = UrlPolicy()
LOOPBACK = UrlPolicy(allow_loopback=True)

NEVER = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.254",
    "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.0.170", "192.0.2.1", "192.88.99.1",
    "192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.255",
    "240.0.0.1", "255.255.255.255", "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "::ffff:169.254.169.254", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::7f00:1", "100::1", "2001::1", "2001:2::1", "2001:10::1", "2001:20::1", "2001:db8::1", "2002:7f00:1::",
    "2002:a00:1::1", "3fff::1", "5f00::1", "fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
    "ff0e::1",
]  # fmt: skip
PUBLIC = [
    "1.1.1.1", "93.184.216.34", "172.15.255.255", "172.32.0.0", "100.63.255.255", "100.128.0.0", "223.255.255.255",
    "2606:4700::1111", "2a00:1450:4001::200e", "::ffff:93.184.216.34", "64:ff9b::5db8:d822",
]  # fmt: skip
NOT_AN_ADDRESS = ["", "localhost", "0177.0.0.1", "2130706433", "0x7f.1", "127.1", "１２７.0.0.1", "1.1.1.1 ", "[::1]"]


@pytest.mark.parametrize("address", NEVER)
def test_what_is_not_public_unicast_is_refused(address):
    assert not address_allowed(address, CLOSED)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_unicast_is_allowed(address):
    assert address_allowed(address, CLOSED)


@pytest.mark.parametrize("address", NOT_AN_ADDRESS)
@pytest.mark.parametrize("policy", [CLOSED, LOOPBACK])
def test_what_is_no_address_is_refused(address, policy):
    assert not address_allowed(address, policy)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_loopback_needs_the_policys_word(address):
    assert address_allowed(address, LOOPBACK)


ALSO_LOOPBACK = {"127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"}


@pytest.mark.parametrize("address", NEVER)
def test_allowing_loopback_opens_nothing_else(address):
    assert address_allowed(address, LOOPBACK) == (address in ALSO_LOOPBACK)


def test_an_added_network_opens_itself_only():
    policy = UrlPolicy(allow_networks=(ip_network("10.1.0.0/16"), ip_network("fd00::/64")))
    asked = ("10.1.2.3", "::ffff:10.1.2.3", "fd00::9", "10.2.0.0", "fd01::9", "127.0.0.1")
    assert [address_allowed(address, policy) for address in asked] == [True, True, True, False, False, False]


@pytest.mark.parametrize(
    ("address", "port", "allowed"),
    [
        ("1.1.1.1", 80, True),
        ("1.1.1.1", 443, True),
        ("1.1.1.1", 25, False),
        ("1.1.1.1", 8443, True),
        ("1.1.1.1", 8080, False),
    ],
)
def test_public_addresses_have_the_policys_ports_only(address, port, allowed):
    policy = UrlPolicy(allow_loopback=True, ports=frozenset({80, 443, 8443}))
    assert destination_allowed(address, port, policy) is allowed


def test_what_the_policy_adds_has_every_port():
    policy = UrlPolicy(allow_loopback=True, allow_networks=(ip_network("10.0.0.0/8"),))
    assert destination_allowed("127.0.0.1", 3000, policy)
    assert destination_allowed("10.1.1.1", 3000, policy)
    assert not destination_allowed("192.168.1.1", 80, policy)


@given(st.integers(0, 2**32 - 1).map(IPv4Address))
def test_ipv4_is_judged_the_same_behind_every_spelling(address):
    spellings = (str(address), f"::ffff:{address}", str(IPv6Address(int(IPv6Address("64:ff9b::")) + int(address))))
    assert len({address_allowed(spelling, CLOSED) for spelling in spellings}) == 1


@given(st.integers(0, 2**32 - 1).map(IPv4Address))
def test_nothing_that_python_calls_private_is_allowed(address):
    assert not (
        address_allowed(str(address), CLOSED) and (address.is_private or address.is_multicast or address.is_reserved)
    )

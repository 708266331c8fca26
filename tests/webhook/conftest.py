"""Sockets for the tests of the webhook client."""

import socket

import pytest


@pytest.fixture
def unused_port():
    """A port of 127.0.0.1 that nobody listens on while the test runs: bound, never listening."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]

"""Bytes from strangers: nothing that a peer or a customer sends may raise anything but what is declared."""

"""SMPP 3.4 as values and bytes, for both sides of the wire, without any input or output."""

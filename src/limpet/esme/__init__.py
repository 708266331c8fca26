"""The door for customers who speak SMPP: they bind to Limpet, which is a message centre to them (SMPP 3.4, role SMSC)."""

"""A proxy that stands in for Twilio's host names, so that a program reaches Limpet by its environment alone."""

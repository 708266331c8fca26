"""Twilio's wire as values and bytes."""

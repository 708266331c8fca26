"""Limpet: a messaging server that always answers a person from the same number."""

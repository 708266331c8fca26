"""The door: HTTP in, thin."""

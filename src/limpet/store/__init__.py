"""The only SQL: PostgreSQL behind lists of values."""

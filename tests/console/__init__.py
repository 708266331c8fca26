"""The operators' console: who is let in, what each may do, what is written down of it, and how it behaves in a browser."""

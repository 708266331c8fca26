"""The arrows of the picture: each file takes what came, has it decided, writes it, and hands on."""

"""What the command line does where it is more than handing over: each command that has a body of its own, a file."""

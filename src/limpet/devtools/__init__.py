"""What a developer's machine wants: a simulated carrier, seeds."""

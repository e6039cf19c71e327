"""Exit statuses of `mdk`."""

FINE, FAILED, USAGE = 0, 1, 2
"""It worked; it did not; it was asked for wrongly."""

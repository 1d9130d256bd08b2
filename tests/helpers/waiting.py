"""Waiting for what another process does, with an end."""

import time

LONG_S = 60


def until(condition):
    """What a condition gives, once it gives something."""
    end = time.monotonic() + LONG_S
    while not (found := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
    return found

"""Few examples by default, in a fixed order; ``make fuzz`` takes many, and others each time."""

from hypothesis import settings

settings.register_profile("fuzz", max_examples=3000, derandomize=False, deadline=None)

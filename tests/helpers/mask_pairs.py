"""Masks for the tests of the metrics: random pairs, boxes, balls."""

import itertools

import numpy as np
from scipy import ndimage

TURNS = list(itertools.product(itertools.permutations(range(3)), itertools.product((1, -1), repeat=3)))
"""All 48 ways to permute and mirror three axes."""


def candidate(rng, size):
    """A smooth random shape, of one or several parts; off the border, which MONAI treats differently."""
    noise = ndimage.gaussian_filter(rng.normal(size=size), rng.uniform(1, 2.5))[2:-2, 2:-2, 2:-2]
    return np.pad(noise > np.quantile(noise, rng.uniform(0.3, 0.95)), 2)


def random_pair(seed):
    """Two candidates, every second time like each other, in a random orientation of the array, and their spacing."""
    rng = np.random.default_rng(seed)
    size = tuple(rng.integers(10, 22, 3))
    reference, prediction = candidate(rng, size), candidate(rng, size)
    if seed % 2:
        grown = np.pad(ndimage.binary_dilation(reference)[2:-2, 2:-2, 2:-2], 2)
        prediction = np.where(prediction, grown, reference)
    order, signs = TURNS[rng.integers(len(TURNS))]
    flips = tuple(slice(None, None, sign) for sign in signs)
    spacing = tuple(float(step) for step in rng.uniform(0.4, 3, 3))
    return reference.transpose(order)[flips], prediction.transpose(order)[flips], spacing


def cuboid(start, stop, size=(12, 12, 14)):
    mask = np.zeros(size, bool)
    mask[tuple(slice(*ends) for ends in zip(start, stop, strict=True))] = True
    return mask


def axes_mm(spacing_mm, half_mm, centre_mm=(0.0, 0.0, 0.0)):
    """Open axes z, y, x in mm from a point near the middle of an array that reaches `half_mm` each way."""
    numbers = [int(2 * half_mm / step) + 6 for step in spacing_mm]
    return np.ix_(
        *((np.arange(n) - n / 2) * step - at for n, step, at in zip(numbers, spacing_mm, centre_mm, strict=True))
    )


def ball(spacing_mm, radius_mm, half_mm, centre_mm=(0.0, 0.0, 0.0)):
    z, y, x = axes_mm(spacing_mm, half_mm, centre_mm)
    return z**2 + y**2 + x**2 < radius_mm**2

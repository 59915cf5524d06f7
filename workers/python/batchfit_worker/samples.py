"""When to stop sampling, and in which order pairs are taken."""

from __future__ import annotations

import random
from collections.abc import Callable


def taken(time_one: Callable[[], float], least: int, most: int, seconds: float) -> list[float]:
    """Between `least` and `most` samples; between the two it stops once `seconds` have gone into them."""
    samples: list[float] = []
    while len(samples) < least or (len(samples) < most and sum(samples) < seconds):
        samples.append(time_one())
    return samples


def pairs(reference: Callable[[], float], candidate: Callable[[], float], count: int, seed: int) -> list[list[float]]:
    """[seconds of the reference, seconds of the candidate, 1 where the reference ran first], the order drawn per pair."""
    drawn = random.Random(seed)
    result = []
    for _ in range(count):
        reference_first = drawn.random() < 0.5
        if reference_first:
            of_reference, of_candidate = reference(), candidate()
        else:
            of_candidate, of_reference = candidate(), reference()
        result.append([of_reference, of_candidate, int(reference_first)])
    return result

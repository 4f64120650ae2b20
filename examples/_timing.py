"""What the examples share: how long a call takes, and how much longer the gradient takes than the function."""

from __future__ import annotations

import timeit
from collections.abc import Callable
from typing import Any


def best_time(call: Callable[[], Any], samples: int = 7) -> float:
    """Return the seconds one call takes, the least of several samples of at least a few milliseconds each."""
    timer = timeit.Timer(call)
    call()
    single = timer.timeit(1)
    number = max(1, int(0.005 / max(single, 1e-7)))
    return min(timer.repeat(samples, number)) / number


def print_ratio(function: Callable[[], Any], gradient: Callable[[], Any]) -> float:
    """Print how long the function and its gradient take, and return the ratio of the times."""
    plain, both = best_time(function), best_time(gradient)
    print(f"function {plain * 1e6:,.1f} us, gradient {both * 1e6:,.1f} us: ratio {both / plain:.2f}")
    return both / plain

"""What the examples share: how long a call takes, and how much longer the gradient takes than the function."""

from __future__ import annotations

import timeit
from collections.abc import Callable
from time import perf_counter
from typing import Any

SAMPLE, TOTAL = 2e-4, 0.3
"""Seconds of a sample, and of all of them: many short ones, as other work only makes a call look slower."""


def best_times(*calls: Callable[[], Any]) -> list[float]:
    """Return the seconds one call of each takes, the least of many short samples in turns."""
    timers = [timeit.Timer(call) for call in calls]
    for timer in timers:
        timer.timeit(1)
    numbers = [max(1, int(SAMPLE / max(timer.timeit(1), 1e-7))) for timer in timers]
    found = [float("inf") for _ in calls]
    end = perf_counter() + TOTAL * len(calls)
    while perf_counter() < end or float("inf") in found:
        for place, (timer, number) in enumerate(zip(timers, numbers, strict=True)):
            found[place] = min(found[place], timer.timeit(number) / number)
    return found


def print_ratio(function: Callable[[], Any], gradient: Callable[[], Any]) -> float:
    """Print how long the function and its gradient take, and return the ratio of the times."""
    plain, both = best_times(function, gradient)
    print(f"function {plain * 1e6:,.1f} us, gradient {both * 1e6:,.1f} us: ratio {both / plain:.2f}")
    return both / plain

"""Native sorting and searching: the functions that kernels call for positions. NaN is after every number."""

from __future__ import annotations

from typing import Any

from numba import njit

RUN = 16
"""Lines are sorted in runs of so many elements first, by insertion."""


@njit(forceinline=True, nogil=True)
def before(left: Any, right: Any) -> Any:
    """Return whether a number comes before another: the lesser one, and any number before NaN."""
    return (left < right) | ((right != right) & (left == left))


@njit(nogil=True)
def argsort(line: Any, order: Any, work: Any, descending: Any) -> None:
    """Write the positions that put a line in order, equal elements as they stand: runs merged until one is left."""
    n = len(line)
    for first in range(0, n, RUN):
        for position in range(first, min(first + RUN, n)):
            value, place = line[position], position
            while place > first:
                other = line[order[place - 1]]
                if not (before(other, value) if descending else before(value, other)):
                    break
                order[place] = order[place - 1]
                place -= 1
            order[place] = position
    width = RUN
    while width < n:
        work[:] = order
        for first in range(0, n, 2 * width):
            merge(line, work, order, first, min(first + width, n), min(first + 2 * width, n), descending)
        width *= 2


@njit(nogil=True)
def merge(line: Any, work: Any, order: Any, first: Any, middle: Any, end: Any, descending: Any) -> None:
    """Write two sorted runs of positions as one."""
    left, right = first, middle
    for place in range(first, end):
        take_right = left == middle
        if not take_right and right < end:
            one, other = line[work[left]], line[work[right]]
            take_right = before(one, other) if descending else before(other, one)
        if take_right:
            order[place] = work[right]
            right += 1
        else:
            order[place] = work[left]
            left += 1


@njit(nogil=True)
def searchsorted(line: Any, values: Any, found: Any, right: Any) -> None:
    """Write for each value how many elements of a sorted line come before it, or do not come after it."""
    for number in range(len(values)):
        value, low, high = values[number], 0, len(line)
        while low < high:
            middle = (low + high) // 2
            goes_on = not before(value, line[middle]) if right else before(line[middle], value)
            low, high = (middle + 1, high) if goes_on else (low, middle)
        found[number] = low

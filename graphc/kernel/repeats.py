"""Where a sequence of numbers repeats itself: stretches of many equal periods, found in about linear time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

Numbers = np.ndarray[tuple[int], np.dtype[np.int64]]

WINDOW = 8
"""A period is guessed from where the next numbers, this many, occur again."""
LONGEST_PERIOD = 4096
GUESSES = 8
"""How many periods are tried at one place."""


def find_repeats(numbers: Numbers, fewest: int) -> Iterator[tuple[int, int, int]]:
    """Yield (start, period, count) of stretches with ``count >= fewest`` equal periods, one behind the other."""
    if len(numbers) < max(WINDOW, fewest):
        return
    occurrences = _Occurrences(numbers)
    position, limit = 0, len(numbers) - WINDOW
    previous_end = 0
    while position < limit:
        found = _repeat_at(numbers, occurrences, position, fewest)
        if found is None:
            position += WINDOW
            continue
        period, length = found
        start = position
        while start > previous_end and numbers[start - 1] == numbers[start - 1 + period]:
            start -= 1
        count = (position + length - start) // period
        yield start, period, count
        position = previous_end = start + count * period


class _Occurrences:
    """For each position where the window that begins there begins again."""

    def __init__(self, numbers: Numbers) -> None:
        count = len(numbers) - WINDOW + 1
        hashes = np.zeros(count, np.uint64)
        for offset in range(WINDOW):
            part = numbers[offset : offset + count].astype(np.uint64)
            hashes = hashes * np.uint64(0x9E3779B97F4A7C15) + part + (part << np.uint64(32))
        self.order = np.argsort(hashes, kind="stable")
        self.rank = np.empty(count, np.int64)
        self.rank[self.order] = np.arange(count)
        ends = np.flatnonzero(np.diff(hashes[self.order])) + 1
        self.group_ends = np.append(ends, count)

    def after(self, position: int, least: int) -> int | None:
        """Return the first position from ``least`` on with the same window as at ``position``."""
        rank = int(self.rank[position])
        end = int(self.group_ends[np.searchsorted(self.group_ends, rank, side="right")])
        found = rank + 1 + int(np.searchsorted(self.order[rank + 1 : end], least))
        return int(self.order[found]) if found < end else None


def _repeat_at(numbers: Numbers, occurrences: _Occurrences, position: int, fewest: int) -> tuple[int, int] | None:
    """Return period and length of the stretch that repeats itself from a position on, often enough."""
    least = position + 1
    for _ in range(GUESSES):
        following = occurrences.after(position, least)
        if following is None or following - position > LONGEST_PERIOD:
            return None
        period = following - position
        length = period + _agreement(numbers, position, following)
        if length >= fewest * period:
            return period, length
        least = position + max(length, period + 1)
    return None


def _agreement(numbers: Numbers, first: int, second: int) -> int:
    """Return how long two stretches, the second behind the first, are equal."""
    step, done = 64, 0
    while second + done < len(numbers):
        here = numbers[first + done : first + done + step]
        there = numbers[second + done : second + done + step]
        wrong = np.flatnonzero(here[: len(there)] != there)
        if len(wrong):
            return done + int(wrong[0])
        done += len(there)
        step *= 2
    return done

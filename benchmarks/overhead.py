"""Call overhead: the sum of a few numbers or short arrays, where the work is nothing and the call is all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.common import Workload
from benchmarks.driver import main


@dataclass(frozen=True)
class Problem:
    """The arguments that are added: all numbers, or all vectors of one length."""

    arguments: tuple[Any, ...]
    length: int

    @property
    def names(self) -> list[str]:
        """The arguments' names, where calls name them."""
        return [f"x{place}" for place in range(len(self.arguments))]


def make(parameters: tuple[int, int]) -> Problem:
    """Return the problem of (number of arguments, length of each; 0 for numbers)."""
    count, length = parameters
    values = [0.5 + place for place in range(count)]
    return Problem(tuple(np.full(length, value) for value in values) if length else tuple(values), length)


def add(*arguments: Any) -> Any:
    """Return the sum of the arguments, from left to right."""
    total = arguments[0]
    for value in arguments[1:]:
        total = total + value
    return total


WORKLOAD = Workload(
    name="overhead",
    title="call overhead: a sum of numbers or short arrays",
    sizes={"3 numbers": (3, 0), "12 numbers": (12, 0), "3 arrays": (3, 8), "12 arrays": (12, 8)},
    tiny=(3, 4),
    make=make,
    expected=lambda problem: {"value": (add(*problem.arguments),)},
    quick=("3 numbers", "3 arrays"),
)

if __name__ == "__main__":
    main(WORKLOAD)

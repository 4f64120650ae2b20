"""B: x_{i+1} = 0.5 sin(x_i) - x_{i-1}, n steps of 4 operations unrolled in the graph: build, compile, run.

The value is x_n; the gradient is taken for the two numbers it starts from.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from benchmarks.common import Workload
from benchmarks.driver import main


@dataclass(frozen=True)
class Problem:
    """The number of steps, and the numbers they start from."""

    steps: int
    start: tuple[float, float] = (0.3, 0.7)


def chain(before: float, now: float, steps: int) -> list[float]:
    """Return all states of the chain."""
    states = [before, now]
    for _ in range(steps):
        states.append(0.5 * math.sin(states[-1]) - states[-2])
    return states


def value_and_grad(before: float, now: float, steps: int) -> tuple[float, float, float]:
    """Return the last state and its derivatives for the first two, by hand."""
    states = chain(before, now, steps)
    bar_now, bar_before = 1.0, 0.0
    for state in reversed(states[1:-1]):
        bar_now, bar_before = bar_before + bar_now * 0.5 * math.cos(state), -bar_now
    return states[-1], bar_before, bar_now


def expected(problem: Problem) -> dict[str, tuple[float, ...]]:
    """Return value and gradient, and the value alone."""
    result = value_and_grad(*problem.start, problem.steps)
    return {"value_and_grad": result, "value": result[:1]}


WORKLOAD = Workload(
    name="b_unrolled_chain",
    title="B: a chain of n steps, unrolled in the graph",
    sizes={str(steps): steps for steps in (100, 1_000, 10_000, 100_000)},
    tiny=7,
    make=Problem,
    expected=expected,
    quick=("100", "1000"),
)

if __name__ == "__main__":
    main(WORKLOAD)

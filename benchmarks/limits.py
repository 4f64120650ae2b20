"""The machine's limits: copying, the triad a + s b, products of matrices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.common import Array, Workload
from benchmarks.driver import main


@dataclass(frozen=True)
class Problem:
    """Two arrays of one shape: vectors for copy and triad, square matrices for the product."""

    first: Array
    second: Array
    scale: float = 3.0

    @property
    def is_matrix(self) -> bool:
        """Whether the product is measured."""
        return self.first.ndim == 2


def make(parameters: tuple[tuple[int, ...], str]) -> Problem:
    """Return the problem of a shape and dtype."""
    shape, dtype = parameters
    generator = np.random.default_rng(0)
    return Problem(*(generator.standard_normal(shape).astype(dtype) for _ in range(2)))


def expected(problem: Problem) -> dict[str, tuple[Array, ...]]:
    """Return the results of what a problem measures."""
    if problem.is_matrix:
        return {"matmul": (problem.first @ problem.second,)}
    return {"copy": (problem.first,), "triad": (problem.first + problem.scale * problem.second,)}


WORKLOAD = Workload(
    name="limits",
    title="limits of the machine: copy, triad, products of matrices",
    sizes={
        "1e3": ((1_000,), "float64"),
        "1e5": ((100_000,), "float64"),
        "1e7": ((10_000_000,), "float64"),
        "256 float32": ((256, 256), "float32"),
        "1024 float32": ((1024, 1024), "float32"),
        "256 float64": ((256, 256), "float64"),
        "1024 float64": ((1024, 1024), "float64"),
    },
    tiny=((7,), "float64"),
    make=make,
    expected=expected,
    quick=("1e3", "1e5", "256 float32", "256 float64"),
    dtype="float32",
)

if __name__ == "__main__":
    main(WORKLOAD)

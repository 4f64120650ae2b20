"""The minimum of a maximum: descent whose every slope goes through a whole ascent, in all nestings of both modes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from _timing import print_ratio

import graphc as gx

Function = Callable[[Any], Any]
TWIST = np.array([[1.0, 0.5], [-0.3, 0.8]])
MODES = ("forward", "reverse")
RATE = 0.3


def surface(x: Any, y: Any) -> Any:
    """Return a function with a minimum for x of its maximum for y, at the solution of linear equations."""
    return gx.sum((x - 1.0) ** 2) + x @ TWIST @ y - 2.0 * gx.sum((y - 0.5) ** 2)


def saddle() -> tuple[Any, Any]:
    """Return x and y where both slopes of the surface are 0."""
    equations = np.block([[2.0 * np.eye(2), TWIST], [TWIST.T, -4.0 * np.eye(2)]])
    solution = np.linalg.solve(equations, [2.0, 2.0, -2.0, -2.0])
    return solution[:2], solution[2:]


def descend(function: Function, mode: str, rate: float) -> Any:
    """Return where gradient descent from 0 finds no slope any more."""
    slope = gx.jacobian(function, mode=mode)
    still_steep = lambda carry: gx.norm(carry[1]) > 1e-9

    def step(carry: tuple[Any, Any]) -> tuple[Any, Any]:
        x = carry[0] - rate * carry[1]
        return x, slope(x)

    start = gx.zeros(2)
    return gx.while_loop(still_steep, step, (start, slope(start)))[0]


def highest(x: Any, mode: str) -> Any:
    """Return the y where the surface above x is highest, by gradient ascent."""
    return descend(lambda y: -surface(x, y), mode, 0.2)


def ridge(x: Any, mode: str) -> Any:
    """Return how high the surface above x is at most."""
    return surface(x, highest(x, mode))


def show_descent(fn: gx.Function) -> None:
    """Print the first steps of the descent along the ridge."""
    position = np.zeros(2)
    for number in range(6):
        height, slope = fn.value_and_grad(position)
        print(f"step {number}: x = {position.round(4)}, height {height:.6f}, slope {np.linalg.norm(slope):.4f}")
        position = position - RATE * slope


def main() -> None:
    known = saddle()
    for outer in MODES:
        for inner in MODES:
            lowest = descend(lambda x, inner=inner: ridge(x, inner), outer, RATE)
            x, y = gx.compile([lowest, highest(lowest, inner)], inputs=[])()
            np.testing.assert_allclose([x, y], known, rtol=1e-8)
            print(f"{outer} over {inner}: x = {x.round(8)}, y = {y.round(8)}")
    print("all four agree with the solution of the linear equations")

    x = gx.tensor("x", (2,))
    fn = gx.compile(ridge(x, "reverse"), inputs=[x], wrt=x)
    print(fn.check(points=1))
    show_descent(fn)
    print_ratio(lambda: fn(np.zeros(2)), lambda: fn.value_and_grad(np.zeros(2)))


if __name__ == "__main__":
    main()

"""Random numbers beside NumPy's `Generator`, and what gamma numbers without a loop would take.

`python -m benchmarks.random_numbers` prints the figures of docs/decisions/14-random.md: ns a number, a million numbers,
one thread, the best of many calls in turn; then how many proposals for gamma numbers a fixed count would need.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import integrate

import graphc as gx
from graphc.ops.random_bits import normal_of, unit, words

SIZE = 1_000_000
TURNS = 45
Call = Callable[[], Any]


def graphc_call(expression: gx.Expr, key: gx.Expr) -> Call:
    """Return a call that writes an expression's value to memory there is."""
    function = gx.compile(expression, [key], threads=1)
    if not expression.shape:
        return lambda: function(7)
    out = np.empty(SIZE, expression.dtype)
    return lambda: function(7, out=out)


def cases() -> dict[str, tuple[Call, Call | None]]:
    """Return each kind of numbers: graphc's call and NumPy's."""
    key, rng = gx.symbol("key", dtype="uint64"), np.random.default_rng(7)
    double, single = np.empty(SIZE), np.empty(SIZE, np.float32)
    draw, shape = gx.random, (SIZE,)
    made: dict[str, tuple[gx.Expr, Call | None]] = {
        "uniform": (draw.uniform(key, shape), lambda: rng.random(out=double)),
        "uniform, summed in the same loop": (gx.sum(draw.uniform(key, shape)), None),
        "uniform, float32": (draw.uniform(key, shape, "float32"), lambda: rng.random(dtype=np.float32, out=single)),
        "normal": (draw.normal(key, shape), lambda: rng.standard_normal(out=double)),
        "normal, float32": (
            draw.normal(key, shape, "float32"),
            lambda: rng.standard_normal(dtype=np.float32, out=single),
        ),
        "exponential": (draw.exponential(key, shape), lambda: rng.standard_exponential(out=double)),
        "gamma, parameter 2.5": (draw.gamma(key, 2.5, shape), lambda: rng.standard_gamma(2.5, out=double)),
        "one proposal of gamma, accepted or not": (proposal(key), None),
        "permutation": (draw.permutation(key, SIZE), lambda: rng.permutation(SIZE)),
    }
    return {name: (graphc_call(expression, key), peer) for name, (expression, peer) in made.items()}


def proposal(key: gx.Expr) -> gx.Expr:
    """Return Marsaglia and Tsang's first proposal for each element, NaN where it is rejected; no loop of its own."""
    first, second = gx.random.split(key)
    d = 2.5 - 1 / 3
    x = normal_of(words(first, (SIZE,)), "float64")
    v = (1.0 + x / math.sqrt(9.0 * d)) ** 3
    bound = 0.5 * x * x + d * (1.0 - v + gx.log(v))
    return gx.where((v > 0) & (gx.log(unit(words(second, (SIZE,)), "float64")) < bound), d * v, math.nan)


def rejected(parameter: float) -> float:
    """Return the chance that a proposal for a gamma number is rejected, for a parameter of at least 1."""
    d = parameter - 1 / 3

    def accepted(x: float) -> float:
        v = (1.0 + x / math.sqrt(9.0 * d)) ** 3
        density = math.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
        return density * min(1.0, math.exp(0.5 * x * x + d * (1.0 - v + math.log(v)))) if v > 0 else 0.0

    lowest = -math.sqrt(9.0 * d)
    found, _ = integrate.quad(accepted, lowest, 12.0, points=[0.0], limit=500)
    return 1.0 - float(found)


def best(calls: list[Call]) -> list[float]:
    """Return the shortest time of each call in ns a number; the calls take turns."""
    shortest = [math.inf] * len(calls)
    for _ in range(TURNS):
        for position, call in enumerate(calls):
            start = time.perf_counter()
            call()
            shortest[position] = min(shortest[position], time.perf_counter() - start)
    return [1e9 * seconds / SIZE for seconds in shortest]


def main() -> None:
    """Print both tables."""
    print("| a million numbers | graphc | NumPy |\n|---|---|---|")
    for name, (own, peer) in cases().items():
        own()
        times = best([own, peer] if peer else [own])
        print(f"| {name} | {times[0]:.1f} | {f'{times[1]:.1f}' if peer else ''} |", flush=True)
    for parameter in (1.0, 2.5):
        chance = rejected(parameter)
        count = math.ceil(math.log(2.0**-53) / math.log(chance))
        print(f"parameter {parameter}: {chance:.4f} of proposals are rejected; all of {count} with less than 2**-53")


if __name__ == "__main__":
    main()

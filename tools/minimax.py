"""Print the polynomials of the vector mathematics: `python tools/minimax.py > graphc/backends/vectormath/tables.py`.

Remez' exchange in high precision: for each function the polynomial of least weighted error on an
interval, its coefficients rounded to the format they are used in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
from mpmath import mp, mpf

Real = Callable[[Any], Any]
GRID = 1200
TINY = mpf(2) ** -40

mp.dps = 60


def remez(function: Real, weight: Real, low: Any, high: Any, degree: int) -> tuple[list[Any], Any]:
    """Return the coefficients, lowest first, and the largest weighted error."""
    low, high = mpf(low), mpf(high)
    middle, half = (low + high) / 2, (high - low) / 2
    grid = [middle - half * mpmath.cos(mpmath.pi * i / GRID) for i in range(GRID + 1)]
    wanted, weights = [function(x) for x in grid], [weight(x) for x in grid]
    chosen = [round(i * GRID / (degree + 1)) for i in range(degree + 2)]
    coefficients: list[Any] = []
    worst = mpf(0)
    for _ in range(12):
        rows = [[grid[i] ** power for power in range(degree + 1)] for i in chosen]
        matrix = mpmath.matrix(
            [[*row, (-1) ** n / max(weights[i], TINY)] for n, (row, i) in enumerate(zip(rows, chosen, strict=True))]
        )
        solution = mpmath.lu_solve(matrix, mpmath.matrix([wanted[i] for i in chosen]))
        coefficients = [solution[i] for i in range(degree + 1)]
        errors = [
            (mpmath.polyval(coefficients[::-1], x) - y) * w for x, y, w in zip(grid, wanted, weights, strict=True)
        ]
        worst = max(abs(error) for error in errors)
        exchanged = alternating_extrema(errors, degree + 2)
        if exchanged is None or exchanged == chosen:
            break
        chosen = exchanged
    return coefficients, worst


def alternating_extrema(errors: list[Any], count: int) -> list[int] | None:
    """Return the places of the largest errors of alternating sign."""
    places: list[int] = []
    for i, error in enumerate(errors):
        if places and (error > 0) == (errors[places[-1]] > 0):
            if abs(error) > abs(errors[places[-1]]):
                places[-1] = i
        else:
            places.append(i)
    while len(places) > count:
        places.pop(0 if abs(errors[places[0]]) < abs(errors[places[-1]]) else -1)
    return places if len(places) == count else None


def series(function: Real, taken: list[Any], power: int, step: int = 1) -> Real:
    """Return (f(x) - the first terms of its series) / x**power as a function of x**step, right near 0 too."""
    terms = mpmath.taylor(function, 0, 36)

    def quotient(z: Any) -> Any:
        x = mpmath.sqrt(z) if step == 2 else z
        if abs(x) < mpf(1) / 64:
            return sum(terms[n] * x ** (n - power) for n in range(power, len(terms), step))
        return (function(x) - sum(c * x**n for n, c in enumerate(taken))) / x**power

    return quotient


def problems() -> dict[str, tuple[Real, Real, Any, Any, tuple[int, int]]]:
    """Return for each table: function, weight of its error, interval, degrees for float64 and float32."""
    half = mpmath.log(2) / 2 + mpf(1) / 512
    root = mpmath.sqrt(2)
    quarter = (mpmath.pi / 4 + mpf(1) / 128) ** 2
    one = mpf(1)

    def odds(first: int) -> Real:
        """Return sum(2/(2n + 1) z**(n - first) for n >= first): the rest of 2 artanh(s)/s with z = s**2."""
        return lambda z: sum(2 * z ** (n - first) / (2 * n + 1) for n in range(first, 40))

    log_range = (0, ((root - 1) / (root + 1) + mpf(1) / 1024) ** 2)
    slope = 2 / mpmath.sqrt(mpmath.pi)

    def tail(shifted: Any) -> Any:
        return mpmath.log(mpmath.erfc(shifted + 1))

    def share(shifted: Any) -> Any:
        return mpmath.erfc(shifted + 1)

    def scaled_tail(q: Any) -> Any:
        a = 4 * (1 + q) / (1 - q)
        return (1 + 2 * a) * mpmath.exp(a * a) * mpmath.erfc(a)

    def inverse_root(f: Any) -> Any:
        return (1 + f) ** (-one / 3)

    found = {
        "EXP": (series(mpmath.exp, [one, one], 2), abs, -half, half, (9, 4)),
        "EXP2": (series(lambda x: 2**x, [one], 1), abs, -one / 2 - one / 512, one / 2 + one / 512, (10, 5)),
        "LOG": (odds(1), lambda z: z, *log_range, (6, 2)),
        "LOG_REST": (odds(2), lambda z: z**2, *log_range, (6, 2)),
        "CBRT": (inverse_root, lambda f: 1 / inverse_root(f), 1 / root - 1, root - 1, (5, 2)),
        "SIN": (series(mpmath.sin, [0, one], 3, 2), lambda z: z, 0, quarter, (5, 2)),
        "COS": (series(mpmath.cos, [one, 0, -one / 2], 4, 2), lambda z: z**2, 0, quarter, (5, 2)),
        "SINH": (series(mpmath.sinh, [0, one], 3, 2), lambda z: z, 0, half**2, (4, 1)),
        "COSH": (series(mpmath.cosh, [one], 2, 2), lambda z: z, 0, half**2, (4, 2)),
        "ATAN": (series(mpmath.atan, [0, one], 3, 2), lambda z: z, 0, one / 4 + one / 256, (11, 5)),
        "ERF": (series(mpmath.erf, [0, slope], 3, 2), lambda z: z, 0, one + one / 256, (10, 5)),
        "LOG_ERFC": (tail, share, 0, 5, (18, 10)),
        "ERFC": (scaled_tail, lambda q: 1 / scaled_tail(q), -one * 7 / 9, one * 3 / 4, (20, 10)),
        "ASIN": (series(mpmath.asin, [0, one], 3, 2), lambda z: z, 0, one / 4, (12, 5)),
    }
    return found


def main() -> None:
    """Print the module of tables."""
    print('"""Coefficients, lowest power first, by `tools/minimax.py`: do not edit."""\n\n# fmt: off')
    for name, (function, weight, low, high, degrees) in problems().items():
        print(f"{name} = {{")
        for kind, degree in zip(("float64", "float32"), degrees, strict=True):
            coefficients, worst = remez(function, weight, low, high, degree)
            rounded = [repr(float(np.dtype(kind).type(float(c)))) for c in coefficients]
            print(f'    "{kind}": (  # largest error 2**{float(mpmath.log(worst, 2)):.1f}')
            for start in range(0, len(rounded), 4):
                print("        " + ", ".join(rounded[start : start + 4]) + ",")
            print("    ),")
        print("}")


if __name__ == "__main__":
    main()

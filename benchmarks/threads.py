"""Where threads begin to pay: what a unit of work takes, what calling the pool costs, sizes around the threshold.

`python -m benchmarks.threads` prints the figures that the constants in `graphc/kernel/work.py` were chosen from.
Samples are short, taken in turns after a pause, and the best counts: helpers are asleep when each begins.
"""

from __future__ import annotations

import ctypes
import itertools
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

import graphc as gx
from graphc.backends import pool
from graphc.kernel.ir import Loop
from graphc.kernel.work import CHUNK, WORTHWHILE

PAUSE = 0.003
"""Longer than helpers stay awake, in seconds."""
Case = tuple[gx.Expr, list[gx.Expr]]


def tanh_sum() -> Case:
    """Return workload C, the value alone."""
    x = gx.tensor("x", ("n",))
    return gx.sum(gx.tanh(1.3 * x + 0.2) ** 2 * gx.exp(-(x**2))), [x]


def polynomial() -> Case:
    """Return a sum of additions and multiplications only."""
    x = gx.tensor("x", ("n",))
    value = x
    for _ in range(10):
        value = value * x + 0.5
    return gx.sum(value), [x]


def scaled() -> Case:
    """Return an array read and written, next to nothing computed."""
    x = gx.tensor("x", ("n",))
    return 2.0 * x, [x]


def logarithms() -> Case:
    """Return an array of two elementary functions."""
    x = gx.tensor("x", ("n",))
    return gx.log1p(x * x) * gx.cos(x), [x]


CASES: list[Callable[[], Case]] = [tanh_sum, polynomial, scaled, logarithms]


def best(calls: Iterable[Callable[[], Any]], seconds: float, repeats: int = 5, pause: float = PAUSE) -> list[float]:
    """Return the best microseconds of each call, sampled in turns for so many seconds."""
    calls = list(calls)
    found = [float("inf")] * len(calls)
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for number, call in enumerate(calls):
            time.sleep(pause)
            for _ in range(repeats):
                start = time.perf_counter()
                call()
                found[number] = min(found[number], 1e6 * (time.perf_counter() - start))
    return found


def work_of_loop(function: gx.Function) -> int:
    """Return the work of an iteration of a function's one loop."""
    body = function._programs.program("call")[0].job.kernel.body  # type: ignore[attr-defined]
    (work,) = (statement.chunks.work for statement in body if isinstance(statement, Loop) and statement.chunks)
    return int(work)


def units() -> None:
    """Print what a unit of work takes in each case, on one thread and in cache."""
    print("case          work/iteration   ns/iteration   ps/unit")
    for case in CASES:
        expression, inputs = case()
        function = gx.compile(expression, inputs=inputs, threads=1)
        data = np.random.default_rng(0).standard_normal(20_000)
        (each,) = best([lambda function=function, data=data: function(data)], 1.0)
        work = work_of_loop(function)
        print(f"{case.__name__:12} {work:>14} {each / 20:>14.2f} {each / 20 / work * 1e3:>10.0f}")


def dispatch() -> None:
    """Print what a call of the pool costs that computes nothing, with helpers awake and asleep."""
    run = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)(
        pool.load().get_pointer_to_function(pool.RUN)
    )
    address = pool.address_of(ctypes.CDLL(None).abs)
    alone, together = (lambda threads=threads: run(address, None, 2, threads) for threads in (1, 2))
    print(f"microseconds of two empty chunks: alone {best([alone], 1.0)[0]:.2f}, with a helper asleep ", end="")
    print(f"{best([together], 1.0, repeats=1)[0]:.2f}, awake {best([together], 1.0, repeats=50, pause=0)[0]:.2f}")


def crossings() -> None:
    """Print one thread beside two for work around the threshold."""
    print("case            work / threshold      1 thread us   2 threads us    ratio")
    for case, factor in itertools.product(CASES, (0.9, 1.0, 2.0, 4.0, 16.0)):
        expression, inputs = case()
        one, two = (gx.compile(expression, inputs=inputs, threads=count) for count in (1, 2))
        size = int(-(-WORTHWHILE * factor // work_of_loop(one)))
        data = np.random.default_rng(0).standard_normal(size)
        times = best([lambda one=one, data=data: one(data), lambda two=two, data=data: two(data)], 2.0)
        print(f"{case.__name__:12} {factor:>18} {times[0]:>18.2f} {times[1]:>14.2f} {times[0] / times[1]:>8.2f}")


if __name__ == "__main__":
    print(f"chunk {CHUNK}, threshold {WORTHWHILE} units of work")
    units()
    dispatch()
    crossings()

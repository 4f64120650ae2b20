"""What workloads and peers share: the description of a workload, the call that is timed, checking and timing."""

from __future__ import annotations

import gc
import statistics
import timeit
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
TOLERANCE = {"float64": 1e-8, "float32": 1e-4}


@dataclass(frozen=True)
class Workload:
    """One family of measurements.

    Attributes:
        name: the name of the module, and of the function in each peer's module.
        title: what is computed, in a line.
        sizes: the parameters of each named size.
        tiny: parameters small enough for a test of values.
        quick: the sizes of a quick run.
        make: the problem (arrays, numbers) of parameters.
        expected: the leaves of each quantity's result, computed by hand-written NumPy.
        dtype: what the arrays hold; decides how near values must be.
        stateful: each call goes on from the last one's state, so only the first result is known.
    """

    name: str
    title: str
    sizes: Mapping[str, Any]
    tiny: Any
    make: Callable[[Any], Any]
    expected: Callable[[Any], Mapping[str, Sequence[Any]]]
    quick: tuple[str, ...] = ()
    dtype: str = "float64"
    stateful: bool = False


@dataclass(frozen=True)
class Call:
    """A call to time: a function (or an object and its method), arguments, and how many steps of work it does."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...] = ()
    keywords: Mapping[str, Any] = field(default_factory=dict)
    steps: int = 1
    method: str = ""

    def __call__(self) -> Any:
        """Return the result of one call."""
        function = getattr(self.function, self.method) if self.method else self.function
        return function(*self.arguments, **self.keywords)

    def timer(self) -> timeit.Timer:
        """Return a timer of the call as a user would write it, with nothing in between."""
        scope = {f"a{number}": value for number, value in enumerate(self.arguments)} | {"f": self.function}
        scope |= {f"k_{name}": value for name, value in self.keywords.items()}
        given = [f"a{number}" for number in range(len(self.arguments))]
        given += [f"{name}=k_{name}" for name in self.keywords]
        method = f".{self.method}" if self.method else ""
        return timeit.Timer(f"f{method}({', '.join(given)})", globals=scope)


Ways = dict[str, Callable[[], Call]]
"""What a peer offers for a problem: by "quantity" or "quantity:variant", a function that builds and compiles."""


@dataclass(frozen=True)
class Effort:
    """How long to measure: seconds of one sample, number of samples, seconds of all of them."""

    sample: float = 0.05
    samples: int = 9
    total: float = 4.0


QUICK = Effort(0.01, 5, 0.5)


@dataclass(frozen=True)
class Timing:
    """Microseconds a step: the best and the median of the samples."""

    best: float
    median: float


def leaves(value: Any) -> Iterator[Array]:
    """Yield the arrays of a result: nested tuples, lists and dicts in order."""
    if isinstance(value, Mapping):
        value = tuple(value.values())
    if isinstance(value, (tuple, list)):
        for entry in value:
            yield from leaves(entry)
    else:
        yield np.asarray(value)


def flat(value: Any) -> Array:
    """Return all numbers of a result, one after the other."""
    return np.concatenate([leaf.ravel().astype("float64") for leaf in leaves(value)])


def relative_error(result: Any, expected: Sequence[Any]) -> float:
    """Return the largest relative error (Euclidean norm) of the leaves of a result."""
    numbers, worst, start = flat(result), 0.0, 0
    wanted = [leaf.ravel() for leaf in leaves(tuple(expected))]
    count = sum(leaf.size for leaf in wanted)
    if numbers.size != count:
        raise ValueError(f"{count} numbers expected, got {numbers.size}")
    for leaf in wanted:
        difference = np.linalg.norm(numbers[start : start + leaf.size] - leaf)
        scale = np.linalg.norm(leaf)
        worst = max(worst, float(difference / scale) if scale else float(difference))
        # NaN compares as smaller: it must not look right.
        worst = float("inf") if np.isnan(difference) else worst
        start += leaf.size
    return worst


def measure(call: Call, effort: Effort) -> Timing:
    """Return the time of a call: loops long enough for the clock, several samples, no garbage collection."""
    timer = call.timer()
    loops, seconds = 1, timer.timeit(1)
    while seconds < effort.sample:
        loops = max(2 * loops, int(loops * 1.2 * effort.sample / seconds)) if seconds > 1e-4 else 10 * loops
        seconds = timer.timeit(loops)
    samples, start = [seconds], perf_counter()
    gc.collect()
    while len(samples) < effort.samples and perf_counter() - start < effort.total:
        samples.append(timer.timeit(loops))
    scale = 1e6 / (loops * call.steps)
    return Timing(min(samples) * scale, statistics.median(samples) * scale)

"""A program: expressions compiled for given inputs, called with values in order and returning values in order."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from graphc.backends import cpu, reference
from graphc.backends.binding import SizeSolver, converter
from graphc.backends.calls import make_call
from graphc.backends.cores import thread_count
from graphc.backends.source import array_arguments, render, returned_values
from graphc.backends.threads import with_threads
from graphc.backends.unfinished import Unfinished, explained
from graphc.errors import ArgumentError, ShapeError
from graphc.graph.block import nested_order
from graphc.graph.dimensions import Count, Dimension, concrete, names
from graphc.graph.node import Expr
from graphc.graph.origin import Origin
from graphc.graph.types import format_shape
from graphc.kernel.ir import Kernel
from graphc.kernel.parallel import for_sizes, is_threaded
from graphc.kernel.requirements import requirements

Array = np.ndarray[Any, Any]
KEPT = 8
"""For how many sizes a program keeps the call of its native function and the memory it works in."""


@dataclass(frozen=True, slots=True)
class Job:
    """What a backend is asked to run: outputs of inputs, and the kernel made of them."""

    outputs: tuple[Expr, ...]
    inputs: tuple[Expr, ...]
    kernel: Kernel
    fast_math: bool = False
    cache: bool = True
    precise: bool = False
    threads: int | None = None


class Program:
    """Base of the backends' programs: binds arguments; subclasses run."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.seconds: dict[str, float] = {}
        self.convert = [converter(node) for node in job.inputs]
        everything = nested_order(job.outputs)
        self.sizes = SizeSolver(job.inputs, _sizes_used(everything), requirements(everything))

    def bind(self, values: Sequence[Any]) -> tuple[list[Any], dict[str, int]]:
        """Return converted arguments and the sizes of dimensions.

        Raises:
            ShapeError, DTypeError: an argument does not fit its symbol.
        """
        bound = [convert(value) for convert, value in zip(self.convert, values, strict=True)]
        return bound, self.sizes.solve(bound)

    @property
    def cache_hits(self) -> int:
        """How many native functions were loaded from the disk cache."""
        return 0

    def trace_values(self, order: Sequence[Expr], values: Sequence[Any]) -> list[Array]:
        """Return the value of every node of a graph, by the reference interpreter."""
        bound, _ = self.bind(values)
        return reference.evaluate(order, dict(zip(self.job.inputs, bound, strict=True)))

    def require_fitting(self, out: Sequence[Array] | None, sizes: dict[str, int]) -> None:
        """Check that the caller's arrays have the shapes of the results and share no memory: kernels do not look.

        Raises:
            ShapeError: one has another shape.
            ArgumentError: two overlap.
        """
        for node, target in zip(self.job.outputs, out or (), strict=False):
            if target.shape != concrete(node.shape, sizes):
                expected = format_shape(concrete(node.shape, sizes))
                raise ShapeError(f"out: shape {expected} expected, got {format_shape(target.shape)}")
        for position, target in enumerate(out or ()):
            if any(np.may_share_memory(target, other) for other in (out or ())[:position]):
                raise ArgumentError("out: two results would share memory", remedy="pass an array of its own for each")

    def prepare(self) -> None:
        """Compile what calls need, if nothing was compiled yet; what needs the sizes of arguments is left to calls."""

    def source(self) -> str:
        """Return the generated source, each line with the user's line."""
        return render(self.job.kernel).annotated()

    def run(self, values: Sequence[Any], out: Sequence[Array] | None = None) -> list[Any]:
        """Return the outputs' values: scalars as numbers, arrays new or those of ``out``."""
        raise NotImplementedError


class ReferenceProgram(Program):
    """Runs the graph by the reference interpreter."""

    def run(self, values: Sequence[Any], out: Sequence[Array] | None = None) -> list[Any]:
        """Return the outputs' values; see `Program.run`."""
        bound, sizes = self.bind(values)
        self.require_fitting(out, sizes)
        found = reference.evaluate(self.job.outputs, dict(zip(self.job.inputs, bound, strict=True)))
        results = [as_result(node, value) for node, value in zip(self.job.outputs, found, strict=True)]
        for position, target in enumerate(out or ()):
            target[...] = results[position]
            results[position] = target
        return results


class CpuProgram(Program):
    """Runs the kernel's native functions: without threads or with, each compiled when sizes first ask for it."""

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._natives: dict[bool, cpu.Native] = {}
        self.allocated = [
            (b.name, b.shape, np.dtype(b.dtype)) for b in array_arguments(job.kernel) if b.role == "output"
        ]
        self.threads = thread_count(job.threads)
        self._calls: OrderedDict[tuple[int, ...], Callable[..., Any]] = OrderedDict()
        self._lock = threading.RLock()
        if not self.sizes.binders:
            self.prepare()

    @property
    def cache_hits(self) -> int:
        """How many native functions were loaded from the disk cache."""
        return sum(native.cache_hits for native in self._natives.values())

    def native_of(self, kernel: Kernel) -> cpu.Native:
        """Return what a kernel of this program was compiled to: with threads, or without."""
        job = self.job
        with self._lock:
            if kernel.threads not in self._natives:
                self._natives[kernel.threads] = cpu.compile_kernel(
                    kernel, job.fast_math, job.cache, self.seconds, job.precise
                )
            return self._natives[kernel.threads]

    def prepare(self) -> None:
        """Compile for sizes that need no threads; see `Program.prepare`."""
        _ = self.native

    @property
    def native(self) -> cpu.Native:
        """What the kernel was compiled to first, for sizes that tell whether threads pay; now, if nothing was."""
        return next(iter(self._natives.values()), None) or self.native_of(self._smallest)

    @cached_property
    def _smallest(self) -> Kernel:
        """The kernel for named dimensions of size 1."""
        return for_sizes(self.job.kernel, dict.fromkeys((name for name, _, _ in self.sizes.binders), 1))

    @cached_property
    def kernel(self) -> Callable[..., Any]:
        """The native function for compiled code to call, its number of threads given."""
        kernel, native = self.job.kernel, self.native_of(self.job.kernel)
        if not (native.function and is_threaded(kernel)):
            return native.kernel
        arguments = len(kernel.inputs) + len(array_arguments(kernel))
        bound: Callable[..., Any] = with_threads(native.kernel, arguments, self.threads)
        return bound

    def call_for(self, sizes: tuple[int, ...]) -> Callable[..., Any]:
        """Return the kernel for sizes in the order of the binders, see `graphc.backends.calls`.

        Raises:
            ShapeError: the sizes do not fit the graph.
        """
        with self._lock:
            if sizes not in self._calls:
                self.sizes.require(sizes)
                named = dict(zip((name for name, _, _ in self.sizes.binders), sizes, strict=True))
                kernel = for_sizes(self.job.kernel, named)
                self._calls[sizes] = make_call(kernel, self.native_of(kernel), named, self.threads)
            self._calls.move_to_end(sizes)
            while len(self._calls) > KEPT:
                self._calls.popitem(last=False)
            return self._calls[sizes]

    def run(self, values: Sequence[Any], out: Sequence[Array] | None = None) -> list[Any]:
        """Return the outputs' values; see `Program.run`."""
        bound, sizes = self.bind(values)
        self.require_fitting(out, sizes)
        arrays = self._given(bound, out)
        for name, shape, dtype in self.allocated:
            if name not in arrays:
                arrays[name] = np.empty(concrete(shape, sizes), dtype)
        numbers = [np.empty((), value.dtype) for value in returned_values(self.job.kernel)]
        call = self.call_for(tuple(sizes.values()))
        try:
            call(*bound, *(arrays[name] for name, _, _ in self.allocated), *numbers)
        except Unfinished as error:
            raise explained(error, self.job.kernel) from None
        return self._results(arrays, numbers, out)

    def _given(self, bound: Sequence[Any], out: Sequence[Array] | None) -> dict[str, Array]:
        """Return the caller's arrays that the kernel may write directly: none that overlaps an input."""
        given: dict[str, Array] = {}
        for node, result, target in zip(self.job.outputs, self.job.kernel.results, out or (), strict=False):
            if not isinstance(result, str) or result in given:
                continue
            plain = type(target) is np.ndarray and target.dtype is np.dtype(node.dtype) and target.flags.carray
            others = [each for each in (*bound, *given.values()) if isinstance(each, np.ndarray)]
            if plain and not any(np.may_share_memory(array, target) for array in others):
                given[result] = target
        return given

    def _results(self, arrays: dict[str, Array], numbers: list[Array], out: Sequence[Array] | None) -> list[Any]:
        """Return the results in the order of the outputs; the same array twice is copied."""
        scalars = iter(numbers)
        results: list[Any] = []
        handed: set[str] = set()
        for position, (node, result) in enumerate(zip(self.job.outputs, self.job.kernel.results, strict=True)):
            if isinstance(result, str):
                value = arrays[result].copy() if result in handed else arrays[result]
                handed.add(result)
            else:
                value = scalar_type(node)(next(scalars)[()])
            target = out[position] if out else None
            if target is not None and value is not target:
                target[...] = value
                value = target
            results.append(value)
        return results


PROGRAMS: dict[str, type[Program]] = {"cpu": CpuProgram, "reference": ReferenceProgram}


def scalar_type(node: Expr) -> Callable[[Any], Any]:
    """Return the type a scalar result is returned as: Python's own for float64, int64 and bool."""
    plain: dict[str, type] = {"float64": float, "int64": int, "bool": bool}
    kind: Callable[[Any], Any] = plain.get(node.dtype, np.dtype(node.dtype).type)
    return kind


def as_result(node: Expr, value: Array) -> Any:
    """Return a computed value as the caller gets it: a number, or an array of its own."""
    return np.array(value) if node.shape else scalar_type(node)(value[()])


def _sizes_used(order: Sequence[Expr]) -> dict[str, Origin]:
    """Return the names of the dimensions a graph needs, and the first line that uses each."""
    found: dict[str, Origin] = {}
    for node in order:
        sizes = [*node.shape, *(value for _, value in node.attributes if isinstance(value, Dimension))]
        for size in sizes:
            for name in names(size):
                if not isinstance(name, Count):
                    found.setdefault(name, node.origin)
    return found

"""Repeated groups of scalar statements become loops: the same values to the last bit, wherever they start."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc.backends import cpu
from graphc.backends.source import render
from graphc.compiler.pipeline import KERNEL_PASSES, Options, Record, make_kernel, simplified
from graphc.graph.dimensions import evaluate
from graphc.graph.node import Expr
from graphc.graph.walk import free_symbols, topological_order
from graphc.kernel.ir import Kernel, Loop
from graphc.kernel.loops import fuse_loops
from graphc.kernel.lower import lower
from graphc.kernel.normalise import normalise
from graphc.kernel.repeats import LONGEST_PERIOD, find_repeats
from graphc.kernel.roll import FEWEST, roll
from graphc.kernel.verify import verify
from graphc.kernel.walk import walk_statements

STEPS = 3 * FEWEST


def chain(steps: int) -> Expr:
    """Return a recurrence of second order, unrolled."""
    before, now = gx.symbols("a b")
    for _ in range(steps):
        before, now = now, 0.5 * gx.sin(now) - before
    return now


def horner(steps: int) -> Expr:
    """Return a polynomial with a coefficient of its own at every step."""
    x, total = gx.symbol("x"), gx.constant(0.0)
    for number in range(steps):
        total = total * x + (0.5 + number) / (1 + number * number)
    return total


def copies(steps: int) -> Expr:
    """Return a sum over the elements of a vector, each read by its index."""
    x = gx.tensor("x", (steps + 3,))
    total = gx.symbol("start")
    for number in range(steps):
        total = total + gx.exp(-x[number + 1] * x[number]) * x[number + 3]
    return total


def midpoint(steps: int) -> Expr:
    """Return an integration in which every second step uses another formula."""
    x, v = gx.symbols("x v")
    for number in range(steps):
        force = gx.cos(x) if number % 2 else gx.tanh(x)
        v = v - 0.01 * force
        x = x + 0.01 * v
    return x * v


def single(steps: int) -> Expr:
    """Return the same in float32."""
    x = gx.symbol("x", dtype="float32")
    for _ in range(steps):
        x = gx.maximum(x * x - 1, 0.25 * x)
    return x


def with_gradient(make: Callable[[int], Expr]) -> Callable[[int], list[Expr]]:
    """Return a value and its gradient by everything it depends on."""

    def outputs(steps: int) -> list[Expr]:
        value = make(steps)
        return [value, *gx.grad(value, wrt=free_symbols([value]))]

    return outputs


CASES: dict[str, Callable[[int], list[Expr]]] = {
    **{make.__name__: lambda steps, make=make: [make(steps)] for make in (chain, horner, copies, midpoint, single)},  # type: ignore[misc]
    **{f"{make.__name__} with gradient": with_gradient(make) for make in (chain, horner, midpoint, single)},
}


def lowered(outputs: Sequence[Expr]) -> Kernel:
    """Return the kernel of outputs before any pass."""
    simple = simplified(outputs, Options(), Record())
    return lower(normalise(simple), free_symbols(outputs))


def arguments(kernel: Kernel) -> list[Any]:
    """Return random inputs, then constants and memory, for a kernel whose results are numbers."""
    generator = np.random.default_rng(0)
    given = [
        np.asarray(generator.normal(size=[evaluate(size, {}) for size in getattr(e, "shape", ())]), e.dtype)[()]
        for e in kernel.inputs
    ]
    for role in ("constant", "workspace"):
        for buffer in kernel.buffers.values():
            if buffer.role == role:
                memory = np.full([evaluate(size, {}) for size in buffer.shape], np.nan, buffer.dtype)
                given.append(kernel.constants.get(buffer.name, memory))
    return given


def plain(kernel: Kernel) -> list[float]:
    """Return the results of a kernel run as plain Python: every operation rounded, none contracted."""
    call = cpu._plain(render(kernel).text()).kernel
    return [float(value) for value in call(*arguments(kernel))]


def loops(kernel: Kernel) -> list[Loop]:
    return [statement for statement in kernel.body if isinstance(statement, Loop)]


@pytest.mark.parametrize("name", CASES)
def test_a_rolled_kernel_has_the_values_of_the_unrolled_one_to_the_last_bit(name: str) -> None:
    kernel = lowered(CASES[name](STEPS))
    rolled = roll(kernel)
    verify(rolled, "roll")
    assert loops(rolled)
    assert len(list(walk_statements(rolled.body))) < len(kernel.body) / 2
    assert plain(rolled) == plain(kernel)


@pytest.mark.parametrize("name", CASES)
def test_a_rolled_kernel_does_not_grow_with_the_number_of_steps(name: str) -> None:
    few, many = (len(list(walk_statements(roll(lowered(CASES[name](steps))).body))) for steps in (STEPS, 4 * STEPS))
    assert many <= few + 8


@pytest.mark.parametrize("name", CASES)
def test_short_repetitions_stay_as_they_are(name: str) -> None:
    kernel = lowered(CASES[name](FEWEST // 3))
    assert roll(kernel) is kernel


def test_values_read_back_by_the_reverse_pass_are_kept_in_one_array() -> None:
    rolled = roll(lowered(CASES["chain with gradient"](STEPS)))
    assert [buffer.role for buffer in rolled.buffers.values()] == ["workspace"]
    assert len(loops(rolled)) == 2


def test_numbers_that_vary_become_a_constant_array() -> None:
    rolled = roll(lowered(CASES["horner"](STEPS)))
    (values,) = rolled.constants.values()
    assert values[:3].tolist() == sorted(values[:3].tolist(), reverse=True)


def test_values_needed_after_the_loop_are_found_wherever_they_are() -> None:
    steps = [gx.symbol("x")]
    for _ in range(STEPS):
        steps.append(gx.sin(steps[-1]) * 1.5)
    kernel = lowered([steps[-1], steps[-2], steps[5], steps[STEPS // 2] * steps[-1]])
    rolled = roll(kernel)
    assert loops(rolled)
    assert plain(rolled) == plain(kernel)


@pytest.mark.parametrize(("where", "expected"), [(STEPS // 4, 1), (STEPS // 2, 2)])
def test_irregular_statements_between_are_left_alone(where: int, expected: int) -> None:
    x = gx.symbol("x")
    total = x
    for number in range(STEPS):
        total = gx.sin(total) + x
        if number == where:
            total = gx.exp(-total)
    kernel = lowered([total])
    rolled = roll(kernel)
    assert len(loops(rolled)) == expected
    assert plain(rolled) == plain(kernel)


def test_native_code_of_the_rolled_kernel_agrees_with_the_reference() -> None:
    value = chain(STEPS)
    got = gx.compile(value).value_and_grad(a=0.3, b=0.2)
    wanted = gx.compile(value, backend="reference").value_and_grad(a=0.3, b=0.2)
    assert got[0] == pytest.approx(wanted[0], rel=1e-9)
    assert got[1] == pytest.approx(wanted[1], rel=1e-9)


def test_recurrences_keep_the_c_library_whose_single_calls_are_faster() -> None:
    native = [gx.compile(f)._programs.program("call")[0].native for f in (chain(STEPS), gx.sin(gx.tensor("x", ("n",))))]  # type: ignore[attr-defined]
    assert ["vector_runtime" in each.text for each in native] == [False, True]


def test_the_pass_runs_before_loops_fuse_and_leaves_small_graphs_alone() -> None:
    passes = [transform for _, transform in KERNEL_PASSES]
    assert passes.index(roll) < passes.index(fuse_loops)
    small = make_kernel([chain(5)], free_symbols([chain(5)]), Record())
    assert not loops(small)


@pytest.mark.parametrize("steps", [STEPS, 4 * STEPS])
def test_the_graph_of_the_gradient_is_a_constant_factor_of_the_function(steps: int) -> None:
    nodes = len(topological_order([chain(steps)]))
    assert len(topological_order(CASES["chain with gradient"](steps))) <= 3 * nodes


def test_repeats_are_found_with_their_smallest_period() -> None:
    numbers = np.array([9, 8, *[1, 2, 3] * 100, 7, *[4, 4, 5] * 80, 1], np.int64)
    assert list(find_repeats(numbers, 64)) == [(2, 3, 100), (303, 3, 80)]


def test_inner_repetitions_do_not_hide_the_outer_one() -> None:
    numbers = np.array([*([1] * 20 + [2, 3]) * 70], np.int64)
    assert list(find_repeats(numbers, 64)) == [(0, 22, 70)]


def test_what_does_not_repeat_is_not_found() -> None:
    numbers = np.random.default_rng(1).integers(0, 3, 5000)
    assert list(find_repeats(numbers, 64)) == []
    once = np.tile(np.arange(LONGEST_PERIOD + 1), 66)
    assert list(find_repeats(once, 64)) == []

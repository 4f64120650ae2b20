"""Look-ups in kernels: fused, checked no more than needed, written in place, never in several parts at once."""

from __future__ import annotations

import numpy as np
import pytest

import graphc as gx
from graphc.compiler.pipeline import Record, make_kernel
from graphc.kernel.describe import library_calls, nests, temporaries
from graphc.kernel.ir import Accumulate, Call, Extent, Kernel, Load, Loop, Name, Value
from graphc.kernel.walk import statement_values, values_in, walk_statements
from graphc.kernel.within import is_positive, range_of
from graphc.rewrite.engine import simplify

TABLE, WORDS = gx.tensor("TABLE", ("words", 16)), gx.tensor("WORDS", ("batch",), "int64")
WEIGHTS, STATE = gx.tensor("WEIGHTS", (6, 40, 40)), gx.tensor("STATE", (40,))


def kernel_of(*outputs: gx.Expr, inputs: list[gx.Expr]) -> Kernel:
    """Return the kernel of outputs after every pass."""
    return make_kernel(simplify(outputs), inputs, Record())


def values_of(kernel: Kernel) -> list[Value]:
    """Return every value in the kernel's statements."""
    roots = (root for statement in walk_statements(kernel.body) for root in statement_values(statement))
    return [value for root in roots for value in values_in(root)]


def test_what_is_looked_up_fuses_into_the_loop_that_reads_it() -> None:
    kernel = kernel_of(gx.sum(gx.sin(TABLE[WORDS]) * 2), inputs=[TABLE, WORDS])
    assert len(nests(kernel)) == 1
    assert temporaries(kernel) == 0


def test_the_gradient_of_an_embedding_is_zeros_and_one_loop_that_adds() -> None:
    loss = gx.sum(TABLE[WORDS] ** 2)
    kernel = kernel_of(gx.grad(loss, TABLE), inputs=[TABLE, WORDS])
    assert len(nests(kernel)) == 2
    assert temporaries(kernel) == 0


def test_sums_of_what_is_scattered_need_no_array_of_their_own() -> None:
    kernel = kernel_of(TABLE * 0.5 + gx.segment_sum(TABLE[WORDS], WORDS, TABLE.shape[0]), inputs=[TABLE, WORDS])
    assert len(nests(kernel)) == 2
    assert temporaries(kernel) == 0


def choices(kernel: Kernel) -> int:
    """Return how many choices and comparisons a kernel has."""
    return sum(isinstance(value, Call) and value.op in ("where", "less", "less_equal") for value in values_of(kernel))


def test_an_element_at_a_loops_index_is_a_plain_load_and_a_matrix_there_is_no_copy() -> None:
    step = gx.fori_loop(0, 6, lambda i, state: gx.tanh(state @ WEIGHTS[i] + WEIGHTS[i, i]), STATE)
    kernel = kernel_of(step, inputs=[WEIGHTS, STATE])
    assert choices(kernel) == 0
    (product,) = library_calls(kernel)
    assert product.operands[0].buffer == "WEIGHTS"
    assert [name for name, buffer in kernel.buffers.items() if len(buffer.shape) > 1] == ["WEIGHTS"]


@pytest.mark.parametrize("length", [6, gx.tensor("x", ("n",)).shape[0]])
def test_a_loop_over_all_of_an_array_needs_no_check(length: object) -> None:
    sizes = gx.tensor("sizes", (length, 3))
    total = gx.fori_loop(0, length, lambda i, total: total + sizes[i, -1], gx.constant(0.0))
    assert choices(kernel_of(total, inputs=[sizes])) == 0


def test_the_gradient_by_what_a_loop_indexes_is_added_up_in_place() -> None:
    loss = gx.sum(gx.fori_loop(0, 6, lambda i, state: gx.tanh(state @ WEIGHTS[i]), STATE))
    kernel = kernel_of(gx.grad(loss, WEIGHTS), inputs=[WEIGHTS, STATE])
    assert sum(len(buffer.shape) == 3 for buffer in kernel.buffers.values()) == 2, "the weights and their gradient"
    assert choices(kernel) == 0


def test_an_update_in_a_loop_is_written_in_place() -> None:
    line = gx.tensor("line", (50,))
    sums = gx.fori_loop(0, 48, lambda i, c: c.at[i + 2].set(c[i] + c[i + 1]), line)
    kernel = kernel_of(sums, inputs=[line])
    (loop,) = (statement for statement in kernel.body if isinstance(statement, Loop) and statement.ordered)
    assert not any(isinstance(inner, Loop) for inner in loop.body)
    found = gx.compile(sums)(np.r_[1.0, 1.0, np.zeros(48)])
    assert found[10] == 89


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("words", [7, 200_000])
def test_equal_places_add_up_on_any_number_of_threads(threads: int, words: int) -> None:
    random = np.random.default_rng(0)
    table, index = random.normal(size=(words, 16)), random.integers(-7, 7, 60_000)
    loss = gx.sum(TABLE[WORDS] ** 2)
    slope = gx.compile(gx.grad(loss, TABLE), inputs=[TABLE, WORDS], threads=threads)(table, index)
    expected = np.zeros_like(table)
    np.add.at(expected, index, 2 * table[index])
    np.testing.assert_allclose(slope, expected, rtol=1e-9, atol=1e-9)
    last = gx.compile(TABLE.at[WORDS].set(TABLE[WORDS[::-1]]), inputs=[TABLE, WORDS], threads=threads)(table, index)
    expected = table.copy()
    expected[index] = table[index[::-1]]
    np.testing.assert_array_equal(last, expected)


def test_loops_that_add_at_places_read_from_memory_run_in_one_piece_unless_the_sums_are_few() -> None:
    def is_cut(words: object) -> list[bool]:
        data, group = gx.tensor("data", (10**6, 4)), gx.tensor("group", (10**6,), "int64")
        kernel = kernel_of(gx.segment_sum(data, group, words), inputs=[data, group])
        adding = [s for s in kernel.body if any(isinstance(i, Accumulate) for i in walk_statements((s,)))]
        return [isinstance(s, Loop) and s.chunks is not None for s in adding]

    assert is_cut(10**6) == [False]
    assert is_cut(16) == [True]


def test_ranges_of_indices_follow_from_sums_and_remainders() -> None:
    n = gx.tensor("x", ("n",)).shape[0]
    ranges = {"i": (0, n)}
    assert range_of(Name("i") + 2, ranges) == (2, n + 2)
    assert range_of(Extent(n) - 1 - Name("i"), ranges) == (0, n)
    assert range_of(Name("j") % 4, ranges) == (0, 4)
    assert range_of(Name("j") % Extent(n), ranges) == (0, n)
    assert range_of(Load("b", (Name("i"),), "int64"), ranges) is None
    assert is_positive(n + 1)
    assert not is_positive(n)
    assert not is_positive(n * -1 + 5)

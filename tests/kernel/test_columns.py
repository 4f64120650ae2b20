"""Loops that compute much of an item's few numbers run on blocks of columns, one for each of these numbers."""

import numpy as np
import pytest

import graphc as gx
from graphc.compiler.pipeline import Record, make_kernel
from graphc.kernel.blocks import ROWS
from graphc.kernel.columns import in_columns
from graphc.kernel.ir import Buffer, Call, Const, Kernel, Load, Loop, Name, Store
from graphc.rewrite.engine import simplify


def much(x, y):
    """Return two numbers of two, by elementary functions."""
    turned = gx.sin(x) * gx.exp(y) + gx.cos(y)
    return gx.stack([gx.tanh(turned) / (1 + turned**2), gx.exp(-turned) * x])


def little(x, y):
    return gx.stack([x + y, x - y])


def case(f, gathered=False):
    """Return a function of the two numbers of each item, and its inputs."""
    x, which = gx.tensor("x", ("n", 2)), gx.tensor("which", ("items",), "int64")
    items = x[which] if gathered else x
    return gx.vmap(lambda item: f(item[0], item[1]))(items), [x, which] if gathered else [x]


def scaled(length):
    """Return a case whose items are scaled in memory that it reads too, and is read at other places."""
    x = gx.tensor("x", (length, 2))
    values = gx.vmap(lambda item: much(item[0], item[1]))(x)
    return [values, values[::-1] * 2, gx.sum(values)], [x]


def outer_loop(outputs, inputs):
    (loop,) = make_kernel(simplify(outputs), inputs, Record()).body
    return loop


@pytest.mark.parametrize("gathered", [False, True])
def test_items_are_read_to_columns_computed_and_written_from_columns(gathered):
    output, inputs = case(much, gathered)
    blocks = outer_loop([output], inputs)
    assert blocks.step == ROWS
    assert [type(statement) for statement in blocks.body] == [Loop] * 3
    assert all(loop.within == blocks.index for loop in blocks.body)


def test_their_memory_does_not_grow_with_the_items():
    output, inputs = case(much)
    kernel = make_kernel(simplify([output]), inputs, Record())
    (columns,) = [buffer for buffer in kernel.buffers.values() if buffer.role == "workspace"]
    assert len(columns.shape) == 1
    assert isinstance(columns.shape[0], int)


def test_items_of_which_little_is_computed_stay_where_they_are():
    output, inputs = case(little)
    assert outer_loop([output], inputs).step == 1


def test_arrays_that_are_columns_already_stay_where_they_are():
    x, y = gx.tensor("x", ("n",)), gx.tensor("y", ("n",))
    assert outer_loop([gx.tanh(x) * gx.exp(y) / (1 + x**2)], [x, y]).step == 1


@pytest.mark.parametrize("length", [0, 1, ROWS - 1, ROWS, 2 * ROWS + 1])
@pytest.mark.parametrize("gathered", [False, True])
def test_blocks_of_every_length_give_what_the_reference_does(length, gathered, monkeypatch):
    monkeypatch.setenv("GRAPHC_CHECK", "1")
    monkeypatch.setenv("GRAPHC_JIT", "0")
    generator = np.random.default_rng(0)
    values = [generator.normal(size=(max(length, 1) if gathered else length, 2))]
    output, inputs = case(much, gathered)
    values += [generator.integers(0, len(values[0]), size=length)] * gathered
    results = [output, gx.sum(output), output[:, 0] + 1]
    expected = gx.compile(results, inputs, backend="reference")(*values)
    for got, wanted in zip(gx.compile(results, inputs)(*values), expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-12)


def test_what_reads_the_results_at_other_places_sees_them(monkeypatch):
    monkeypatch.setenv("GRAPHC_CHECK", "1")
    monkeypatch.setenv("GRAPHC_JIT", "0")
    outputs, inputs = scaled(300)
    values = np.random.default_rng(0).normal(size=(300, 2))
    expected = gx.compile(outputs, inputs, backend="reference")(values)
    for got, wanted in zip(gx.compile(outputs, inputs)(values), expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-12)


def by_hand(reads):
    """Return a kernel that writes an item's place, then computes much from another place of the item."""
    item, n = Name("i0"), gx.tensor("x", ("n",)).shape[0]
    shapes = {"x": "input", "out": "output", "more": "output"}
    buffers = {name: Buffer(name, "float64", (n, 2), role) for name, role in shapes.items()}
    buffers["view"] = Buffer("view", "float64", (n, 2), "view", "out")
    value = Load(reads, (item, Const(0, "int64")), "float64")
    for _ in range(3):
        value = Call("tanh", (value,), "float64")
    first = Store("out", (item, Const(0, "int64")), Load("x", (item, Const(1, "int64")), "float64"))
    body = (Loop("i0", n, (first, Store("more", (item, Const(1, "int64")), value))),)
    return Kernel((buffers["x"],), buffers, body, ("out", "more"))


@pytest.mark.parametrize(("reads", "waits"), [("x", True), ("out", False), ("view", False)])
def test_writes_do_not_wait_where_an_iteration_reads_what_it_wrote(reads, waits):
    kernel = by_hand(reads)
    assert (in_columns(kernel) is not kernel) == waits


def test_threads_have_columns_of_their_own():
    output, inputs = case(much, gathered=True)
    generator = np.random.default_rng(0)
    values = [generator.normal(size=(500, 2)), generator.integers(-500, 500, size=100_003)]
    one, two = (gx.compile(output, inputs, threads=number)(*values) for number in (1, 2))
    np.testing.assert_array_equal(one, two)

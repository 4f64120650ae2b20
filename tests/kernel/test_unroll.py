"""Small matrices of each of many items are straight-line code: no loops, no library calls, no arrays between."""

import math

import numpy as np
import pytest

import graphc as gx
from graphc.compiler.pipeline import Record, make_kernel
from graphc.kernel import columns
from graphc.kernel.affine import settled
from graphc.kernel.describe import library_calls, temporaries
from graphc.kernel.ir import Call, Const, Loop, Name
from graphc.kernel.walk import walk_statements
from graphc.rewrite.engine import simplify


def matrices(name="R"):
    return gx.tensor(name, ("n", 3, 3))


def points():
    return gx.tensor("p", ("n", 3))


def angles():
    return gx.tensor("v", ("n",))


def larger():
    return gx.tensor("A", ("n", 20, 20))


def rotated(matrix, point):
    return gx.einsum("nij,nj->ni", matrix, point)


def about_the_first_axis(angle):
    """Return the rotations by angles as matrices built of numbers."""
    zero, one, sine, cosine = angle * 0, angle * 0 + 1, gx.sin(angle), gx.cos(angle)
    rows = [[one, zero, zero], [zero, cosine, -sine], [zero, sine, cosine]]
    return gx.stack([gx.stack(row, axis=1) for row in rows], axis=1)


def with_gradient(build, inputs):
    loss = gx.sum(build() ** 2)
    return [loss, *gx.grad(loss, inputs)], inputs


STRAIGHT = {
    "rotations": lambda: ([rotated(matrices(), points())], [matrices(), points()]),
    "rotations with gradient": lambda: with_gradient(lambda: rotated(matrices(), points()), [matrices(), points()]),
    "rotations by angles": lambda: ([rotated(about_the_first_axis(angles()), points())], [angles(), points()]),
    "products": lambda: ([matrices() @ matrices("S")], [matrices(), matrices("S")]),
    "two in a row": lambda: (
        [rotated(matrices(), rotated(matrices("S"), points()))],
        [matrices(), matrices("S"), points()],
    ),
    "lengths": lambda: ([points() / gx.norm(points(), axis=1, keepdims=True)], [points()]),
}  # fmt: skip
OTHERS = {
    "elementary functions": lambda: ([gx.tanh(points() + np.arange(3.0))], [points()]),
    "larger matrices": lambda: ([larger() @ larger()], [larger()]),
    "softmax of rows": lambda: ([gx.softmax(points(), axis=1)], [points()]),
    "the largest": lambda: ([gx.argmax(points(), axis=1)], [points()]),
}  # fmt: skip


def kernel_of(case):
    outputs, inputs = case
    return make_kernel(simplify(outputs), inputs, Record())


@pytest.mark.parametrize("name", STRAIGHT)
def test_each_item_is_straight_line_code(name, monkeypatch):
    monkeypatch.setattr(columns, "GAIN", math.inf)
    kernel = kernel_of(STRAIGHT[name]())
    loops = [statement for statement in walk_statements(kernel.body) if isinstance(statement, Loop)]
    assert [str(loop.extent) for loop in loops] == ["n"]
    assert (temporaries(kernel), library_calls(kernel)) == (0, [])


def test_larger_matrices_are_left_to_the_library():
    assert len(library_calls(kernel_of(OTHERS["larger matrices"]()))) == 1


def test_a_few_small_products_are_left_to_the_library():
    matrix = gx.tensor("A", (3, 4, 4))
    assert len(library_calls(kernel_of(([matrix @ matrix], [matrix])))) == 1


def test_loops_with_elementary_functions_stay_loops():
    loops = [s for s in walk_statements(kernel_of(OTHERS["elementary functions"]()).body) if isinstance(s, Loop)]
    assert [str(loop.extent) for loop in loops] == ["n", "3"]


@pytest.mark.parametrize("name", STRAIGHT | OTHERS)
@pytest.mark.parametrize(("length", "native"), [(0, "0"), (1, "0"), (9, "1")])
def test_values_are_those_of_the_reference(name, length, native, monkeypatch):
    monkeypatch.setenv("GRAPHC_CHECK", "1")
    monkeypatch.setenv("GRAPHC_JIT", native)
    outputs, inputs = (STRAIGHT | OTHERS)[name]()
    generator = np.random.default_rng(0)
    values = [generator.normal(size=(length, *node.shape[1:])) for node in inputs]
    expected = gx.compile(outputs, inputs, backend="reference")(*values)
    for got, wanted in zip(gx.compile(outputs, inputs)(*values), expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(
    ("value", "result"),
    [
        (Const(1, "int64") < 2, Const(True, "bool")),
        (Const(2, "int64").equals(3), Const(False, "bool")),
        ((Name("i0") < 2) & Const(True, "bool"), Name("i0") < 2),
        ((Name("i0") < 2) & Const(False, "bool"), Const(False, "bool")),
        (Call("where", (Const(False, "bool"), Name("a"), Name("b")), "int64"), Name("b")),
        (Call("multiply", (Const(2**40, "int64"), Const(2**40, "int64")), "int64"), None),
    ],
)
def test_what_constants_decide_is_worked_out_and_nothing_else(value, result):
    assert settled(value) == (value if result is None else result)


def unrolled_recurrence(steps):
    """Return the squares of a pair after steps written one after the other, and the gradient for four rates."""
    rates, pair = gx.tensor("rates", (4,)), gx.constant([1.0, 0.5])
    for _ in range(steps):
        prey, predators = pair
        change = gx.stack([prey * (rates[0] - rates[1] * predators), predators * (rates[2] * prey - rates[3])])
        pair = pair + 0.1 * change
    loss = gx.sum(pair**2)
    return [loss, gx.grad(loss, rates)], [rates]


@pytest.mark.parametrize(("steps", "opened"), [(3, False), (40, True), (200, True)])
def test_an_unrolled_recurrence_of_vectors_has_no_loops_over_the_vectors(steps, opened, monkeypatch):
    monkeypatch.setenv("GRAPHC_CHECK", "1")
    outputs, inputs = unrolled_recurrence(steps)
    kernel = kernel_of((outputs, inputs))
    extents = [statement.extent for statement in walk_statements(kernel.body) if isinstance(statement, Loop)]
    assert (2 not in extents) == opened
    values = np.array([0.4, 0.3, 0.2, 0.1])
    expected = gx.compile(outputs, inputs, backend="reference")(values)
    for got, wanted in zip(gx.compile(outputs, inputs)(values), expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-12)

"""Loops over slices and their adjoints: one pass without conditions, for arrays of any length."""

import numpy as np
import pytest

import graphc as gx
from graphc.compiler.pipeline import Record, make_kernel
from graphc.graph.dimensions import dimension, larger
from graphc.kernel.affine import Bound, as_sum, bound_of, from_sum, least
from graphc.kernel.ir import Call, Const, Extent, Loop, Name
from graphc.kernel.walk import statement_values, values_in, walk_statements
from graphc.rewrite.engine import simplify

N = dimension("n")


def rosenbrock(x):
    left, right = x[:-1], x[1:]
    return gx.sum(100.0 * (right - left**2) ** 2 + (1.0 - left) ** 2)


def vector(name="x"):
    return gx.tensor(name, ("n",))


def grid():
    return gx.tensor("u", ("n", "m"))


def smoothness(u):
    """Return the energy of differences along both axes."""
    return gx.sum((u[1:] - u[:-1]) ** 2) + gx.sum((u[:, 1:] - u[:, :-1]) ** 2)


def laplacian(u):
    return u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4.0 * u[1:-1, 1:-1]


def value_and_gradient(build, x):
    value = build(x)
    return [value, gx.grad(value, x)], [x]


def hessian_product():
    x, v = vector(), vector("v")
    return [gx.jvp(gx.grad(rosenbrock(x), x), [x], [v])], [x, v]


def heavy_differences():
    """Elementary functions of differences, which are too dear to compute twice."""
    return value_and_gradient(lambda x: gx.sum(gx.exp(gx.sin(x[1:] - x[:-1]))), vector())


def only_the_later_ones():
    """A gradient that is read one place beside where it is stored."""
    return value_and_gradient(lambda x: gx.sum(gx.exp(gx.sin(x[2:]))), vector())


CASES = {
    "rosenbrock": lambda: value_and_gradient(rosenbrock, vector()),
    "hessian product": hessian_product,
    "second differences": lambda: value_and_gradient(lambda x: gx.sum((x[2:] - 2 * x[1:-1] + x[:-2]) ** 2), vector()),
    "heavy differences": heavy_differences,
    "only the later ones": only_the_later_ones,
    "differences on a grid": lambda: value_and_gradient(smoothness, grid()),
    "laplacian": lambda: value_and_gradient(lambda u: gx.sum(laplacian(u) ** 2), grid()),
    "a heat step": lambda: ([gx.pad(laplacian(grid()), 1) * 0.1], [grid()]),
    "every other one": lambda: value_and_gradient(lambda x: gx.sum(gx.exp(x[1::2])), vector()),
    "from the end": lambda: value_and_gradient(lambda x: gx.sum(x[::-1][1:] * x[:-1]), vector()),
    "sums of rows": lambda: value_and_gradient(lambda u: gx.sum(gx.sum(u[1:] * u[:-1], axis=1) ** 2), grid()),
    "sums of columns": lambda: value_and_gradient(lambda u: gx.sum(gx.sum(u[1:] * u[:-1], axis=0) ** 2), grid()),
    "the place of the largest": lambda: ([gx.argmax(vector()[1:] - vector()[:-1])], [vector()]),
    "joined": lambda: ([gx.concatenate([vector(), vector() * 2, [1.0, 2.0]])], [vector()]),
    "padded rows": lambda: ([gx.cumsum(gx.pad(grid(), 1) + 1, axis=1)], [grid()]),
}  # fmt: skip


def kernel_of(case):
    outputs, inputs = case
    return make_kernel(simplify(outputs), inputs, Record())


def interiors(kernel):
    """Return the kernel's outermost loops but those over edges."""
    return [s for s in kernel.body if isinstance(s, Loop) and not s.index.endswith("_nth")]


def conditions_in(loop):
    """Return the comparisons inside a loop."""
    roots = [root for statement in walk_statements((loop,)) for root in statement_values(statement)]
    return [v for root in roots for v in values_in(root) if getattr(v, "op", "").startswith("less")]


def interior_workspaces(kernel):
    """Return the workspaces whose size is not known: those at the edges hold a few elements."""
    buffers = kernel.buffers.values()
    return [b.name for b in buffers if b.role == "workspace" and not all(isinstance(size, int) for size in b.shape)]


@pytest.mark.parametrize("name", ["rosenbrock", "hessian product", "second differences", "laplacian"])
def test_a_stencil_with_its_gradient_is_one_loop_without_conditions_or_arrays_between(name):
    kernel = kernel_of(CASES[name]())
    (loop,) = interiors(kernel)
    inner = [s for s in walk_statements((loop,)) if isinstance(s, Loop) and not s.index.endswith("_nth")]
    assert len(inner) == (2 if name == "laplacian" else 1)
    assert not conditions_in(inner[-1])
    assert interior_workspaces(kernel) == []


@pytest.mark.parametrize("name", ["heavy differences", "differences on a grid", "a heat step", "only the later ones"])
def test_no_interior_has_a_condition(name):
    for loop in interiors(kernel_of(CASES[name]())):
        innermost = [s for s in walk_statements((loop,)) if isinstance(s, Loop)][-1]
        assert not conditions_in(innermost)


def test_what_is_read_one_place_beside_where_it_is_stored_shares_the_loop():
    kernel = kernel_of(only_the_later_ones())
    assert len(interiors(kernel)) == 1
    assert interior_workspaces(kernel) == []


def test_short_static_loops_are_left_alone():
    x = gx.tensor("x", (8,))
    kernel = kernel_of(value_and_gradient(rosenbrock, x))
    assert not any(isinstance(s, Loop) and s.index.endswith("_nth") for s in walk_statements(kernel.body))


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("sizes", [(2, 2), (3, 5), (4, 3), (5, 4), (9, 11), (40, 23)])
def test_arrays_of_every_length_give_what_the_reference_does(name, sizes, monkeypatch):
    monkeypatch.setenv("GRAPHC_CHECK", "1")
    if sizes != (9, 11):
        monkeypatch.setenv("GRAPHC_JIT", "0")
    outputs, inputs = CASES[name]()
    values = arrays(inputs, sizes)
    got = gx.compile(outputs, inputs)(*values)
    for one, other in zip(got, gx.compile(outputs, inputs, backend="reference")(*values), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-13)


def arrays(inputs, sizes):
    """Return random arrays for inputs of named sizes."""
    generator, given = np.random.default_rng(0), dict(zip("nm", sizes, strict=True))
    return [generator.normal(size=[given[str(size)] for size in node.shape]) for node in inputs]


@pytest.mark.parametrize("name", ["rosenbrock", "hessian product"])
@pytest.mark.parametrize("length", [0, 1])
def test_arrays_too_short_for_a_difference_give_zeros(name, length):
    outputs, inputs = CASES[name]()
    *_, last = gx.compile(outputs, inputs)(*arrays(inputs, (length, 0)))
    np.testing.assert_array_equal(last, np.zeros(length))


def test_static_sizes_give_what_named_ones_do():
    x, values = gx.tensor("x", (100,)), np.random.default_rng(1).normal(size=100)
    static = gx.compile(value_and_gradient(rosenbrock, x)[0], [x])(values)
    named = gx.compile(value_and_gradient(rosenbrock, vector())[0], [vector()])(values)
    for one, other in zip(static, named, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_a_value_that_is_a_sum_in_an_index_is_read_and_written_as_such():
    i = Name("i0")
    assert as_sum((i - 1) * 2 + Extent(N), "i0") == (2, N - 2)
    assert as_sum(i * i, "i0") is None
    assert as_sum(Name("i1"), "i0") is None
    assert from_sum("i0", (1, -1)) == i - 1
    assert from_sum("i0", (1, 0)) == i


@pytest.mark.parametrize(
    ("condition", "bound"),
    [
        (Name("i0") < 3, Bound(3, below=True)),
        (Name("i0") - 1 <= Extent(N), Bound(N + 2, below=True)),
        (Name("i0") >= 2, Bound(2, below=False)),
        (Const(2, "int64") < Name("i0"), Bound(3, below=False)),
        (Name("i0") * 2 < 5, None),
        (Call("equal", (Name("i0"), Const(1, "int64")), "bool"), None),
    ],
)
def test_a_condition_on_an_index_is_a_bound(condition, bound):
    assert bound_of(condition, "i0") == bound


def test_the_least_a_size_can_be_leaves_out_maxima_with_zero():
    assert least(larger(N - 1, 0)) == N - 1
    assert least(larger(N - 1, 0) + 2) == N + 1
    assert least(5) == 5

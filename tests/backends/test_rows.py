"""Every row of the tables and every tensor function: the compiled kernel computes what the reference does.

Many outputs are compiled in one function, natively and as plain Python.
"""

import numpy as np
import pytest
import tensor_cases

import graphc as gx
from graphc.backends.reference import evaluate
from graphc.errors import GraphcError
from graphc.graph.table import FUNCTIONS, OPERATIONS, apply
from graphc.graph.types import is_float
from graphc.graph.walk import free_symbols
from graphc.ops.scalar_row import CastOperation, ScalarOperation

VALUES = {
    "float64": np.array([-2.5, -1.0, -0.75, -0.0, 0.0, 0.25, 0.5, 1.0, 1.5, 3.0, 50.0, np.inf, -np.inf, np.nan]),
    "int64": np.array([-7, -2, -1, 1, 2, 3, 6, 12, 5, 4, 1, 2, 3, 4]),
    "int8": np.array([-7, -2, -1, 1, 2, 3, 6, 12, 5, 4, 1, 2, 3, 4], np.int8),
    "uint8": np.array([7, 2, 1, 1, 2, 3, 6, 12, 5, 4, 1, 2, 3, 4], np.uint8),
    "bool": np.array([True, False] * 7),
}
VALUES["float32"] = VALUES["float64"].astype(np.float32)
ROWS = sorted(
    name
    for name, row in OPERATIONS.items()
    if isinstance(row, ScalarOperation) and name in FUNCTIONS and not isinstance(row, CastOperation)
)
ULPS = {"float64": 16, "float32": 16}


def applications(dtype, size):
    """Return each row applied to vectors of a dtype, where it takes them; the inputs, and values for them."""
    inputs = [gx.tensor(f"x{number}", ("n",), dtype) for number in range(3)]
    condition = gx.tensor("c", ("n",), "bool")
    made = {}
    for name in ROWS:
        arguments = [condition, *inputs[:2]] if name == "where" else inputs[: OPERATIONS[name].arity]
        if name == "power" and not is_float(dtype) and dtype != "bool":
            arguments[1] = apply("abs", arguments[1])
        try:
            made[name] = apply(name, *arguments)
        except GraphcError:
            continue
    values = [np.roll(VALUES[dtype], 3 * number)[:size] for number in range(3)]
    return made, [*inputs, condition], [*values, VALUES["bool"][:size]]


def assert_equal(got, wanted, node, name):
    """Check shape, dtype and values, floats within some units in the last place."""
    array = np.asarray(got)
    assert array.shape == wanted.shape, name
    assert array.dtype == wanted.dtype == node.dtype, name
    if is_float(node.dtype):
        relative = ULPS[node.dtype] * np.finfo(node.dtype).eps
        np.testing.assert_allclose(array, wanted, rtol=relative, atol=relative, err_msg=name)
    else:
        np.testing.assert_array_equal(array, wanted, err_msg=name)


PLAIN = [("0", dtype, size) for dtype in VALUES for size in (14, 1, 0)]
NATIVE = [("1", dtype, 14) for dtype in ("float64", "float32", "int64", "bool")]


@pytest.mark.parametrize(("jit", "dtype", "size"), [*PLAIN, *NATIVE])
def test_every_scalar_row_compiled_equals_the_reference(jit, dtype, size, monkeypatch):
    monkeypatch.setenv("GRAPHC_JIT", jit)
    made, inputs, values = applications(dtype, size)
    assert len(made) > 5
    nodes = list(made.values())
    with np.errstate(all="ignore"):
        expected = evaluate(nodes, dict(zip(inputs, values, strict=True)))
    results = gx.compile(nodes, inputs=inputs)(*values)
    for name, node, got, wanted in zip(made, nodes, results, expected, strict=True):
        here = values[0] > -np.inf if name == "gammaln" and size else slice(None)  # C says inf at -inf, SciPy -inf
        assert_equal(np.asarray(got)[here], wanted[here], node, name)


@pytest.mark.parametrize(("jit", "dtype"), [("0", "float64"), ("0", "float32"), ("1", "float64")])
def test_every_tensor_function_compiled_equals_the_reference(jit, dtype, monkeypatch):
    monkeypatch.setenv("GRAPHC_JIT", jit)
    generator = np.random.default_rng(0)
    names, nodes, inputs, values = [], [], [], []
    for number, case in enumerate(tensor_cases.CASES):
        own = [gx.tensor(f"x{number}_{place}", shape, dtype) for place, shape in enumerate(case.shapes)]
        inputs += own
        values += [np.asarray(generator.normal(size=node.shape)).astype(dtype) for node in own]
        result = case.function(*own)
        for part in result if isinstance(result, (list, tuple)) else [result]:
            names.append(case.name)
            nodes.append(part)
    expected = evaluate(nodes, dict(zip(inputs, values, strict=True)))
    for name, node, got, wanted in zip(names, nodes, results_of(nodes, inputs, values), expected, strict=True):
        assert_equal(got, wanted, node, name)


def results_of(nodes, inputs, values):
    """Return the values of nodes, thirty compiled in one function."""
    found = []
    for start in range(0, len(nodes), 30):
        part = nodes[start : start + 30]
        used = [(node, value) for node, value in zip(inputs, values, strict=True) if node in set(free_symbols(part))]
        found += gx.compile(part, inputs=[node for node, _ in used])(*(value for _, value in used))
    return found


NAMED = {
    "reshape": lambda x: gx.reshape(x, (-1,)),
    "transpose and reshape": lambda x: gx.reshape(x.T, (-1, 1)),
    "concatenate": lambda x: gx.concatenate([x, x * 2, x[:1]], axis=0),
    "slice": lambda x: x[1:, ::-1],
    "every other": lambda x: x[::2],
    "pad": lambda x: gx.pad(x, 2),
    "flip": lambda x: gx.flip(x, axis=0),
    "sum over rows": lambda x: gx.sum(x, axis=0),
    "mean": lambda x: gx.mean(x, axis=1, keepdims=True),
    "gram": lambda x: x.T @ x,
    "outer": lambda x: gx.outer(x[0], x[-1]),
    "cumsum": lambda x: gx.cumsum(x, axis=0),
    "softmax": lambda x: gx.softmax(x, axis=1),
    "var": lambda x: gx.var(x, axis=0),
    "size": lambda x: x / gx.size(x),
}


@pytest.mark.parametrize("jit", ["0", "1"])
def test_one_compilation_serves_every_size_of_named_dimensions(jit, monkeypatch):
    monkeypatch.setenv("GRAPHC_JIT", jit)
    x = gx.tensor("x", ("rows", "columns"))
    nodes = {name: build(x) for name, build in NAMED.items()}
    gradients = [gx.grad(gx.sum(gx.sin(node)), x) for node in nodes.values()]
    outputs = [*nodes.values(), *gradients]
    function = gx.compile(outputs, inputs=[x])
    for shape in [(5, 3), (2, 7), (1, 1), (64, 2), (129, 3)]:
        value = np.random.default_rng(0).normal(size=shape)
        expected = evaluate(outputs, {x: value})
        for name, node, got, wanted in zip([*nodes, *nodes], outputs, function(value), expected, strict=True):
            np.testing.assert_allclose(got, wanted, rtol=1e-10, atol=1e-10, err_msg=f"{name} at {shape}")
            assert np.asarray(got).dtype == node.dtype


@pytest.mark.parametrize(("name", "definition", "point", "expected"), [
    ("one_branch", "Piecewise((x**2, x > 0), (0, True))", 2.0, (4.0, {"x": 4.0})),
    ("two_branches", "Piecewise((x**3, x > 1), (x, x > 0), (0, True))", 0.5, (0.5, {"x": 1.0})),
    ("product_of_choices", "Max(x, 2)*Min(x, 4)", 3.0, (9.0, {"x": 6.0})),
])  # fmt: skip
def test_derived_code_with_choices_compiles(name, definition, point, expected):
    x = gx.symbol("x")
    assert gx.compile(gx.defop(f"choice_{name}", definition)(x)).value_and_grad(x=point) == expected

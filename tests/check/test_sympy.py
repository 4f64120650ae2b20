"""SymPy in both directions: what a graph means, and a graph of what SymPy means."""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import sympy

import graphc.ops  # noqa: F401 (fills the tables)
from graphc.autodiff.transforms import grad
from graphc.backends.reference import evaluate
from graphc.check.export_sympy import to_sympy
from graphc.check.heads import HEADS, definition_heads, supported_heads
from graphc.check.import_sympy import from_sympy
from graphc.errors import SymPyConversionError
from graphc.graph.leaf import symbol, symbols, tensor
from graphc.graph.node import Expr
from graphc.graph.table import FUNCTIONS, OPERATIONS, apply
from graphc.graph.walk import free_symbols, topological_order
from graphc.ops.scalar_row import REALS, ScalarOperation, elementwise

x, y, z = symbols("x y z")
X, Y = sympy.symbols("x y", real=True)
UNARY = [
    row
    for name, row in OPERATIONS.items()
    if isinstance(row, ScalarOperation) and row.arity == 1 and name in FUNCTIONS and row.rule in ("float", "number")
]


def value_of(node: Expr, **values: Any) -> Any:
    """Return the value of a node with values for symbols by name."""
    named = {name: values[name.attribute("name")] for name in free_symbols([node])}
    return evaluate([node], named)[0]


@contextmanager
def recursion_limit(limit: int) -> Iterator[None]:
    previous = sys.getrecursionlimit()
    sys.setrecursionlimit(limit)
    try:
        yield
    finally:
        sys.setrecursionlimit(previous)


def in_shallow_thread(function: Callable[[], Any]) -> Any:
    """Return what a function returns when it runs with a stack of 200 frames."""
    results: list[Any] = []

    def run() -> None:
        with recursion_limit(200):
            try:
                results.append(function())
            except BaseException as error:
                results.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if isinstance(results[0], BaseException):
        raise results[0]
    return results[0]


def test_scalars_become_expressions_in_real_symbols() -> None:
    term = to_sympy(x * (y**2 + z))
    assert term == sympy.sympify("x*(y**2 + z)", locals={n: sympy.Symbol(n, real=True) for n in "xyz"})
    assert all(name.is_real for name in term.free_symbols)


def test_dtypes_become_assumptions() -> None:
    assert to_sympy(symbol("n", (), "int64")).is_integer
    condition = to_sympy(apply("logical_not", symbol("c", (), "bool")))
    assert condition == sympy.Not(sympy.Symbol("c"))


@pytest.mark.parametrize("row", UNARY, ids=lambda row: row.name)
def test_every_unary_row_survives_the_round_trip(row: ScalarOperation) -> None:
    back = from_sympy(to_sympy(elementwise(row, x)))
    low, high = row.domain[0]
    for point in (0.3, 0.7, 1.4, -0.6):
        if low < point < high:
            expected = value_of(elementwise(row, x), x=point)
            assert value_of(back, x=point) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize(
    "expression",
    [
        x * y + z, x / y - z, -x * y, x**3 / (1 + y**-2), (x + y) ** z, apply("maximum", x, y) * apply("minimum", y, z),
        apply("where", x < y, x * z, apply("sin", y)), apply("where", (x < y) & (y > z) | ~(x >= z), 1.0, x),
        apply("hypot", x, y), apply("atan2", x, y), apply("mod", x, y), apply("clip", x, 0.25, 0.5),
        apply("logaddexp", x, y), apply("sign", x) * abs(y), apply("where", apply("equal", x, y), 0.0, x - y),
    ],
    ids=repr,
)  # fmt: skip
def test_expressions_survive_the_round_trip(expression: Expr) -> None:
    back = from_sympy(to_sympy(expression))
    for point in ((0.3, 0.7, 1.4), (1.3, 0.4, 0.9), (0.2, 0.6, 0.1)):
        values = dict(zip("xyz", point, strict=True))
        assert value_of(back, **values) == pytest.approx(value_of(expression, **values), rel=1e-13)


def test_short_fractions_are_exact_and_other_floats_stay_floats() -> None:
    assert to_sympy(x * 0.5) == X / 2
    assert to_sympy(x + 0.1).has(sympy.Float)
    assert from_sympy(to_sympy(x + 0.1)) is x + 0.1 or from_sympy(to_sympy(x + 0.1)) is 0.1 + x


def test_matrices_become_matrices_of_element_symbols() -> None:
    a, b = tensor("a", (2, 3)), tensor("b", (3,))
    product = to_sympy(a @ b)
    assert product.shape == (2,)
    assert str(product[1]) == "a[1,0]*b[0] + a[1,1]*b[1] + a[1,2]*b[2]"
    assert isinstance(to_sympy(a), sympy.ImmutableMatrix)
    assert to_sympy(tensor("e", (0, 2))).shape == (0, 2)


def test_tensors_survive_the_round_trip() -> None:
    a, b = tensor("a", (2, 3)), tensor("b", (3,))
    expression = apply("tanh", a @ b)
    back = from_sympy(to_sympy(expression), symbols={"a": a, "b": b})
    values = {"a": np.arange(6.0).reshape(2, 3) / 7, "b": np.array([0.5, -1.0, 0.25])}
    np.testing.assert_allclose(value_of(back, **values), value_of(expression, **values), rtol=1e-14)


def test_reductions_are_written_out() -> None:
    b = tensor("b", (3,))
    assert str(to_sympy(b.sum())) == "b[0] + b[1] + b[2]"
    assert to_sympy(apply("max", b)) == sympy.Max(*to_sympy(b))


def test_open_dimensions_are_refused_by_name() -> None:
    with pytest.raises(SymPyConversionError, match=r"'data' of shape \(batch,\).*open dimension"):
        to_sympy(tensor("data", ("batch",)).sum())


def test_cse_keeps_the_sharing_of_the_graph() -> None:
    node = x
    for _ in range(40):
        node = apply("sin", node) * node
    replacements, (reduced,) = to_sympy(node, cse=True)
    assert len(replacements) < 45
    (back,) = from_sympy((replacements, [reduced]))
    assert len(topological_order([back])) <= len(topological_order([node]))
    assert value_of(back, x=0.7) == pytest.approx(value_of(node, x=0.7))


def test_cse_names_avoid_those_in_use() -> None:
    t0 = symbol("t0")
    shared = apply("exp", t0)
    replacements, _ = to_sympy(shared * apply("sin", shared), cse=True)
    assert [str(name) for name, _ in replacements] == ["t1"]


def test_pairs_of_sympy_cse_are_read() -> None:
    term = sympy.sin(X * Y) + sympy.cos(X * Y) ** 2
    (node,) = from_sympy(sympy.cse(term))
    expected = float(term.subs({X: 0.3, Y: 2.0}))
    assert value_of(node, x=0.3, y=2.0) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "point"),
    [
        ("sqrt(x) + x**Rational(3, 2) + 1/sqrt(y)", (0.4, 0.9)), ("cbrt(Abs(x))", (-0.4, 0.9)),
        ("x**(-2) * y / x", (0.4, 0.9)), ("Max(x, y, 1) + Min(x, 2, y)", (0.4, 1.9)),
        ("Heaviside(x) + Heaviside(-y)", (0.4, 1.9)),
        ("Heaviside(x - x*y)", (1.0, 1.0)), ("sign(x)*Abs(y)", (-0.4, -1.9)),
        ("re(x) + im(y) + conjugate(y)", (-0.4, -1.9)),
        ("floor(x) + ceiling(y) + Mod(x, y) + frac(x)", (2.4, 0.7)), ("pi*x + E**y + EulerGamma", (2.4, 0.7)),
        ("loggamma(x) + digamma(y) + polygamma(1, x) + gamma(x)", (2.4, 0.7)), ("gamma(x) + factorial(y)", (-1.5, 3.2)),
        ("erf(x) + erfc(y)", (0.4, 0.7)), ("sec(x) + csc(y) + cot(x) + sech(y) + csch(x) + coth(y)", (0.4, 0.7)),
        ("acot(x) + asec(1/y) + acsch(x) + asech(y)", (0.4, 0.7)), ("sinc(x)", (0.0, 0.0)), ("sinc(x)", (0.3, 0.0)),
        ("Piecewise((x, x < y), (y, (x > 2*y) & (y > 0)), (x*y, True))", (0.4, 0.7)),
        ("Piecewise((x, x < y), (y, (x > 2*y) & (y > 0)), (x*y, True))", (1.6, 0.7)),
        ("Piecewise((x, Or(x < 0, Not(y < 0))), (7, True))", (0.4, 0.7)), ("ITE(x < y, x > 0, y > 0)", (0.4, 0.7)),
        ("atan2(x, y)*exp(x)*log(y)", (0.4, 0.7)), ("Rational(1, 3)*x + 10**400*0 + y", (0.4, 0.7)),
    ],
)  # fmt: skip
def test_sympy_functions_are_read(text: str, point: tuple[float, float]) -> None:
    term = sympy.sympify(text, locals={"x": X, "y": Y})
    expected = complex(sympy.N(term.subs({X: point[0], Y: point[1]}), 30)) if not term.is_Boolean else None
    got = value_of(from_sympy(term), x=point[0], y=point[1])
    if expected is None:
        assert bool(got) == bool(term.subs({X: point[0], Y: point[1]}))
    else:
        assert got == pytest.approx(expected.real, rel=1e-13)


def test_a_cube_root_of_a_negative_number_is_no_real_number() -> None:
    assert np.isnan(value_of(from_sympy(sympy.cbrt(X)), x=-8.0))


def test_piecewise_without_default_is_nan_elsewhere() -> None:
    assert np.isnan(value_of(from_sympy(sympy.Piecewise((X, X > 0))), x=-1.0))


def test_explicit_matrices_and_arrays_keep_their_shape() -> None:
    matrix = from_sympy(sympy.Matrix([[X, Y, 1], [0, X * Y, 2]]))
    assert matrix.shape == (2, 3)
    np.testing.assert_allclose(value_of(matrix, x=3.0, y=5.0), [[3, 5, 1], [0, 15, 2]])
    assert from_sympy(sympy.Array([[[X]], [[Y]]])).shape == (2, 1, 1)
    assert from_sympy(sympy.zeros(0, 3)).shape == (0, 3)


def test_matrix_expressions_become_tensors() -> None:
    left, right = sympy.MatrixSymbol("left", 2, 3), sympy.MatrixSymbol("right", 3, 2)
    node = from_sympy(sympy.Trace(2 * left * right + (right.T * left.T)))
    values = {"left": np.arange(6.0).reshape(2, 3), "right": np.arange(6.0).reshape(3, 2) + 1}
    expected = np.trace(2 * values["left"] @ values["right"] + values["right"].T @ values["left"].T)
    assert value_of(node, **values) == pytest.approx(expected)


# ---- derivatives that SymPy leaves behind: sympy#26663, sympy#24056, sympy#17810


def test_the_derivative_of_abs_of_a_complex_symbol_is_read_as_real() -> None:
    complex_symbol = sympy.Symbol("x")
    derivative = sympy.Abs(complex_symbol).diff(complex_symbol)
    assert derivative.has(sympy.Derivative)
    node = from_sympy(derivative)
    assert value_of(node, x=-3.0) == -1.0
    assert value_of(node, x=2.0) == 1.0


def test_the_delta_function_becomes_zero_with_one_warning() -> None:
    second = sympy.Abs(X).diff(X, 2) + sympy.DiracDelta(Y)
    with pytest.warns(UserWarning, match="DiracDelta becomes 0") as caught:
        node = from_sympy(second)
    assert len(caught) == 1
    assert value_of(node, x=1.0, y=0.0) == 0.0


def test_unevaluated_derivatives_are_taken_on_the_graph() -> None:
    held = sympy.Derivative(sympy.sign(X) * X**3, (X, 2))
    assert value_of(from_sympy(held), x=-2.0) == pytest.approx(12.0)
    assert value_of(from_sympy(sympy.Derivative(sympy.floor(X), X)), x=0.5) == 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert value_of(from_sympy(sympy.Derivative(sympy.Heaviside(X), X)), x=0.5) == 0.0


def test_substitutions_left_unevaluated_are_done_on_the_graph() -> None:
    held = sympy.Subs(sympy.Derivative(sympy.sin(X) * Y, X), X, Y**2)
    assert value_of(from_sympy(held), x=9.0, y=1.5) == pytest.approx(1.5 * np.cos(2.25))


# ---- errors


def test_an_unknown_head_gives_the_path_and_what_is_supported() -> None:
    with pytest.raises(SymPyConversionError) as caught:
        from_sympy(1 + sympy.sin(X * sympy.besselj(0, Y)))
    message = str(caught.value)
    assert "besselj (at Add[1] > sin[0] > Mul[1] > besselj)" in message
    assert all(head in message for head in ("atan2", "Piecewise", "loggamma", "Derivative"))


@pytest.mark.parametrize(
    ("term", "message"),
    [
        (sympy.I * X, "ImaginaryUnit"), (sympy.Function("f")(X), "no operation for SymPy's f"),
        (sympy.Symbol(r"\alpha"), "no identifier"),
        (sympy.Symbol("w[0,1]"), "element of 'w', whose shape is not known"),
        (sympy.Integer(10) ** 400 * X, "too large"), (sympy.zoo, "ComplexInfinity"), (sympy.polygamma(Y, X), "order y"),
        (sympy.Derivative(sympy.sin(X), (X, Y)), "no meaning on a graph"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_says_why(term: Any, message: str) -> None:
    with pytest.raises(SymPyConversionError, match="from_sympy: ") as caught:
        from_sympy(term)
    assert message in str(caught.value)


def test_symbols_may_be_given() -> None:
    single = symbol("alpha", (), "float32")
    assert from_sympy(sympy.Symbol(r"\alpha") * 2, symbols={r"\alpha": single}).dtype == "float64"
    assert free_symbols([from_sympy(sympy.Symbol(r"\alpha"), symbols={r"\alpha": single})]) == [single]


# ---- size


def test_a_hundred_thousand_operations_are_read_on_a_shallow_stack() -> None:
    with sympy.evaluate(False):
        term = X
        for number in range(50_000):
            term = sympy.Add(sympy.Mul(term, Y, evaluate=False), number % 7, evaluate=False)
    node = in_shallow_thread(lambda: from_sympy(term))
    assert len(topological_order([node])) > 100_000
    with np.errstate(all="ignore"):
        assert np.isfinite(value_of(node, x=1.0, y=0.5))


def test_shared_subexpressions_are_visited_once() -> None:
    term = X
    for _ in range(60):
        term = sympy.Mul(sympy.sin(term, evaluate=False), term, evaluate=False)
    node = from_sympy(term)
    assert len(topological_order([node])) <= 125
    assert np.isfinite(value_of(grad(node, wrt=x), x=0.7))


# ---- the table of heads


def test_the_table_reads_definitions_backwards() -> None:
    found = definition_heads()
    assert found[sympy.atan2] == ("atan2", (0, 1))
    assert found[sympy.loggamma] == ("gammaln", (0,))
    assert len({name for name, _ in found.values()}) == len(found)
    assert set(found) <= set(HEADS)
    assert "sin" in supported_heads()


def test_domains_of_the_round_trip_rows_cover_a_test_point() -> None:
    assert any(row.domain[0] == REALS for row in UNARY)
    assert all(any(low < point < high for point in (0.3, 0.7, 1.4, -0.6)) for row in UNARY for low, high in row.domain)


@pytest.mark.parametrize("value", ["x + 1", None, object])
def test_what_is_not_sympys_is_refused_by_name(value: Any) -> None:
    with pytest.raises(SymPyConversionError, match="a SymPy expression expected, got") as error:
        from_sympy(value)
    assert "test_sympy.py" in str(error.value.origin)

"""The functions of scalar rows: dtypes, promotion, powers, casts, aliases, errors."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from graphc.autodiff.reverse import adjoints
from graphc.backends.reference import evaluate
from graphc.check.rows import sample_points
from graphc.errors import ArgumentError, DTypeError
from graphc.graph.leaf import constant, symbol
from graphc.graph.node import Expr
from graphc.graph.table import FUNCTIONS, OPERATIONS, apply
from graphc.ops.scalar_row import ScalarOperation, elementwise
from tests.ops.row_code import NUMERIC, name_of

X = np.array([-2.5, -1.0, 0.0, 0.5, 1.5, 3.0])


def value(node: Expr, **arrays) -> np.ndarray:
    return evaluate([node], {symbol(name, a.shape, a.dtype): a for name, a in arrays.items()})[0]


def of(array: np.ndarray, name: str = "x") -> Expr:
    return symbol(name, array.shape, array.dtype)


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, 4, 5, 8, 31, -1, -2, -3, 40, 2.0, 3.0])
def test_integer_powers_are_numpys(exponent: float) -> None:
    with np.errstate(divide="ignore"):
        expected = np.power(X, float(exponent))
    np.testing.assert_allclose(value(of(X) ** exponent, x=X), expected, rtol=1e-14)


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, 7])
def test_integer_powers_of_integers_stay_integers(exponent: int) -> None:
    array = np.array([-3, 0, 2], "int64")
    result = value(of(array) ** exponent, x=array)
    assert result.dtype == np.int64
    np.testing.assert_array_equal(result, array**exponent)


@pytest.mark.parametrize(
    ("base", "exponent", "dtype"),
    [
        ("float32", 3, "float32"),
        ("float32", 0.5, "float32"),
        ("float32", np.float64(3), "float64"),
        ("int64", 2.0, "float64"),
        ("int32", 3, "int32"),
        ("float64", np.int32(3), "float64"),
    ],
)
def test_powers_promote_as_numpy_does(base: str, exponent: float, dtype: str) -> None:
    assert (symbol("x", (), base) ** exponent).dtype == dtype
    assert np.result_type(np.zeros(1, base), exponent) == dtype


def test_an_integer_to_a_negative_power_is_refused_as_in_numpy() -> None:
    with pytest.raises(DTypeError, match="negative integer powers"):
        symbol("n", (), "int64") ** -1


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, 5, -1, -2])
def test_the_derivative_of_an_integer_power(exponent: int) -> None:
    array = np.array([-2.0, 0.5, 3.0])
    x = of(array)
    node = x**exponent
    result = adjoints({node: constant(np.ones(3))}, [x]).get(x)
    found = np.zeros(3) if result is None else value(result, x=array)
    np.testing.assert_allclose(found, exponent * array ** float(exponent - 1), rtol=1e-15)


def test_a_member_of_a_family_survives_pickling_and_is_one_object() -> None:
    node = symbol("x") ** 11
    assert node.op.name == "power[11]"
    assert pickle.loads(pickle.dumps(node)) is node
    assert OPERATIONS["power[13]"] is (symbol("x") ** 13).op
    with pytest.raises(KeyError):
        OPERATIONS["nothing[3]"]


@pytest.mark.parametrize("order", [-1, 1.5, True, "1"])
def test_polygamma_needs_a_constant_order(order: object) -> None:
    with pytest.raises(ArgumentError, match="order"):
        apply("polygamma", order, symbol("x"))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"min": -1, "max": 1}, np.clip(X, -1, 1)),
        ({"min": 0}, np.clip(X, 0, None)),
        ({"max": 0}, np.clip(X, None, 0)),
        ({}, X),
    ],
)
def test_clip_with_open_sides(arguments: dict, expected: np.ndarray) -> None:
    np.testing.assert_array_equal(value(apply("clip", of(X), **arguments), x=X), expected)
    integers = X.astype("int64")
    clipped = value(apply("clip", of(integers), **arguments), x=integers)
    assert clipped.dtype == np.int64
    np.testing.assert_array_equal(clipped, expected.astype("int64"))


@pytest.mark.parametrize("decimals", [0, 1, 2, -1])
def test_round_is_numpys(decimals: int) -> None:
    array = np.array([0.5, 1.5, 2.5, -0.25, 12.345, 15.0, 25.0])
    np.testing.assert_array_equal(value(apply("round", of(array), decimals), x=array), np.round(array, decimals))


@pytest.mark.parametrize("name", ["abs", "sign", "floor", "ceil", "trunc", "rint", "square", "negative"])
def test_functions_of_integers_stay_integers(name: str) -> None:
    array = np.array([-3, 0, 2], "int32")
    result = value(apply(name, of(array)), x=array)
    assert result.dtype == np.int32
    np.testing.assert_array_equal(result, getattr(np, name)(array))


@pytest.mark.parametrize("name", ["divide", "floor_divide", "mod"])
def test_division_of_integers_is_numpys(name: str) -> None:
    left, right = np.array([7, -7, 7, -7]), np.array([2, 2, -2, -2])
    found = value(apply(name, of(left), of(right, "y")), x=left, y=right)
    expected = getattr(np, name)(left, right)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("row", [row for row in NUMERIC if row.rule in ("float", "number")], ids=name_of)
def test_float32_stays_float32(row: ScalarOperation) -> None:
    arguments = [symbol(letter, ("n",), "float32") for letter in "xyz"[: row.arity]]
    node = elementwise(row, *arguments)
    seed = symbol("seed", ("n",), "float32")
    gradients = adjoints({node: seed}, arguments)
    assert node.dtype == "float32"
    assert {(each.dtype, each.shape) for each in gradients.values()} == {("float32", node.shape)}


@pytest.mark.parametrize("row", [row for row in NUMERIC if row.kinks is not None], ids=name_of)
def test_kinks_vanish_somewhere_and_not_at_sampled_points(row: ScalarOperation) -> None:
    arguments = [symbol(letter) for letter in "xyz"[: row.arity]]
    assert row.kinks is not None
    kinks = [each for each in row.kinks(*arguments) if isinstance(each, Expr)]
    at_kink = dict.fromkeys(arguments, 1.0 if row.arity > 1 else 0.0)
    if row.name in ("rint", "copysign", "hypot"):
        at_kink = dict.fromkeys(arguments, 0.5 if row.name == "rint" else 0.0)
    assert min(abs(float(each)) for each in evaluate(kinks, at_kink)) == 0.0
    for point in sample_points(row, 10):
        assert all(float(each) != 0 for each in evaluate(kinks, dict(zip(arguments, point, strict=True))))


def test_casts_pass_the_derivative_on_between_floats_only() -> None:
    x = symbol("x", (), "float32")
    wide = x.astype("float64")
    assert adjoints({wide: constant(1.0)}, [x])[x].dtype == "float32"
    assert adjoints({x.astype("int64").astype("float64"): constant(1.0)}, [x]).get(x) is None
    assert x.astype("float32") is x
    assert constant(2).astype("float32") is constant(np.float32(2))
    assert constant(2.9).astype("int64") is constant(2)


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("arcsin", "asin"), ("arccos", "acos"), ("arctan", "atan"), ("arctan2", "atan2"), ("arcsinh", "asinh"),
        ("arccosh", "acosh"), ("arctanh", "atanh"), ("sigmoid", "expit"), ("absolute", "abs"), ("eq", "equal"),
        ("ne", "not_equal"), ("pow", "power"), ("true_divide", "divide"), ("remainder", "mod"), ("psi", "digamma"),
        ("radians", "deg2rad"), ("degrees", "rad2deg"), ("bitwise_and", "logical_and"), ("invert", "logical_not"),
    ],
)  # fmt: skip
def test_aliases(alias: str, name: str) -> None:
    assert FUNCTIONS[alias] is FUNCTIONS[name]


def test_angles_convert_as_in_numpy() -> None:
    np.testing.assert_allclose(value(np.deg2rad(of(X)), x=X), np.deg2rad(X), rtol=4e-16)
    np.testing.assert_allclose(value(np.rad2deg(of(X)), x=X), np.rad2deg(X), rtol=4e-16)


def test_numbers_where_truth_values_belong_are_refused() -> None:
    x = symbol("x")
    with pytest.raises(DTypeError, match="boolean condition"):
        apply("where", x, 1.0, 0.0)
    with pytest.raises(DTypeError, match="logical_and"):
        apply("logical_and", x > 0, x)
    with pytest.raises(DTypeError, match="got bool"):
        (x > 0) + (x < 1)


def test_the_number_of_arguments_is_checked() -> None:
    with pytest.raises(TypeError, match="takes 1 argument"):
        apply("sin", symbol("x"), symbol("y"))

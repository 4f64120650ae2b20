"""`check_grad` compares every method, finds what is wrong, and knows a kink from a mistake."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import graphc.ops  # noqa: F401 (fills the tables)
from graphc.autodiff.transforms import grad
from graphc.check.derivatives import assert_grads_match, check_function, check_grad
from graphc.check.differences import one_sided, richardson
from graphc.check.report import Report
from graphc.check.rows import prove_row
from graphc.compiler.function import Function, compile
from graphc.errors import ArgumentError, CheckFailed, GraphcError
from graphc.graph.leaf import parameter, symbol, symbols, tensor
from graphc.graph.node import Expr, build
from graphc.graph.table import FUNCTIONS, OPERATIONS, apply
from graphc.ops.branches import cond
from graphc.ops.control import fori_loop, scan, while_loop
from graphc.ops.reduction_row import reduction
from graphc.ops.scalar_row import Function as Builder
from graphc.ops.scalar_row import row as make_scalar_row

x, y, z = symbols("x y z")
METHODS = ("rules", "forward", "sympy", "complex", "differences")


@pytest.fixture
def make_row() -> Iterator[Callable[..., Builder]]:
    """Return a function that enters a scalar row, which leaves the tables after the test."""
    names: list[str] = []

    def make(name: str, *columns: Any, **options: Any) -> Builder:
        names.append(name)
        return make_scalar_row(name, *columns, **options)

    yield make
    for name in names:
        del OPERATIONS[name], FUNCTIONS[name]


@pytest.fixture
def wrong_sine(make_row: Callable[..., Builder]) -> Builder:
    return make_row(
        "wrong_sine", "sin(x)", "math.sin({x})", "np.sin({x})", partial=[lambda x, r: 1.001 * apply("cos", x)]
    )


def compared(report: Report) -> dict[str, int]:
    return {method.name: method.compared for method in report.methods}


def note(report: Report, name: str) -> str:
    return next(method.note for method in report.methods if method.name == name)


def test_every_method_takes_part_where_all_apply() -> None:
    report = check_grad(x * (y**2 + apply("sin", z)))
    assert report.ok
    assert compared(report) == {"rules": 4, "forward": 12, "sympy": 12, "complex": 12, "differences": 12}
    assert note(report, "rules") == "proved by SymPy"
    assert report.kinks == ()
    assert report.guilty is None


def test_the_methods_agree_to_the_precision_each_has() -> None:
    report = check_grad(apply("exp", apply("tanh", x * y)) / (1 + x * x))
    worst = {method.name: method.relative for method in report.methods}
    assert max(worst["forward"], worst["sympy"], worst["complex"]) < 1e-13
    assert worst["differences"] < 1e-9
    assert report.worst is not None
    assert report.worst.method == "differences"
    assert set(report.worst.values) == {"reverse", *METHODS[1:]}


def test_the_same_seed_gives_the_same_report() -> None:
    expression = apply("log", x) * y
    assert str(check_grad(expression, seed=4)) == str(check_grad(expression, seed=4))
    assert str(check_grad(expression, seed=4)) != str(check_grad(expression, seed=5))


def test_the_report_reads_as_a_table() -> None:
    text = str(check_grad(abs(x) * y, at={"x": 0.0, "y": 2.0}))
    lines = text.splitlines()
    assert lines[0] == "gradients agree at 1 point: |a-b| <= 1e-09 + 1e-06*max(|a|,|b|)"
    assert lines[1].split() == ["method", "compared", "absolute", "relative"]
    assert [line.split()[0] for line in lines[2:7]] == list(METHODS)
    assert "abs is not analytic" in text
    assert "kink: abs at tests/check/test_derivatives.py" in text


# ---- graphs of every kind


def test_vectors_matrices_and_named_dimensions() -> None:
    data, weight, bias = tensor("data", ("batch", 3)), tensor("weight", (3, 2)), tensor("bias", (2,))
    hidden = apply("tanh", data @ weight + bias)
    report = assert_grads_match(apply("logsumexp", hidden, axis=1).mean(), wrt=[weight, bias, data])
    assert report.ok
    assert compared(report)["complex"] == compared(report)["sympy"] == 3 * (6 + 2 + 6 + 1)


def test_an_expression_with_dimensions_is_weighted_and_summed() -> None:
    vector = tensor("vector", (4,))
    assert assert_grads_match(apply("cumsum", vector * vector)).ok
    assert assert_grads_match([apply("exp", vector), vector.sum()]).ok


def test_large_inputs_are_sampled_and_covered_by_a_direction() -> None:
    weight = tensor("weight", (40, 30))
    report = assert_grads_match(apply("maximum", weight, 0.5).sum(), points=1)
    assert compared(report)["forward"] == 13
    assert "1200 elements" in note(report, "sympy")


def test_loops_and_choices_are_written_out_for_sympy_where_that_is_small() -> None:
    grown = lambda steps: fori_loop(0, steps, lambda _, y: y * y - x, x)
    assert compared(assert_grads_match(grown(2), at={"x": 0.5}))["sympy"] == 1
    # Each step uses the last one's result twice: 50 steps are 2**50 operations.
    assert "operations as a tree" in note(assert_grads_match(grown(50), at={"x": 0.5}), "sympy")
    nested = fori_loop(0, 5, lambda _, y: fori_loop(0, 10, lambda _, z: z * z - z, y), x)
    assert "operations as a tree" in note(assert_grads_match(nested, at={"x": 0.5}), "sympy")
    chosen = cond(x > 0, lambda a: grown(50) * a, lambda a: a, x)
    assert "operations as a tree" in note(assert_grads_match(chosen, at={"x": 0.5}), "sympy")


def test_loops_with_conditions_are_checked_inside_other_loops_too() -> None:
    root = lambda a: while_loop(lambda y: abs(y * y - a) > 1e-13 * a, lambda y: 0.5 * (y + a / y), a + 1.0)
    assert compared(assert_grads_match(root(x), at={"x": 2.0}))["differences"] == 1
    data = tensor("data", ("count",))
    roots = scan(lambda total, a: (total * root(a), None), 1.0, data)[0]
    gradient = grad(roots, data)
    assert assert_grads_match([roots, gradient], at={"data": np.array([2.0, 3.0, 5.0])}).ok


def test_float32_graphs_are_checked_in_float64() -> None:
    single = tensor("single", (3,), "float32")
    report = assert_grads_match(apply("exp", single).sum() * np.float32(0.1))
    worst = {method.name: method.relative for method in report.methods}
    assert worst["sympy"] < 1e-13
    assert worst["differences"] < 1e-9


def test_the_parameters_are_checked_unless_told() -> None:
    weight = parameter("weight", (2,))
    names = {c.name for c in [assert_grads_match((weight * x).sum()).worst] if c is not None}
    assert names <= {"weight", ""}
    assert compared(check_grad((weight * x).sum(), points=1))["forward"] == 3


def test_domains_are_found_by_sampling() -> None:
    nested = apply("log", apply("asin", x) - 0.1) + apply("acosh", y) * apply("sqrt", z)
    assert assert_grads_match(nested).points == 3


def test_integer_and_bool_inputs_stay_what_they_are() -> None:
    count, flag = symbol("count", (), "int64"), symbol("flag", (), "bool")
    assert assert_grads_match(apply("where", flag, x * count, x**2), wrt=x).ok


def test_empty_and_single_element_inputs() -> None:
    assert assert_grads_match(apply("exp", tensor("empty", (0, 3))).sum()).ok
    assert assert_grads_match(apply("exp", tensor("single", (1, 1))).sum()).ok


def test_a_detached_part_is_held_fixed_by_differences() -> None:
    held = apply("stop_gradient", x * x)
    report = assert_grads_match(x * held, at={"x": 3.0})
    assert report.worst is not None
    assert report.worst.values["reverse"] == pytest.approx(9.0)
    assert report.worst.values["differences"] == pytest.approx(9.0)
    assert report.worst.values["sympy"] == pytest.approx(9.0)


def test_gradients_of_gradients_are_checked_like_anything_else() -> None:
    assert assert_grads_match(grad(apply("sin", x * x) * y, wrt=x)).ok


# ---- what is wrong is found


def test_a_wrong_rule_fails_and_names_the_node(wrong_sine: Builder) -> None:
    report = check_grad(apply("exp", wrong_sine(x * y)) + apply("cos", x))
    assert not report.ok
    assert report.guilty is not None
    assert report.guilty.operation == "wrong_sine"
    assert "tests/check/test_derivatives.py" in report.guilty.origin
    assert "its forward rule by argument 0 gives" in report.guilty.detail
    assert report.worst is not None
    assert report.worst.relative > 1e-4
    assert "GRADIENTS DIFFER" in str(report)
    assert "guilty: wrong_sine at" in str(report)


def test_a_wrong_rule_fails_the_assertion_with_the_report(wrong_sine: Builder) -> None:
    with pytest.raises(CheckFailed, match=r"GRADIENTS DIFFER[\s\S]*guilty: wrong_sine"):
        assert_grads_match(wrong_sine(x))
    assert issubclass(CheckFailed, AssertionError)


def test_the_first_wrong_node_is_the_guilty_one(wrong_sine: Builder, make_row: Callable[..., Builder]) -> None:
    wrong_square = make_row("wrong_square", "x**2", "{x} * {x}", "np.square({x})", partial=[lambda x, r: 3 * x])
    report = check_grad(wrong_square(wrong_sine(x)))
    assert report.guilty is not None
    assert report.guilty.operation == "wrong_sine"


def test_a_rule_wrong_only_against_its_definition_fails(make_row: Callable[..., Builder]) -> None:
    """Definition and code disagree: differences of the code agree with the partial, the proof does not."""
    wrong = make_row("wrong_text", "sin(2*x)", "math.sin({x})", "np.sin({x})", partial=[lambda x, r: apply("cos", x)])
    report = check_grad(wrong(x))
    assert not report.ok
    assert report.guilty is not None
    assert report.guilty.operation == "wrong_text"
    assert "the definition" in report.guilty.detail


def test_a_wrong_reduction_is_found() -> None:
    reduction(
        name="wrong_sum", definition="Add(*xs)", fold="add", identity=lambda dtype: 0,
        reference=lambda array, axes: np.sum(array, axis=axes),
        weight=lambda node, argument, result: 1.01 + 0 * argument,
    )  # fmt: skip
    try:
        from_row = OPERATIONS["wrong_sum"]
        vector = tensor("vector", (3,))
        node = apply("square", vector)
        total = build(from_row, node, axes=(0,))
        report = check_grad(total)
        assert not report.ok
        assert report.guilty is not None
        assert report.guilty.operation == "wrong_sum"
    finally:
        del OPERATIONS["wrong_sum"]


@pytest.mark.parametrize(
    "name", ["sin", "exp2", "erf", "divide", "maximum", "clip", "power", "copysign", "gammaln", "floor", "mod", "rint"]
)
def test_rows_are_proved_by_sympy_also_across_kinks(name: str) -> None:
    assert {proof.method for proof in prove_row(OPERATIONS[name])} == {"symbolic"}  # type: ignore[arg-type]


def test_a_row_without_proof_says_where(wrong_sine: Builder) -> None:
    with pytest.raises(CheckFailed, match=r"row 'wrong_sine': the partial by x is .* at x = .*, the definition 'sin"):
        prove_row(OPERATIONS["wrong_sine"])  # type: ignore[arg-type]


# ---- kinks are no failures


@pytest.mark.parametrize(
    ("expression", "at", "said"),
    [
        (abs(x), {"x": 0.0}, "abs'(0) = 0"),
        (apply("maximum", x, y) * 2, {"x": 1.0, "y": 1.0}, "ties split evenly"),
        (apply("sign", x), {"x": 0.0}, "sign' = 0"),
        (apply("where", x > 0, x, 0.0), {"x": 0.0}, "greater"),
        (apply("floor", x), {"x": 2.0}, "floor"),
        (apply("clip", x, 0.0, 1.0), {"x": 1.0}, "at a bound the derivative is 0"),
    ],
    ids=repr,
)
def test_kinks_are_reported_with_their_convention(expression: Expr, at: dict[str, float], said: str) -> None:
    report = check_grad(expression, at=at)
    assert report.ok, str(report)
    assert any(said in line for line in report.kinks), report.kinks


def test_norm_at_zero_says_which_subgradient_is_chosen() -> None:
    vector = tensor("vector", (3,))
    report = check_grad(
        apply("norm", vector) if "norm" in FUNCTIONS else apply("linalg.norm", vector), at={"vector": np.zeros(3)}
    )
    assert report.ok
    assert any("subgradient chosen: 0" in line for line in report.kinks)


def test_a_wrong_value_at_a_kink_still_fails(make_row: Callable[..., Builder]) -> None:
    wrong = make_row(
        "wrong_abs", "Abs(x)", "abs({x})", "np.abs({x})",
        partial=[lambda x, r: apply("where", apply("equal", x, 0), 7.0, apply("sign", x))], kinks=lambda x: [x],
    )  # fmt: skip
    assert check_grad(wrong(x), at={"x": 1.0}).ok
    assert not check_grad(wrong(x), at={"x": 0.0}).ok


def test_a_kink_elsewhere_does_not_excuse_a_wrong_rule(wrong_sine: Builder) -> None:
    report = check_grad(abs(x) + wrong_sine(y), at={"x": 0.0, "y": 0.5})
    assert not report.ok
    assert report.guilty is not None
    assert report.guilty.operation == "wrong_sine"


def test_a_nan_gradient_fails(make_row: Callable[..., Builder]) -> None:
    wrong = make_row("nan_slope", "sin(x)", "math.sin({x})", "np.sin({x})", partial=[lambda x, r: x * np.nan])
    assert not check_grad(wrong(x), at={"x": 1.0}).ok


def test_a_point_without_a_finite_value_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"no finite value at this point: log\(x\) is -inf at x = 0, y = 1"):
        check_grad([x * y, apply("log", x)], at={"x": 0.0, "y": 1.0})


def test_the_table_states_tolerances_and_no_relative_error_of_zeros() -> None:
    single = symbol("single", (), "float32")
    report = check_function(compile(apply("sin", single)), at={"single": 0.5})
    assert note(report, "compiled") == "+ 0.001*max(1, largest element)"
    assert note(report, "differences") == "+ 10 times its error estimate"
    assert note(report, "forward") == ""
    flat = check_grad(x * 0 + y, x, at={"x": 2.0, "y": 1.0})
    assert flat.ok
    assert {method.relative for method in flat.methods} == {None}
    assert "relative -" in str(flat)


def test_the_random_direction_is_named_for_readers() -> None:
    report = check_grad(apply("sqrt", x) * y, at={"x": 0.0, "y": 1.0})
    assert any("singular point at a random direction: " in kink for kink in report.kinks)


# ---- what is asked wrongly


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"at": {"x": 1.0}}, "no value for y"), ({"at": {"x": 1.0, "y": 1.0, "w": 1.0}}, "unknown name.* w"),
        ({"wrt": x * y}, "float symbols expected"), ({"wrt": symbol("n", (), "int64")}, "float symbols expected"),
    ],
)  # fmt: skip
def test_bad_requests_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        check_grad(x * y, **arguments)


def test_a_function_finite_nowhere_asks_for_a_point() -> None:
    with pytest.raises(ArgumentError, match=r"no point with a finite value[\s\S]*pass at="):
        check_grad(apply("log", -(x * x) - 1))


# ---- the estimates themselves


def test_richardson_knows_its_error() -> None:
    estimate = richardson(lambda step: float(np.exp(1 + step)))
    assert abs(estimate.value - np.e) <= 10 * estimate.error
    assert estimate.error < 1e-9
    assert richardson(lambda step: abs(step + 1e-4)).value == pytest.approx(1.0)


def test_one_sided_differences_see_the_jump() -> None:
    assert one_sided(lambda step: abs(step)) == pytest.approx((-1.0, 1.0))


# ---- compiled functions


class Scaled(Function):
    """A compiled function whose gradient is wrong by a factor."""

    def value_and_grad(self, *positional: Any, **named: Any) -> tuple[Any, Any]:
        value, gradient = super().value_and_grad(*positional, **named)
        return value, {name: 1.01 * each for name, each in gradient.items()}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_a_compiled_gradient_is_one_more_method(dtype: str, backend: str) -> None:
    a, b = tensor("a", ("n",), dtype), tensor("b", ("n",), dtype)
    compiled = compile((apply("exp", a) * b).mean(), backend=backend)
    report = compiled.check()
    assert report.ok, str(report)
    assert compared(report) == dict.fromkeys(("forward", "sympy", "complex", "differences", "compiled"), 15) | {
        "rules": 3
    }


def test_the_rules_in_the_body_of_a_loop_are_proved_too() -> None:
    report = check_grad(fori_loop(0, 3, lambda i, y: apply("sin", y * x), x))
    assert compared(report)["rules"] == 2
    assert note(report, "rules") == "proved by SymPy"


def test_what_a_program_finds_has_no_formula_for_sympy() -> None:
    report = check_grad(apply("linalg.det", tensor("a", (4, 4))), points=1)
    assert (compared(report)["sympy"], note(report, "sympy")) == (0, "slogdet has no formula")


def test_a_wrong_compiled_gradient_fails() -> None:
    right = compile(apply("exp", x) * y, backend="reference")
    wrong = Scaled(right._definition)
    assert check_function(right).ok
    report = check_function(wrong)
    assert not report.ok
    assert report.worst is not None
    assert report.worst.method == "compiled"


def test_functions_of_pytrees_with_several_outputs_are_checked_by_vjp() -> None:
    data, weight, bias = tensor("data", ("batch", 3)), tensor("weight", (3, 2)), tensor("bias", (2,))
    inputs = [data, {"weight": weight, "bias": bias}]
    compiled = compile({"a": apply("exp", bias), "b": data @ weight}, inputs=inputs, backend="reference")
    assert compared(compiled.check())["compiled"] == 3 * (6 + 6 + 2 + 1)


def test_functions_with_float32_means_of_open_sizes_are_checked_in_float64() -> None:
    data = tensor("data", ("batch", 3), "float32")
    report = assert_grads_match(apply("square", data).mean())
    assert max(method.relative for method in report.methods if method.relative is not None) < 1e-9


def test_errors_are_graphc_errors() -> None:
    assert issubclass(CheckFailed, GraphcError)

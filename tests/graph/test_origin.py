from __future__ import annotations

import inspect
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graphc.autodiff.reverse import adjoints
from graphc.errors import ArgumentError, DTypeError, GraphcError, ShapeError
from graphc.graph.leaf import constant, symbol, tensor
from graphc.graph.node import Expr
from graphc.graph.origin import PARSED, describe_origin, here, inherit_origin, locate
from graphc.graph.table import apply
from graphc.graph.walk import free_symbols, substitute, topological_order


def line_of(node: Expr) -> int:
    return locate(node.origin)[1]


def this_line() -> int:
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno


def test_a_node_knows_the_users_file_and_line() -> None:
    node, line = symbol("origin_a") * 2, this_line()
    assert line_of(node) == line
    assert Path(locate(node.origin)[0]).name == "test_origin.py"


def test_the_line_inside_a_long_statement_is_the_operators() -> None:
    x, first = symbol("origin_b"), this_line()
    node = (
        apply("sin", x)
        + apply("cos", x)
    )  # fmt: skip
    assert first + 2 <= line_of(node.args[0]) <= first + 3
    assert line_of(node.args[1]) == line_of(node.args[0]) + 1


def test_numpy_functions_record_the_users_line() -> None:
    node, line = np.tanh(symbol("origin_c")), this_line()
    assert line_of(node) == line


def test_the_first_line_to_build_a_node_wins() -> None:
    first, line = symbol("origin_d") + 1, this_line()
    second = symbol("origin_d") + 1
    assert second is first
    assert line_of(second) == line


def test_gradients_point_at_the_line_of_what_they_differentiate() -> None:
    x = symbol("origin_e")
    node, line = apply("exp", x * 3.25), this_line()
    gradient = adjoints({node: constant(1.0)}, [x])[x]
    new = [each for each in topological_order([gradient]) if each not in topological_order([node])]
    assert any(line_of(each) == line for each in new)
    assert line_of(gradient) == line


def test_substitution_keeps_the_origin() -> None:
    x = symbol("origin_f")
    node, line = apply("exp", x) + 4.5, this_line()
    (replaced,) = substitute([node], {x: symbol("origin_g")})
    assert line_of(replaced) == line


def test_substitution_takes_one_expression_and_numbers() -> None:
    x, y, v = symbol("x"), symbol("y"), symbol("v", (2,), "float32")
    assert substitute(x * y, {x: 2.0}) is 2.0 * y
    assert substitute([v], {v: [1.0, 2.0]})[0].dtype == "float32"
    assert free_symbols(x * y) == free_symbols([x, y]) == [x, y]


@pytest.mark.parametrize(
    ("replacement", "kind", "message"),
    [
        (2.0, ShapeError, r"v of shape \(2,\) cannot become the constant of shape \(\)"),
        (symbol("w", (3,), "float32"), ShapeError, r"v of shape \(2,\) cannot become w of shape \(3,\)"),
        (symbol("w", (2,)), DTypeError, "v of dtype float32 cannot become w of dtype float64"),
        ("w", DTypeError, "'w' is no constant"),
    ],
)
def test_a_replacement_that_does_not_fit_is_refused(replacement: Any, kind: type[GraphcError], message: str) -> None:
    v = symbol("v", (2,), "float32")
    with pytest.raises(kind, match=message):
        substitute(v * v, {v: replacement})
    with pytest.raises(ArgumentError, match="an expression to replace expected, got 'v'"):
        substitute(v * v, {"v": v})  # type: ignore[call-overload]


def test_origins_nest_and_are_restored_after_an_error() -> None:
    def fail() -> None:
        with inherit_origin(("model.py", 7)):
            with inherit_origin(("inner.py", 8)):
                assert here() == "inner.py:8"
            assert here() == "model.py:7"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert "test_origin.py" in here()


def test_origins_survive_pickling(run_python) -> None:
    node, line = symbol("origin_h") * 5.5, this_line()
    text = "import sys, pickle; print(pickle.loads(bytes.fromhex(sys.argv[1])).origin)"
    assert run_python(text, pickle.dumps(node).hex()).strip() == str((__file__, line))


def test_the_description_is_short_and_clear() -> None:
    assert describe_origin(("model.py", 12)) == "model.py:12"
    assert describe_origin(("/elsewhere/model.py", 12)) == "/elsewhere/model.py:12"
    assert describe_origin((str(Path.cwd() / "model.py"), 12)) == "model.py:12"
    assert describe_origin((PARSED, 4)) == "text, column 4"


def test_errors_at_build_time_name_the_users_line() -> None:
    with pytest.raises(GraphcError) as caught:
        tensor("a", (3,)) + tensor("b", (4,))
    line = caught.traceback[0].lineno + 1
    assert f"test_origin.py:{line}" in str(caught.value)


def test_generated_code_is_not_the_users_line() -> None:
    scope = {"here": here}
    exec(compile("def call():\n    return here()\n", "<graphc call>", "exec"), scope)
    place, line = scope["call"](), this_line()
    assert place.endswith(f"test_origin.py:{line}")

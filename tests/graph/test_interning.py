from __future__ import annotations

import copy
import gc
import sys
import threading

import numpy as np
import pytest

from graphc.graph.leaf import constant, constant_value, parameter, symbol, symbols, tensor
from graphc.graph.node import Expr, node_count
from graphc.graph.table import apply


def polynomial(x: Expr, terms: int) -> Expr:
    total = x
    for power in range(terms):
        total = total * x + power
    return total


def test_the_same_expression_is_the_same_object() -> None:
    x, y = symbols("x y")
    assert x * y + 1 is x * y + 1
    assert apply("sin", x) is apply("sin", x)
    assert x * (y**2) == x * (y**2)
    assert x * y != y * x


def test_symbols_differ_by_name_shape_dtype_and_role() -> None:
    x = symbol("x")
    others = [symbol("y"), symbol("x", (3,)), symbol("x", dtype="float32"), symbol("x", ("n",)), parameter("x")]
    assert len({x, *others}) == 1 + len(others)
    assert tensor("x", (3,)) is symbol("x", 3)


def test_attributes_tell_nodes_apart() -> None:
    x = tensor("x", (3, 3))
    assert apply("sum", x, axis=0) is not apply("sum", x, axis=1)
    assert apply("sum", x, axis=0) is apply("sum", x, axis=-2)


@pytest.mark.parametrize(
    ("left", "right"),
    [(0.0, -0.0), (1, True), (1, 1.0), (1.0, 1.5), (0, False), (np.float32(1), np.float64(1)), ([1.0], 1.0)],
)
def test_constants_that_compare_equal_but_differ_stay_apart(left: object, right: object) -> None:
    assert constant(left) is not constant(right)
    assert constant(left) is constant(left)


def test_nan_is_one_constant() -> None:
    assert constant(float("nan")) is constant(np.nan)
    assert np.isnan(constant_value(constant(float("nan"))))


def test_the_sign_of_zero_survives() -> None:
    assert np.signbit(constant_value(constant(-0.0)))
    assert not np.signbit(constant_value(constant(0.0)))


def test_constants_copy_their_array_and_are_read_only() -> None:
    array = np.arange(3.0)
    node = constant(array)
    array[0] = 7.0
    assert constant_value(node)[0] == 0.0
    with pytest.raises(ValueError, match="read-only"):
        constant_value(node)[0] = 1.0


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_constants_do_not_depend_on_memory_layout(order: str, byteorder: str) -> None:
    values = np.arange(6.0).reshape(2, 3)
    array = np.asarray(values.astype(f"{byteorder}f8"), order=order)  # type: ignore[call-overload]
    assert constant(array) is constant(values)


def test_large_constants_are_compared_by_all_their_elements() -> None:
    array = np.zeros(1000)
    changed = array.copy()
    changed[999] = 1.0
    assert constant(array) is constant(array.copy())
    assert constant(array) is not constant(changed)


def test_copies_are_the_object_itself() -> None:
    node = polynomial(symbol("x"), 3)
    assert copy.copy(node) is node
    assert copy.deepcopy([node, node]) == [node, node]


def test_expressions_are_immutable() -> None:
    x = symbol("x")
    with pytest.raises(AttributeError, match="immutable"):
        x.shape = (3,)
    with pytest.raises(AttributeError, match="immutable"):
        del x.dtype


def test_nodes_die_with_their_last_user() -> None:
    gc.collect()
    before = node_count()
    node = polynomial(symbol("only_here"), 50)
    assert node_count() > before + 50
    del node
    gc.collect()
    assert node_count() == before


def test_a_dead_node_can_be_built_again() -> None:
    x = symbol("x")
    for _ in range(3):
        node = apply("cos", x) + 12345
        assert node is apply("cos", x) + 12345
        del node


def test_threads_building_the_same_graph_get_one_object() -> None:
    results: list[list[Expr]] = [[] for _ in range(8)]
    start = threading.Barrier(len(results))

    def work(number: int) -> None:
        start.wait()
        results[number] = [polynomial(symbol(f"thread_{turn}"), 20) for turn in range(20)]

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(len(results))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert all(len(result) == 20 for result in results)
    assert all(mine is first for result in results for mine, first in zip(result, results[0], strict=True))


def test_threads_that_build_and_drop_leave_nothing_behind() -> None:
    gc.collect()
    before = node_count()
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        for _ in range(100):
            polynomial(symbol("dropped"), 10)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gc.collect()
    assert node_count() == before


def test_order_does_not_depend_on_the_hash_seed(run_python) -> None:
    text = """
from graphc.autodiff.reverse import adjoints
from graphc.graph.leaf import constant, symbols
from graphc.graph.table import apply
from graphc.graph.walk import free_symbols
names = symbols("alpha b gamma d epsilon")
node = constant(0.0)
for number, name in enumerate(names):
    node = node * name + apply("sin", name * names[number - 2])
gradient = adjoints({node: constant(1.0)}, names)
print(free_symbols([node]), [gradient[name] for name in names], *(gradient[name].tree() for name in names))
"""
    printed = {run_python(text, PYTHONHASHSEED=seed) for seed in ("0", "1", "2", "random")}
    assert len(printed) == 1

"""The native call path: what it takes as it is, what it leaves to the slow way, whom memory belongs to."""

import gc
import pickle
import sys
import threading
import tracemalloc

import numpy as np
import pytest

import graphc as gx
from graphc.backends.program import KEPT, CpuProgram


@pytest.fixture
def no_slow_way(monkeypatch):
    """Make the slow way fail."""

    def run(self, values, out=None):
        raise AssertionError("the slow way was taken")

    monkeypatch.setattr(CpuProgram, "run", run)


NUMBERS = [
    ("float64", 1.5), ("float64", 2), ("float64", np.float64(0.5)), ("float64", -(2**60)),
    ("float32", 0.5), ("float32", np.float32(0.1)), ("float32", float("inf")), ("float32", 3.4028235e38),
    ("int64", -3), ("int64", np.int64(7)), ("int64", 2**63 - 1), ("bool", True), ("bool", np.bool_(False)),
    ("int8", np.int8(-5)), ("uint64", np.uint64(2**64 - 1)), ("uint8", np.uint8(200)), ("int16", np.int16(-300)),
]  # fmt: skip


@pytest.mark.parametrize(("dtype", "value"), NUMBERS)
def test_numbers_of_the_exact_type_and_pythons_are_taken_as_they_are(no_slow_way, dtype, value):
    x = gx.symbol("x", (), dtype)
    number, array = gx.compile([x, gx.broadcast_to(x, (2,))])(value)
    kinds = {"float64": float, "int64": int, "bool": bool}
    assert type(number) is kinds.get(dtype, np.dtype(dtype).type)
    np.testing.assert_array_equal([number, *array], np.full(3, value, dtype))


@pytest.mark.parametrize(("dtype", "value"), [("float32", 1e300), ("float64", 2**2000), ("int64", 2**63), ("int8", 1)])
def test_numbers_that_need_a_decision_go_the_slow_way(no_slow_way, dtype, value):
    with pytest.raises(AssertionError, match="slow way"):
        gx.compile(gx.symbol("x", (), dtype))(value)


def test_arrays_as_they_are_and_parts_of_others_are_taken_for_results_too(no_slow_way):
    x = gx.tensor("x", ("n",))
    function = gx.compile({"twice": x * 2, "sum": x.sum()})
    memory, sums = np.zeros(6), np.zeros(2)
    out = {"twice": memory[3:], "sum": sums[1, ...]}
    assert function(memory[:3] + 1, out=out) is out
    np.testing.assert_array_equal(memory, [0, 0, 0, 2, 2, 2])
    np.testing.assert_array_equal(sums, [0, 3])


@pytest.mark.parametrize("start", range(4))
def test_results_that_overlap_anything_go_the_slow_way(no_slow_way, start):
    x = gx.tensor("x", ("n",))
    memory = np.zeros(8)
    with pytest.raises(AssertionError, match="slow way"):
        gx.compile(x * 2)(memory[:4], out=memory[start : start + 4])
    with pytest.raises(AssertionError, match="slow way"):
        gx.compile([x * 2, x * 3])(np.ones(4), out=[memory[:4], memory[start : start + 4]])


def test_the_last_result_of_many_is_compared_with_every_argument(no_slow_way):
    symbols = [gx.tensor(f"x{number}", ("n",)) for number in range(20)]
    function = gx.compile([symbol * 2 for symbol in symbols], inputs=symbols)
    values = [np.full(3, float(number)) for number in range(20)]
    out = [np.zeros(3) for _ in symbols]
    function(*values, out=out)
    np.testing.assert_array_equal(out, 2 * np.array(values))
    for other in (*values, *out[:-1]):
        with pytest.raises(AssertionError, match="slow way"):
            function(*values, out=[*out[:-1], other])


def test_an_empty_result_inside_the_memory_of_an_input_overlaps_nothing():
    x, y = gx.tensor("x", ("n",)), gx.tensor("y", ("m",))
    memory = np.arange(4.0)
    value, empty = gx.compile([x.sum(), y * 2], inputs=[x, y])(memory, np.zeros(0), out=[np.zeros(()), memory[2:2]])
    assert (value, empty.shape) == (6, (0,))


def test_an_array_from_a_pickle_is_taken(no_slow_way):
    function = gx.compile(gx.tensor("x", ("n",)) * 2)
    function(np.ones(2))
    np.testing.assert_array_equal(function(pickle.loads(pickle.dumps(np.ones(2)))), [2, 2])


def test_sizes_may_change_with_every_call(no_slow_way):
    function = gx.compile(gx.softmax(gx.tensor("x", ("n", "m")) @ gx.tensor("y", ("m", 3)), axis=0))
    shapes = [(rows, columns) for rows in range(1, 6) for columns in range(1, 4)]
    for rows, columns in shapes * 2:
        result = function(x=np.ones((rows, columns)), y=np.ones((columns, 3)))
        np.testing.assert_allclose(result, np.full((rows, 3), 1 / rows))
    assert len(function._programs.program("call")[0]._calls) == KEPT


def test_threads_that_share_a_function_have_workspaces_of_their_own():
    x = gx.tensor("x", ("n", "n"))
    function = gx.compile(gx.sum(gx.tanh(x @ x) @ x))
    matrices = [np.random.default_rng(seed).normal(size=(60, 60)) for seed in range(4)]
    expected = [function(matrix) for matrix in matrices]
    wrong = []

    def work(place):
        wrong.extend(place for _ in range(200) if function(matrices[place]) != expected[place])

    threads = [threading.Thread(target=work, args=(place,)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_calls_that_fit_or_not_hold_no_reference_to_their_arguments():
    x, y = gx.tensor("x", ("n",)), gx.tensor("y", ("n",))
    function = gx.compile([x + y, x.sum()], inputs=[x, y])
    first, second, short, number = np.ones(300), np.ones(300), np.ones(2), np.array(0.0)
    function(first, second)
    gc.collect()
    before = [sys.getrefcount(each) for each in (first, second, short, np.dtype("float64"))]
    for _ in range(100):
        function(first, second)
        with pytest.raises(gx.ShapeError):
            function(first, short)
        with pytest.raises(gx.ShapeError):
            function(first, second, out=[short, number])
    gc.collect()
    after = [sys.getrefcount(each) for each in (first, second, short, np.dtype("float64"))]
    assert np.abs(np.subtract(after, before)).max() < 20


def test_memory_that_calls_leave_to_each_other_goes_with_the_function():
    x = gx.tensor("x", ("n", "n"))
    matrix = np.ones((300, 300))
    gx.compile(gx.sum(gx.tanh(x @ x)))(matrix)
    function = gx.compile(gx.sum(gx.tanh(x @ x)))
    function(matrix[:2, :2].copy())
    tracemalloc.start()
    for _ in range(30):
        function(matrix)
    held, _ = tracemalloc.get_traced_memory()
    del function
    gc.collect()
    left, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert matrix.nbytes <= held < 2 * matrix.nbytes
    assert left < matrix.nbytes / 10


def test_a_kernel_called_from_python_says_what_to_call():
    kernel = gx.compile(gx.symbol("x") * 2).kernel
    with pytest.raises(TypeError, match="from Python, call its function"):
        kernel(1.0)

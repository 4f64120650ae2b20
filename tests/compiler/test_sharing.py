"""One function in many threads and processes, copied and pickled."""

import copy
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import graphc as gx
from graphc.backends import cpu


def softmax_loss():
    """Return a function that needs workspace, with a gradient."""
    x = gx.tensor("x", ("n", "m"))
    return gx.compile(gx.sum(gx.softmax(x, axis=1) ** 2), wrt=x)


def expected(value):
    """Return the loss in NumPy."""
    weights = np.exp(value - value.max(axis=1, keepdims=True))
    return np.sum((weights / weights.sum(axis=1, keepdims=True)) ** 2)


def test_eight_threads_call_one_function_with_different_sizes():
    function = softmax_loss()
    barrier = threading.Barrier(8)

    def work(number):
        values = [np.random.default_rng(number).normal(size=(number + 1, 3 + k)) for k in range(3)]
        barrier.wait()
        for turn in range(150):
            value = values[turn % 3]
            loss, gradient = function.value_and_grad(value)
            assert loss == pytest.approx(expected(value), rel=1e-12)
            assert gradient.shape == value.shape
            np.testing.assert_allclose(gradient.sum(axis=1), 0, atol=1e-12)
        return number

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == list(range(8))


def test_eight_threads_compile_at_once_each_kernel_once():
    x = gx.symbol("x")
    before = set(cpu._compiled)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda k: gx.compile(gx.sin(x) + (k % 2) + 0.125)(0.0), range(8)))
    assert results == [0.125, 1.125] * 4
    assert len(set(cpu._compiled) - before) == 2


def test_native_code_runs_without_the_lock_of_the_interpreter():
    assert softmax_loss().kernel.targetoptions["nogil"]


COPIES = {"pickle": lambda f: pickle.loads(pickle.dumps(f)), "copy": copy.copy, "deepcopy": copy.deepcopy}


@pytest.mark.parametrize("called", [False, True])
@pytest.mark.parametrize("make", COPIES.values(), ids=COPIES.keys())
def test_copies_compute_the_same(make, called):
    x, y = gx.tensor("x", ("n",)), gx.symbol("y")
    constant = gx.constant(np.arange(3.0))
    outputs = {"a": x * y, "b": [gx.sum(x) + constant]}
    function = gx.compile(outputs, inputs={"pair": (x, y)}, wrt=[y])
    value = (np.arange(3.0), 2.0)
    if called:
        function(value)
    again = make(function)
    result = again(pair=value)
    np.testing.assert_array_equal(result["a"], [0, 2, 4])
    np.testing.assert_array_equal(result["b"][0], [3, 4, 5])
    assert again.inputs == function.inputs == ("pair",)
    assert again.wrt_any[0] is y


def test_a_pickled_function_works_in_another_process(run_python, tmp_path):
    function = softmax_loss()
    value = np.random.default_rng(0).normal(size=(3, 4))
    (tmp_path / "function").write_bytes(pickle.dumps((function, value)))
    text = """
import pathlib, pickle, sys
function, value = pickle.loads(pathlib.Path(sys.argv[1]).read_bytes())
loss, gradient = function.value_and_grad(value)
print(loss, gradient.shape)
"""
    loss, shape = run_python(text, tmp_path / "function").strip().split(maxsplit=1)
    assert float(loss) == pytest.approx(expected(value))
    assert shape == "(3, 4)"

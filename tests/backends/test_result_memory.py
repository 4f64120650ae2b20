"""Large results: memory that the user let go of is handed out again, never what anything still looks at."""

import gc
import importlib.util
import threading

import numpy as np
import pytest
from numpy._core.multiarray import get_handler_name  # type: ignore[attr-defined]

import graphc as gx
from graphc.backends.result_memory import MOST_KEPT, SMALLEST, kept, release

SIZE = SMALLEST // 8


@pytest.fixture
def function():
    """Return x + 1, with no memory kept."""
    x = gx.tensor("x", ("n",))
    made = gx.compile(x + 1, [x])
    made(np.zeros(SIZE))
    release()
    return made


def as_torch(result):
    if importlib.util.find_spec("torch") is None:
        pytest.skip("there is no torch here")
    return importlib.import_module("torch").from_numpy(result)


def test_memory_let_go_of_is_handed_out_again(function):
    first = function(np.zeros(SIZE))
    place = first.ctypes.data
    del first
    assert kept() == SMALLEST
    second = function(np.ones(SIZE))
    assert second.ctypes.data == place
    assert kept() == 0
    assert np.all(second == 2)


@pytest.mark.parametrize(
    "hold",
    [lambda r: r, lambda r: r[5:9], lambda r: r.reshape(2, -1).T, memoryview, np.from_dlpack, as_torch],
    ids=["array", "slice", "transpose", "memoryview", "dlpack", "torch"],
)
def test_what_is_held_in_any_way_is_never_overwritten(function, hold):
    held = hold(function(np.zeros(SIZE)))
    for number in range(1, 6):
        function(np.full(SIZE, float(number)))
    assert np.all(np.asarray(held) == 1)


def test_a_result_that_grew_or_took_another_shape_is_kept_by_the_size_it_has(function):
    result = function(np.zeros(SIZE))
    result.resize(2 * SIZE, refcheck=False)
    assert np.all(result[:SIZE] == 1)
    result.shape = (2, SIZE)
    del result
    assert kept() == 2 * SMALLEST
    assert np.all(function(np.ones(SIZE)) == 2)


def test_only_so_many_bytes_are_kept(function):
    sizes = [MOST_KEPT // 8 // part for part in (2, 3, 4, 5)]
    results = [function(np.zeros(size)) for size in sizes]
    del results
    assert 0 < kept() <= MOST_KEPT
    del_me = function(np.zeros(MOST_KEPT // 8 + 1))
    before = kept()
    del del_me
    assert kept() == before


def test_nothing_is_kept_when_the_function_is_gone():
    x = gx.tensor("x", ("n",))
    function = gx.compile(x - 0.125, [x])
    held = function(np.zeros(SIZE))
    function(np.zeros(SIZE))
    assert kept() >= SMALLEST
    del function
    gc.collect()
    assert kept() == 0
    assert np.all(held == -0.125)


def test_arrays_of_others_and_small_results_are_numpys_own(function):
    assert get_handler_name(function(np.zeros(SIZE))) == "graphc"
    assert get_handler_name(function(np.zeros(SIZE - 1))) == "default_allocator"
    assert get_handler_name(np.zeros(SIZE)) == "default_allocator"


def test_without_memory_there_is_an_error_and_later_calls_go_on():
    x, y = gx.tensor("x", ("n",)), gx.tensor("y", ("m",))
    function = gx.compile(x[:, None] + y, [x, y])
    with pytest.raises(MemoryError):
        function(np.zeros(10_000_000), np.zeros(10_000_000))
    assert get_handler_name(np.zeros(SIZE)) == "default_allocator"
    assert np.all(function(np.zeros(8), np.ones(SIZE)) == 1)


def test_several_threads_get_results_of_their_own(function):
    wrong = []

    def run(number):
        for step in range(20):
            value = float(100 * number + step)
            if not np.all(function(np.full(SIZE, value)) == value + 1):
                wrong.append(number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong

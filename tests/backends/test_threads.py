"""Threads: loops in chunks give the same bits on any number of them, and meet no other library's threads badly."""

import os
import re
import threading

import numba
import numpy as np
import pytest

import graphc as gx
from graphc.backends.cores import usable_cores
from graphc.backends.cpu import COMPILE
from graphc.backends.threads import chunk_count
from graphc.kernel.work import WORTHWHILE
from tests.kernel.test_golden import logistic_loss_with_gradient

COUNTS = (1, 2, 3, 7)


def fused(**options):
    """Return value and gradient of workload C: three sums and an array in one loop."""
    x, (a, b) = gx.tensor("x", ("n",)), gx.symbols("a b")
    value = gx.sum(gx.tanh(a * x + b) ** 2 * gx.exp(-(x**2)))
    return gx.compile([value, *gx.grad(value, [x, a, b])], inputs=[x, a, b], **options)


def rows(**options):
    """Return results of a matrix that need numbers, totals and arrays of each chunk's own."""
    x = gx.tensor("x", ("n", "m"))
    results = [
        gx.softmax(x, axis=1), gx.sum(x * x, axis=0), gx.max(x, axis=0), gx.argmax(x, axis=1), gx.prod(x),
        gx.max(x), gx.min(x), gx.all(x < 9), gx.any(x > 9), gx.cumsum(x, axis=1),
    ]  # fmt: skip
    return gx.compile(results, inputs=[x], **options)


def logistic(**options):
    """Return workload D: blocks of rows with products that add to a total."""
    outputs, inputs = logistic_loss_with_gradient()
    return gx.compile(outputs, inputs=inputs, **options)


def threshold(function):
    """Return from how many iterations on a function's one loop runs in chunks."""
    return int(re.search(r"in chunks on threads from (\d+) iterations", function.explain())[1])


def bits(results):
    return [np.asarray(result).tobytes() for result in results]


def arguments_of(make, size):
    generator = np.random.default_rng(size)
    if make is fused:
        return generator.standard_normal(size), 1.3, 0.2
    if make is rows:
        return (generator.standard_normal((size, 5)),)
    return generator.standard_normal((size, 3)), generator.random(size), generator.standard_normal(3)


@pytest.mark.parametrize("make", [fused, rows, logistic])
@pytest.mark.parametrize("size", [1, 2, 63, 4097, 30_011])
def test_any_number_of_threads_gives_the_same_bits_and_the_values_of_the_reference(make, size):
    arguments = arguments_of(make, size)
    expected = make(backend="reference")(*arguments)
    first = make(threads=1)(*arguments)
    for got, wanted in zip(first, expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-11, atol=1e-13)
    for count in COUNTS:
        function = make(threads=count)
        assert all(bits(function(*arguments)) == bits(first) for _ in range(5))


@pytest.mark.parametrize("make", [fused, logistic])
def test_no_rows_at_all_are_no_chunk(make):
    arguments = arguments_of(make, 0)
    with np.errstate(all="ignore"):
        expected = make(backend="reference")(*arguments)
    for got, wanted in zip(make(threads=3)(*arguments), expected, strict=True):
        np.testing.assert_allclose(got, wanted)


def test_sizes_around_the_threshold_agree_with_the_reference():
    start = threshold(fused())
    for size in (start - 1, start, start + 1):
        arguments = arguments_of(fused, size)
        for got, wanted in zip(fused(threads=2)(*arguments), fused(backend="reference")(*arguments), strict=True):
            np.testing.assert_allclose(got, wanted, rtol=1e-11, atol=1e-13)


def chunked_loops(function):
    return function.explain().count("in chunks on threads")


def test_loops_over_open_sizes_may_run_in_chunks_and_say_from_where_on():
    assert chunked_loops(fused()) == 1
    assert chunked_loops(logistic()) == 1
    assert 1000 < threshold(fused()) < WORTHWHILE


def test_loops_in_chunks_are_vectorised_without_gathers():
    x = gx.tensor("x", ("n",))
    function = gx.compile(gx.exp(x[:-1]) + x[1:], cache=False)
    assert chunked_loops(function) == 1
    (code,) = function._programs.program("call")[0].native.kernel.inspect_llvm().values()  # type: ignore[attr-defined]
    assert "x double> @llvm.fma" in code
    assert "gather" not in code
    assert "scatter" not in code


def test_small_loops_of_known_size_are_compiled_as_they_were():
    x = gx.tensor("x", (100,))
    function = gx.compile(gx.sum(gx.tanh(x)))
    assert chunked_loops(function) == 0
    assert "chunk" not in function._programs.program("call")[0].native.text  # type: ignore[attr-defined]


def test_iterations_that_need_the_one_before_stay_in_order():
    x = gx.tensor("x", ("n",))
    assert chunked_loops(gx.compile(gx.cumsum(gx.tanh(x)))) <= 1  # that of tanh, not that of the sums
    assert chunked_loops(gx.compile(gx.argmax(x))) == 0


def test_several_python_threads_at_once_get_their_own_results():
    function = fused(threads=2)
    cases = [arguments_of(fused, size) for size in (20_000, 30_001, 7, 50_021)]
    expected = [bits(fused(threads=1)(*arguments)) for arguments in cases]
    wrong = []

    def run(number):
        for _ in range(50):
            if bits(function(*cases[number])) != expected[number]:
                wrong.append(number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(cases))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_computes_the_same_also_after_helpers_have_run(run_python):
    text = """
import os, warnings
import numpy as np, graphc as gx
x = gx.tensor("x", ("n",))
function = gx.compile(gx.sum(gx.tanh(x)), inputs=[x], threads=3)
data = np.linspace(-1, 1, 100_000)
before = function(data)
warnings.simplefilter("ignore", DeprecationWarning)  # Python warns of any fork where threads are
for _ in range(3):
    child = os.fork()
    if child == 0:
        os._exit(0 if all(function(data) == before for _ in range(20)) else 1)
    assert function(data) == before
    assert os.waitpid(child, 0)[1] == 0
print("same")
"""
    assert run_python(text).strip() == "same"


LAYERS = """
import sys, threading
import numba, numpy as np
import graphc as gx

x = gx.tensor("x", ("n",))
function = gx.compile(gx.sum(gx.tanh(x)), inputs=[x], threads=3)
kernel = function.kernel
data = np.linspace(-1, 1, 100_000)
expected = function(data)

@numba.njit(parallel=True)
def users_own(data, results):
    for number in numba.prange(len(results)):
        results[number] = kernel(data)[0]

def repeat():
    for _ in range(100):
        assert function(data) == expected

others = [threading.Thread(target=repeat) for _ in range(2)]
for thread in others:
    thread.start()
for _ in range(10):
    results = np.zeros(16)
    users_own(data, results)
    assert (results == expected).all()
for thread in others:
    thread.join()
print(numba.threading_layer())
"""


@pytest.mark.parametrize("layer", ["tbb", "omp", "workqueue"])
def test_kernels_run_beside_and_inside_loops_of_every_threading_layer(layer, run_python):
    finished = run_python(LAYERS_OR_NONE, layer, NUMBA_THREADING_LAYER=layer).strip()
    if finished == "missing":
        pytest.skip(f"Numba has no {layer} here")
    assert finished == layer


LAYERS_OR_NONE = f"""
import sys
import numba
from numba.np.ufunc import parallel
try:
    parallel._check_tbb_version_compatible() if sys.argv[1] == "tbb" else None
    numba.njit(parallel=True)(lambda n: sum([0 for _ in range(n)]))
    parallel._launch_threads()
except (ImportError, ValueError):
    print("missing")
    sys.exit()
{LAYERS}
"""


def test_a_kernel_is_called_from_compiled_code_without_a_number_of_threads():
    x = gx.tensor("x", ("n",))
    function = gx.compile(gx.sum(gx.exp(x)), inputs=[x], threads=2)
    kernel = function.kernel

    @numba.njit(nogil=True)
    def twice(data):
        return 2 * kernel(data)[0]

    data = np.linspace(-1, 1, 40_000)
    assert twice(data) == 2 * function(data)


def test_a_second_process_loads_what_the_first_compiled_for_another_number_of_threads(run_python, tmp_path):
    text = """
import sys
import numpy as np, graphc as gx
x = gx.tensor("x", ("n",))
function = gx.compile(gx.sum(gx.tanh(x)), inputs=[x], threads=int(sys.argv[1]))
print(function(np.linspace(0, 1, 50_000)).hex(), function.cache_hits)
"""
    first, second = (run_python(text, count, GRAPHC_CACHE_DIR=str(tmp_path)).split() for count in (1, 4))
    assert first[0] == second[0]
    assert (first[1], second[1]) == ("0", "1")


@pytest.mark.parametrize("wrong", [0, -1, True, 1.5, "2"])
def test_a_wrong_number_of_threads_is_refused(wrong):
    with pytest.raises(gx.ArgumentError, match="threads: None or a number above zero"):
        gx.compile(gx.symbol("x"), threads=wrong)


def test_the_switch_says_how_many_where_the_function_does_not(monkeypatch):
    assert program_threads(fused()) == usable_cores()
    monkeypatch.setenv("GRAPHC_THREADS", "3")
    assert program_threads(fused()) == 3
    assert program_threads(fused(threads=2)) == 2
    monkeypatch.setenv("GRAPHC_THREADS", "many")
    with pytest.raises(gx.ArgumentError, match="GRAPHC_THREADS: 'many' is no number above zero"):
        fused().explain()


def program_threads(function):
    return function._programs.program("call")[0].threads


def compiled(function: gx.Function) -> list[bool]:
    """Return for each compiled form of a function's kernel whether it uses threads."""
    return list(function._programs.program("call")[0]._natives)  # type: ignore[attr-defined]


def test_threads_are_compiled_when_sizes_first_have_work_for_them() -> None:
    x = gx.tensor("x", ("n",))
    function = gx.compile(gx.sum(gx.tanh(x) * gx.exp(x)), cache=False)
    small, large = np.linspace(0, 1, 10), np.linspace(0, 1, 200_000)
    first = function(small)
    assert compiled(function) == [False]
    assert function(large) == pytest.approx(np.sum(np.tanh(large) * np.exp(large)), rel=1e-13)
    assert compiled(function) == [False, True]
    assert function(small) == first
    assert len(compiled(function)) == 2


def test_the_explanation_adds_up_the_time_of_both_forms() -> None:
    x = gx.tensor("x", ("n",))
    function = gx.compile(gx.sum(gx.tanh(x) * gx.exp(2 * x)), cache=False)
    function(np.linspace(0, 1, 10))
    seconds = function._programs.program("call")[0].seconds  # type: ignore[attr-defined]
    before = seconds[COMPILE]
    function(np.linspace(0, 1, 200_000))
    natives = function._programs.program("call")[0]._natives.values()  # type: ignore[attr-defined]
    assert seconds[COMPILE] == pytest.approx(sum(native.seconds for native in natives))
    assert seconds[COMPILE] > before


@pytest.mark.parametrize(
    ("extent", "work", "totals", "chunks"),
    [(1000, 100, 0, 1), (1000, 1000, 0, 20), (16, 64 * 2868, 2500, 9), (16, 64 * 2868, 4096, 5), (3, 10**7, 0, 3)],
)
def test_a_chunk_has_enough_work_for_itself_and_for_its_totals(extent, work, totals, chunks):
    assert chunk_count(extent, work, totals) == chunks

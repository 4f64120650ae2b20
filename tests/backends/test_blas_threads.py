"""Products on threads: the values of one thread in parts, and BLAS with one thread of its own meanwhile."""

import ctypes
import sys

import numpy as np
import pytest

import graphc as gx
from graphc.backends.blas_threads import thread_functions

TURNS = [(False, False), (True, False), (False, True), (True, True)]
SIZES = [(1, 1, 1), (5, 3, 0), (300, 200, 150), (201, 333, 97), (40, 3000, 64), (3000, 40, 65)]


def blas_threads():
    read, _ = thread_functions()
    return ctypes.CFUNCTYPE(ctypes.c_int)(read)()


def product(turned, dtype, **options):
    a = gx.tensor("a", ("k", "n") if turned[0] else ("n", "k"), dtype)
    b = gx.tensor("b", ("m", "k") if turned[1] else ("k", "m"), dtype)
    return gx.compile((a.T if turned[0] else a) @ (b.T if turned[1] else b), inputs=[a, b], **options)


@pytest.mark.parametrize("turned", TURNS)
@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_products_in_parts_have_the_values_of_the_whole(turned, sizes, dtype):
    n, m, k = sizes
    generator = np.random.default_rng(0)
    a = generator.standard_normal((k, n) if turned[0] else (n, k)).astype(dtype)
    b = generator.standard_normal((m, k) if turned[1] else (k, m)).astype(dtype)
    expected = (a.T if turned[0] else a) @ (b.T if turned[1] else b)
    for count in (1, 2, 3):
        function = product(turned, dtype, threads=count)
        first = function(a, b)
        np.testing.assert_allclose(first, expected, rtol=1e-10 if dtype == "float64" else 1e-3, atol=1e-4)
        assert all(function(a, b).tobytes() == first.tobytes() for _ in range(3))


@pytest.mark.skipif(thread_functions() is None, reason="SciPy's BLAS has no number of threads to set")
def test_blas_has_its_threads_back_after_a_call():
    before = blas_threads()
    product((False, False), "float64", threads=2)(np.ones((300, 300)), np.ones((300, 300)))
    assert blas_threads() == before


BUSY = """
import os
import numpy as np, graphc as gx

def ticks():
    times = {}
    for task in os.listdir("/proc/self/task"):
        fields = open(f"/proc/self/task/{task}/stat").read().rsplit(")", 1)[1].split()
        times[task] = int(fields[11])
    return times

a, b = gx.tensor("a", ("n", "k")), gx.tensor("b", ("k", "m"))
function = gx.compile(a @ b, inputs=[a, b], threads=1)
data = np.ones((600, 600))
function(data, data)
before = ticks()
for _ in range(60):
    function(data, data)
after = ticks()
print(sum(after[task] > before.get(task, 0) + 1 for task in after))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the times of threads are read from /proc")
def test_one_thread_is_one_thread_also_in_products(run_python):
    assert run_python(BUSY).strip() == "1"


def test_products_known_to_be_small_leave_blas_alone():
    a = gx.tensor("a", (16, 16))
    function = gx.compile(a @ a, inputs=[a])
    assert "limit_blas" not in function._programs.program("call")[0].native.text  # type: ignore[attr-defined]

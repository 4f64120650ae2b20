"""The native function itself: called from a user's own compiled code, and as a C function."""

import ctypes

import numba
import numpy as np
import pytest
from scipy import LowLevelCallable, integrate

import graphc as gx


def test_the_kernel_is_callable_from_compiled_code():
    x, y = gx.symbols("x y")
    kernel = gx.compile(gx.sin(x) * y, inputs=[x, y]).kernel

    @numba.njit
    def total(count):
        result = 0.0
        for number in range(count):
            result += kernel(number * 0.1, 2.0)[0]
        return result

    assert total(10) == pytest.approx(sum(2 * np.sin(0.1 * n) for n in range(10)), rel=1e-14)


def test_scipy_integrates_the_c_function():
    x = gx.symbol("x")
    function = gx.compile(gx.exp(-x * x))
    callable_ = LowLevelCallable(_as_ctypes(function.address))
    assert integrate.quad(callable_, -10, 10)[0] == pytest.approx(np.sqrt(np.pi), rel=1e-12)


def _as_ctypes(address):

    return ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(address)


def test_a_function_of_arrays_has_no_address():
    x = gx.tensor("x", (3,))
    with pytest.raises(gx.UnsupportedError, match="float64 numbers"):
        _ = gx.compile(x.sum()).address


def test_the_reference_backend_has_no_kernel():
    x = gx.symbol("x")
    with pytest.raises(gx.UnsupportedError, match="no native function"):
        _ = gx.compile(x, backend="reference").kernel

"""Interleaving: loops whose elementary functions wait for each other take several vectors at a time."""

import re

import llvmlite.binding
import numpy as np
import pytest

import graphc as gx
from graphc.backends.interleaving import SHORTEST, VECTORS

OTHERS = (gx.log, gx.sin, gx.erf, gx.atan)
pytestmark = pytest.mark.skipif(
    not llvmlite.binding.get_host_cpu_features().get("fma"), reason="without fused arithmetic there are no vectors"
)


def vectors(outputs, **inputs) -> int:
    """Return how often a kernel's code has a vector take part in a fused multiplication."""
    function = gx.compile(outputs, list(inputs.values()), threads=1, cache=False)
    program, _ = function._programs.program("call")  # type: ignore[attr-defined]
    (code,) = program.native.kernel.inspect_llvm().values()
    return len(re.findall(r"call.* <\d+ x double> @llvm.fma", code))


def chain(x):
    return gx.exp(gx.tanh(x))


def test_functions_inside_each_other_take_several_vectors_at_a_time():
    x = gx.tensor("x", ("n",))
    others = [function(x) for function in OTHERS]
    one_at_a_time = vectors([chain(x), *others], x=x) - vectors(others, x=x)
    assert vectors(chain(x), x=x) >= VECTORS * one_at_a_time


def test_rows_that_may_be_short_take_one_vector_at_a_time():
    x, offset = gx.tensor("x", ("n", "m")), gx.tensor("offset", ("m",))
    flat = gx.tensor("flat", ("n",))
    assert vectors(chain(x + offset), x=x, offset=offset) < vectors(chain(flat), flat=flat) / 2


@pytest.mark.parametrize("size", [SHORTEST - 1, SHORTEST])
def test_loops_known_to_be_short_take_one_vector_at_a_time(size):
    x, open_size = gx.tensor("x", (size,)), gx.tensor("x", ("n",))
    many = vectors(chain(x), x=x) > vectors(chain(open_size), open_size=open_size) / 2
    assert many == (size >= SHORTEST)


@pytest.mark.parametrize("size", [0, 1, 3, 31, 32, 33, 63, 64, 65, 1000])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_any_number_of_elements_has_the_values_of_numpy(size, dtype):
    x = gx.tensor("x", ("n",), dtype)
    values = np.linspace(-3, 3, size, dtype=dtype)
    got = gx.compile(chain(x))(values)
    np.testing.assert_allclose(got, np.exp(np.tanh(values)), rtol=4e-16 * 4 if dtype == "float64" else 1e-6)


def test_the_body_of_a_scan_and_its_gradient_keep_their_values():
    x = gx.tensor("x", ("n",))

    def step(state, _):
        return chain(state), None

    state, _ = gx.scan(step, x, None, length=3)
    value = gx.sum(state)
    got = gx.compile([value, gx.grad(value, x)], [x])(np.linspace(-1, 1, 300))
    expected = gx.compile([value, gx.grad(value, x)], [x], backend="reference")(np.linspace(-1, 1, 300))
    for one, other in zip(got, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-13)

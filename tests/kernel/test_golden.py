"""The generated text of a handful of kernels, word for word: `pytest --update-golden` writes it anew."""

import re
from pathlib import Path

import numpy as np
import pytest

import graphc as gx
from graphc.backends.source import render
from graphc.compiler.pipeline import Record, make_kernel
from graphc.rewrite.engine import simplify

FOLDER = Path(__file__).parents[1] / "golden"


def scalar_with_gradient():
    x, y, z = gx.symbols("x y z")
    f = x * (y**2 + z)
    return [f, *gx.grad(f, [x, y, z])], [x, y, z]


def softmax_rows():
    x = gx.tensor("x", ("n", "m"))
    return [gx.softmax(x, axis=1)], [x]


def logistic_loss_with_gradient():
    data, labels, weights = gx.tensor("X", ("n", 3)), gx.tensor("y", ("n",)), gx.tensor("w", (3,))
    scores = data @ weights
    loss = gx.mean(gx.softplus(scores) - labels * scores)
    return [loss, gx.grad(loss, weights)], [data, labels, weights]


def relu_layer():
    data, weights = gx.tensor("X", ("n", 4), "float32"), gx.tensor("W", (4, 3), "float32")
    bias = gx.tensor("b", (3,), "float32")
    return [gx.relu(data @ weights + bias)], [data, weights, bias]


def sum_over_rows():
    x = gx.tensor("x", ("n", 3))
    return [gx.sum(x * x, axis=0)], [x]


def transposed_operands():
    a, b = gx.tensor("a", ("k", "n")), gx.tensor("b", ("m", "k"))
    return [a.T @ b.T], [a, b]


def joined_and_padded():
    x, y = gx.tensor("x", ("n",)), gx.tensor("y", ("m",))
    return [gx.pad(gx.concatenate([x, y]), (1, 2)), x[1::2] * 2], [x, y]


def cumulative_sum():
    x = gx.tensor("x", ("n", 3))
    return [gx.cumsum(x, axis=1)], [x]


def position_of_the_largest():
    x = gx.tensor("x", ("n", "m"))
    return [gx.argmax(x, axis=1)], [x]


CASES = [
    scalar_with_gradient, softmax_rows, logistic_loss_with_gradient, relu_layer, sum_over_rows, transposed_operands,
    joined_and_padded, cumulative_sum, position_of_the_largest,
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_the_kernel_reads_as_it_did(case, request):
    outputs, inputs = case()
    text = render(make_kernel(simplify(outputs), inputs, Record())).text()
    path = FOLDER / f"{case.__name__}.txt"
    if request.config.getoption("--update-golden"):
        path.write_text(text)
    assert text == path.read_text()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_the_golden_kernel_computes_what_the_reference_does(case, monkeypatch):
    monkeypatch.setenv("GRAPHC_JIT", "0")
    outputs, inputs = case()
    generator = np.random.default_rng(0)
    sizes = {"n": 5, "m": 4, "k": 3}
    values = []
    for node in inputs:
        shape = tuple(sizes.get(str(size), size) for size in node.shape)
        values.append(np.asarray(generator.normal(size=shape)).astype(node.dtype))
    expected = gx.compile(outputs, inputs=inputs, backend="reference")(*values)
    for got, wanted in zip(gx.compile(outputs, inputs=inputs)(*values), expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-5 if inputs[0].dtype == "float32" else 1e-12)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_every_line_that_computes_names_the_users_line(case):
    outputs, inputs = case()
    lines = gx.compile(outputs, inputs=inputs).source.splitlines()
    computes = re.compile(r" +(\w+(\[.*\])? = |(gem[mv]|(add|dot)_rows)\()")
    computing = [line for line in lines if computes.match(line) and ".shape[" not in line]
    assert computing
    for line in computing:
        if ".reshape(" not in line and "_end = " not in line and " = min(" not in line:
            # A node that another test built first and that still lives names that test's line.
            assert re.search(r"# \S*test_\w+\.py:\d+$", line), line

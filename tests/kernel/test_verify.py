"""The verifier refuses kernels that are wrong, and every pass keeps it content and the values the same."""

import dataclasses

import numpy as np
import pytest

import graphc as gx
from graphc.backends.cpu import _plain
from graphc.backends.source import array_arguments, render
from graphc.compiler.pipeline import KERNEL_PASSES, Record, make_kernel
from graphc.errors import InternalError
from graphc.kernel.ir import (
    Accumulate,
    Assign,
    Buffer,
    Call,
    Const,
    Fold,
    Kernel,
    Let,
    Library,
    Load,
    Loop,
    Name,
    Operand,
    Store,
)
from graphc.kernel.lower import lower
from graphc.kernel.normalise import normalise
from graphc.kernel.verify import verify
from graphc.rewrite.engine import simplify

ONE = Const(1.0, "float64")
INDEX, X = Name("i0"), Name("x", "float64")
BUFFERS = {
    "a": Buffer("a", "float64", (3,), "input"),
    "out1": Buffer("out1", "float64", (3,), "output"),
    "w1": Buffer("w1", "float64", (3,), "workspace"),
}
GOOD = Store("out1", (INDEX,), Load("a", (INDEX,), "float64"))


def kernel(*body, results=("out1",), buffers=BUFFERS):
    """Return a kernel of a scalar x and an array a with the given statements."""
    return Kernel((X, buffers["a"]), buffers, tuple(body), results)


def over(*body):
    """Return a loop over three elements."""
    return Loop("i0", 3, body)


def test_a_right_kernel_passes():
    verify(kernel(over(GOOD)), "nothing")


BROKEN = {
    "unbound name": (kernel(over(Store("out1", (INDEX,), Name("y", "float64")))), "name y is used before it is bound"),
    "index of a loop around": (kernel(over(over(GOOD))), "loop i0 is inside another of that name"),
    "index outside its loop": (kernel(GOOD, over(GOOD)), "name i0 is used before it is bound"),
    "assign to nothing": (kernel(Assign("t", ONE), over(GOOD)), "name t is changed before it is bound"),
    "fold of nothing": (kernel(Fold("t", "add", ONE, "float64"), over(GOOD)), "name t is changed before it is bound"),
    "unknown buffer": (kernel(over(Store("b", (INDEX,), ONE))), "buffer b does not exist"),
    "wrong rank": (kernel(over(Store("out1", (INDEX, INDEX), ONE))), "buffer out1 is indexed with 2"),
    "read before written": (kernel(over(Let("t", Load("w1", (INDEX,), "float64")), GOOD)), "w1 is read before"),
    "added to before written": (
        kernel(over(Accumulate("w1", (INDEX,), "add", ONE, "float64"), GOOD)),
        "w1 is read before it is written",
    ),
    "view of nothing": (
        kernel(over(GOOD), buffers={**BUFFERS, "view1": Buffer("view1", "float64", (3,), "view", "w2")}),
        "view view1 is of no buffer",
    ),
    "result never written": (kernel(), "result out1 is never written"),
    "output never written": (kernel(results=(ONE,)), "output out1 is never written"),
    "scalar result unbound": (kernel(over(GOOD), results=("out1", Name("s", "float64"))), "name s is used before"),
    "library reads what is not written": (
        kernel(over(GOOD), Library("gemv", (Operand("out1"),), (Operand("w1"), Operand("a")), (False,))),
        "operand w1 is not written",
    ),
    "unbound inside a call": (
        kernel(over(Store("out1", (INDEX,), Call("add", (ONE, Name("q", "float64")), "float64")))),
        "name q is used before",
    ),
}


@pytest.mark.parametrize(("broken", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_kernel_is_refused_and_the_pass_named(broken, message):
    with pytest.raises(InternalError, match=f"after some pass: .*{message}"):
        verify(broken, "some pass")


def model():
    """Return outputs that need loops, reductions on both axes, products, scans and views."""
    x, w = gx.tensor("x", ("n", 4)), gx.tensor("w", (4, 4))
    hidden = gx.tanh(x @ w) + gx.mean(x, axis=0)
    loss = gx.sum(gx.logsumexp(hidden, axis=1)) + gx.cumsum(gx.max(hidden, axis=0))[-1]
    return [hidden, loss, gx.softmax(hidden.T), gx.argmax(hidden, axis=1), *gx.grad(loss, [x, w])], [x, w]


def run(made, values, sizes):
    """Return the results of a kernel run as plain Python."""
    arrays = {}
    for buffer in array_arguments(made):
        if buffer.role == "constant":
            arrays[buffer.name] = made.constants[buffer.name]
        else:
            shape = tuple(size if isinstance(size, int) else size.evaluate(sizes) for size in buffer.shape)
            arrays[buffer.name] = np.full(shape, 77).astype(buffer.dtype)
    scalars = iter(_plain(render(made).text()).kernel(*values, *arrays.values()) or ())
    return [arrays[result] if isinstance(result, str) else next(scalars) for result in made.results]


@pytest.mark.parametrize("count", range(len(KERNEL_PASSES) + 1))
def test_every_pass_keeps_kernels_right_and_values_equal(count):
    outputs, inputs = model()
    values = [np.random.default_rng(0).normal(size=(5, 4)), np.random.default_rng(1).normal(size=(4, 4))]
    expected = gx.compile(outputs, inputs=inputs, backend="reference")(*values)
    made = lower(normalise(simplify(outputs)), inputs)
    for name, transform in KERNEL_PASSES[:count]:
        made = transform(made)
        verify(made, name)
    for got, wanted in zip(run(made, values, {"n": 5}), expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-12)


def test_checking_is_on_when_it_is_asked_for(monkeypatch):
    monkeypatch.setenv("GRAPHC_CHECK", "1")
    x = gx.tensor("x", (3,))

    def breaks(made):
        return dataclasses.replace(made, body=())

    monkeypatch.setattr("graphc.compiler.pipeline.KERNEL_PASSES", [("break it", breaks)])
    with pytest.raises(InternalError, match=r"after break it: result out\d+ is never written"):
        make_kernel([x * 2], [x], Record())

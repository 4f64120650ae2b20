"""Convolutions and pooling against sums over windows in NumPy, on both backends, with derivatives."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc.errors import ArgumentError, DTypeError, ShapeError
from tests.ops.derivative_tools import assert_derivatives, make_symbols

RANDOM = np.random.default_rng(0)
BACKENDS = ("cpu", "reference")
Array = Any


def padded(x: Array, widths: Any, fill: float = 0.0) -> Array:
    return np.pad(x, [(0, 0)] * (x.ndim - len(widths)) + list(widths), constant_values=fill)


def seen(x: Array, kernel: Any, stride: Any, dilation: Any) -> Array:
    """Windows of the last axes, stacked along new last ones."""
    rank = len(kernel)
    outs = [
        (n - (k - 1) * d - 1) // s + 1 for n, k, s, d in zip(x.shape[-rank:], kernel, stride, dilation, strict=True)
    ]
    result = np.empty((*x.shape[:-rank], *outs, *kernel), x.dtype)
    for place in itertools.product(*map(range, kernel)):
        cuts = [
            slice(p * d, p * d + (o - 1) * s + 1, s) for p, d, o, s in zip(place, dilation, outs, stride, strict=True)
        ]
        result[(..., *place)] = x[(..., *cuts)]
    return result


def convolution(x: Array, w: Array, widths: Any, stride: Any, dilation: Any, groups: int) -> Array:
    """What a convolution is: sums over channels and places, group by group."""
    kernel = w.shape[2:]
    windows = seen(padded(x, widths), kernel, stride, dilation)
    inputs, filters = np.split(windows, groups, axis=1), np.split(w, groups)
    space, places = "xy"[: len(kernel)], "uv"[: len(kernel)]
    text = f"nc{space}{places},fc{places}->nf{space}"
    return np.concatenate([np.einsum(text, *pair) for pair in zip(inputs, filters, strict=True)], axis=1)


ONE_OR_TWO = {
    "1d": ((2, 3, 9), (4, 3, 3), {}, [(0, 0)], (1,), (1,)),
    "1d same": ((2, 3, 9), (4, 3, 4), {"padding": "same"}, [(1, 2)], (1,), (1,)),
    "1d all": ((2, 4, 11), (6, 2, 3), {"padding": (2,), "stride": 2, "dilation": 2, "groups": 2}, [(2, 2)], (2,), (2,)),
    "2d": ((2, 3, 6, 5), (4, 3, 3, 2), {}, [(0, 0)] * 2, (1, 1), (1, 1)),
    "2d one place": ((2, 3, 4, 4), (5, 3, 1, 1), {}, [(0, 0)] * 2, (1, 1), (1, 1)),
    "2d one channel": ((1, 1, 5, 5), (1, 1, 3, 3), {"padding": 1}, [(1, 1)] * 2, (1, 1), (1, 1)),
    "2d same": ((2, 3, 8, 7), (4, 3, 3, 2), {"padding": "SAME", "stride": (2, 3)}, [(0, 1), (0, 1)], (2, 3), (1, 1)),
    "2d pairs": ((2, 2, 5, 5), (3, 2, 3, 3), {"padding": ((1, 0), (2, 1))}, [(1, 0), (2, 1)], (1, 1), (1, 1)),
    "2d strides": ((2, 3, 9, 8), (4, 3, 3, 3), {"stride": 2, "padding": (1, 2)}, [(1, 1), (2, 2)], (2, 2), (1, 1)),
    "2d dilated": ((2, 3, 9, 8), (4, 3, 2, 3), {"dilation": (3, 2)}, [(0, 0)] * 2, (1, 1), (3, 2)),
    "2d groups": ((2, 6, 5, 5), (9, 2, 3, 3), {"groups": 3, "padding": "valid"}, [(0, 0)] * 2, (1, 1), (1, 1)),
    "2d by channel": ((2, 4, 6, 6), (4, 1, 3, 3), {"groups": 4, "padding": 1}, [(1, 1)] * 2, (1, 1), (1, 1)),
    "2d two by channel": ((2, 3, 5, 5), (6, 1, 3, 3), {"groups": 3}, [(0, 0)] * 2, (1, 1), (1, 1)),
    "2d whole": ((2, 3, 4, 5), (4, 3, 4, 5), {}, [(0, 0)] * 2, (1, 1), (1, 1)),
    "2d no batch": ((0, 3, 4, 5), (4, 3, 2, 2), {}, [(0, 0)] * 2, (1, 1), (1, 1)),
}


def built(name: str) -> Callable[..., gx.Expr]:
    shape, _, options, *_ = ONE_OR_TWO[name]
    function = gx.conv1d if len(shape) == 3 else gx.conv2d
    return lambda x, w: function(x, w, **options)


@pytest.mark.parametrize("backend", BACKENDS)
def test_convolutions_are_sums_over_windows(backend: str) -> None:
    arrays = {n: [RANDOM.normal(size=shape) for shape in case[:2]] for n, case in ONE_OR_TWO.items()}
    inputs = {n: [gx.tensor(f"{k}{m}", a.shape) for k, a in zip("xw", pair, strict=True)]
              for m, (n, pair) in enumerate(arrays.items())}  # fmt: skip
    outputs = {name: built(name)(*pair) for name, pair in inputs.items()}
    function = gx.compile(outputs, inputs=[each for pair in inputs.values() for each in pair], backend=backend)
    found = function(*(array for pair in arrays.values() for array in pair))
    for name, (_, _, options, widths, stride, dilation) in ONE_OR_TWO.items():
        expected = convolution(*arrays[name], widths, stride, dilation, options.get("groups", 1))
        assert outputs[name].shape == expected.shape, name
        np.testing.assert_allclose(found[name], expected, rtol=1e-12, atol=1e-13, err_msg=name)


@pytest.mark.parametrize("name", [name for name in ONE_OR_TWO if "no batch" not in name])
def test_derivatives_of_convolutions_agree(name: str) -> None:
    assert_derivatives(built(name), [RANDOM.normal(size=shape) for shape in ONE_OR_TWO[name][:2]])


@pytest.mark.parametrize("name", ["2d same", "2d by channel", "1d all"])
def test_native_gradients_of_convolutions_are_those_of_the_reference(name: str) -> None:
    arrays = [RANDOM.normal(size=shape) for shape in ONE_OR_TWO[name][:2]]
    inputs = make_symbols(arrays)
    gradient = gx.grad(gx.sin(built(name)(*inputs)).sum(), wrt=inputs)
    expected, found = (gx.compile(gradient, inputs=inputs, backend=each)(*arrays) for each in ("reference", "cpu"))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-12)


def test_second_derivatives_of_a_convolution_agree() -> None:
    def gradient(x: gx.Expr, w: gx.Expr) -> Any:
        return gx.grad(gx.exp(gx.conv2d(x, w, stride=2, padding=1)).sum(), wrt=w)

    assert_derivatives(gradient, [0.3 * RANDOM.normal(size=(2, 2, 4, 4)), RANDOM.normal(size=(2, 2, 3, 3))])


def test_a_large_convolution_has_its_gradients_in_float32() -> None:
    arrays = [RANDOM.normal(size=shape).astype("float32") for shape in ((8, 3, 32, 32), (16, 3, 3, 3), (16,))]
    x, w, b = make_symbols(arrays)
    outputs = gx.value_and_grad(gx.square(gx.conv2d(x, w, b, padding=1)).mean(), wrt=[x, w, b])
    expected, found = (gx.compile(outputs, inputs=[x, w, b], backend=e)(*arrays) for e in ("reference", "cpu"))
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-5)
    for one, other in zip(found[1], expected[1], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5 * np.abs(other).max())


def test_a_convolution_and_its_gradient_lay_windows_out_once() -> None:
    x, w = gx.tensor("x", (4, 3, 8, 8)), gx.tensor("w", (5, 3, 3, 3))
    explained = gx.compile(gx.grad(gx.square(gx.conv2d(x, w)).sum(), wrt=[x, w])).explain()
    assert explained.count("library gemm") == 3
    assert sum("workspace" in line and "3, 3, 3" in line for line in explained.splitlines()) == 2


def test_one_filter_a_channel_needs_no_windows_in_memory() -> None:
    x, w = gx.tensor("x", (4, 3, 8, 8)), gx.tensor("w", (3, 1, 3, 3))
    explained = gx.compile(gx.conv2d(x, w, groups=3)).explain()
    assert "library" not in explained
    assert "  workspace" not in explained


def test_sizes_of_batch_and_space_may_be_named() -> None:
    x, w = gx.tensor("x", ("batch", 2, "height", "width")), gx.tensor("w", (3, 2, 3, 3))
    y = gx.max_pool2d(gx.conv2d(x, w, padding="same"), 2)
    function = gx.compile(y, inputs=[x, w])
    for shape in ((2, 2, 6, 5), (1, 2, 4, 4)):
        data, kernel = RANDOM.normal(size=shape), RANDOM.normal(size=(3, 2, 3, 3))
        full = convolution(data, kernel, [(1, 1)] * 2, (1, 1), (1, 1), 1)
        expected = seen(full, (2, 2), (2, 2), (1, 1)).max(axis=(-1, -2))
        np.testing.assert_allclose(function(data, kernel), expected, rtol=1e-12)


POOLS: dict[str, tuple[Callable[[Any], Any], Callable[[Array], Array]]] = {
    "max": (
        lambda x: gx.max_pool2d(x, 2),
        lambda x: seen(x, (2, 2), (2, 2), (1, 1)).max(axis=(-1, -2)),
    ),
    "max padded": (
        lambda x: gx.max_pool2d(x, (3, 2), stride=(2, 1), padding=1),
        lambda x: seen(padded(x, [(1, 1)] * 2, -np.inf), (3, 2), (2, 1), (1, 1)).max(axis=(-1, -2)),
    ),
    "max dilated": (
        lambda x: gx.max_pool1d(x, 3, stride=1, dilation=2),
        lambda x: seen(x, (3,), (1,), (2,)).max(axis=-1),
    ),
    "mean": (
        lambda x: gx.avg_pool2d(x, 3, stride=2, padding="same"),
        lambda x: seen(padded(x, [(1, 1), (1, 1)]), (3, 3), (2, 2), (1, 1)).mean(axis=(-1, -2)),
    ),
    "mean 1d": (
        lambda x: gx.avg_pool1d(x, 2),
        lambda x: seen(x, (2,), (2,), (1,)).mean(axis=-1),
    ),
    "mean of what there is": (
        lambda x: gx.avg_pool1d(x, 3, padding=1, count_include_pad=False),
        lambda x: np.nanmean(seen(padded(x, [(1, 1)], np.nan), (3,), (3,), (1,)), axis=-1),
    ),
}  # fmt: skip


@pytest.mark.parametrize("backend", BACKENDS)
def test_pools_are_those_of_windows(backend: str) -> None:
    data = RANDOM.normal(size=(2, 3, 7, 7))
    x = gx.tensor("x", data.shape)
    found = gx.compile({name: pool(x) for name, (pool, _) in POOLS.items()}, inputs=[x], backend=backend)(data)
    for name, (_, expected) in POOLS.items():
        np.testing.assert_allclose(found[name], expected(data), rtol=1e-13, atol=1e-15, err_msg=name)


@pytest.mark.parametrize("name", POOLS)
def test_derivatives_of_pools_agree(name: str) -> None:
    assert_derivatives(POOLS[name][0], [RANDOM.normal(size=(2, 7, 7))])


def test_a_small_network_trains_inside_a_scan_and_under_vmap() -> None:
    images, kernel = gx.tensor("images", (5, 1, 6, 6)), gx.tensor("kernel", (2, 1, 3, 3))

    def step(weights: gx.Expr, image: gx.Expr) -> Any:
        loss = gx.square(gx.max_pool2d(gx.tanh(gx.conv2d(image[None], weights)), 2)).sum()
        return weights - 0.1 * gx.grad(loss, wrt=weights), loss

    losses = gx.scan(step, kernel, images)[1]
    data, start = RANDOM.normal(size=images.shape), RANDOM.normal(size=kernel.shape)
    expected, found = (
        gx.compile([losses, gx.grad(losses.sum(), wrt=kernel)], inputs=[images, kernel], backend=each)(data, start)
        for each in ("reference", "cpu")
    )
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-12)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-9, atol=1e-11)
    mapped = gx.compile(gx.vmap(lambda image: gx.conv2d(image[None], kernel)[0])(images), inputs=[images, kernel])
    np.testing.assert_allclose(
        mapped(data, start), convolution(data, start, [(0, 0)] * 2, (1, 1), (1, 1), 1), rtol=1e-12, atol=1e-13
    )


def test_what_does_not_fit_is_named_with_the_remedy() -> None:
    x, w = gx.tensor("x", ("batch", 3, 8, 8)), gx.tensor("w", (4, 3, 3, 3))
    with pytest.raises(ShapeError, match=r"(?s)input \(batch, 3, 8, 8\) and weight \(4, 3, 3\): 4 dimensions.*remedy"):
        gx.conv2d(x, gx.tensor("v", (4, 3, 3)))
    with pytest.raises(ShapeError, match=r"do not fit with groups=1: the input needs 2 channels"):
        gx.conv2d(x, gx.tensor("v", (4, 2, 3, 3)))
    with pytest.raises(
        ShapeError, match=r"(?s)windows that reach over 9 elements do not fit into 8.*test_convolution.py"
    ):
        gx.conv2d(x, w, dilation=4)
    with pytest.raises(ShapeError, match=r"bias of shape \(4,\) expected, got \(3,\)"):
        gx.conv2d(x, w, gx.ones(3))
    with pytest.raises(ShapeError, match=r'padding "same" with stride 2 needs a size known beforehand, got width'):
        gx.conv1d(gx.tensor("s", (1, 3, "width")), gx.tensor("v", (4, 3, 3)), stride=2, padding="same")
    for options in ({"stride": 0}, {"padding": -1}, {"padding": "full"}, {"dilation": (1, 2, 3)}, {"groups": 0}):
        with pytest.raises(ArgumentError, match=next(iter(options))):
            gx.conv2d(x, w, **options)
    with pytest.raises(DTypeError, match="a float dtype expected, got int64"):
        gx.max_pool1d(gx.tensor("n", (4,), dtype="int64"), 2)

"""Functions of an item, mapped over many, are one loop over the items: no array between, no call inside."""

import math

import numpy as np
import pytest

import graphc as gx
from graphc.compiler.pipeline import Record, make_kernel
from graphc.kernel import columns
from graphc.kernel.assembly import ASSEMBLE
from graphc.kernel.describe import library_calls, temporaries
from graphc.kernel.ir import Loop
from graphc.kernel.normalise import normalise
from graphc.kernel.walk import walk_statements
from graphc.rewrite.engine import simplify


def cross(a, b):
    return gx.stack([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]])


def turned(rotation, point):
    """Return a point turned by a vector, by Rodrigues' formula."""
    square = rotation @ rotation
    angle = gx.sqrt(gx.where(square > 0, square, 1.0))
    axis = rotation / angle
    far = point * gx.cos(angle) + cross(axis, point) * gx.sin(angle) + axis * (axis @ point) * (1 - gx.cos(angle))
    return gx.where(square > 0, far, point + cross(rotation, point))


def turned_by_a_matrix(rotation, point):
    """Return the same by the matrix of the rotation."""
    square = rotation @ rotation
    angle = gx.sqrt(gx.where(square > 0, square, 1.0))
    x, y, z = (rotation[number] / angle for number in range(3))
    generator = gx.stack([0.0 * x, -z, y, z, 0.0 * x, -x, -y, x, 0.0 * x]).reshape((3, 3))
    matrix = gx.eye(3) + gx.sin(angle) * generator + (1 - gx.cos(angle)) * (generator @ generator)
    return gx.where(square > 0, matrix @ point, point + cross(rotation, point))


def projected(camera, point, weight):
    """Return where a camera of eleven numbers sees a point."""
    x, y, z = turned(camera[:3], point - camera[3:6])
    ratio = gx.stack([x, y]) / z
    square = ratio @ ratio
    return weight * (ratio * (1 + camera[9] * square + camera[10] * square**2) * camera[6] + camera[7:9])


def by_quaternion(quaternion, point):
    """Return a point turned by a unit quaternion."""
    scalar, vector = quaternion[0], quaternion[1:]
    twice = 2 * cross(vector, point)
    return point + scalar * twice + cross(vector, twice)


def squares(rotation, point):
    return gx.sum(turned(rotation, point) ** 2 * gx.constant([1.0, 2.0, 3.0]))


def blocks_of(f, mode):
    """Return the Jacobians of a function of two vectors beside each other."""
    return lambda *given: gx.concatenate(list(gx.jacobian(f, argnums=(0, 1), mode=mode)(*given)), axis=1)


FUNCTIONS = {
    "turned": (turned, [(3,), (3,)]),
    "turned by a matrix": (turned_by_a_matrix, [(3,), (3,)]),
    "turned, Jacobian forward": (blocks_of(turned, "forward"), [(3,), (3,)]),
    "turned, Jacobian reverse": (blocks_of(turned, "reverse"), [(3,), (3,)]),
    "by a matrix, Jacobian forward": (blocks_of(turned_by_a_matrix, "forward"), [(3,), (3,)]),
    "by a matrix, Jacobian reverse": (blocks_of(turned_by_a_matrix, "reverse"), [(3,), (3,)]),
    "gradient": (gx.grad(squares), [(3,), (3,)]),
    "Hessian": (gx.hessian(squares), [(3,), (3,)]),
    "by quaternion": (by_quaternion, [(4,), (3,)]),
    "by quaternion, Jacobian": (blocks_of(by_quaternion, "auto"), [(4,), (3,)]),
    "projected": (projected, [(11,), (3,), ()]),
    "projected, Jacobian forward": (blocks_of(projected, "forward"), [(11,), (3,), ()]),
    "projected, Jacobian reverse": (blocks_of(projected, "reverse"), [(11,), (3,), ()]),
    "determinant, gradient": (gx.grad(gx.linalg.det), [(3, 3)]),
    "triangle": (lambda a: gx.tril(a) @ gx.tril(a).T, [(3, 3)]),
    "diagonal": (lambda v, w: gx.diag(v) @ w, [(3,), (3,)]),
    "of a Jacobian": (lambda v: gx.exp(gx.jacobian(lambda x: gx.stack([x[0] ** 2, 3 * x[1]]))(v)).sum(), [(2,)]),
    "single precision": (lambda v, w: gx.sum(gx.stack([v[0] * w[1], v[1] + 1])), [(2,), (2,)], "float32"),
    "products of a reduction": (lambda v: gx.stack([gx.prod(v), gx.max(v), v[0]]), [(3,)]),
}  # fmt: skip


def mapped(name, count="n"):
    """Return a function mapped over items, and its inputs."""
    function, shapes, *dtype = FUNCTIONS[name]
    inputs = [gx.tensor(f"x{number}", (count, *shape), *dtype) for number, shape in enumerate(shapes)]
    return [gx.vmap(function)(*inputs)], inputs


def values_of(inputs, length):
    generator = np.random.default_rng(0)
    values = [generator.normal(size=(length, *node.shape[1:])).astype(node.dtype) for node in inputs]
    if length > 2:
        values[0][1] = 0
    return values


def kernel_of(outputs, inputs):
    return make_kernel(simplify(outputs), inputs, Record())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_of_items_is_one_loop_without_arrays_or_calls(name, monkeypatch):
    monkeypatch.setattr(columns, "GAIN", math.inf)
    kernel = kernel_of(*mapped(name))
    loops = [statement for statement in walk_statements(kernel.body) if isinstance(statement, Loop)]
    assert [str(loop.extent) for loop in loops] == ["n"]
    assert (temporaries(kernel), library_calls(kernel)) == (0, [])


def agrees_with_the_reference(name, length):
    (output,), inputs = mapped(name)
    values = values_of(inputs, length)
    expected = gx.compile(output, inputs, backend="reference")(*values)
    got = gx.compile(output, inputs)(*values)
    precision = 1e-11 if got.dtype == np.float64 else 1e-5
    np.testing.assert_allclose(got, expected, rtol=precision, atol=precision)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("length", [0, 1, 70])
def test_values_are_those_of_the_reference(name, length, monkeypatch):
    monkeypatch.setenv("GRAPHC_CHECK", "1")
    monkeypatch.setenv("GRAPHC_JIT", "0")
    agrees_with_the_reference(name, length)


@pytest.mark.parametrize("name", ["turned by a matrix", "projected, Jacobian reverse", "single precision"])
def test_native_values_are_those_of_the_reference(name):
    agrees_with_the_reference(name, 300)


def test_a_number_of_items_that_is_known_is_a_loop_too():
    (output,), inputs = mapped("turned", count=1000)
    kernel = kernel_of([output], inputs)
    assert len(kernel.body) == 1
    values = values_of(inputs, 1000)
    expected = gx.compile(output, inputs, backend="reference")(*values)
    np.testing.assert_allclose(gx.compile(output, inputs)(*values), expected, rtol=1e-12, atol=1e-13)


def test_a_sum_over_all_items_of_what_they_compute_is_right():
    (output,), inputs = mapped("projected")
    loss = gx.sum(output**2)
    results = [loss, *gx.grad(loss, inputs)]
    values = values_of(inputs, 130)
    expected = gx.compile(results, inputs, backend="reference")(*values)
    for got, wanted in zip(gx.compile(results, inputs)(*values), expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-10, atol=1e-10)


def test_zeros_of_directions_are_nothing_even_beside_an_infinite_factor():
    v = gx.tensor("v", ("n", 2))
    jacobian = gx.vmap(gx.jacobian(lambda x: gx.stack([x[0] ** 2, gx.sqrt(x[1])])))(v)
    found = gx.compile(jacobian, [v])(np.array([[3.0, 0.0], [2.0, 4.0]]))
    np.testing.assert_array_equal(found, [[[6.0, 0.0], [0.0, np.inf]], [[4.0, 0.0], [0.0, 0.25]]])


def test_a_zero_the_user_wrote_stays_a_number():
    v = gx.tensor("v", ("n", 2))
    shifted = gx.vmap(lambda x: gx.stack([x[0] * 0.0, x[1]]) @ gx.constant([[1.0, 0.0], [0.0, 1.0]]))(v)
    values = np.array([[np.inf, 1.0], [-2.0, 3.0]])
    expected = gx.compile(shifted, [v], backend="reference")(values)
    np.testing.assert_array_equal(gx.compile(shifted, [v])(values), expected)
    assert np.isnan(expected[0, 0])


@pytest.mark.parametrize("axis", [0, 1])
def test_only_arrays_of_an_item_are_put_together_of_elements(axis):
    x, y = gx.tensor("x", ("n", 3)), gx.tensor("y", ("n", 3))
    (root,) = normalise([2 * gx.concatenate([x, y], axis=axis)])
    assert (root.op is ASSEMBLE) == (axis == 1)


def test_a_layer_on_joined_features_stays_a_product_of_matrices():
    x, w = gx.tensor("x", ("n", 3)), gx.tensor("w", (6, 5))
    kernel = kernel_of([gx.tanh(gx.concatenate([x, x**2], axis=1) @ w)], [x, w])
    assert len(library_calls(kernel)) == 1


def test_items_of_nothing_are_arrays_of_nothing():
    x = gx.tensor("x", ("items", 0))
    doubled = gx.vmap(lambda item: gx.concatenate([gx.sin(item), item]))(x)
    padded = gx.vmap(lambda item: gx.concatenate([gx.sin(item), gx.ones((2,))]))(x)
    first, second = gx.compile([doubled, padded], inputs=[x])(np.zeros((20, 0)))
    assert first.shape == (20, 0)
    assert second.tolist() == [[1.0, 1.0]] * 20

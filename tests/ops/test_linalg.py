"""Linear algebra: NumPy's functions on expressions against NumPy, on every backend, with derivatives of two orders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.linalg

import graphc as gx
from graphc.errors import ArgumentError, DTypeError, ShapeError, SingularMatrixError
from tests.ops.derivative_tools import assert_derivatives, make_symbols, value_of

RANDOM = np.random.default_rng(0)
BATCHES = [(), (3,), (2, 2)]
SIZES = [0, 1, 2, 5]
Array = Any


def matrices(*shape: int) -> Array:
    """Matrices that are well conditioned, whatever their shape."""
    return RANDOM.normal(size=shape) + 3 * np.eye(*shape[-2:])


def symmetric(*shape: int) -> Array:
    """Symmetric positive definite matrices with distinct eigenvalues."""
    factor = 0.3 * RANDOM.normal(size=shape)
    return factor @ np.swapaxes(factor, -1, -2) + np.diag(1.0 + np.arange(shape[-1]))


def triangular(a: Any, b: Any, **options: Any) -> Any:
    """The solution of a triangular system, of arrays by SciPy, matrix by matrix."""
    if isinstance(a, gx.Expr):
        return gx.linalg.solve_triangular(a, b, **options)
    if a.size == 0 or b.size == 0:
        return np.zeros_like(b)
    found = [scipy.linalg.solve_triangular(*pair, **options) for pair in zip(*map(flat, (a, b)), strict=True)]
    return np.reshape(found, b.shape)


def flat(array: Array) -> Array:
    return array.reshape(-1, *array.shape[-2:])


def product(*factors: Any) -> Any:
    """The singular value decomposition put together again."""
    u, s, vh = factors
    return (u * s[..., None, :]) @ vh


def spectrum(a: Any) -> Any:
    """A function of eigenvectors that their signs do not change, with weights that set them apart."""
    values, vectors = np.linalg.eigh(a)
    weights = np.arange(1, a.shape[-1] + 1).astype(a.dtype)
    return (vectors * (values * values + weights)[..., None, :]) @ np.matrix_transpose(vectors)


def squares(a: Any) -> Any:
    """Functions of the left and right singular vectors that their signs do not change."""
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    weights = np.arange(1, s.shape[-1] + 1).astype(a.dtype)
    left = (u * weights) @ np.matrix_transpose(u)
    return left @ (u * (s * s)[..., None, :]) @ vh


SQUARE: dict[str, Callable[..., Any]] = {
    "solve": lambda a, b: np.linalg.solve(a, b),
    "solve lower": lambda a, b: triangular(a, b, lower=True),
    "solve upper transposed": lambda a, b: triangular(a, b, trans=1),
    "solve unit": lambda a, b: triangular(a, b, lower=True, trans=1, unit_diagonal=True),
    "inv": lambda a, b: np.linalg.inv(a),
    "det": lambda a, b: np.linalg.det(a),
    "slogdet sign": lambda a, b: np.linalg.slogdet(a)[0],
    "slogdet": lambda a, b: np.linalg.slogdet(a)[1],
    "power": lambda a, b: np.linalg.matrix_power(a, 5),
    "power negative": lambda a, b: np.linalg.matrix_power(a, -2),
    "power 0": lambda a, b: np.linalg.matrix_power(a, 0),
    "qr q": lambda a, b: np.linalg.qr(b)[0],
    "qr r": lambda a, b: np.linalg.qr(b)[1],
    "qr wide": lambda a, b: np.linalg.qr(np.matrix_transpose(b))[1],
    "svd": lambda a, b: product(*np.linalg.svd(b, full_matrices=False)),
    "svd values": lambda a, b: np.linalg.svd(b, compute_uv=False),
    "svd vectors": lambda a, b: squares(b),
    "svd wide": lambda a, b: squares(np.matrix_transpose(b)),
}
"""Functions of a square matrix and one with fewer columns."""

SYMMETRIC: dict[str, Callable[..., Any]] = {
    "cholesky": lambda a: np.linalg.cholesky(a),
    "eigh values": lambda a: np.linalg.eigh(a)[0],
    "eigvalsh": lambda a: np.linalg.eigvalsh(a),
    "eigh vectors": spectrum,
}
"""Functions of a symmetric matrix."""

ONE = {
    "pinv": (lambda a: np.linalg.pinv(a), (4, 3)),
    "pinv wide": (lambda a: np.linalg.pinv(a), (2, 3, 5)),
    "norm 2": (lambda a: np.linalg.norm(a, 2), (4, 3)),
    "norm -2": (lambda a: np.linalg.norm(a, -2, axis=(0, 1)), (3, 4)),
    "norm nuc": (lambda a: np.linalg.norm(a, "nuc", axis=(1, 2), keepdims=True), (2, 4, 3)),
    "trace": (lambda a: np.trace(a), (3, 4)),
    "trace axes": (lambda a: np.trace(a, 1, 2, 0), (3, 2, 4)),
    "linalg.trace": (lambda a: np.linalg.trace(a), (2, 3, 3)),
    "diagonal": (lambda a: np.diagonal(a, 1), (3, 4, 2)),
    "diagonal below": (lambda a: np.diagonal(a, -1, 1, 2), (2, 4, 3)),
    "linalg.diagonal": (lambda a: np.linalg.diagonal(a, offset=1), (2, 4, 3)),
    "diagonal outside": (lambda a: np.diagonal(a, 5), (3, 4)),
    "diag": (lambda a: np.diag(a, 2), (3,)),
    "diag below": (lambda a: np.diag(a, -1), (2,)),
    "diag of matrix": (lambda a: np.diag(a), (3, 2)),
    "tril": (lambda a: np.tril(a), (2, 3, 4)),
    "tril above": (lambda a: np.tril(a, 1), (3, 3)),
    "triu": (lambda a: np.triu(a, -1), (4, 3)),
    "triu empty": (lambda a: np.triu(a), (0, 3)),
    "einsum diagonal": (lambda a: np.einsum("iji->j", a), (3, 2, 3)),
}
KRON = [((2, 3), (4, 2)), ((3,), (2, 2)), ((2, 1, 2), (3,)), ((), (2, 2))]


def operands(batch: tuple[int, ...], size: int) -> list[Array]:
    return [matrices(*batch, size, size), matrices(*batch, size, max(size - 1, 0))]


def assert_all_equal(functions: dict[str, Any], arrays: list[Array], backend: str, rtol: float) -> None:
    """Check every function, compiled together, against NumPy on the same arrays."""
    inputs = make_symbols(arrays)
    found = gx.compile({name: f(*inputs) for name, f in functions.items()}, inputs=inputs, backend=backend)(*arrays)
    for name, function in functions.items():
        expected = function(*arrays)
        assert np.shape(found[name]) == np.shape(expected), name
        assert np.asarray(found[name]).dtype == arrays[0].dtype or np.ndim(found[name]) == 0, name
        np.testing.assert_allclose(found[name], expected, rtol=rtol, atol=rtol, err_msg=name)


@pytest.mark.parametrize("batch", BATCHES, ids=str)
@pytest.mark.parametrize("size", SIZES)
def test_the_reference_is_numpy(size: int, batch: tuple[int, ...]) -> None:
    assert_all_equal(SQUARE, operands(batch, size), "reference", 1e-10)
    assert_all_equal(SYMMETRIC, [symmetric(*batch, size, size)], "reference", 1e-10)


@pytest.mark.parametrize(("size", "batch"), [(0, ()), (1, (3,)), (2, ()), (5, (2, 2)), (70, ())], ids=str)
def test_native_code_is_numpy(size: int, batch: tuple[int, ...]) -> None:
    functions = {name: f for name, f in SQUARE.items() if size < 70 or "svd vec" not in name}
    assert_all_equal(functions, operands(batch, size), "cpu", 1e-8)
    assert_all_equal(SYMMETRIC, [symmetric(*batch, size, size)], "cpu", 1e-8)


def test_native_code_is_numpy_in_float32() -> None:
    assert_all_equal(SQUARE, [a.astype("float32") for a in operands((2,), 3)], "cpu", 3e-4)
    assert_all_equal(SYMMETRIC, [symmetric(2, 4, 4).astype("float32")], "cpu", 3e-4)


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_functions_of_one_array_are_numpys(backend: str) -> None:
    arrays = {name: RANDOM.normal(size=shape) for name, (_, shape) in ONE.items()}
    inputs = {name: gx.tensor(f"x{number}", array.shape) for number, (name, array) in enumerate(arrays.items())}
    compiled = gx.compile(
        {name: ONE[name][0](x) for name, x in inputs.items()}, inputs=list(inputs.values()), backend=backend
    )
    for name, found in compiled(*arrays.values()).items():
        expected = ONE[name][0](arrays[name])
        assert np.shape(found) == np.shape(expected), name
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13, err_msg=name)


@pytest.mark.parametrize("shapes", KRON, ids=str)
def test_kron_is_numpys(shapes: Any) -> None:
    arrays = [RANDOM.normal(size=shape) for shape in shapes]
    np.testing.assert_allclose(value_of(np.kron, arrays), np.kron(*arrays), rtol=1e-14)
    assert_derivatives(np.kron, arrays)


@pytest.mark.parametrize("name", [name for name in SQUARE if "sign" not in name and "power 0" not in name])
@pytest.mark.parametrize("batch", [(), (2,)], ids=str)
def test_forward_reverse_and_differences_agree(name: str, batch: tuple[int, ...]) -> None:
    assert_derivatives(SQUARE[name], operands(batch, 4))


@pytest.mark.parametrize("name", SYMMETRIC)
@pytest.mark.parametrize("batch", [(), (2,)], ids=str)
def test_those_of_symmetric_matrices_agree(name: str, batch: tuple[int, ...]) -> None:
    assert_derivatives(SYMMETRIC[name], [symmetric(*batch, 4, 4)])


@pytest.mark.parametrize("name", ONE)
def test_those_of_one_array_agree(name: str) -> None:
    function, shape = ONE[name]
    assert_derivatives(function, [RANDOM.normal(size=shape)])


def gradient_of(function: Callable[..., Any]) -> Callable[..., Any]:
    """The gradient in the first argument of a weighted sum of a function's results."""

    def gradient(*inputs: gx.Expr) -> Any:
        value = function(*inputs)
        weights = np.cos(np.arange(float(np.prod(value.shape)))).reshape(value.shape)
        return gx.grad((value * weights).sum(), wrt=inputs[0])

    return gradient


SECOND = ["solve", "solve lower", "solve upper transposed", "inv", "det", "slogdet", "power negative"]


@pytest.mark.parametrize("name", SECOND)
def test_second_derivatives_agree(name: str) -> None:
    assert_derivatives(gradient_of(SQUARE[name]), operands((), 4))


@pytest.mark.parametrize("name", SYMMETRIC)
def test_second_derivatives_of_symmetric_matrices_agree(name: str) -> None:
    assert_derivatives(gradient_of(SYMMETRIC[name]), [symmetric(3, 3)])


@pytest.mark.parametrize("name", ["svd values", "svd vectors", "qr r"])
def test_second_derivatives_of_factors_agree(name: str) -> None:
    assert_derivatives(gradient_of(lambda b: SQUARE[name](None, b)), [matrices(4, 3)])


def test_second_derivatives_of_the_pseudoinverse_agree() -> None:
    assert_derivatives(gradient_of(np.linalg.pinv), [matrices(4, 3)])


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (2, 4, 3)], ids=str)
@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_least_squares_are_numpys(shape: tuple[int, ...], backend: str) -> None:
    a, b = RANDOM.normal(size=shape), RANDOM.normal(size=(*shape[:-1], 2))
    inputs = make_symbols([a, b])
    found = gx.compile(np.linalg.lstsq(*inputs), inputs=inputs, backend=backend)(a, b)
    for number, (left, right) in enumerate(zip(flat(a), flat(b), strict=True)):
        x, _, rank, s = np.linalg.lstsq(left, right)
        np.testing.assert_allclose(flat(found.x)[number], x, rtol=1e-11, atol=1e-12)
        np.testing.assert_allclose(found.s.reshape(-1, s.size)[number], s, rtol=1e-12)
        assert np.ravel(found.rank)[number] == rank
        residuals = ((left @ x - right) ** 2).sum(axis=0)
        np.testing.assert_allclose(found.residuals.reshape(-1, 2)[number], residuals, rtol=1e-10, atol=1e-20)


@pytest.mark.parametrize("shape", [(5, 3), (3, 5)], ids=str)
def test_the_derivative_of_least_squares_agrees(shape: tuple[int, ...]) -> None:
    arrays = [RANDOM.normal(size=shape), RANDOM.normal(size=shape[:1])]
    assert_derivatives(lambda a, b: gx.linalg.lstsq(a, b).x, arrays)


def test_least_squares_of_a_matrix_that_lacks_rank_have_the_least_norm() -> None:
    a = np.outer(np.arange(1.0, 5.0), [1.0, 2.0, -1.0])
    b = RANDOM.normal(size=4)
    inputs = make_symbols([a, b])
    found = gx.compile(gx.linalg.lstsq(*inputs), inputs=inputs)(a, b)
    np.testing.assert_allclose(found.x, np.linalg.lstsq(a, b)[0], rtol=1e-12)
    assert found.rank == 1


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_a_vector_is_one_right_side_and_batches_broadcast(backend: str) -> None:
    a, b, c = matrices(3, 3), RANDOM.normal(size=3), RANDOM.normal(size=(2, 3, 1))
    x, y, z = make_symbols([a, b, c])
    found = gx.compile([gx.linalg.solve(x, y), gx.linalg.solve(x, z)], inputs=[x, y, z], backend=backend)(a, b, c)
    np.testing.assert_allclose(found[0], np.linalg.solve(a, b), rtol=1e-12)
    np.testing.assert_allclose(found[1], np.linalg.solve(a, c), rtol=1e-12)


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_sizes_may_be_named(backend: str) -> None:
    a, b = gx.tensor("a", ("batch", "n", "n")), gx.tensor("b", ("batch", "n"))
    c = gx.tensor("c", ("batch", 6, 4))
    outputs = {
        "solve": gx.linalg.solve(a, b[..., None]),
        "gradient": gx.grad(gx.linalg.slogdet(a).logabsdet.sum(), wrt=a),
        "power": gx.linalg.matrix_power(a, 0),
        "q": gx.linalg.qr(c).Q,
        "values": gx.linalg.svdvals(c),
    }
    function = gx.compile(outputs, inputs=[a, b, c], backend=backend)
    for batch, n in ((2, 3), (3, 1)):
        first, second, third = matrices(batch, n, n), RANDOM.normal(size=(batch, n)), matrices(batch, 6, 4)
        found = function(first, second, third)
        np.testing.assert_allclose(found["solve"], np.linalg.solve(first, second[..., None]), rtol=1e-11)
        np.testing.assert_allclose(found["gradient"], np.swapaxes(np.linalg.inv(first), -1, -2), rtol=1e-10)
        np.testing.assert_array_equal(found["power"], np.broadcast_to(np.eye(n), first.shape))
        np.testing.assert_allclose(found["q"], np.linalg.qr(third)[0], rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(found["values"], np.linalg.svd(third, compute_uv=False), rtol=1e-11)


def test_native_gradients_are_those_of_the_reference() -> None:
    a, b = symmetric(4, 4), matrices(4, 4)
    x, y = make_symbols([a, b])
    values = [
        np.linalg.cholesky(x),
        spectrum(x),
        squares(y),
        np.linalg.qr(y)[1],
        np.linalg.solve(y, x),
        np.linalg.pinv(y),
    ]
    loss = sum(gx.sin(value).sum() for value in values) + np.linalg.slogdet(y)[1] + np.linalg.det(x)
    expected, found = (
        gx.compile(gx.grad(loss, wrt=[x, y]), inputs=[x, y], backend=backend)(a, b) for backend in ("reference", "cpu")
    )
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-9, atol=1e-10)


def kalman(scale: gx.Expr, x: gx.Expr) -> gx.Expr:
    """A filter: the covariance is inverted and factored in every step."""

    def step(covariance: gx.Expr, row: gx.Expr) -> Any:
        innovation = gx.eye(3) + covariance * scale
        following = gx.linalg.solve(innovation, covariance) + gx.outer(row, row) + gx.eye(3)
        values, vectors = gx.linalg.eigh(following)
        root = (vectors * gx.sqrt(values)) @ vectors.T
        return following, gx.linalg.slogdet(innovation).logabsdet + (gx.linalg.cholesky(following) * root).sum()

    return gx.scan(step, gx.constant(np.diag([1.0, 2.0, 3.0])), x)[1].sum()


def test_factors_and_their_gradients_work_in_every_step_of_a_loop() -> None:
    scale, x = gx.symbol("scale"), gx.tensor("x", ("time", 3))
    outputs = gx.value_and_grad(kalman(scale, x), wrt=[scale, x])
    data = RANDOM.normal(size=(4, 3))
    expected, found = (
        gx.compile(outputs, inputs=[scale, x], backend=backend)(0.7, data) for backend in ("reference", "cpu")
    )
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-11)
    np.testing.assert_allclose(found[1][0], expected[1][0], rtol=1e-9)
    np.testing.assert_allclose(found[1][1], expected[1][1], rtol=1e-9, atol=1e-12)
    assert_derivatives(kalman, [np.array(0.7), data])


def test_vmap_makes_one_call_for_a_batch_of_factors() -> None:
    a = symmetric(3, 4, 4)
    x = gx.tensor("x", (3, 4, 4))
    mapped = gx.vmap(lambda m: (np.linalg.eigh(m)[0], np.linalg.cholesky(m), gx.triu(m), gx.diag(gx.diagonal(m))))(x)
    values, factor, upper, diagonal = gx.compile(mapped, inputs=[x])(a)
    np.testing.assert_allclose(values, np.linalg.eigvalsh(a), rtol=1e-12)
    np.testing.assert_allclose(factor, np.linalg.cholesky(a), rtol=1e-12)
    np.testing.assert_array_equal(upper, np.triu(a))
    np.testing.assert_array_equal(diagonal, a * np.eye(4))


def test_solving_with_a_matrix_and_its_gradient_factor_it_once() -> None:
    a, b = gx.tensor("a", (20, 20)), gx.tensor("b", (20,))
    loss = gx.square(gx.linalg.solve(a, b)).sum() + gx.linalg.slogdet(a).logabsdet
    explained = gx.compile(gx.value_and_grad(loss, wrt=[a, b])).explain()
    assert explained.count("library lapack_lu:") == 1
    assert explained.count("library lapack_lu_solve:") == 2


def test_what_is_factored_is_computed_where_it_is_factored() -> None:
    a = gx.tensor("a", (20, 20))
    explained = gx.compile(gx.linalg.cholesky(a @ a.T + gx.eye(20))).explain()
    assert "library lapack_cholesky: -> out" in explained
    assert explained.count("  workspace") == 1


def test_plain_python_computes_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAPHC_JIT", "0")
    assert_all_equal(SQUARE, operands((2,), 3), "cpu", 1e-10)
    assert_all_equal(SYMMETRIC, [symmetric(3, 3)], "cpu", 1e-10)


SINGULAR = np.array([[1.0, 2.0], [2.0, 4.0]])


def test_the_identity_of_an_open_size_is_that_of_the_call() -> None:
    rows = gx.tensor("rows", ("n", 2), "float32")
    gram = gx.compile(rows @ rows.T + gx.eye(rows.shape[0], dtype="float32"), inputs=[rows])
    for size in (0, 1, 4):
        np.testing.assert_array_equal(gram(np.ones((size, 2), "float32")), 2 + np.eye(size, dtype="float32"))
    assert gx.eye("n", "n").shape == gx.eye("n").shape


@pytest.mark.parametrize("function", [np.linalg.inv, lambda a: gx.linalg.solve(a, gx.ones(2)), np.linalg.cholesky])
def test_singular_matrices_give_nan_and_an_error_where_one_is_asked_for(function: Callable[..., Any]) -> None:
    a = gx.tensor("a", (2, 2))
    matrix = -SINGULAR if function is np.linalg.cholesky else SINGULAR
    assert np.isnan(gx.compile(function(a), inputs=[a])(matrix)).all()
    for options in ({"debug": "nan"}, {"backend": "reference"}):
        with pytest.raises(SingularMatrixError, match=r"(?s)of .*at .*test_linalg.py.*remedy: native code returns NaN"):
            gx.compile(function(a), inputs=[a], **options)(matrix)


def test_one_singular_matrix_leaves_the_others_of_its_batch_alone() -> None:
    a = gx.tensor("a", (3, 2, 2))
    batch = np.stack([np.eye(2), SINGULAR, 2 * np.eye(2)])
    found = gx.compile(gx.linalg.inv(a))(batch)
    np.testing.assert_array_equal(found[[0, 2]], [np.eye(2), np.eye(2) / 2])
    assert np.isnan(found[1]).all()


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_determinants_of_singular_matrices_are_numpys(backend: str) -> None:
    a = np.ones((4, 4))
    x = gx.tensor("a", (4, 4))
    assert gx.compile([*gx.linalg.slogdet(x), gx.linalg.det(x)], inputs=[x], backend=backend)(a) == [0.0, -np.inf, 0.0]


def test_the_gradient_of_a_small_determinant_holds_for_singular_matrices() -> None:
    a = gx.tensor("a", (2, 2))
    found = gx.compile(gx.grad(gx.linalg.det(a), wrt=a))(SINGULAR)
    np.testing.assert_array_equal(found, [[4.0, -2.0], [-2.0, 1.0]])


def test_equal_eigenvalues_leave_gradients_finite_and_those_of_symmetric_functions_right() -> None:
    a = gx.tensor("a", (3, 3))
    values, vectors = gx.linalg.eigh(a)
    found = gx.compile(gx.grad(gx.sin(values).sum(), wrt=a))(np.eye(3))
    np.testing.assert_allclose(found, np.cos(1.0) * np.eye(3), atol=1e-15)
    assert np.isfinite(gx.compile(gx.grad((vectors * values).sum(), wrt=a))(np.eye(3))).all()


def test_shapes_and_dtypes_that_do_not_fit_are_named_with_the_remedy() -> None:
    a, b, v = gx.tensor("a", (3, 4)), gx.tensor("b", ("batch", 3, 3)), gx.tensor("v", (4,))
    with pytest.raises(ShapeError, match=r"(?s)linalg.inv: a square matrix expected, got shape \(3, 4\).*lstsq"):
        gx.linalg.inv(a)
    with pytest.raises(ShapeError, match=r"linalg.cholesky: a square matrix expected, got shape \(4,\)"):
        gx.linalg.cholesky(v)
    with pytest.raises(ShapeError, match=r"(?s)shapes \(batch, 3, 3\) and \(4,\) do not match.*test_linalg.py"):
        gx.linalg.solve(b, v)
    with pytest.raises(ShapeError, match=r"shapes \(batch, 3, 3\) and \(2, 3, 1\): their batch axes"):
        gx.linalg.solve(b, gx.tensor("c", (2, 3, 1)))
    with pytest.raises(DTypeError, match=r"(?s)a float dtype expected, got int64.*astype"):
        gx.linalg.det(gx.tensor("n", (3, 3), dtype="int64"))
    with pytest.raises(DTypeError, match="both operands must have one dtype, got float64 and float32"):
        gx.linalg.solve(b, gx.tensor("f", (3,), dtype="float32"))
    with pytest.raises(ShapeError, match=r"linalg.qr: shape \(rows, 3\) does not tell whether rows or 3 is greater"):
        gx.linalg.qr(gx.tensor("d", ("rows", 3)))
    for wrong in (lambda: gx.linalg.qr(a, "complete"), lambda: gx.linalg.svd(a, full_matrices=True)):
        with pytest.raises(ArgumentError, match="expected"):
            wrong()
    with pytest.raises(ArgumentError, match=r"n: an integer expected, got 0\.5"):
        gx.linalg.matrix_power(b, 0.5)
    with pytest.raises(ArgumentError, match="trans: "):
        gx.linalg.solve_triangular(b, gx.ones(3), trans="C")
    with pytest.raises(ShapeError, match="axis1 and axis2 are both axis 0"):
        gx.diagonal(a, 0, 0, -2)
    with pytest.raises(ShapeError, match="a vector or a matrix expected"):
        gx.diag(b)


@pytest.mark.parametrize("bad", [np.inf, np.nan])
@pytest.mark.parametrize(
    "function", [gx.linalg.svdvals, gx.linalg.pinv, lambda a: gx.linalg.eigh(a)[1], lambda a: gx.linalg.svd(a)[0]]
)
def test_what_is_not_finite_has_no_factors(function: Callable[..., Any], bad: float) -> None:
    a, matrix = gx.tensor("a", (3, 3)), symmetric(3, 3)
    matrix[0, 1] = matrix[1, 0] = bad
    assert np.isnan(gx.compile(function(a), inputs=[a])(matrix)).all()
    with pytest.raises(SingularMatrixError, match=r"Infinite or NaN in the matrix[\s\S]*test_linalg.py"):
        gx.compile(function(a), inputs=[a], backend="reference")(matrix)


@pytest.mark.parametrize("shape", [(3, 0), (0, 3), (0, 0), (2, 3, 0)])
@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_matrices_of_nothing_have_pseudoinverses_and_least_squares_solutions(backend: str, shape: Any) -> None:
    a, b = gx.tensor("a", shape), gx.tensor("b", (*shape[:-1], 2))
    rights = np.ones((*shape[:-1], 2))
    outputs = [gx.linalg.pinv(a), *gx.linalg.lstsq(a, b), gx.grad(gx.linalg.pinv(a).sum(), a)]
    inverse, x, residuals, rank, values, slope = gx.compile(outputs, inputs=[a, b], backend=backend)(
        np.ones(shape), rights
    )
    np.testing.assert_array_equal(inverse, np.linalg.pinv(np.ones(shape)))
    np.testing.assert_array_equal(x, inverse @ rights)
    np.testing.assert_array_equal(residuals, (rights * rights).sum(axis=-2))
    assert (slope.shape, values.shape, np.max(rank, initial=0)) == (shape, (*shape[:-2], 0), 0)

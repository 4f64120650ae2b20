"""Functions that factor matrices: Cholesky, QR, eigenvalues, singular values, and least squares by these."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from graphc.errors import ArgumentError, ShapeError
from graphc.graph.dimensions import larger, smaller
from graphc.graph.node import Expr, build
from graphc.graph.table import apply
from graphc.graph.types import format_shape
from graphc.ops.factoring import CHOLESKY, EIGH, QR, SVD, greatest, pseudoinverse
from graphc.ops.matrices import matrices, same_rows, square, symmetric_part, times, transposed
from graphc.ops.matrix_row import factors
from graphc.ops.public import public


class QRResult(NamedTuple):
    """Orthonormal columns and an upper triangle, by NumPy's names; of a matrix (..., m, n), with k = min(m, n).

    Attributes:
        Q: shape (..., m, k).
        R: shape (..., k, n).
    """

    Q: Expr
    R: Expr


class EighResult(NamedTuple):
    """Eigenvalues and eigenvectors of a symmetric matrix (..., n, n).

    Attributes:
        eigenvalues: shape (..., n), in ascending order.
        eigenvectors: shape (..., n, n), one in each column.
    """

    eigenvalues: Expr
    eigenvectors: Expr


class SVDResult(NamedTuple):
    """Singular values and vectors of a matrix (..., m, n), by NumPy's names, with k = min(m, n).

    Attributes:
        U: shape (..., m, k), the left vectors as columns.
        S: shape (..., k), in descending order.
        Vh: shape (..., k, n), the right vectors as rows.
    """

    U: Expr
    S: Expr
    Vh: Expr


class LstsqResult(NamedTuple):
    """The solution of a problem of least squares, ``a`` of shape (..., m, n).

    Attributes:
        x: shape (n,) or (..., n, k), the solution of least norm.
        residuals: the sums of squared residuals, one for each right side: shape (..., k); (1,) of one vector.
        rank: shape (...), int64.
        s: shape (..., min(m, n)), the singular values.
    """

    x: Expr
    residuals: Expr
    rank: Expr
    s: Expr


@public(name="linalg.cholesky")
def cholesky(a: Any) -> Expr:
    """Return the lower triangular ``L`` with ``L @ L.T = a``.

    Args:
        a: shape (..., n, n), symmetric and positive definite. Of any other matrix the symmetric part is taken,
            so that gradients are symmetric.

    Returns:
        NaN where a matrix is not positive definite; an error with the user's line under ``debug="nan"`` and in the
        reference backend.

    Raises:
        ShapeError: ``a`` holds no square matrices.
        DTypeError: its dtype is no float.

    Source: LAPACK's potrf. Derivative: Murray (2016), arXiv:1602.07527.

    Example:
        >>> import graphc as gx
        >>> gx.linalg.cholesky(gx.tensor("a", ("batch", 3, 3))).shape
        (batch, 3, 3)
    """
    return build(CHOLESKY, symmetric_part(square(a)))


@public(name="linalg.qr")
def qr(a: Any, mode: str = "reduced") -> QRResult:
    """Return ``Q`` with orthonormal columns and an upper triangular ``R``, with ``Q @ R = a``.

    Args:
        a: shape (..., m, n).
        mode: "reduced" only: ``min(m, n)`` columns.

    Raises:
        ShapeError: ``a`` has fewer than two dimensions, or it is not known which of its axes is longer.
        DTypeError: its dtype is no float.
        ArgumentError: another mode.

    Source: LAPACK's geqrf and orgqr. Derivative: Walter & Lehmann (2018), arXiv:1001.1654, for full rank.

    Example:
        >>> import graphc as gx
        >>> q, r = gx.linalg.qr(gx.tensor("a", ("batch", 5, 3)))
        >>> q.shape, r.shape
        ((batch, 5, 3), (batch, 3, 3))
    """
    if mode != "reduced":
        raise ArgumentError(f'mode: "reduced" expected, got {mode!r}')
    node = matrices(a)
    rows, columns = node.shape[-2:]
    rank = smaller(rows, columns)
    if rank not in (rows, columns):
        raise ShapeError(
            f"shape {format_shape(node.shape)} does not tell whether {rows} or {columns} is greater",
            remedy="declare both sizes as numbers, or as one name",
        )
    if rank == columns:
        return QRResult(*factors(QR, node))
    q, left = factors(QR, node[..., :rows])
    return QRResult(q, apply("concatenate", [left, times(transposed(q), node[..., rows:])], -1))


@public(name="linalg.eigh")
def eigh(a: Any) -> EighResult:
    """Return eigenvalues, in ascending order, and eigenvectors of symmetric matrices.

    Args:
        a: shape (..., n, n); of a matrix that is not symmetric the symmetric part is taken, see `cholesky`.

    Raises:
        ShapeError, DTypeError: as `cholesky`.

    The derivative of vectors whose eigenvalues are equal does not exist; what turns them into each other is
    taken as 0. Gradients of symmetric functions of the eigenvalues are right there too; those of functions of the
    vectors lack a part.

    Source: LAPACK's syevd. Derivative: Giles (2008), section 3.1.

    Example:
        >>> import graphc as gx
        >>> values, vectors = gx.linalg.eigh(gx.tensor("a", (4, 4)))
        >>> values.shape
        (4,)
    """
    return EighResult(*factors(EIGH, symmetric_part(square(a))))


@public(name="linalg.eigvalsh")
def eigvalsh(a: Any) -> Expr:
    """Return the eigenvalues of symmetric matrices in ascending order.

    Args:
        a: as for `eigh`.

    Raises:
        ShapeError, DTypeError: as `cholesky`.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.linalg.eigvalsh([[2.0, 0.0], [0.0, 1.0]]))()
        array([1., 2.])
    """
    return eigh(a).eigenvalues


@public(name="linalg.svd")
def svd(a: Any, full_matrices: bool = False, compute_uv: bool = True) -> Any:
    """Return the singular value decomposition ``(U * S[..., None, :]) @ Vh = a`` with ``min(m, n)`` values.

    Args:
        a: shape (..., m, n).
        full_matrices: False only.
        compute_uv: whether vectors are returned, or values alone.

    Raises:
        ShapeError: ``a`` has fewer than two dimensions.
        DTypeError: its dtype is no float.
        ArgumentError: full matrices are asked for.

    Vectors of equal values, and of values that are 0, are treated as by `eigh`.

    Source: LAPACK's gesdd. Derivative: Townsend, Differentiating the singular value decomposition (2016).

    Example:
        >>> import graphc as gx
        >>> [part.shape for part in gx.linalg.svd(gx.tensor("a", (5, 3)))]
        [(5, 3), (3,), (3, 3)]
    """
    if full_matrices:
        raise ArgumentError("full_matrices: False expected: the further vectors are not determined by the matrix")
    result = SVDResult(*factors(SVD, matrices(a)))
    return result if compute_uv else result.S


@public(name="linalg.svdvals")
def svdvals(a: Any) -> Expr:
    """Return the singular values in descending order.

    Args:
        a: shape (..., m, n).

    Raises:
        ShapeError, DTypeError: as `svd`.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.linalg.svdvals([[1.0, 0.0], [0.0, -2.0]]))()
        array([2., 1.])
    """
    return factors(SVD, matrices(a))[1]


@public(name="linalg.pinv")
def pinv(a: Any, rcond: float | None = None) -> Expr:
    """Return the pseudoinverse, shape (..., n, m) for (..., m, n).

    Args:
        a: matrices.
        rcond: singular values below this times the greatest are taken as 0; 1e-15 when None, as NumPy.

    Raises:
        ShapeError, DTypeError: as `svd`.

    Source: the singular values inverted. Derivative, where the rank is constant: Golub & Pereyra (1973),
    doi:10.1137/0710036.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.linalg.pinv([[2.0, 0.0], [0.0, 0.0]]))().tolist()
        [[0.5, 0.0], [0.0, 0.0]]
    """
    return pseudoinverse(matrices(a), 1e-15 if rcond is None else float(rcond))


@public(name="linalg.lstsq")
def lstsq(a: Any, b: Any, rcond: float | None = None) -> LstsqResult:
    """Return the solution of least norm that minimises ``norm(a @ x - b)``, as ``numpy.linalg.lstsq``.

    Args:
        a: shape (..., m, n).
        b: shape (m,), or (..., m, k); of the dtype of ``a``.
        rcond: as `pinv`; when None the machine's precision, times the larger size where that is a number.

    Returns:
        Solution; sums of squared residuals, also where NumPy leaves them out; rank; singular values.

    Raises:
        ShapeError, DTypeError: as `solve`.

    Source: ``pinv(a) @ b``. Derivative: that of `pinv`.

    Example:
        >>> import graphc as gx
        >>> result = gx.linalg.lstsq([[1.0, 0.0], [0.0, 2.0], [0.0, 0.0]], [3.0, 4.0, 5.0])
        >>> gx.compile([result.x, result.residuals, result.rank])()
        [array([3., 2.]), array([25.]), 2]
    """
    left, right, vector = same_rows(matrices(a), b)
    if rcond is None:
        size = larger(left.shape[-2], left.shape[-1])
        rcond = float(np.finfo(left.dtype).eps) * (size if isinstance(size, int) else 1)
    values = svdvals(left)
    solution = times(pseudoinverse(left, rcond), right)
    residuals = apply("sum", apply("square", apply("subtract", times(left, solution), right)), axis=-2)
    least = apply("multiply", greatest(values), rcond)
    rank = apply("sum", apply("astype", apply("greater", values, least), "int64"), axis=-1)
    return LstsqResult(apply("squeeze", solution, -1) if vector else solution, residuals, rank, values)

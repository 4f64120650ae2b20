"""`graphc.linalg`: linear algebra of batches of matrices, by NumPy's names and conventions.

Matrices are the last two axes, those before them are batches and broadcast. All functions take floats and have
derivatives of any order; docs/linear_algebra.md has the conventions.
"""

from graphc.ops.axes import matrix_transpose
from graphc.ops.contraction import matmul, outer, tensordot
from graphc.ops.decompositions import (
    EighResult,
    LstsqResult,
    QRResult,
    SVDResult,
    cholesky,
    eigh,
    eigvalsh,
    lstsq,
    pinv,
    qr,
    svd,
    svdvals,
)
from graphc.ops.diagonals import matrix_diagonal as diagonal
from graphc.ops.diagonals import matrix_trace as trace
from graphc.ops.statistics import norm
from graphc.ops.systems import SlogdetResult, det, inv, matrix_power, slogdet, solve, solve_triangular

__all__ = [
    "EighResult", "LstsqResult", "QRResult", "SVDResult", "SlogdetResult", "cholesky", "det", "diagonal", "eigh",
    "eigvalsh", "inv", "lstsq", "matmul", "matrix_power", "matrix_transpose", "norm", "outer", "pinv", "qr",
    "slogdet", "solve", "solve_triangular", "svd", "svdvals", "tensordot", "trace",
]  # fmt: skip

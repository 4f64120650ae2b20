"""graphc: symbolic expression graphs, differentiated, proved and compiled to fused kernels."""

import importlib as _importlib
from typing import TYPE_CHECKING, Any

# fmt: off
from graphc.autodiff.cost import Cost, cost
from graphc.compiler.custom import checkpoint, custom_jvp, custom_vjp
from graphc.compiler.function import Function, compile
from graphc.compiler.functional import grad, jvp, value_and_grad, vjp
from graphc.compiler.jacobians import hessian, hvp, jacobian, linearize
from graphc.compiler.mapping import vmap
from graphc.errors import (
    ArgumentError,
    BackendMissing,
    CacheWarning,
    CheckFailed,
    DTypeError,
    GraphcError,
    InternalError,
    NonFiniteError,
    NotDifferentiable,
    OutOfRangeError,
    ParseError,
    ShapeError,
    SingularMatrixError,
    SymPyConversionError,
    TruthValueError,
    UnsupportedError,
)
from graphc.graph import tree
from graphc.graph.leaf import constant, parameter, symbol, symbols, tensor
from graphc.graph.node import Expr
from graphc.graph.walk import free_symbols, parameters, substitute
from graphc.ops import linalg, random
from graphc.ops.axes import matrix_transpose, moveaxis, swapaxes, transpose
from graphc.ops.branches import cond, switch
from graphc.ops.composite import (
    elu,
    gelu,
    leaky_relu,
    log_softmax,
    mish,
    relu,
    relu6,
    selu,
    silu,
    softmax,
    softsign,
)
from graphc.ops.contraction import dot, inner, matmul, outer, tensordot, vdot
from graphc.ops.control import fori_loop, map_elements, scan, while_loop
from graphc.ops.convolution import conv1d, conv2d
from graphc.ops.creation import arange, eye, full, full_like, ones, ones_like, size, zeros, zeros_like
from graphc.ops.cumulative import cumprod, cumsum, linear_recurrence
from graphc.ops.diagonals import diag, diagonal, kron, trace, tril, triu
from graphc.ops.einsum import einsum
from graphc.ops.elementary import (
    acos,
    acosh,
    asin,
    asinh,
    atan,
    atan2,
    atanh,
    cos,
    cosh,
    digamma,
    erf,
    erfc,
    exp,
    exp2,
    expit,
    expm1,
    gammaln,
    log,
    log1p,
    log2,
    log10,
    log_sigmoid,
    logaddexp,
    logit,
    ndtri,
    polygamma,
    sin,
    sinh,
    softplus,
    tan,
    tanh,
    xlog1py,
    xlogy,
)
from graphc.ops.joining import concatenate, hstack, repeat, stack, tile, vstack
from graphc.ops.lookup import dynamic_slice, take, take_along_axis
from graphc.ops.losses import (
    binary_cross_entropy_with_logits,
    huber,
    l1,
    l2,
    mae,
    mse,
    softmax_cross_entropy_with_logits,
)
from graphc.ops.movement import broadcast_to, expand_dims, ravel, reshape, squeeze
from graphc.ops.packing import pack_lower, unpack_lower
from graphc.ops.pooling import avg_pool1d, avg_pool2d, max_pool1d, max_pool2d
from graphc.ops.powers import cbrt, hypot, power, reciprocal, sqrt, square
from graphc.ops.rearranging import flip, pad, roll, split
from graphc.ops.reduction import all, any, argmax, argmin, max, min, prod, sum
from graphc.ops.scalar import (
    abs,
    add,
    astype,
    ceil,
    clip,
    copysign,
    deg2rad,
    divide,
    equal,
    floor,
    floor_divide,
    greater,
    greater_equal,
    isfinite,
    isinf,
    isnan,
    less,
    less_equal,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    masked_multiply,
    maximum,
    minimum,
    mod,
    multiply,
    negative,
    not_equal,
    positive,
    rad2deg,
    rint,
    round,
    sign,
    stop_gradient,
    subtract,
    trunc,
    where,
)
from graphc.ops.sorting import argsort, searchsorted, sort, top_k
from graphc.ops.statistics import logsumexp, mean, norm, std, var
from graphc.ops.updating import dynamic_update_slice, one_hot, scatter_add, segment_sum

# fmt: on

if TYPE_CHECKING:
    from graphc.check.define import defop
    from graphc.check.derivatives import assert_grads_match, check_grad
    from graphc.check.export_sympy import to_sympy
    from graphc.check.import_sympy import from_sympy

__version__ = "0.1.0"

arcsin, arccos, arctan, arctan2 = asin, acos, atan, atan2
arcsinh, arccosh, arctanh = asinh, acosh, atanh
eq, ne, lt, le, gt, ge = equal, not_equal, less, less_equal, greater, greater_equal
sigmoid, swish, lgamma, psi = expit, silu, gammaln, digamma
degrees, radians, flatten = rad2deg, deg2rad, ravel
cumulative_prod, cumulative_sum = cumprod, cumsum
bitwise_and, bitwise_or, bitwise_xor = logical_and, logical_or, logical_xor
invert = bitwise_not = logical_not
absolute, fabs, fix, pow, remainder, true_divide = abs, abs, trunc, power, mod, divide
amax, amin, around, concat, permute_dims = max, min, round, concatenate, transpose
map = map_elements
mean_squared_error, mean_absolute_error = mse, mae

# fmt: off
__all__ = [
    "ArgumentError", "BackendMissing", "CacheWarning", "CheckFailed", "Cost", "DTypeError", "Expr", "Function",
    "GraphcError", "InternalError", "NonFiniteError", "NotDifferentiable", "OutOfRangeError", "ParseError",
    "ShapeError", "SingularMatrixError", "SymPyConversionError", "TruthValueError", "UnsupportedError", "abs",
    "absolute", "acos", "acosh", "add", "all", "amax", "amin", "any", "arange", "arccos", "arccosh", "arcsin",
    "arcsinh", "arctan", "arctan2", "arctanh", "argmax", "argmin", "argsort", "around", "asin", "asinh",
    "assert_grads_match", "astype", "atan", "atan2", "atanh", "avg_pool1d", "avg_pool2d",
    "binary_cross_entropy_with_logits",
    "bitwise_and",
    "bitwise_not", "bitwise_or", "bitwise_xor", "broadcast_to", "cbrt", "ceil", "check_grad", "checkpoint", "clip",
    "compile", "concat", "concatenate", "cond", "constant", "conv1d", "conv2d", "copysign", "cos", "cosh", "cost",
    "cumprod",
    "cumsum",
    "cumulative_prod", "cumulative_sum", "custom_jvp", "custom_vjp", "defop", "deg2rad", "degrees", "diag", "diagonal",
    "digamma", "divide", "dot", "dynamic_slice", "dynamic_update_slice", "einsum", "elu", "eq", "equal", "erf", "erfc",
    "exp", "exp2", "expand_dims", "expit", "expm1", "eye", "fabs", "fix", "flatten", "flip", "floor", "floor_divide",
    "fori_loop", "free_symbols", "from_sympy", "full", "full_like", "gammaln", "ge", "gelu", "grad", "greater",
    "greater_equal", "gt", "hessian", "hstack", "huber", "hvp", "hypot", "inner", "invert", "isfinite", "isinf",
    "isnan", "jacobian", "jvp", "kron", "l1", "l2", "le", "leaky_relu", "less", "less_equal", "lgamma", "linalg",
    "linear_recurrence", "linearize", "log", "log1p", "log2", "log10", "log_sigmoid", "log_softmax", "logaddexp",
    "logical_and", "logical_not", "logical_or", "logical_xor", "logit", "logsumexp", "lt", "mae", "map",
    "masked_multiply", "matmul", "matrix_transpose", "max", "max_pool1d", "max_pool2d", "maximum", "mean",
    "mean_absolute_error",
    "mean_squared_error", "min", "minimum", "mish", "mod", "moveaxis", "mse", "multiply", "ndtri", "ne", "negative",
    "norm", "not_equal", "one_hot", "ones", "ones_like", "outer", "pack_lower", "pad", "parameter", "parameters",
    "permute_dims", "polygamma", "positive", "pow", "power", "prod", "psi", "rad2deg", "radians", "random", "ravel",
    "reciprocal", "relu", "relu6", "remainder", "repeat", "reshape", "rint", "roll", "round", "scan", "scatter_add",
    "searchsorted", "segment_sum", "selu", "sigmoid", "sign", "silu", "sin", "sinh", "size", "softmax",
    "softmax_cross_entropy_with_logits", "softplus", "softsign", "sort", "split", "sqrt", "square", "squeeze", "stack",
    "std", "stop_gradient", "substitute", "subtract", "sum", "swapaxes", "swish", "switch", "symbol", "symbols", "take",
    "take_along_axis", "tan", "tanh", "tensor", "tensordot", "tile", "to_sympy", "top_k", "trace", "transpose", "tree",
    "tril", "triu", "true_divide", "trunc", "unpack_lower", "value_and_grad", "var", "vdot", "vjp", "vmap", "vstack",
    "where", "while_loop", "xlog1py", "xlogy", "zeros", "zeros_like",
]
# fmt: on

_WITH_SYMPY = {
    "assert_grads_match": "graphc.check.derivatives",
    "check_grad": "graphc.check.derivatives",
    "defop": "graphc.check.define",
    "from_sympy": "graphc.check.import_sympy",
    "to_sympy": "graphc.check.export_sympy",
}
"""The names that need SymPy: it is imported when one of them is first used."""


def __getattr__(name: str) -> Any:
    """Return a name that needs SymPy."""
    if name in _WITH_SYMPY:
        return getattr(_importlib.import_module(_WITH_SYMPY[name]), name)
    hint = "docs/coming-from.md says what names of NumPy, JAX and PyTorch are called here"
    raise AttributeError(f"module 'graphc' has no attribute {name!r}: {hint}", name=name)

"""The vector functions as Numba intrinsics: each a small LLVM function that is inlined where it is called."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from graphc.backends.vectormath import angles, areas, exponentials, logarithms, powers, special
from graphc.backends.vectormath.emit import FORMATS, Format, Number

Emitter = Callable[..., Number]
UNARY: tuple[Emitter, ...] = (
    exponentials.exp, exponentials.exp2, exponentials.expm1, exponentials.expit,
    exponentials.sinh, exponentials.cosh, exponentials.tanh,
    logarithms.log, logarithms.log2, logarithms.log10, logarithms.log1p,
    logarithms.softplus, logarithms.log_sigmoid, logarithms.logit,
    angles.sin, angles.cos, angles.tan, angles.asin, angles.acos, angles.atan,
    areas.asinh, areas.acosh, areas.atanh, powers.cbrt, special.erf, special.erfc, special.ndtri,
)  # fmt: skip
BINARY: tuple[Emitter, ...] = (
    logarithms.logaddexp, logarithms.xlogy, logarithms.xlog1py, angles.atan2, powers.hypot, powers.power,
)  # fmt: skip


def inlined(module: ir.Module, emitter: Emitter, form: Format, arity: int) -> ir.Function:
    """Return a module's own copy of a function, written when it is first asked for."""
    symbol = f"graphc_{emitter.__name__}_{form.name}"
    if symbol in module.globals:
        return module.globals[symbol]
    function = ir.Function(module, ir.FunctionType(form.real, [form.real] * arity), symbol)
    function.linkage = "linkonce_odr"
    function.attributes.add("alwaysinline")
    function.attributes.add("nounwind")
    builder = ir.IRBuilder(function.append_basic_block())
    builder.ret(emitter(*(Number(builder, argument, form) for argument in function.args)).value)
    return function


def _format_of(arguments: tuple[Any, ...]) -> Any:
    """Return the Numba type a function computes in: float32 for float32 alone, else float64."""
    return types.float32 if all(argument == types.float32 for argument in arguments) else types.float64


def _is_number(argument: Any) -> bool:
    return isinstance(argument, (types.Float, types.Integer, types.Boolean))


def _code(emitter: Emitter, kind: Any, arity: int) -> Callable[..., Any]:
    """Return the code generator of a call."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        values = [
            context.cast(builder, value, given, kind) for value, given in zip(arguments, signature.args, strict=True)
        ]
        return builder.call(inlined(builder.module, emitter, FORMATS[str(kind)], arity), values)

    return emit


def _unary(emitter: Emitter) -> Any:
    """Return the intrinsic of a function of one number."""

    def typed(typing_context: Any, x: Any) -> Any:
        if not _is_number(x):
            return None
        kind = _format_of((x,))
        return kind(x), _code(emitter, kind, 1)

    return _named(typed, emitter)


def _binary(emitter: Emitter) -> Any:
    """Return the intrinsic of a function of two numbers."""

    def typed(typing_context: Any, x: Any, y: Any) -> Any:
        if not (_is_number(x) and _is_number(y)):
            return None
        if emitter is powers.power and not (isinstance(x, types.Float) or isinstance(y, types.Float)):
            return _integer_power(typing_context, x, y)
        kind = _format_of((x, y))
        return kind(x, y), _code(emitter, kind, 2)

    return _named(typed, emitter)


def _integer_power(typing_context: Any, x: Any, y: Any) -> Any:
    """Return the signature and the code generator of a power of integers, which is Numba's own."""
    signature = typing_context.resolve_function_type(operator.pow, (x, y), {})

    def emit(context: Any, builder: Any, given: Any, arguments: Any) -> Any:
        return context.get_function(operator.pow, signature)(builder, arguments)

    return signature, emit


def _named(typed: Callable[..., Any], emitter: Emitter) -> Any:
    """Return an intrinsic that carries the name and the words of its emitter."""
    typed.__name__ = typed.__qualname__ = emitter.__name__
    typed.__doc__ = emitter.__doc__
    return intrinsic(typed)


FUNCTIONS: dict[str, Any] = {
    **{emitter.__name__: _unary(emitter) for emitter in UNARY},
    **{emitter.__name__: _binary(emitter) for emitter in BINARY},
}
"""By name, callable from compiled code."""

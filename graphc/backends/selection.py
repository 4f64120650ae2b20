"""Choices without branches, and the width of vectors: what LLVM needs to be told to vectorise a loop well."""

from __future__ import annotations

from typing import Any

import llvmlite.binding
from numba import types
from numba.extending import intrinsic

WIDE = '"prefer-vector-width"="512"'


@intrinsic
def select(typing_context: Any, condition: Any, yes: Any, no: Any) -> Any:
    """Type and emit the choice of one of two numbers; both are computed."""
    kind = typing_context.unify_types(yes, no)
    if kind is None or not isinstance(kind, (types.Number, types.Boolean)):
        return None

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        given = context.cast(builder, arguments[0], signature.args[0], types.boolean)
        values = [context.cast(builder, arguments[n], signature.args[n], kind) for n in (1, 2)]
        return builder.select(given, *values)

    return kind(condition, yes, no), emit


@intrinsic
def use_wide_vectors(typing_context: Any) -> Any:
    """Type and emit nothing; the function it is called in may use the widest vectors the processor has.

    LLVM prefers 256 bits on processors with 512, for the sake of the first of them, which slowed down.
    """

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        set.add(builder.function.attributes, WIDE)
        return context.get_dummy_value()

    return types.none(), emit


def has_wide_vectors() -> bool:
    """Tell whether the processor has 512-bit vectors, more than LLVM uses by itself."""
    return bool(llvmlite.binding.get_host_cpu_features().get("avx512f"))

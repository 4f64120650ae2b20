"""Calls of the functions of loops, which are code of the kernel's own module: Python has nothing to call there."""

from __future__ import annotations

from typing import Any

from numba.core import cgutils
from numba.extending import intrinsic


@intrinsic
def call_loop(typing_context: Any, loop: Any, arguments: Any) -> Any:
    """Type and emit the call of a loop's function."""
    called = loop.get_call_type(typing_context, tuple(arguments), {})

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return emit_call(context, builder, loop, called, cgutils.unpack_tuple(builder, values[1]))

    return called.return_type(loop, arguments), emit


def emit_call(context: Any, builder: Any, loop: Any, called: Any, arguments: list[Any]) -> Any:
    """Emit the call of a loop's function; return its result."""
    compiled = loop.dispatcher.overloads[called.args]
    context.active_code_library.add_linking_library(compiled.library)
    _, result = context.call_internal_no_propagate(builder, compiled.fndesc, called, arguments)
    return result

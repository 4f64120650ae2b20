"""How native code leaves a kernel with an error: nothing is done for it but where it happens."""

from __future__ import annotations

from typing import Any

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from graphc.backends.unfinished import message
from graphc.errors import ArgumentError

FIRST_CODE = 1
"""The status that a kernel ends with for the number 0: Numba takes it, and all above, for an exception."""


@intrinsic(prefer_literal=True)
def fail_if(typing_context: Any, condition: Any, number: Any, limit: Any) -> Any:
    """Type and emit the end of a kernel where a condition holds: its status tells the number of the loop.

    A user's compiled function that calls the kernel gets an exception, as from any other function.
    """

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        with cgutils.if_unlikely(builder, values[0]):
            context.call_conv.set_static_user_exc(builder, ArgumentError, (message(limit.literal_value),))
            builder.ret(cgutils.int32_t(FIRST_CODE + number.literal_value))
        return context.get_dummy_value()

    return types.void(types.boolean, number, limit), emit

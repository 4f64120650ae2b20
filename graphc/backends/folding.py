"""Sums that LLVM may reorder: what lets a loop keep several accumulators and use vectors."""

from __future__ import annotations

from typing import Any

from numba import types
from numba.extending import intrinsic


@intrinsic
def sum_any_order(typing_context: Any, total: Any, value: Any) -> Any:
    """Type and emit ``total + value``, marked as free to be added in another order.

    The order chosen is fixed when the loop is compiled: the same result at every run.
    """
    if not (isinstance(total, types.Float) and total == value):
        return None

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fadd(*arguments, flags=("reassoc", "contract"))

    return total(total, value), emit

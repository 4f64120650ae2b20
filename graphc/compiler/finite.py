"""Where a value stops being finite: ``compile(debug="nan")`` runs node by node and names the first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from graphc.errors import NonFiniteError
from graphc.graph.origin import describe_origin
from graphc.graph.walk import topological_order

if TYPE_CHECKING:
    from graphc.backends.program import Program


def require_finite(program: Program, values: Sequence[Any]) -> None:
    """Run a program node by node and stop at the first value that is not finite.

    Raises:
        NonFiniteError: naming the node, its formula, its arguments' values and the user's line.
    """
    order = topological_order(program.job.outputs)
    found = dict(zip(order, program.trace_values(order, values), strict=True))
    for node in order:
        value = found[node]
        if node.is_differentiable and node.args and not np.isfinite(value).all():
            given = ", ".join(f"{argument!r} = {_brief(found[argument])}" for argument in node.args)
            raise NonFiniteError(
                f"{node!r} is not finite: {_brief(value)}, from {given}",
                remedy="guard the operation with gx.where, or use a stable form (logsumexp, log1p, softplus, ...)",
                origin=describe_origin(node.origin),
            )


def _brief(value: Any) -> str:
    return np.array2string(np.asarray(value), precision=4, threshold=6, edgeitems=2)

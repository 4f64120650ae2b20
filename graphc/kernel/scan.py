"""Lowering of cumulative rows: one loop along the axis that carries the last element in a register."""

from __future__ import annotations

from graphc.graph.node import Expr
from graphc.kernel.draft import Draft
from graphc.kernel.ir import Assign, Call, Const, Let, Loop, Name, Statement, Store, Value, zero_of
from graphc.kernel.nest import accumulator_dtype, cast
from graphc.kernel.read import Reader


def lower_scan(node: Expr, draft: Draft) -> list[Statement]:
    """Return the loops of a cumulative row whose axis is the last."""
    axis = len(node.shape) - 1
    outer = tuple(Name(f"k{number}") if size != 1 else Const(0, "int64") for number, size in enumerate(node.shape[:-1]))
    step = Name(f"k{axis}")
    at: Value = (node.shape[axis] - 1) - step if node.attribute("reverse") else step
    index = (*outer, at)
    reader = Reader(draft.locations)
    values = [reader.read(argument, index) for argument in node.args]
    carried = accumulator_dtype("add", node.dtype)
    accumulator = Name(draft.fresh("acc"), carried)
    following = _next(values, accumulator, step, node.dtype, carried)
    buffer = draft.allocate(node)
    body: list[Statement] = [
        Assign(accumulator.name, following, node.origin),
        Store(buffer, index, cast(accumulator, carried, node.dtype), node.origin),
    ]
    statements: list[Statement] = [
        Let(accumulator.name, zero_of(carried), node.origin),
        Loop(step.name, node.shape[axis], tuple(body)),
    ]
    for number in reversed(range(axis)):
        if node.shape[number] != 1:
            statements = [Loop(f"k{number}", node.shape[number], tuple(statements))]
    return statements


def _next(values: list[Value], accumulator: Name, step: Name, dtype: str, carried: str) -> Value:
    """Return what the accumulator becomes: the first element is what is added, whatever was kept."""
    added = cast(values[-1], dtype, carried)
    if len(values) == 1:
        return Call("add", (accumulator, added), carried)
    product = Call("multiply", (cast(values[0], dtype, carried), accumulator), carried)
    total = Call("add", (product, added), carried)
    return Call("where", (Call("less", (Const(0, "int64"), step), "bool"), total, added), carried)

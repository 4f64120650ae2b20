"""Which values are written where they are used: those used once, in the block that computes them."""

from __future__ import annotations

import ast
from functools import cache

from graphc.graph.table import OPERATIONS
from graphc.kernel.ir import Accumulate, Assign, Call, Fold, Kernel, Let, Load, Loop, Name, Statement, Store, Value
from graphc.kernel.walk import children, statement_values, values_in, walk_statements
from graphc.ops.scalar_row import ARGUMENT_NAMES, ScalarOperation


def count_uses(kernel: Kernel) -> dict[str, int]:
    """Return how often each name is used; uses in another block than its Let count as many."""
    uses: dict[str, int] = {}
    home: dict[str, int] = {}
    blocks = [(kernel.body, 0)]
    number = 0
    while blocks:
        body, block = blocks.pop()
        for statement in body:
            if isinstance(statement, Loop):
                number += 1
                blocks.append((statement.body, number))
            for root in statement_values(statement):
                _note_uses(root, block, home, uses)
            if isinstance(statement, (Fold, Accumulate)) and isinstance(statement.value, Name):
                uses[statement.value.name] = uses.get(statement.value.name, 0) + _repeats(statement.op)[1] - 1
            if isinstance(statement, Let):
                home[statement.name] = block
            elif isinstance(statement, (Assign, Fold)):
                uses[statement.name] = 2
    for value in kernel.results:
        if not isinstance(value, str):
            _note_uses(value, 0, home, uses)
    return uses


def _note_uses(root: Value, block: int, home: dict[str, int], uses: dict[str, int]) -> None:
    """Count the names in a value: one that a row's code repeats, or puts behind a condition, twice."""
    pending = [(root, 1)]
    while pending:
        value, weight = pending.pop()
        if isinstance(value, Name):
            uses[value.name] = uses.get(value.name, 0) + (weight if home.get(value.name) == block else 2)
        elif isinstance(value, Call):
            repeats = _repeats(value.op, is_lazy(value.op, value.arguments))
            pending.extend((argument, repeats[number]) for number, argument in enumerate(value.arguments))
        else:
            pending.extend((inner, 1) for inner in children(value))


def may_move(value: Value, depth: int, changing: set[str]) -> bool:
    """Tell whether a value can be computed later: not one that reads memory or folds that change before."""
    return not any(
        (isinstance(v, Name) and v.name.startswith(("acc", "best", "at")))
        or (isinstance(v, Load) and (depth == 1 or v.buffer in changing))
        for v in values_in(value)
    )


def changing_buffers(body: tuple[Statement, ...]) -> set[str]:
    """Return the buffers that ordered loops write: what is read of one may be overwritten soon."""
    loops = [s for s in walk_statements(body) if isinstance(s, Loop) and s.ordered]
    inside = [s for loop in loops for s in walk_statements(loop.body)]
    return {s.buffer for s in inside if isinstance(s, (Store, Accumulate))}


def is_lazy(op: str, arguments: tuple[Value, ...]) -> bool:
    """Tell whether a choice must not compute what it does not choose: loads that its condition guards."""
    return op == "where" and any(isinstance(v, Load) for branch in arguments[1:] for v in values_in(branch))


@cache
def without_branch(code: str) -> str:
    """Return a row's code with its conditional expressions as calls of ``select``, which computes both."""
    if " if " not in code:
        return code
    return ast.unparse(_Selecting().visit(ast.parse(code, mode="eval")))


class _Selecting(ast.NodeTransformer):
    """Turns ``a if c else b`` into ``select(c, a, b)``; the placeholders of a row's code parse as sets."""

    def visit_IfExp(self, node: ast.IfExp) -> ast.Call:
        """Return the call."""
        parts = [self.visit(part) for part in (node.test, node.body, node.orelse)]
        return ast.Call(ast.Name("select", ast.Load()), parts, [])


def _repeats(op: str, lazy: bool = False) -> list[int]:
    """Return for each argument of a row how often its code names it; 2 where that is behind a condition."""
    row = OPERATIONS[op]
    assert isinstance(row, ScalarOperation)
    return [max(row.code.count("{" + name + "}"), 2 * lazy) for name in ARGUMENT_NAMES]

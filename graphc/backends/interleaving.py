"""Interleaving: loops of elementary functions compute several vectors side by side, none waiting for another's result.

LLVM would take one vector at a time where the body is long. An elementary function is a chain of steps that wait
for each other, one inside another a longer chain: docs/decisions/13-interleaving.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import llvmlite.ir as llvm_ir
from numba.core import ir, types
from numba.core.analysis import compute_cfg_from_blocks

from graphc.backends.vectormath.functions import FUNCTIONS

VECTORS = 4
SHORTEST = 256
"""Loops of fewer iterations, where it is known how many there are, take one vector at a time."""
LONG = {
    FUNCTIONS[name]
    for name in (
        "exp", "exp2", "cosh", "tanh", "expit", "softplus", "log_sigmoid", "logit", "logaddexp", "tan", "asinh",
        "atanh", "power",
    )
}  # fmt: skip
"""The functions that gain alone; the others do inside each other."""


def waiting_loops(blocks: dict[int, Any], kinds: dict[str, Any]) -> Iterator[Any]:
    """Yield the jump back to the head of each loop that is to take several vectors at a time.

    Inside other loops, rows may be too short for it. Where most functions need nothing of each other, there is
    enough to compute while one is waited for, and registers are scarce.

    Args:
        blocks: a function in Numba's words.
        kinds: the type of each of its names.
    """
    graph = compute_cfg_from_blocks(blocks)
    loops = list(graph.loops().values())
    for loop in loops:
        nested = any(other is not loop and (loop.header in other.body or other.header in loop.body) for other in loops)
        entries = [blocks[number] for number in loop.entries]
        if nested or not _waits([blocks[n] for n in sorted(loop.body)], kinds) or _is_short(entries, kinds):
            continue
        for number in loop.body:
            if loop.header in dict(graph.successors(number)):
                yield blocks[number].terminator


def _waits(body: list[Any], kinds: dict[str, Any]) -> bool:
    """Tell whether a loop's elementary functions are a chain, or one long enough by itself."""
    depths: dict[str, int] = {}
    called = []
    for statement in (statement for block in body for statement in block.find_insts(ir.Assign)):
        function = _called(statement.value, kinds)
        depth = max(depths.get(variable.name, 0) for variable in statement.list_vars())
        if function in FUNCTIONS.values():
            called.append(function)
            depth += 1
        depths[statement.target.name] = depth
    deepest = max(depths.values(), default=0)
    return 2 * deepest >= len(called) and (deepest > 1 or not LONG.isdisjoint(called))


def _called(value: Any, kinds: dict[str, Any]) -> Any:
    """Return what Numba knows a called function by, None for other values."""
    is_call = isinstance(value, ir.Expr) and value.op == "call"
    return getattr(kinds[value.func.name], "typing_key", None) if is_call else None


def _is_short(entries: list[Any], kinds: dict[str, Any]) -> bool:
    """Tell whether a loop is known, by the blocks before it, to have few iterations."""
    for statement in (statement for block in entries for statement in block.find_insts(ir.Assign)):
        if _called(statement.value, kinds) is range:
            extent = kinds[statement.value.args[-1].name]
            return isinstance(extent, types.IntegerLiteral) and extent.literal_value < SHORTEST
    return False


def take_several_vectors(jump: llvm_ir.Branch) -> None:
    """Have LLVM take several vectors at a time in the loop that a jump closes."""
    module = jump.function.module
    count = module.add_metadata(["llvm.loop.interleave.count", llvm_ir.IntType(32)(VECTORS)])
    loop = llvm_ir.MDValue(module, [], name=str(len(module.metadata)))
    loop.operands = (loop, count)  # what LLVM knows a loop by names itself first
    jump.set_metadata("llvm.loop", loop)

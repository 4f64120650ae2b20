"""Lowering: each group of the partition becomes loops, its nodes Lets, Folds and Stores inside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from graphc.graph.node import Expr, build
from graphc.kernel.choice import lower_choice
from graphc.kernel.control import BlockBody, lower_loop
from graphc.kernel.draft import Draft
from graphc.kernel.ir import Kernel, Statement
from graphc.kernel.library import lower_library
from graphc.kernel.lookup import ScatterNest, lower_native
from graphc.kernel.matrices import lower_matrices
from graphc.kernel.nest import Nest
from graphc.kernel.normalise import normalise
from graphc.kernel.partition import Group, is_view, partition
from graphc.kernel.read import Location, Part, Reader
from graphc.kernel.scan import lower_scan
from graphc.ops.branch_row import SWITCH
from graphc.ops.movement import BROADCAST


def lower(outputs: Sequence[Expr], inputs: Sequence[Expr]) -> Kernel:
    """Return the kernel that computes normalised outputs from input symbols."""
    stored = [_to_be_stored(output) for output in outputs]
    draft = Draft(partition(stored), stored, inputs)
    body = _lower_groups(draft)
    reader = Reader(draft.locations)
    found = [draft.locations[o] if o in draft.locations else reader.read(o, ()) for o in stored]
    results = tuple(location.buffer if isinstance(location, Part) else location for location in found)
    return Kernel(draft.inputs, draft.buffers, tuple(body), results, draft.constants)


def _to_be_stored(output: Expr) -> Expr:
    """Return an output as something to be stored: an array leaf or a view becomes a copy of itself."""
    if output.shape and (not output.args or is_view(output)):
        return build(BROADCAST, output, shape=output.shape)
    return output


def _lower_groups(draft: Draft) -> list[Statement]:
    """Return the statements of every group of a draft's plan, in order."""
    body: list[Statement] = []
    for group in draft.plan.groups:
        _make_views(group, draft)
        body.extend(_lower_group(group, draft))
    return body


def _lower_block(outputs: Sequence[Expr], draft: Draft, locations: Mapping[Expr, Location]) -> BlockBody:
    """Return the statements that compute the outputs of a block, and where these then are."""
    stored = [_to_be_stored(output) for output in normalise(outputs)]
    inner = draft.inside(partition(stored), locations)
    body = _lower_groups(inner)
    reader = Reader(inner.locations)
    return body, [inner.locations[node] if node in inner.locations else reader.read(node, ()) for node in stored]


def _lower_group(group: Group, draft: Draft) -> list[Statement]:
    """Return the statements of one group."""
    if group.kind == "control":
        lower_node = lower_choice if group.nodes[0].op is SWITCH else lower_loop
        return lower_node(group.nodes[0], draft, _lower_block)
    if group.kind == "library":
        return lower_library(group.nodes[0], draft)
    if group.kind == "matrices":
        return lower_matrices(group.nodes[0], draft)
    if group.kind == "scan":
        return lower_scan(group.nodes[0], draft)
    if group.kind == "native":
        return lower_native(group.nodes[0], draft)
    if group.kind == "scatter":
        return ScatterNest(group, draft).statements()
    return Nest(group, draft).statements()


def _make_views(group: Group, draft: Draft) -> None:
    """Make the buffers of the views that a group reads, all of whose bases are stored by now."""
    pending = [argument for node in group.nodes for argument in node.args]
    seen = set(group.nodes)
    while pending:
        node = pending.pop()
        if node in seen or node in draft.locations:
            continue
        seen.add(node)
        if is_view(node):
            draft.place_of(node)
        else:
            pending.extend(node.args)

"""Memory reuse: workspaces of equal dtype and shape whose lives do not overlap become one."""

from __future__ import annotations

from dataclasses import replace

from graphc.graph.dimensions import Shape
from graphc.kernel.accesses import touched
from graphc.kernel.ir import Kernel
from graphc.kernel.placing import placed
from graphc.kernel.read import Part


def reuse_memory(kernel: Kernel) -> Kernel:
    """Return the kernel with workspaces of equal dtype and shape sharing memory when their lives do not overlap."""
    lives: dict[str, tuple[int, int]] = {}
    for position, statement in enumerate(kernel.body):
        for name in touched(kernel, statement):
            first = lives.get(name, (position, position))[0]
            lives[name] = (first, position)
    rename: dict[str, str] = {}
    free_from: dict[str, int] = {}
    for name in sorted(lives, key=lambda n: lives[n]):
        buffer = kernel.buffers[name]
        if buffer.role != "workspace":
            continue
        for other, end in free_from.items():
            mate = kernel.buffers[other]
            if end < lives[name][0] and (mate.dtype, mate.shape) == (buffer.dtype, buffer.shape):
                rename[name] = other
                free_from[other] = lives[name][1]
                break
        else:
            free_from[name] = lives[name][1]
    if not rename:
        return kernel
    rename.update(_equal_views(kernel, rename))
    parts = {name: Part(other) for name, other in rename.items()}
    buffers = {
        name: replace(buffer, base=rename.get(buffer.base, buffer.base))
        for name, buffer in kernel.buffers.items()
        if name not in rename
    }
    return replace(kernel, body=tuple(placed(statement, parts) for statement in kernel.body), buffers=buffers)


def _equal_views(kernel: Kernel, rename: dict[str, str]) -> dict[str, str]:
    """Return for each view of what another looks at, in the same shape, that other."""
    first: dict[tuple[str, Shape], str] = {}
    found: dict[str, str] = {}
    for name, buffer in kernel.buffers.items():
        if buffer.role == "view":
            other = first.setdefault((rename.get(buffer.base, buffer.base), buffer.shape), name)
            if other != name:
                found[name] = other
    return found

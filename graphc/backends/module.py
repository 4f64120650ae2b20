"""The module a kernel is compiled from: its source, with every long straight-line run as a block."""

from __future__ import annotations

from graphc.backends.chunked import ChunkRenderer
from graphc.backends.source import returned_values
from graphc.backends.straight import Block, split_body
from graphc.kernel.ir import Kernel, Name, Statement


def module_text(kernel: Kernel) -> str:
    """Return the text of the module that is compiled and cached for a kernel."""
    parts = split_body(kernel)
    rest = kernel.with_body(tuple(part for part in parts if not isinstance(part, Block)))
    return (_BlockRenderer(rest, parts) if len(rest.body) < len(parts) else ChunkRenderer(kernel)).source().text()


class _BlockRenderer(ChunkRenderer):
    """A module whose function calls blocks."""

    def __init__(self, kernel: Kernel, parts: list[Statement | Block]) -> None:
        super().__init__(kernel)
        self.parts = parts
        self.returned = False
        self.preamble.append("from graphc.backends.native import straight_block\n")

    def _block(self, body: tuple[Statement, ...], depth: int) -> None:
        if depth > 1:
            super()._block(body, depth)
            return
        for number, part in enumerate(self.parts):
            if isinstance(part, Block):
                self._call_block(part, number, last=number == len(self.parts) - 1)
            else:
                super()._block((part,), depth)

    def _call_block(self, block: Block, number: int, last: bool) -> None:
        """Write a block's description before the function, and its call."""
        returned = [value.name for value in returned_values(self.kernel) if isinstance(value, Name)]
        known = dict(zip(block.results, block.numbers, strict=True))
        self.returned = (
            last and len(returned) == len(returned_values(self.kernel)) and all(n in known for n in returned)
        )
        if self.returned:
            block.results, block.numbers = returned, [known[name] for name in returned]
        self.preamble.append(f"block_{number} = straight_block(\n    {block.definition()})\n")
        arguments = [self.value(entry) for entry in block.inputs] + [name for name, _ in block.arrays]
        arguments = self.short(arguments, f"kernel_given{number}_")
        call = f"block_{number}(({''.join(argument + ', ' for argument in arguments)}))"
        results = "".join(f"{name}, " for name in block.results)
        self._line(1, ("return " if self.returned else f"{results}= " if results else "") + call)

    def _return(self) -> None:
        if not self.returned:
            super()._return()

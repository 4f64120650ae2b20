"""The programs of one function: each kind of call compiled when it is first made, and the way calls take."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from graphc.compiler.definition import Definition
from graphc.compiler.finite import require_finite
from graphc.compiler.pausing import collector_paused
from graphc.compiler.pipeline import Record, make_c_function, make_fast_entry, make_program
from graphc.errors import ArgumentError
from graphc.graph import tree

if TYPE_CHECKING:
    from graphc.backends.program import Program

DIFFERENTIATE = "differentiate: what is computed, simplified and differentiated"


class Programs:
    """The compiled programs of a definition, by kind of call. Thread-safe."""

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self._compiled: dict[str, tuple[Program, Record]] = {}
        self._entries: dict[str, Callable[..., Any]] = {}
        self._c_function: Any = None
        self._lock = threading.RLock()

    def program(self, kind: str) -> tuple[Program, Record]:
        """Return the program for a kind of call and the record of its compilation."""
        with self._lock:
            if kind not in self._compiled:
                record = Record()
                with collector_paused():
                    outputs, inputs = record.timed(DIFFERENTIATE, lambda: self.definition.expressions(kind, record))
                    self._compiled[kind] = make_program(outputs, inputs, self.definition.options, record), record
            return self._compiled[kind]

    def entry(self, kind: str) -> Callable[..., Any]:
        """Return the function that a kind of call goes through: the program's own where it has one."""
        entry = self._entries.get(kind)
        if entry is None:
            structure = self.definition.structure_of(kind)
            program, _ = self.program(kind)
            signature = self.definition.signature
            has_out = "out" not in signature.names

            def slow(*given: Any, out: Any = None, **by_name: Any) -> Any:
                if not has_out and out is not None:
                    by_name["out"], out = out, None
                values = signature.arrange(given, by_name)
                targets = None if out is None else _targets(out, structure, program)
                return tree.unflatten(structure, self._run(program, values, targets))

            plain = has_out and not self.definition.options.debug
            fast = make_fast_entry(program, signature, structure, slow) if plain else None
            entry = self._entries[kind] = fast or slow
        return entry

    def product(self, kind: str, given: Sequence[Any], by_name: dict[str, Any], seeds: Sequence[Any]) -> Any:
        """Return values and a product with the Jacobian, for seeds in the order of the program's inputs."""
        values = [*self.definition.signature.arrange(given, by_name), *seeds]
        results = self._run(self.program(kind)[0], values, None)
        return tree.unflatten(self.definition.structure_of(kind), results)

    def c_address(self) -> int:
        """Return the address of the C function of the value, made when it is first asked for."""
        with self._lock:
            if self._c_function is None:
                self._c_function = make_c_function(self.program("call")[0])
        address: int = self._c_function.address
        return address

    def cache_hits(self) -> int:
        """Return how many native functions made so far were loaded from the disk cache."""
        with self._lock:
            return sum(program.cache_hits for program, _ in self._compiled.values())

    def _run(self, program: Program, values: Sequence[Any], out: Sequence[Any] | None) -> list[Any]:
        """Return the results of a program."""
        if self.definition.options.debug == "nan":
            require_finite(program, values)
        if self.definition.options.debug == "index":
            program.trace_values(program.job.outputs, values)
        return program.run(values, out)


def _targets(out: Any, structure: tree.Structure, program: Program) -> list[Any]:
    """Return the arrays of ``out``, one of the right dtype for each output; the program checks their shapes."""
    targets = tree.require_structure(out, structure, "out")
    for node, target in zip(program.job.outputs, targets, strict=True):
        if not isinstance(target, np.ndarray) or target.dtype != node.dtype or not target.flags.writeable:
            kind = "read-only " * (isinstance(target, np.ndarray) and not target.flags.writeable)
            got = f"{kind}{target.dtype} array" if isinstance(target, np.ndarray) else type(target).__name__
            raise ArgumentError(f"out: a writable {node.dtype} array expected, got {got}")
    return targets

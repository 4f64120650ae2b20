"""The pipeline: from expressions to a program of a backend, by one literal list of passes."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphc.compiler.signature import Signature
from graphc.errors import ArgumentError, BackendMissing, UnsupportedError
from graphc.graph import tree
from graphc.graph.block import runs_block
from graphc.graph.node import Expr
from graphc.graph.origin import here
from graphc.graph.walk import topological_order
from graphc.kernel.blocks import block_rows
from graphc.kernel.buffers import drop_dead, shrink
from graphc.kernel.collapse import collapse
from graphc.kernel.columns import in_columns
from graphc.kernel.describe import describe_kernel, describe_memory
from graphc.kernel.in_place import write_in_place
from graphc.kernel.ir import Kernel
from graphc.kernel.local import allocate_locals
from graphc.kernel.loops import fuse_loops
from graphc.kernel.lower import lower
from graphc.kernel.normalise import normalise
from graphc.kernel.parallel import run_in_chunks
from graphc.kernel.peel import peel
from graphc.kernel.reuse import reuse_memory
from graphc.kernel.roll import roll
from graphc.kernel.unroll import unroll
from graphc.kernel.verify import verify
from graphc.kernel.within import settle_indices
from graphc.ops.custom_row import without_rules
from graphc.rewrite.engine import Trace, simplify
from graphc.rewrite.loops import tidy_loops
from graphc.rewrite.rule import ALGEBRAIC, EXACT, STABILISE, Group
from graphc.settings import BACKENDS, Settings, read_settings

if TYPE_CHECKING:
    from graphc.backends.program import Program

GROUPS: tuple[Group, ...] = (EXACT, STABILISE)
KERNEL_PASSES: list[tuple[str, Callable[[Kernel], Kernel]]] = [
    ("settle: indices known to be within their arrays need no check", settle_indices),
    ("roll: groups of statements repeated many times become loops", roll),
    ("in place: what loops over steps keep is written where it stays", write_in_place),
    ("fuse loops: nests over the same sizes become one", fuse_loops),
    ("peel: loops run without conditions between their ends", peel),
    ("drop dead: stores nobody loads go", drop_dead),
    ("shrink: arrays keep only what one iteration needs", shrink),
    ("block rows: products that read a matrix twice run on blocks of it", block_rows),
    ("collapse: loops that only run through whole arrays become one", collapse),
    ("unroll: short inner loops become straight-line code, their arrays names", unroll),
    ("columns: loops that compute much of items run on blocks of columns", in_columns),
    ("drop unused: names nobody uses go", drop_dead),
    ("run in chunks: loops whose iterations need nothing of each other may use threads", run_in_chunks),
    ("reuse memory: workspaces that never live together share", reuse_memory),
    ("allocate: memory of sizes that loops find out begins there", allocate_locals),
]


@dataclass(frozen=True, slots=True)
class Options:
    """How a function is compiled; see `graphc.compile`."""

    backend: str = "cpu"
    fast_math: bool = False
    cache: bool = True
    debug: str | None = None
    precise: bool = False
    threads: int | None = None

    @property
    def groups(self) -> tuple[Group, ...]:
        """The groups of rewrite rules these options allow."""
        return (*GROUPS, ALGEBRAIC) if self.fast_math else GROUPS


@dataclass(slots=True)
class Record:
    """What a compilation did: seconds of each pass, nodes at each stage, the rules that fired."""

    seconds: dict[str, float] = field(default_factory=dict)
    nodes: dict[str, int] = field(default_factory=dict)
    trace: Trace = field(default_factory=Trace)
    normal: dict[Expr, Expr] = field(default_factory=dict)
    """Normal forms found while the program is made: what is differentiated is not simplified twice."""

    def timed(self, name: str, function: Callable[[], Any]) -> Any:
        """Return what a step returns, its time noted."""
        start = time.perf_counter()
        result = function()
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
        return result


def check_options(
    backend: str | None,
    fast_math: bool,
    cache: bool,
    debug: str | None,
    precise: bool = False,
    threads: int | None = None,
) -> Options:
    """Return the options as one value.

    Raises:
        ArgumentError: an option has a value it does not take.
        BackendMissing: there is no such backend here.
    """
    name = read_settings().backend if backend is None else backend
    if name == "cuda":
        raise BackendMissing("the CUDA backend is not part of this version", remedy='use backend="cpu"', origin=here())
    if name not in BACKENDS:
        raise ArgumentError(f"backend: one of {', '.join(BACKENDS)} expected, got {name!r}", origin=here())
    if debug not in (None, "nan", "index"):
        raise ArgumentError(f'debug: None, "nan" or "index" expected, got {debug!r}', origin=here())
    if threads is not None and (isinstance(threads, bool) or not isinstance(threads, int) or threads < 1):
        raise ArgumentError(f"threads: None or a number above zero expected, got {threads!r}", origin=here())
    return Options(name, fast_math, cache, debug, precise, threads)


def make_kernel(outputs: Sequence[Expr], inputs: Sequence[Expr], record: Record) -> Kernel:
    """Return the kernel of simplified outputs, after every pass; verified under GRAPHC_CHECK=1."""
    settings = read_settings()
    if any(runs_block(node) for node in topological_order(outputs)):
        outputs = record.timed("loops: equal work done once, products moved out", lambda: tidy_loops(outputs))
    normal = record.timed("normalise: composites expanded, contractions as matrices", lambda: normalise(outputs))
    record.nodes["normalised"] = len(topological_order(normal))
    kernel: Kernel = record.timed("partition and lower: groups become loops", lambda: lower(normal, inputs))
    if settings.check:
        verify(kernel, "lower")
    for name, transform in KERNEL_PASSES:
        kernel = record.timed(name, lambda transform=transform, kernel=kernel: transform(kernel))  # type: ignore[misc]
        if settings.check:
            verify(kernel, name)
    return kernel


def make_program(outputs: Sequence[Expr], inputs: Sequence[Expr], options: Options, record: Record) -> Program:
    """Return the program of expressions: simplified, made a kernel of, and compiled where no size is open."""
    from graphc.backends.program import PROGRAMS, Job

    settings = read_settings()
    record.nodes["given"] = len(topological_order(outputs))
    plain = without_rules(outputs)
    simple = record.timed("simplify: exact and stabilising rules", lambda: simplified(plain, options, record))
    record.normal.clear()
    record.nodes["simplified"] = len(topological_order(simple))
    kernel = make_kernel(simple, inputs, record)
    _show(settings, simple, kernel, record)
    job = Job(tuple(simple), tuple(inputs), kernel, options.fast_math, options.cache, options.precise, options.threads)
    start = time.perf_counter()
    program: Program = PROGRAMS[options.backend](job)
    record.seconds.update(program.seconds)
    others = time.perf_counter() - start - sum(program.seconds.values())
    record.seconds["prepare: how arguments are checked and memory is laid out"] = others
    program.seconds = record.seconds
    if "source" in settings.show and options.backend == "cpu":
        print(f"--- graphc source\n{program.source()}", file=sys.stderr)
    return program


def make_fast_entry(
    program: Program, signature: Signature, structure: tree.Structure, slow: Callable[..., Any]
) -> Callable[..., Any] | None:
    """Return the program's own call path, or None where every call must go the slow way."""
    from graphc.backends.entry import make_entry

    arguments = [(argument.name, argument.structure) for argument in signature.arguments]
    return make_entry(program, arguments, signature.explicit, structure, slow)


def make_c_function(program: Program) -> Any:
    """Return a program as a C function; see `graphc.backends.cfunction`."""
    from graphc.backends import cfunction

    return cfunction.make_c_function(program)


def native_kernel(program: Program) -> Callable[..., Any]:
    """Return the native function of a program, its number of threads given.

    Raises:
        UnsupportedError: the backend has none.
    """
    kernel: Callable[..., Any] | None = getattr(program, "kernel", None)
    if kernel is None:
        raise UnsupportedError("this backend has no native function", remedy='compile with backend="cpu"')
    return kernel


def simplified(outputs: Sequence[Expr], options: Options, record: Record) -> list[Expr]:
    """Return outputs simplified; before they are differentiated too, so that stable forms are."""
    return simplify(outputs, options.groups, record.trace, known=record.normal)


def _show(settings: Settings, outputs: Sequence[Expr], kernel: Kernel, record: Record) -> None:
    """Print the stages that GRAPHC_SHOW names."""
    fired = (f"{step.rule.name}: {step.before!r}  ->  {step.after!r}" for step in record.trace.steps)
    shown = {
        "graph": lambda: "\n".join(output.tree() for output in outputs),
        "rules": lambda: "\n".join(fired) or "none",
        "kernels": lambda: describe_kernel(kernel),
        "memory": lambda: describe_memory(kernel),
    }
    for stage in settings.show:
        if stage in shown:
            print(f"--- graphc {stage}\n{shown[stage]()}", file=sys.stderr)

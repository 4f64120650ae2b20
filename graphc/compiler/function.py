"""`Function`: a compiled expression with its gradient, products, source, explanation and check."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from graphc.autodiff.transforms import default_targets, jvp, require_scalar, value_and_grad, vjp
from graphc.compiler.explanation import explain
from graphc.compiler.finite import require_finite
from graphc.compiler.pipeline import Options, Record, check_options, make_fast_entry, make_program, simplified
from graphc.compiler.signature import Signature, make_signature
from graphc.errors import ArgumentError
from graphc.graph import tree
from graphc.graph.leaf import as_exprs, symbol, symbol_name
from graphc.graph.node import Expr
from graphc.graph.origin import here
from graphc.graph.walk import flatten_graph, topological_order, unflatten_graph
from graphc.rewrite.engine import Step

if TYPE_CHECKING:
    from graphc.backends.program import Program
    from graphc.check.report import Report


def compile(
    expression: Any,
    inputs: Any = None,
    *,
    wrt: Any = None,
    backend: str | None = None,
    fast_math: bool = False,
    cache: bool = True,
    debug: str | None = None,
) -> Function:
    """Return a function that computes expressions natively.

    Args:
        expression: an expression, a pytree of them, or a Python function of the inputs that returns one.
        inputs: the symbols in the order of the arguments; entries may be pytrees of symbols, and a dict
            names the arguments. By default the symbols in order of first appearance: then several
            arguments are passed by name only, so that none are swapped.
        wrt: what gradients are taken for, a symbol or pytree of symbols; by default the parameters, and
            if there are none every float symbol, as a dict by name.
        backend: "cpu" or "reference" (NumPy, node by node).
        fast_math: allow rewrites and instructions that change rounding and NaN.
        cache: keep the compiled code on disk.
        debug: "nan" runs node by node and stops at the first value that is not finite.

    Compiling happens at the first call of each kind (value, gradient, products).

    Raises:
        ArgumentError: the inputs do not fit the expression, or an option is wrong.

    Example:
        >>> import graphc as gx
        >>> x, y, z = gx.symbols("x y z")
        >>> fn = gx.compile(x * (y**2 + z))
        >>> fn(x=1.0, y=2.0, z=3.0)
        7.0
        >>> fn.value_and_grad(x=1.0, y=2.0, z=3.0)
        (7.0, {'x': 7.0, 'y': 4.0, 'z': 1.0})
    """
    options = check_options(backend, fast_math, cache, debug)
    if callable(expression) and not isinstance(expression, Expr):
        expression = _trace(expression, inputs)
    leaves, structure = tree.flatten(expression)
    if not leaves:
        raise ArgumentError("compile: there is no expression to compile", origin=here())
    outputs = as_exprs(*leaves)
    return Function(outputs, structure, make_signature(outputs, inputs), wrt, options)


def _trace(function: Callable[..., Any], inputs: Any) -> Any:
    """Return what a Python function builds from the inputs."""
    if inputs is None:
        raise ArgumentError(
            "compile: a Python function needs inputs=", remedy="pass the symbols it is called with", origin=here()
        )
    if isinstance(inputs, dict):
        return function(**inputs)
    return function(inputs) if isinstance(inputs, Expr) else function(*inputs)


class Function:
    """A compiled expression; made by `graphc.compile`. Thread-safe and picklable.

    Attributes:
        inputs: the names of the arguments, in order.
        outputs: the expressions, flat.
        symbols: the input symbols, flat, in order.
    """

    def __init__(
        self, outputs: Sequence[Expr], structure: tree.Structure, signature: Signature, wrt: Any, options: Options
    ) -> None:
        self.outputs = list(outputs)
        self.structure = structure
        self.signature = signature
        self.options = options
        self._wrt = wrt
        self._entries: dict[str, Callable[..., Any]] = {}
        self._programs: dict[str, tuple[Program, Record]] = {}
        self._lock = threading.RLock()

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the arguments, in order."""
        return self.signature.names

    @property
    def symbols(self) -> tuple[Expr, ...]:
        """The input symbols, flat, in order."""
        return self.signature.symbols

    @property
    def wrt(self) -> Any:
        """What gradients are taken for: the tree of symbols given, or the default by name."""
        return self._wrt if self._wrt is not None else default_targets(self._scalar())

    def __call__(self, *positional: Any, out: Any = None, **named: Any) -> Any:
        """Return the values of the expressions, in their structure.

        Args:
            positional, named: numbers, arrays or pytrees of them for the inputs.
            out: arrays to write the results to, in the structure of the expressions.

        Raises:
            ArgumentError: an argument is missing, unknown or given twice.
            ShapeError, DTypeError: an argument or ``out`` does not fit.
            NonFiniteError: with ``debug="nan"``, a value is not finite.
        """
        entry = self._entries.get("call") or self._entry("call")
        return entry(*positional, **named) if out is None else entry(*positional, out=out, **named)

    def value_and_grad(self, *positional: Any, **named: Any) -> tuple[Any, Any]:
        """Return the value of the scalar expression and its gradient in the structure of ``wrt``.

        Raises:
            ShapeError: the expression is no scalar.
        """
        result: tuple[Any, Any] = self._entry("value_and_grad")(*positional, **named)
        return result

    def grad(self, *positional: Any, **named: Any) -> Any:
        """Return the gradient of the scalar expression; see `value_and_grad`."""
        return self._entry("grad")(*positional, **named)

    def jvp(self, *positional: Any, tangents: Any, **named: Any) -> tuple[Any, Any]:
        """Return values and their tangents (forward mode) for tangents in the structure of ``wrt``."""
        given = tree.require_structure(tangents, tree.structure(self.wrt_any), "jvp: tangents")
        values = [*self.signature.arrange(positional, named), *given]
        results = self._run("jvp", values)
        return self._structured(results[: len(self.outputs)]), self._structured(results[len(self.outputs) :])

    def vjp(self, *positional: Any, adjoints: Any, **named: Any) -> tuple[Any, Any]:
        """Return values and the product of adjoints with the Jacobian (reverse mode), in the structure of ``wrt``."""
        given = tree.require_structure(adjoints, self.structure, "vjp: adjoints")
        values = [*self.signature.arrange(positional, named), *given]
        results = self._run("vjp", values)
        products = tree.unflatten(tree.structure(self.wrt_any), results[len(self.outputs) :])
        return self._structured(results[: len(self.outputs)]), products

    @property
    def wrt_any(self) -> Any:
        """What products with Jacobians are taken for: ``wrt``, for expressions of any shape."""
        if self._wrt is not None:
            return self._wrt
        found: dict[str, Expr] = {}
        for output in self.outputs:
            found.update(default_targets(output))
        return found

    @property
    def source(self) -> str:
        """The generated code of the value, each line with the user's line it comes from."""
        return self.source_of("call")

    def source_of(self, kind: str) -> str:
        """Return the generated code of "call", "value_and_grad", "grad", "jvp" or "vjp"."""
        return self._program(kind)[0].source()

    def explain(self, kind: str | None = None) -> str:
        """Return what was compiled: nodes, loop nests and what each fuses, library calls, memory, time.

        Args:
            kind: "call", "value_and_grad", "grad", "jvp" or "vjp"; by default the gradient of a scalar.
        """
        if kind is None:
            kind = "value_and_grad" if self._is_scalar() else "call"
        program, record = self._program(kind)
        return explain(kind, self.options.backend, program.job.kernel, record)

    def why(self, node: Expr) -> list[Step]:
        """Return the rewrites that turned a node into what was compiled."""
        return self._program("call")[1].trace.why(node)

    def check(self, **options: Any) -> Report:
        """Return a report that compares the compiled gradient with four other ways to compute it.

        Args:
            options: as for `graphc.check_grad`.
        """
        from graphc.check.derivatives import check_function

        return check_function(self, **options)

    @property
    def cache_hits(self) -> int:
        """How many of the native functions made so far were loaded from the disk cache."""
        with self._lock:
            programs = [program for program, _ in self._programs.values()]
        return sum(getattr(program, "native", None) is not None and program.native.cache_hits for program in programs)  # type: ignore[attr-defined]

    def __reduce__(self) -> tuple[Callable[..., Function], tuple[Any, ...]]:
        wrt, wrt_structure = (None, None) if self._wrt is None else tree.flatten(self._wrt)
        nodes = [*self.outputs, *self.symbols, *(wrt or ())]
        order = {node: position for position, node in enumerate(topological_order(nodes))}
        positions = [order[node] for node in nodes]
        state = (flatten_graph(nodes), positions, len(self.outputs), self.structure, self.signature.arguments)
        return _restore, (*state, self.signature.explicit, wrt_structure, self.options)

    def _entry(self, kind: str) -> Callable[..., Any]:
        """Return the function that a kind of call goes through, made when it is first asked for."""
        entry = self._entries.get(kind)
        if entry is None:
            structure = self._structure_of(kind)
            program, _ = self._program(kind)

            def slow(*given: Any, out: Any = None, **by_name: Any) -> Any:
                values = self.signature.arrange(given, by_name)
                targets = None if out is None else self._targets(out)
                return tree.unflatten(structure, self._run(kind, values, targets))

            fast = None if self.options.debug else make_fast_entry(program, self.signature, structure, slow)
            entry = fast or slow
            self._entries[kind] = entry
            if kind != "call":
                setattr(self, kind, entry)
        return entry

    def _structure_of(self, kind: str) -> tree.Structure:
        """Return the structure of what a kind of call returns."""
        if kind == "call":
            return self.structure
        gradients = tree.structure(self.wrt)
        return gradients if kind == "grad" else (tree.Slot(), gradients)

    def _run(self, kind: str, values: Sequence[Any], out: Sequence[Any] | None = None) -> list[Any]:
        """Return the results of one of the function's programs."""
        found = self._programs.get(kind)
        program = found[0] if found is not None else self._program(kind)[0]
        if self.options.debug == "nan":
            require_finite(program, values)
        return program.run(values, out)

    def _program(self, kind: str) -> tuple[Program, Record]:
        """Return a program of the function, compiled when it is first asked for."""
        with self._lock:
            if kind not in self._programs:
                record = Record()
                outputs, inputs = self._expressions(kind)
                self._programs[kind] = make_program(outputs, inputs, self.options, record), record
            return self._programs[kind]

    def _expressions(self, kind: str) -> tuple[list[Expr], list[Expr]]:
        """Return the outputs and inputs of a program; derivatives are taken of simplified expressions."""
        symbols = list(self.symbols)
        if kind == "call":
            return self.outputs, symbols
        simple = simplified(self.outputs, self.options)
        if kind in ("value_and_grad", "grad"):
            self._scalar()
            value, gradients = value_and_grad(simple[0], self.wrt)
            return ([value] if kind == "value_and_grad" else []) + tree.leaves(gradients), symbols
        targets = tree.leaves(self.wrt_any)
        if kind == "jvp":
            seeds = [symbol(f"tangent_of_{symbol_name(node)}", node.shape, node.dtype) for node in targets]
            return [*simple, *jvp(simple, targets, seeds)], [*symbols, *seeds]
        if kind == "vjp":
            seeds = [symbol(f"adjoint_of_{n}", node.shape, node.dtype) for n, node in enumerate(simple)]
            return [*simple, *vjp(simple, targets, seeds)], [*symbols, *seeds]
        raise ArgumentError(f"call, value_and_grad, grad, jvp or vjp expected, got {kind!r}")

    def _is_scalar(self) -> bool:
        return isinstance(self.structure, tree.Slot) and not self.outputs[0].shape and self.outputs[0].is_differentiable

    def _scalar(self) -> Expr:
        """Return the one scalar expression that gradients are taken of."""
        if not isinstance(self.structure, tree.Slot):
            raise ArgumentError(
                "a gradient needs one scalar expression, and this function has several results",
                remedy="compile the loss alone, or put gx.grad(loss, wrt) among the results",
            )
        require_scalar(self.outputs[0])
        return self.outputs[0]

    def _structured(self, results: Sequence[Any]) -> Any:
        return tree.unflatten(self.structure, results)

    def _targets(self, out: Any) -> list[Any]:
        """Return the arrays of ``out``, one of the right dtype for each output; the program checks their shapes."""
        targets = tree.require_structure(out, self.structure, "out")
        for node, target in zip(self.outputs, targets, strict=True):
            if target is None:
                continue
            if not isinstance(target, np.ndarray) or target.dtype != node.dtype or not target.flags.writeable:
                got = f"{target.dtype} array" if isinstance(target, np.ndarray) else type(target).__name__
                raise ArgumentError(f"out: a writable {node.dtype} array expected, got {got}")
        return targets


def _restore(
    records: list[tuple[Any, ...]], positions: list[int], outputs: int, structure: Any, arguments: Any,
    explicit: bool, wrt_structure: Any, options: Options,
) -> Function:  # fmt: skip
    """Return a pickled function, its graph interned again."""
    graph = unflatten_graph(records)
    nodes = [graph[position] for position in positions]
    count = sum(argument.count for argument in arguments)
    symbols = tuple(nodes[outputs : outputs + count])
    wrt = None if wrt_structure is None else tree.unflatten(wrt_structure, nodes[outputs + count :])
    return Function(nodes[:outputs], structure, Signature(arguments, symbols, explicit), wrt, options)

"""`Function`: a compiled expression with its gradient, products, source, explanation and check."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from graphc.compiler.definition import Definition
from graphc.compiler.explanation import explain
from graphc.compiler.pipeline import check_options, native_kernel
from graphc.compiler.programs import Programs
from graphc.compiler.signature import Signature, make_signature
from graphc.compiler.targets import require_expressions
from graphc.errors import ArgumentError
from graphc.graph import tree
from graphc.graph.functions import is_function
from graphc.graph.leaf import as_exprs
from graphc.graph.node import Expr
from graphc.graph.origin import here
from graphc.graph.types import format_shape
from graphc.rewrite.engine import Step

if TYPE_CHECKING:
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
    precise: bool = False,
    threads: int | None = None,
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
        debug: "nan" runs node by node and stops at the first value that is not finite, "index" at the first index
            that is out of range, before the native function runs.
        precise: take elementary functions of arrays from the C library, one element at a time, in place of
            our vector mathematics (docs/mathlib.md), which is faster and within 4 ulp.
        threads: how many threads loops with enough work may use, and products of matrices; by default
            GRAPHC_THREADS, else every core this process may use. Loops give the same bits on any number; large
            products of matrices may differ in the last.

    Compiling happens at the first call of each kind (value, gradient, products); where sizes are open, once more
    when those of a call first have enough work for threads.

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
    options = check_options(backend, fast_math, cache, debug, precise, threads)
    if is_function(expression):
        expression = _trace(expression, inputs)
    leaves, structure = tree.flatten(expression)
    if not leaves:
        raise ArgumentError("compile: there is no expression to compile", origin=here())
    if wrt is not None:
        require_expressions(tree.leaves(wrt), "wrt")
    outputs = as_exprs(*leaves)
    definition = Definition(tuple(outputs), structure, make_signature(outputs, inputs), wrt, options)
    return Function(definition)


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

    Example:
        >>> import graphc as gx
        >>> x, y = gx.symbols("x y")
        >>> gx.compile(x * y, inputs=[x, y])
        Function(x, y) -> float64 () on 'cpu'
    """

    def __init__(self, definition: Definition) -> None:
        self._definition = definition
        self._programs = Programs(definition)

    def __reduce__(self) -> tuple[type[Function], tuple[Definition]]:
        return Function, (self._definition,)

    def __repr__(self) -> str:
        outputs = ", ".join(f"{node.dtype} {format_shape(node.shape)}" for node in self._definition.outputs)
        return f"Function({', '.join(self.inputs)}) -> {outputs} on {self._definition.options.backend!r}"

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the arguments, in order."""
        return self._definition.signature.names

    @property
    def symbols(self) -> tuple[Expr, ...]:
        """The input symbols, flat, in order."""
        return self._definition.signature.symbols

    @property
    def signature(self) -> Signature:
        """The arguments and their structures."""
        return self._definition.signature

    @property
    def outputs(self) -> list[Expr]:
        """The expressions, flat."""
        return list(self._definition.outputs)

    @property
    def structure(self) -> tree.Structure:
        """The structure of the expressions."""
        return self._definition.structure

    @property
    def wrt(self) -> Any:
        """What gradients are taken for: the tree of symbols given, or the default by name."""
        return self._definition.gradient_targets()

    @property
    def wrt_any(self) -> Any:
        """What products with Jacobians are taken for: ``wrt``, for expressions of any shape."""
        return self._definition.product_targets()

    def __call__(self, /, *positional: Any, out: Any = None, **named: Any) -> Any:
        """Return the values of the expressions, in their structure.

        Args:
            positional, named: numbers, arrays or pytrees of them for the inputs.
            out: arrays to write the results to, in the structure of the expressions.

        Raises:
            ArgumentError: an argument is missing, unknown or given twice.
            ShapeError, DTypeError: an argument or ``out`` does not fit.
            NonFiniteError: with ``debug="nan"``, a value is not finite.
            OutOfRangeError: with ``debug="index"``, an index is out of range.
        """
        entry = self._programs.entry("call")
        return entry(*positional, **named) if out is None else entry(*positional, out=out, **named)

    def value_and_grad(self, /, *positional: Any, **named: Any) -> tuple[Any, Any]:
        """Return the value of the scalar expression and its gradient in the structure of ``wrt``.

        Raises:
            ShapeError: the expression is no scalar.
        """
        entry = self.__dict__["value_and_grad"] = self._programs.entry("value_and_grad")
        result: tuple[Any, Any] = entry(*positional, **named)
        return result

    def grad(self, /, *positional: Any, **named: Any) -> Any:
        """Return the gradient of the scalar expression; see `value_and_grad`."""
        entry = self.__dict__["grad"] = self._programs.entry("grad")
        return entry(*positional, **named)

    def jvp(self, /, *positional: Any, tangents: Any, **named: Any) -> tuple[Any, Any]:
        """Return values and their tangents (forward mode) for tangents in the structure of ``wrt``."""
        expected = tree.structure(self._definition.product_targets())
        seeds = tree.require_structure(tangents, expected, "jvp: tangents")
        result: tuple[Any, Any] = self._programs.product("jvp", positional, named, seeds)
        return result

    def vjp(self, /, *positional: Any, adjoints: Any, **named: Any) -> tuple[Any, Any]:
        """Return values and the product of adjoints with the Jacobian (reverse mode), in the structure of ``wrt``."""
        seeds = tree.require_structure(adjoints, self._definition.structure, "vjp: adjoints")
        result: tuple[Any, Any] = self._programs.product("vjp", positional, named, seeds)
        return result

    @property
    def kernel(self) -> Callable[..., Any]:
        """The native function itself, without checks: callable from a user's own ``@njit`` code.

        It takes the inputs in order, then constants, result arrays and workspaces as `explain` lists
        them, all contiguous and of the exact dtypes; it returns the tuple of scalar results.
        """
        return native_kernel(self._programs.program("call")[0])

    @property
    def address(self) -> int:
        """The address of a C function ``double f(double, ..., double)``, valid as long as this function lives.

        Raises:
            UnsupportedError: an input or the result is not a float64 number.
        """
        return self._programs.c_address()

    @property
    def source(self) -> str:
        """The generated code of the value, each line with the user's line it comes from."""
        return self.source_of("call")

    def source_of(self, kind: str) -> str:
        """Return the generated code of "call", "value_and_grad", "grad", "jvp" or "vjp"."""
        return self._programs.program(kind)[0].source()

    def explain(self, kind: str | None = None) -> str:
        """Return what was compiled: nodes, loop nests and what each fuses, library calls, memory, time.

        Loops for threads are compiled when the sizes of a call first have work for them; the time is that of what was
        compiled so far.

        Args:
            kind: "call", "value_and_grad", "grad", "jvp" or "vjp"; by default the gradient of a scalar.
        """
        if kind is None:
            kind = "value_and_grad" if self._definition.is_scalar else "call"
        program, record = self._programs.program(kind)
        program.prepare()
        return explain(kind, self._definition.options.backend, program.job.kernel, record)

    def why(self, node: Expr) -> list[Step]:
        """Return the rewrites that turned a node into what was compiled."""
        return self._programs.program("call")[1].trace.why(node)

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
        return self._programs.cache_hits()

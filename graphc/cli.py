"""The command line: ``graphc eval``, ``check``, ``show``, ``demo``, ``doctor``, ``cache``."""

from __future__ import annotations

import argparse
import ast
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphc import __version__, demo
from graphc.autodiff.transforms import grad
from graphc.errors import ArgumentError, GraphcError
from graphc.expression_parser import parse_expression
from graphc.graph.leaf import symbol, symbol_name
from graphc.graph.node import Expr
from graphc.graph.walk import free_symbols
from graphc.inspect.flow import flow_table, value_text
from graphc.rewrite.engine import simplify

FAILED, WRONG_INPUT = 1, 2
EXPRESSION_COMMANDS = ("eval", "check", "show")
HELP = ("-h", "--help")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0, 1 when a check failed, 2 for wrong input."""
    parsed = make_parser().parse_args(shielded(sys.argv[1:] if arguments is None else arguments))
    command: Callable[[argparse.Namespace], int] = parsed.command
    try:
        return command(parsed)
    except GraphcError as error:
        print(f"graphc: {error}", file=sys.stderr)
        return WRONG_INPUT
    except BrokenPipeError:
        sys.stderr.close()
        return FAILED


def shielded(arguments: Sequence[str]) -> list[str]:
    """Return arguments in which an expression that begins with a minus, after a space, is no option."""
    name, *rest = arguments or [""]
    if name not in EXPRESSION_COMMANDS:
        return list(arguments)
    return [name, *(f" {text}" if text.startswith("-") and text not in HELP else text for text in rest)]


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="graphc", description="Expressions, their gradients, and what they become.")
    parser.add_argument("--version", action="version", version=f"graphc {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="command", dest="name")
    _expression_command(commands, "eval", evaluate_command, "value, every gradient, and the table of nodes")
    _expression_command(commands, "check", check_command, "compare the gradient with SymPy, differences and others")
    _expression_command(commands, "show", show_command, "the graph, its gradient, and the generated code")
    training = commands.add_parser("demo", help="train a network on handwritten digits")
    demo.add_options(training)
    training.set_defaults(command=demo.command)
    doctor = commands.add_parser("doctor", help="versions, processor, libraries, cache")
    doctor.set_defaults(command=doctor_command)
    cache = commands.add_parser("cache", help="the disk cache of compiled kernels")
    cache.add_argument("action", choices=("info", "clear"))
    cache.set_defaults(command=cache_command)
    return parser


def _expression_command(commands: Any, name: str, command: Callable[..., int], summary: str) -> None:
    """Add a command that takes an expression and values of its symbols."""
    parser = commands.add_parser(name, help=summary)
    parser.add_argument("expression", help='for example "x*(y**2 + z)"')
    parser.add_argument(
        "values", nargs="*", default=[], metavar="name=value", help="a number, or a list such as [1, 2, 3]"
    )
    parser.set_defaults(command=command)


def read_values(texts: Sequence[str]) -> dict[str, np.ndarray[Any, Any]]:
    """Return the arrays given as ``name=value``.

    Raises:
        ArgumentError: a text has another form, or gives a name twice.
    """
    values: dict[str, np.ndarray[Any, Any]] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not (sign and name.isidentifier()):
            raise ArgumentError(f"{text!r} is not name=value", remedy="write for example x=1.5")
        if name in values:
            raise ArgumentError(f"{name} is given twice")
        try:
            values[name] = np.array(ast.literal_eval(value.strip()), dtype="float64")
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            raise ArgumentError(f"{value!r} is no value for {name}", remedy="write a number or a list") from None
    return values


def read_problem(arguments: argparse.Namespace) -> tuple[Expr, dict[Expr, np.ndarray[Any, Any]]]:
    """Return the expression of a command and the values of its symbols, as far as they are given.

    Raises:
        ArgumentError: a value is given for a name that the expression lacks.
    """
    values = read_values(arguments.values)
    symbols = {name: symbol(name, value.shape) for name, value in values.items()}
    expression = parse_expression(arguments.expression, symbols)
    used = free_symbols([expression])
    unknown = [name for name, node in symbols.items() if node not in used]
    if unknown:
        raise ArgumentError(f"the expression has no {unknown[0]}", remedy=f"it has {_names(used)}")
    return expression, {node: values[symbol_name(node)] for node in used if symbol_name(node) in values}


def _names(nodes: Sequence[Expr]) -> str:
    return ", ".join(symbol_name(node) for node in nodes) or "no symbols"


def evaluate_command(arguments: argparse.Namespace) -> int:
    """Print value, gradients, and the table of nodes."""
    expression, values = read_problem(arguments)
    missing = [node for node in free_symbols([expression]) if node not in values]
    if missing:
        raise ArgumentError(
            f"no value for {_names(missing)}", remedy=f"add {' '.join(f'{symbol_name(node)}=1' for node in missing)}"
        )
    table = flow_table(expression, values)
    print(f"{expression} = {value_text(table.value)}")
    for node, gradient in table.gradients.items():
        print(f"d/d{symbol_name(node)} = {value_text(gradient)}")
    print()
    print(table.text)
    return 0


def check_command(arguments: argparse.Namespace) -> int:
    """Print the report on the gradient; fail when a method disagrees."""
    from graphc.check.derivatives import check_grad

    expression, values = read_problem(arguments)
    point = {symbol_name(node): value for node, value in values.items()} or None
    report = check_grad(expression, None, point)
    print(report)
    return 0 if report.ok else FAILED


def show_command(arguments: argparse.Namespace) -> int:
    """Print the graph, the gradient, and the code generated: with the gradient for a scalar."""
    from graphc.compiler.function import compile as compile_expression

    expression, _ = read_problem(arguments)
    print(f"{expression}\n\n{expression.tree()}\n")
    targets = [node for node in free_symbols([expression]) if node.is_differentiable]
    has_gradient = expression.shape == () and expression.is_differentiable and bool(targets)
    if has_gradient:
        for node, gradient in zip(targets, simplify(grad(expression, targets)), strict=True):
            print(f"d/d{symbol_name(node)} = {gradient}")
    print()
    function = compile_expression(expression)
    kind = "value_and_grad" if has_gradient else "call"
    print(function.explain(kind))
    print()
    print(function.source_of(kind))
    return 0


def doctor_command(_arguments: argparse.Namespace) -> int:
    """Print what graphc runs on."""
    from graphc.inspect.doctor import diagnosis

    facts = diagnosis()
    width = max(len(name) for name in facts)
    for name, fact in facts.items():
        print(f"{name:<{width}}  {fact}")
    return 0


def cache_command(arguments: argparse.Namespace) -> int:
    """Describe or empty the disk cache."""
    from graphc.backends import cache

    if arguments.action == "clear":
        print(f"removed {cache.clear()} kernels")
        return 0
    folder, count, size = cache.info()
    print(f"folder   {folder}\nkernels  {count}\nsize     {size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())

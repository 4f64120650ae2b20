r"""Expressions in LaTeX: what a notebook shows."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from graphc.graph.layout import (
    ATOM,
    COMPARISON,
    LOWEST,
    POWER,
    PRODUCT,
    SUM,
    UNARY,
    Layout,
    binary,
    call,
    render,
    unary_minus,
    visible_operands,
)
from graphc.graph.leaf import CONSTANT, SIZE, SYMBOL, constant_value, symbol_name
from graphc.graph.node import Expr
from graphc.graph.table import PRINTERS
from graphc.graph.text import array_text, matmul_operands

_LETTERS = """alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi
psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"""
GREEK = frozenset(_LETTERS.split())
OPERATORS = {
    "<=": r" \le ", ">=": r" \ge ", "==": " = ", "!=": r" \ne ", "%": r" \bmod ", "&": r" \wedge ",
    "|": r" \vee ", "^": r" \oplus ",
}  # fmt: skip
FUNCTIONS = frozenset(
    ["sin", "cos", "tan", "sinh", "cosh", "tanh", "log", "exp", "max", "min", "arcsin", "arccos", "arctan"]
)
FOLDS = {"sum": (r"\sum", SUM), "prod": (r"\prod", PRODUCT)}
PATTERNS: dict[str, tuple[str, int]] = {
    "divide": (r"\frac{<0>}{<1>}", POWER),
    "reciprocal": (r"\frac{1}{<0>}", POWER),
    "sqrt": (r"\sqrt{<0>}", ATOM),
    "cbrt": (r"\sqrt[3]{<0>}", ATOM),
    "abs": (r"\left|<0>\right|", ATOM),
    "floor": (r"\left\lfloor <0>\right\rfloor", ATOM),
    "ceil": (r"\left\lceil <0>\right\rceil", ATOM),
    "exp": (r"e^{<0>}", POWER),
    "exp2": (r"2^{<0>}", POWER),
    "square": (r"<0:9>^{2}", POWER),
    "expit": (r"\sigma\left(<0>\right)", ATOM),
    "logical_not": (r"\neg <0:7>", UNARY),
    "equal": (r"<0:2> = <1:2>", COMPARISON),
    "not_equal": (r"<0:2> \ne <1:2>", COMPARISON),
    "guarded_multiply": (r"<0:6>\,<1:7>", PRODUCT),
    "guarded_divide": (r"\frac{<0>}{<1>}", POWER),
    **{f"a{name}": (rf"\arc{name}\left(<0>\right)", ATOM) for name in ("sin", "cos", "tan")},
    "log2": (r"\log_{2}\left(<0>\right)", ATOM),
    "log10": (r"\log_{10}\left(<0>\right)", ATOM),
    "where": (r"\begin{cases}<1> & \text{if } <0>\\<2> & \text{otherwise}\end{cases}", ATOM),
}
"""The notation of an operation, with its arguments as <number> or <number:least precedence>, and its precedence."""


def _pattern(text: str) -> list[tuple[str, int, int]]:
    """Return the pieces of a pattern: text (number -1), or the number and least precedence of an argument."""
    pieces = []
    for piece in re.split(r"(<\d(?::\d)?>)", text):
        found = re.fullmatch(r"<(\d)(?::(\d))?>", piece)
        pieces.append((piece, -1, LOWEST) if found is None else ("", int(found[1]), int(found[2] or LOWEST)))
    return pieces


_PIECES = {name: (_pattern(text), precedence) for name, (text, precedence) in PATTERNS.items()}


def name_latex(name: str) -> str:
    """Return a symbol's name: Greek letters as such, ``w_1`` with an index, words upright."""
    head, *rest = name.strip("_").split("_") if name.strip("_") else [r"\_"]
    match = re.fullmatch(r"([A-Za-z]+?)(\d+)", head)
    if match:
        head, rest = match[1], [match[2], *rest]
    text = f"\\{head}" if head in GREEK else head if len(head) == 1 or head == r"\_" else rf"\mathrm{{{head}}}"
    indices = ",".join(part if len(part) == 1 or part.isdigit() else rf"\mathrm{{{part}}}" for part in rest if part)
    return f"{text}_{{{indices}}}" if indices else text


def number_latex(text: str) -> str:
    """Return the text of a number with powers of ten and the infinity sign."""
    text = text.replace("inf", r"\infty").replace("nan", r"\mathrm{nan}")
    return re.sub(r"e([+-]?)0*(\d+)$", lambda found: rf" \cdot 10^{{{found[1].strip('+')}{found[2]}}}", text)


def _symbol(node: Expr) -> Layout:
    return [name_latex(symbol_name(node))], ATOM


def _constant(node: Expr) -> Layout:
    array = constant_value(node)
    text = array_text(array)
    if array.ndim:
        return [rf"\mathrm{{{text}}}" if text.startswith("array") else text], ATOM
    if text in ("True", "False"):
        return [rf"\mathrm{{{text}}}"], ATOM
    latex = number_latex(text)
    return [latex], UNARY if latex.startswith("-") else PRODUCT if "cdot" in latex else ATOM


def _size(node: Expr) -> Layout:
    text = str(node.attribute("size"))
    latex = re.sub(r"[A-Za-z_]\w*", lambda found: name_latex(found[0]), text).replace("*", r"\,")
    return [latex], ATOM if text.isidentifier() else SUM if re.search(r"[+-]", text) else PRODUCT


def _contraction(node: Expr) -> Layout:
    operands = matmul_operands(node)
    if operands is None:
        spec = f"{node.attribute('left')},{node.attribute('right')},{node.attribute('out')}"
        return call(rf"\operatorname{{einsum}}_{{{spec}}}\left(", node.args, r"\right)")
    parts: list[Any] = []
    for number, (operand, transposed) in enumerate(operands):
        parts.extend([r"\,"] if number else [])
        parts.extend([(operand, ATOM), r"^{\top}"] if transposed else [(operand, PRODUCT + number)])
    return parts, PRODUCT


def _power(node: Expr) -> Layout:
    """Return ``x^{n}`` for a row of the family of integer powers and for the general power."""
    _, _, exponent = node.op.name.partition("[")
    if exponent:
        return [(node.args[0], ATOM), f"^{{{exponent[:-1]}}}"], POWER
    base, power = visible_operands(node)
    return [(base, ATOM), "^{", (power, LOWEST), "}"], POWER


def _transpose(node: Expr) -> Layout:
    if node.attribute("axes") == (1, 0):
        return [(node.args[0], ATOM), r"^{\top}"], POWER
    return _function(node)


def _binary(operator: str, left: Expr, right: Expr) -> Layout:
    """Return an operator's layout; products stand without a sign, before numbers with a dot."""
    if operator == "*":
        sign = r" \cdot " if right.op is CONSTANT else r"\,"
        return [(left, PRODUCT), sign, (right, POWER)], PRODUCT
    return binary(operator, left, right, OPERATORS.get(operator, f" {operator} "))


def _fold(node: Expr) -> Layout:
    """Return the layout of a sum or product over axes."""
    sign, precedence = FOLDS[node.op.name]
    axes = node.attribute("axes")
    index = "" if len(axes) == len(node.args[0].shape) else ",".join(str(axis) for axis in axes)
    return [f"{sign}_{{{index}}} " if index else f"{sign} ", (node.args[0], PRODUCT)], precedence


def _function(node: Expr) -> Layout:
    name = node.op.name.replace("_", r"\_")
    head = f"\\{name}" if name in FUNCTIONS else rf"\operatorname{{{name}}}"
    axes: Any = dict(node.attributes).get("axes")
    index = "" if axes is None else f"_{{{','.join(str(axis) for axis in axes)}}}"
    return call(rf"{head}{index}\left(", visible_operands(node), r"\right)")


TEMPLATES: dict[str, Callable[[Expr], Layout]] = {
    SYMBOL.name: _symbol,
    CONSTANT.name: _constant,
    SIZE.name: _size,
    "negative": unary_minus,
    "contract": _contraction,
    "transpose": _transpose,
    "sum": _fold,
    "prod": _fold,
    "power": _power,
}
"""The operations whose notation is more than a pattern."""


def notation(node: Expr) -> Layout:
    """Return the layout of one node in LaTeX; broadcasting has no notation."""
    while node.op.name in ("broadcast_to", "expand_dims"):
        node = node.args[0]
    template = TEMPLATES.get(node.op.name.partition("[")[0])
    if template is not None:
        return template(node)
    operands = visible_operands(node)
    if node.op.name in _PIECES:
        pieces, precedence = _PIECES[node.op.name]
        return [text if number < 0 else (operands[number], least) for text, number, least in pieces], precedence
    operator = node.op.infix
    if operator and len(operands) == 2:
        return _binary(operator, *operands)
    return _function(node)


def expression_latex(root: Expr) -> str:
    """Return an expression as LaTeX in display style, long ones shortened."""
    return f"$\\displaystyle {render(root, notation, (chr(92) + 'left(', chr(92) + 'right)'), chr(92) + 'dots')}$"


PRINTERS["latex"] = expression_latex

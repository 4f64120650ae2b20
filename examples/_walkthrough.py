"""What the examples share: print the flow graph of an expression and check its gradients with SymPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

import graphc as gx
from graphc.inspect.flow import flow_table, value_text

Array = np.ndarray[Any, Any]


def walk_through(name: str, expression: gx.Expr, values: Mapping[gx.Expr, Any]) -> dict[gx.Expr, Any]:
    """Print each node with value, local derivatives and adjoint; return the gradient for each symbol.

    The gradients of the table (graph by NumPy), of the compiled function, and of SymPy must agree.
    """
    flow = flow_table(expression, values)
    print(f"{name} = {expression} = {flow.value:.10g}\n\n{flow.text}\n")

    compiled = gx.compile(expression, list(values), wrt=list(values))
    value, gradients = compiled.value_and_grad(*values.values())
    np.testing.assert_allclose(value, flow.value, rtol=1e-14)
    for symbol, gradient in zip(values, gradients, strict=True):
        exact = sympy_gradient(expression, symbol, values)
        np.testing.assert_allclose(gradient, exact, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(flow.gradients[symbol], exact, rtol=1e-12, atol=1e-15)
        print(f"d{name}/d{symbol} = {value_text(gradient)}   (SymPy: {value_text(exact)})")
    return dict(zip(values, gradients, strict=True))


def sympy_gradient(expression: gx.Expr, symbol: gx.Expr, values: Mapping[gx.Expr, Any]) -> Array:
    """Return the derivative of a scalar expression that SymPy finds, element by element, at a point."""
    formula = gx.to_sympy(expression)
    point: dict[Any, float] = {}
    for each, value in values.items():
        point.update(zip(cells(each).flat, np.ravel(value), strict=True))
    derivatives = [formula.diff(cell).subs(point).evalf(30) for cell in cells(symbol).flat]
    return np.array(derivatives, dtype="float64").reshape(cells(symbol).shape)


def cells(symbol: gx.Expr) -> Array:
    """Return the SymPy symbols of the elements of a symbol."""
    formula = gx.to_sympy(symbol)
    return np.array(formula.tolist() if hasattr(formula, "tolist") else formula, dtype=object)

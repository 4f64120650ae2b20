"""Jacobians of vectors, of matrices, and of an element-wise layer, whose Jacobian is diagonal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from _walkthrough import cells

import graphc as gx
from graphc.inspect.flow import flow_table

Array = np.ndarray[Any, Any]


def by_rows(f: gx.Expr, x: gx.Expr) -> gx.Expr:
    """Return the Jacobian of a vector: row i is the reverse-mode product with unit vector i."""
    return gx.stack([gx.vjp(f, x, unit) for unit in np.eye(int(f.shape[0]))])


def by_columns(f: gx.Expr, x: gx.Expr) -> gx.Expr:
    """Return the Jacobian for a vector: column j is the forward-mode product with unit vector j."""
    return gx.stack([gx.jvp(f, x, unit) for unit in np.eye(int(x.shape[0]))], axis=-1)


def by_sympy(f: gx.Expr, x: gx.Expr, values: Mapping[gx.Expr, Any]) -> Array:
    """Return the derivative of each element of f for each element of x that SymPy finds."""
    point: dict[Any, float] = {}
    for each, value in values.items():
        point.update(zip(cells(each).flat, np.ravel(value), strict=True))
    rows = [[element.diff(cell).subs(point).evalf(30) for cell in cells(x).flat] for element in cells(f).flat]
    return np.array(rows, dtype="float64").reshape(*f.shape, *x.shape)


def show(title: str, f: gx.Expr, x: gx.Expr, values: Mapping[gx.Expr, Any]) -> Array:
    """Print the flow of f and its Jacobian for x, computed both ways and checked with SymPy; return it."""
    print(f"{title}: f = {f}\n\n{flow_table(f, values).text}\n")
    jacobians = [by_rows(f, x)] + ([by_columns(f, x)] if x.ndim == 1 else [])
    found: list[Array] = gx.compile(jacobians, list(values))(*values.values())
    exact = by_sympy(f, x, values)
    for jacobian in found:
        np.testing.assert_allclose(jacobian, exact, rtol=1e-13, atol=1e-15)
    print(f"df/d{x} =\n{found[0]}\n")
    return found[0]


def main() -> None:
    x = gx.tensor("x", (2,))
    point = np.array([0.5, -2.0])
    curve = gx.stack([x[0] ** 2 * x[1], 5 * x[0] + gx.sin(x[1])])
    jacobian = show("a vector for a vector", curve, x, {x: point})
    np.testing.assert_allclose(jacobian, [[2 * 0.5 * -2.0, 0.25], [5.0, np.cos(-2.0)]], rtol=1e-14)

    W = gx.tensor("W", (3, 2))
    values = {W: np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), x: point}
    jacobian = show("a linear layer for its input", W @ x, x, values)
    np.testing.assert_array_equal(jacobian, values[W])

    jacobian = show("a linear layer for its matrix", W @ x, W, values)
    # Row i of W alone reaches output i, and there it meets x.
    np.testing.assert_array_equal(jacobian, np.einsum("ij,k->ijk", np.eye(3), point))

    layer = gx.sigmoid(x)
    jacobian = show("an element-wise layer", layer, x, {x: point})
    output = 1 / (1 + np.exp(-point))
    np.testing.assert_allclose(jacobian, np.diag(output * (1 - output)), rtol=1e-14)


if __name__ == "__main__":
    main()

"""graphc: bundle adjustment, a function of one sight, its Jacobian, and `vmap` of both over sights."""

from __future__ import annotations

from collections.abc import Callable

import graphc as gx
from benchmarks import n_bundle_adjustment as n
from benchmarks.common import Call, Ways


def cross(a: gx.Expr, b: gx.Expr) -> gx.Expr:
    """Return the vector product."""
    return gx.stack([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]])


def turned(rotation: gx.Expr, point: gx.Expr) -> gx.Expr:
    """Return a point turned by Rodrigues' formula; the guard stands inside the root too."""
    square = rotation @ rotation
    angle = gx.sqrt(gx.where(square > 0, square, 1.0))
    axis, cosine = rotation / angle, gx.cos(angle)
    far = cosine * point + gx.sin(angle) * cross(axis, point) + (1 - cosine) * (axis @ point) * axis
    return gx.where(square > 0, far, point + cross(rotation, point))


def residual(camera: gx.Expr, point: gx.Expr, weight: gx.Expr, seen: gx.Expr) -> gx.Expr:
    """Return the residual of one sight."""
    local = turned(camera[:3], point - camera[3:6])
    ratio = local[:2] / local[2]
    square = ratio @ ratio
    stretch = 1 + camera[9] * square + camera[10] * square**2
    return weight * (ratio * stretch * camera[6] + camera[7:9] - seen)


def block(*sight: gx.Expr) -> gx.Expr:
    """Return the derivatives of one residual, shape (2, 15)."""
    by_camera, by_point, by_weight = gx.jacobian(residual, argnums=(0, 1, 2))(*sight)
    return gx.concatenate([by_camera, by_point, by_weight[:, None]], axis=1)


def n_bundle_adjustment(problem: n.Problem) -> Ways:
    """Return residuals and blocks, cameras and points gathered inside."""

    def build(of_one: Callable[..., gx.Expr]) -> Call:
        cameras, points = gx.tensor("cameras", ("cameras", 11)), gx.tensor("points", ("points", 3))
        weights, seen = gx.tensor("weights", ("sights",)), gx.tensor("seen", ("sights", 2))
        who, what = (gx.tensor(name, ("sights",), "int64") for name in ("who", "what"))
        found = gx.vmap(of_one)(cameras[who], points[what], weights, seen)
        return Call(gx.compile(found, [cameras, points, weights, seen, who, what]), problem.arguments)

    return {"residuals": lambda: build(residual), "jacobian": lambda: build(block)}

"""JAX: bundle adjustment, `vmap` over sights of the residual of one and of its Jacobian."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from benchmarks import n_bundle_adjustment as n
from benchmarks.common import Call, Ways
from benchmarks.peers.jax_calls import awaited


def residual(camera: Any, point: Any, weight: Any, seen: Any) -> Any:
    """Return the residual of one sight; the guard of Rodrigues' formula stands inside the root too."""
    rotation, moved = camera[:3], point - camera[3:6]
    square = rotation @ rotation
    angle = jnp.sqrt(jnp.where(square > 0, square, 1.0))
    axis, cosine = rotation / angle, jnp.cos(angle)
    far = cosine * moved + jnp.sin(angle) * jnp.cross(axis, moved) + (1 - cosine) * (axis @ moved) * axis
    local = jnp.where(square > 0, far, moved + jnp.cross(rotation, moved))
    ratio = local[:2] / local[2]
    square = ratio @ ratio
    return weight * (ratio * (1 + camera[9] * square + camera[10] * square**2) * camera[6] + camera[7:9] - seen)


def n_bundle_adjustment(problem: n.Problem) -> Ways:
    """Return `vmap` of the residual and of its Jacobian, forward and reverse."""

    def over(of_one: Callable[..., Any]) -> Call:
        def all_sights(cameras: Any, points: Any, weights: Any, seen: Any, who: Any, what: Any) -> Any:
            return jax.vmap(of_one)(cameras[who], points[what], weights, seen)

        return awaited(all_sights, *problem.arguments)

    def block(transform: Callable[..., Any]) -> Callable[..., Any]:
        parts = transform(residual, argnums=(0, 1, 2))

        def of_one(*sight: Any) -> Any:
            by_camera, by_point, by_weight = parts(*sight)
            return jnp.concatenate([by_camera, by_point, by_weight[:, None]], axis=1)

        return of_one

    return {
        "residuals": lambda: over(residual),
        "jacobian": lambda: over(block(jax.jacrev)),
        "jacobian:forward": lambda: over(block(jax.jacfwd)),
    }

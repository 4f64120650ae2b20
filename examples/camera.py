"""Bundle adjustment: where cameras see points against where they were seen, and for each sight a block of the Jacobian.

The residuals are those of Snavely's bundle adjustment in the large, as ADBench states them: a camera has a rotation,
a centre, a focal length, a principal point and two numbers of radial distortion; a sight has a weight.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from _timing import print_ratio

import graphc as gx

Array = np.ndarray[Any, Any]
SIZES = (400, 20_000, 100_000)
"""Cameras, points and sights."""


def cross(a: gx.Expr, b: gx.Expr) -> gx.Expr:
    """Return the vector product of two vectors of three numbers."""
    return gx.stack([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]])


def turned(rotation: gx.Expr, point: gx.Expr) -> gx.Expr:
    """Return a point turned about an axis by an angle, the direction and length of ``rotation``: Rodrigues' formula.

    At angle zero the axis is 0/0. The guard stands inside the root too: the branch not taken is computed as well,
    and must have finite derivatives.
    """
    square = rotation @ rotation
    turns = square > 0
    angle = gx.sqrt(gx.where(turns, square, 1.0))
    axis, cosine = rotation / angle, gx.cos(angle)
    far = cosine * point + gx.sin(angle) * cross(axis, point) + (1 - cosine) * (axis @ point) * axis
    return gx.where(turns, far, point + cross(rotation, point))


def residual(camera: gx.Expr, point: gx.Expr, weight: gx.Expr, seen: gx.Expr) -> gx.Expr:
    """Return how far from where it was seen a camera sees a point, times the weight of the sight."""
    rotation, centre, focal, principal, (first, second) = camera[:3], camera[3:6], camera[6], camera[7:9], camera[9:]
    local = turned(rotation, point - centre)
    ratio = local[:2] / local[2]
    square = ratio @ ratio
    return weight * (ratio * (1 + first * square + second * square**2) * focal + principal - seen)


def block(*sight: gx.Expr) -> gx.Expr:
    """Return the derivatives of a residual for the camera, the point and the weight, shape (2, 15)."""
    by_camera, by_point, by_weight = gx.jacobian(residual, argnums=(0, 1, 2))(*sight)
    return gx.concatenate([by_camera, by_point, by_weight[:, None]], axis=1)


def over_sights(of_one: Any, cameras: Any, points: Any, weights: Any, seen: Any, who: Any, what: Any) -> gx.Expr:
    """Return a function of one sight for all of them: camera ``who[i]`` sees point ``what[i]`` at ``seen[i]``."""
    result: gx.Expr = gx.vmap(of_one)(cameras[who], points[what], weights, seen)
    return result


def inputs() -> list[gx.Expr]:
    """Return the symbols: cameras, points, weights, places seen, and the numbers of cameras and points."""
    return [
        gx.tensor("cameras", ("cameras", 11)), gx.tensor("points", ("points", 3)), gx.tensor("weights", ("sights",)),
        gx.tensor("seen", ("sights", 2)), gx.tensor("who", ("sights",), "int64"),
        gx.tensor("what", ("sights",), "int64"),
    ]  # fmt: skip


def make(cameras: int, points: int, sights: int) -> list[Array]:
    """Return synthetic data; the first camera is not turned at all."""
    generator = np.random.default_rng(0)
    poses = np.zeros((cameras, 11))
    poses[:, :6] = 0.2 * generator.standard_normal((cameras, 6))
    poses[:, 6:] = [500.0, 320.0, 240.0, 0.02, -0.003]
    poses[0, :3] = 0.0
    cloud = generator.standard_normal((points, 3)) + np.array([0.0, 0.0, 6.0])
    weights, seen = generator.uniform(0.5, 1.5, sights), generator.uniform(0.0, 640.0, (sights, 2))
    who, what = generator.integers(0, cameras, sights), generator.integers(0, points, sights)
    return [poses, cloud, weights, seen, who, what]


def differences(function: Any, data: list[Array], step: float = 1e-5) -> Array:
    """Return the Jacobian blocks by central differences: each sight has a camera and a point of its own."""
    poses, cloud, weights, seen, who, what = data
    given = np.concatenate([poses[who], cloud[what], weights[:, None]], axis=1)
    each = np.arange(len(who))

    def value(numbers: Array) -> Array:
        found: Array = function(numbers[:, :11], numbers[:, 11:14], numbers[:, 14], seen, each, each)
        return found

    columns = [(value(given + moved) - value(given - moved)) / (2 * step) for moved in step * np.eye(15)]
    return np.stack(columns, axis=-1)


def main() -> None:
    data, symbols = make(*SIZES), inputs()
    residuals = gx.compile(over_sights(residual, *symbols), symbols)
    jacobian = gx.compile(over_sights(block, *symbols), symbols)
    blocks = jacobian(*data)
    print(f"residuals {residuals(*data).shape}, Jacobian blocks {blocks.shape}")

    np.testing.assert_allclose(blocks, differences(residuals, data), rtol=1e-5, atol=1e-4)
    print("the blocks agree with differences")

    poses, who = data[0], data[4]
    at_rest = blocks[~poses[who, :3].any(axis=1)]
    assert len(at_rest)
    assert np.isfinite(at_rest).all()
    print(f"of a camera that is not turned, for the rotation\n{at_rest[0, :, :3].round(3)}")
    print_ratio(lambda: residuals(*data), lambda: jacobian(*data))


if __name__ == "__main__":
    main()

"""N: bundle adjustment: residuals of sights of points by cameras, and their Jacobian, a block of 2 x 15 for each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.common import Array, Workload
from benchmarks.driver import main


@dataclass(frozen=True)
class Problem:
    """Cameras (rotation 3, centre 3, focal length, principal point 2, radial distortion 2), points, and their sights.

    Attributes:
        weights: of each sight; seen: where; who: its camera; what: its point.
    """

    cameras: Array
    points: Array
    weights: Array
    seen: Array
    who: Array
    what: Array

    @property
    def arguments(self) -> tuple[Array, ...]:
        """What every peer's function takes."""
        return self.cameras, self.points, self.weights, self.seen, self.who, self.what


def make(parameters: tuple[int, int, int]) -> Problem:
    """Return the problem of (cameras, points, sights); the first camera is not turned."""
    cameras, points, sights = parameters
    generator = np.random.default_rng(0)
    poses = np.zeros((cameras, 11))
    poses[:, :6] = 0.2 * generator.standard_normal((cameras, 6))
    poses[:, 6:] = [500.0, 320.0, 240.0, 0.02, -0.003]
    poses[0, :3] = 0.0
    cloud = generator.standard_normal((points, 3)) + np.array([0.0, 0.0, 6.0])
    weights, seen = generator.uniform(0.5, 1.5, sights), generator.uniform(0.0, 640.0, (sights, 2))
    who, what = generator.integers(0, cameras, sights), generator.integers(0, points, sights)
    return Problem(poses, cloud, weights, seen, who, what)


@dataclass(frozen=True)
class Sights:
    """What residuals and Jacobian share: the axis and angle of each rotation, the point as its camera has it."""

    axis: Array
    angle: Array
    local: Array
    ratio: Array
    square: Array
    stretch: Array
    off: Array


def sights(cameras: Array, points: Array, weights: Array, seen: Array, who: Array, what: Array) -> Sights:
    """Return what sights are computed from: Rodrigues' formula, projection, distortion."""
    camera, moved = cameras[who], points[what] - cameras[who, 3:6]
    angle = np.linalg.norm(camera[:, :3], axis=1)[:, None]
    axis = camera[:, :3] / np.where(angle > 0, angle, 1.0)
    along = np.sum(axis * moved, axis=1, keepdims=True)
    local = np.cos(angle) * moved + np.sin(angle) * np.cross(axis, moved) + (1 - np.cos(angle)) * along * axis
    ratio = local[:, :2] / local[:, 2:]
    square = np.sum(ratio**2, axis=1, keepdims=True)
    stretch = 1 + camera[:, 9:10] * square + camera[:, 10:] * square**2
    off = ratio * stretch * camera[:, 6:7] + camera[:, 7:9] - seen
    return Sights(axis, angle, local, ratio, square, stretch, off)


def residuals(*arguments: Array) -> Array:
    """Return the residuals, shape (sights, 2)."""
    found: Array = arguments[2][:, None] * sights(*arguments).off
    return found


def jacobian(*arguments: Array) -> Array:
    """Return the blocks by hand, shape (sights, 2, 15): for the camera, the point and the weight.

    A turned point moves by the vector product with the left Jacobian of the rotation: Sola, Deray & Atchuthan,
    A micro Lie theory for state estimation in robotics (2018), equation 145.
    """
    cameras, _, weights, _, who, _ = arguments
    at, camera, weight = sights(*arguments), cameras[who], weights[:, None, None]
    focal, ratio = camera[:, 6, None, None], at.ratio[:, :, None]
    slope = (camera[:, 9] + 2 * camera[:, 10] * at.square[:, 0])[:, None, None]
    by_ratio = weight * focal * (at.stretch[:, :, None] * np.eye(2) + 2 * slope * ratio * at.ratio[:, None, :])
    depth = at.local[:, 2, None, None]
    by_local = np.concatenate([by_ratio, -by_ratio @ ratio], axis=2) / depth
    turning = np.cross(at.local[:, None, :], by_local)
    axis, angle = at.axis[:, None, :], at.angle[:, :, None]
    safe = np.where(angle > 0, angle, 1.0)
    sine = np.where(angle > 0, np.sin(angle) / safe, 1.0)
    along = np.sum(turning * axis, axis=2, keepdims=True) * axis
    by_rotation = sine * turning + (1 - sine) * along + (1 - np.cos(angle)) / safe * np.cross(turning, axis)
    along = np.sum(by_local * axis, axis=2, keepdims=True) * axis
    by_point = np.cos(angle) * by_local - np.sin(angle) * np.cross(axis, by_local) + (1 - np.cos(angle)) * along
    square = at.square[:, :, None]
    by_focal, by_first = weight * ratio * at.stretch[:, :, None], weight * focal * ratio * square
    by_principal = weight * np.eye(2)
    by_weight = at.off[:, :, None]
    parts = [by_rotation, -by_point, by_focal, by_principal, by_first, by_first * square, by_point, by_weight]
    return np.concatenate(parts, axis=2)


WORKLOAD = Workload(
    name="n_bundle_adjustment",
    title="N: bundle adjustment, residuals of sights and their Jacobian, a block of 2 x 15 for each",
    sizes={"n=10,000": (100, 2_000, 10_000), "n=100,000": (400, 20_000, 100_000)},
    tiny=(4, 7, 70),
    make=make,
    expected=lambda problem: {
        "residuals": (residuals(*problem.arguments),),
        "jacobian": (jacobian(*problem.arguments),),
    },
    quick=("n=10,000",),
)

if __name__ == "__main__":
    main(WORKLOAD)

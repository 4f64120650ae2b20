"""f = x*(y**2 + z) at (1, 2, 3): values flow forward through the graph, gradients back."""

from _walkthrough import walk_through

import graphc as gx


def main() -> None:
    x, y, z = gx.symbols("x y z")
    gradients = walk_through("f", x * (y**2 + z), {x: 1.0, y: 2.0, z: 3.0})
    # By hand: df/dx = y**2 + z, df/dy = 2*x*y, df/dz = x.
    assert gradients == {x: 7.0, y: 4.0, z: 1.0}


if __name__ == "__main__":
    main()

"""z = y**4 * x**5 at (2, 3), and its second derivatives: gradients are expressions, so they have gradients."""

from _walkthrough import walk_through

import graphc as gx


def main() -> None:
    x, y = gx.symbols("x y")
    z = y**4 * x**5
    gradients = walk_through("z", z, {x: 2.0, y: 3.0})
    # By hand: dz/dx = 5*y**4*x**4, dz/dy = 4*y**3*x**5.
    assert gradients == {x: 5 * 81 * 16, y: 4 * 27 * 32}
    print()

    z_x = gx.grad(z, wrt=x)
    second = walk_through("z_x", z_x, {x: 2.0, y: 3.0})
    assert second == {x: 20 * 81 * 8, y: 20 * 27 * 16}


if __name__ == "__main__":
    main()

"""Softmax with negative log-likelihood: the gradient before the activation is f(x) - e(y)."""

import numpy as np
from _walkthrough import walk_through

import graphc as gx
from graphc.inspect.flow import value_text


def main() -> None:
    W, x, b = gx.tensor("W", (3, 2)), gx.tensor("x", (2,)), gx.tensor("b", (3,))
    label = 2
    a = W @ x + b
    f = gx.exp(a) / gx.sum(gx.exp(a))
    loss = -gx.log(f)[label]

    values = {
        W: np.array([[0.1, -0.2], [0.3, 0.4], [-0.5, 0.6]]),
        x: np.array([1.0, -2.0]),
        b: np.array([0.0, 0.1, 0.2]),
    }
    gradients = walk_through("loss", loss, values)

    # Any node can be differentiated for, not symbols alone: here the pre-activation a.
    before_activation, probabilities = gx.compile([gx.grad(loss, wrt=a), f], list(values))(*values.values())
    e = np.eye(3)[label]
    print()
    for name, value in (("f(x)", probabilities), ("e(y)", e), ("dloss/da", before_activation)):
        print(f"{name:<8} = {value_text(value)}")
    np.testing.assert_allclose(before_activation, probabilities - e, rtol=1e-13)
    np.testing.assert_allclose(gradients[b], probabilities - e, rtol=1e-13)
    np.testing.assert_allclose(gradients[W], np.outer(probabilities - e, values[x]), rtol=1e-13)

    # As written, exp(1000) overflows; graphc rewrites the logarithm of a softmax, so that the loss is right.
    far = {**values, b: np.array([1000.0, 0.0, -1000.0])}
    loss_far, gradient_far = gx.compile(loss, list(values), wrt=b).value_and_grad(*far.values())
    print(f"with b = {value_text(far[b])}: loss = {loss_far:.6f}, dloss/db = {value_text(gradient_far)}")
    assert np.isfinite(loss_far)
    np.testing.assert_allclose(gradient_far, [1.0, 0.0, -1.0])


if __name__ == "__main__":
    main()

"""Random numbers in the graph, after JAX: distributions as functions of a key, a shape and their parameters.

One number is made of one word of random bits, without a branch, so that it fuses into the loop that uses it. Where it
is a smooth function of parameters, derivatives by these are ordinary ones of the expression ("reparameterised").
"""

from graphc.ops.random_bits import bits, fold_in, key, split
from graphc.ops.random_continuous import exponential, gamma, gumbel, normal, truncated_normal, uniform
from graphc.ops.random_discrete import bernoulli, categorical, permutation, randint

PRNGKey = key

__all__ = [
    "PRNGKey", "bernoulli", "bits", "categorical", "exponential", "fold_in", "gamma", "gumbel", "key", "normal", "permutation", "randint",
    "split", "truncated_normal", "uniform",
]  # fmt: skip

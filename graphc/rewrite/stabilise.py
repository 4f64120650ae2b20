"""STABILISE equations: the same real value, without overflow, underflow or cancellation on the way.

Where the left side is undefined the right side is NaN too. Left sides are in the form the EXACT rules
leave behind: ``square(a)`` for ``a*a``, ``reciprocal(a)`` for ``1/a``, ``a - b`` for ``a + -b``.
"""

from __future__ import annotations

from graphc.ops import reduction
from graphc.ops.elementary import exp, expit, expm1, log, log1p, log_sigmoid, logaddexp, softplus, tanh
from graphc.ops.powers import reciprocal, sqrt, square
from graphc.ops.scalar import abs as absolute
from graphc.ops.scalar import negative
from graphc.ops.statistics import logsumexp, norm
from graphc.rewrite.exact import power
from graphc.rewrite.rule import STABILISE, Rule

# fmt: off
STABILISE_EQUATIONS = (
    # logarithms near 1, exponentials near 0
    Rule("log_of_exp", lambda a: (log(exp(a)), a), STABILISE),
    Rule("log1p", lambda a: (log(1 + a), log1p(a)), STABILISE),
    Rule("log1p_of_negative", lambda a: (log(1 - a), log1p(negative(a))), STABILISE),
    Rule("expm1", lambda a: (exp(a) - 1, expm1(a)), STABILISE),
    Rule("expm1_as_sum", lambda a: (exp(a) + -1, expm1(a)), STABILISE),
    Rule("minus_expm1", lambda a: (1 - exp(a), negative(expm1(a))), STABILISE),
    Rule("log1p_of_expm1", lambda a: (log1p(expm1(a)), a), STABILISE),
    # the logistic function and its logarithm
    Rule("softplus", lambda a: (log1p(exp(a)), softplus(a)), STABILISE),
    Rule("log_sigmoid", lambda a: (negative(softplus(negative(a))), log_sigmoid(a)), STABILISE),
    Rule("log_of_expit", lambda a: (log(expit(a)), log_sigmoid(a)), STABILISE),
    Rule("log1p_of_minus_expit", lambda a: (log1p(negative(expit(a))), log_sigmoid(negative(a))), STABILISE),
    Rule("negative_log_sigmoid", lambda a: (negative(log_sigmoid(negative(a))), softplus(a)), STABILISE),
    Rule("exp_of_log_sigmoid", lambda a: (exp(log_sigmoid(a)), expit(a)), STABILISE),
    Rule("expit", lambda a: (reciprocal(1 + exp(negative(a))), expit(a)), STABILISE),
    Rule("expit_of_negative", lambda a: (reciprocal(1 + exp(a)), expit(negative(a))), STABILISE),
    Rule("expit_as_quotient", lambda a: (exp(a) / (1 + exp(a)), expit(a)), STABILISE),
    Rule("expit_quotient", lambda a, b: (b / (1 + exp(negative(a))), b * expit(a)), STABILISE),
    Rule("tanh", lambda a: ((exp(a) - exp(negative(a))) / (exp(a) + exp(negative(a))), tanh(a)), STABILISE),
    # sums of exponentials
    Rule("logaddexp", lambda a, b: (log(exp(a) + exp(b)), logaddexp(a, b)), STABILISE),
    Rule("logsumexp", lambda v: (log(reduction.sum(exp(v))), logsumexp(v)), STABILISE, vectors="v"),
    # powers and roots
    Rule("sqrt_of_square", lambda a: (sqrt(square(a)), absolute(a)), STABILISE),
    Rule("norm", lambda v: (sqrt(reduction.sum(square(v))), norm(v)), STABILISE, vectors="v"),
    Rule("square_of_norm", lambda v: (square(norm(v)), reduction.sum(square(v))), STABILISE, vectors="v"),
    Rule("power_of_two", lambda a: (power(a, 2), square(a)), STABILISE),
    Rule("power_of_minus_one", lambda a: (power(a, -1), reciprocal(a)), STABILISE),
)

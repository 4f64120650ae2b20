"""The scalar rows: arithmetic, selection, comparisons. One row is one operation, whole."""

from __future__ import annotations

from graphc.ops.scalar_row import INFINITY, REALS, Function, row

# fmt: off
POSITIVE = (0.0, INFINITY)

add: Function = row("add", "x + y", "{x} + {y}", "np.add({x}, {y})", push=[lambda g, x, y, r: g, lambda g, x, y, r: g], rule="number", commutes=True, infix="+")
subtract: Function = row("subtract", "x - y", "{x} - {y}", "np.subtract({x}, {y})", push=[lambda g, x, y, r: g, lambda g, x, y, r: negative(g)], rule="number", infix="-")
multiply: Function = row("multiply", "x*y", "{x} * {y}", "np.multiply({x}, {y})", partial=[lambda x, y, r: y, lambda x, y, r: x], rule="number", commutes=True, infix="*")
divide: Function = row("divide", "x/y", "{x} / {y}", "np.divide({x}, {y})", push=[lambda g, x, y, r: divide(g, y), lambda g, x, y, r: negative(multiply(divide(g, y), r))], aliases=("true_divide",), domain=(REALS, POSITIVE), infix="/")
negative: Function = row("negative", "-x", "-{x}", "np.negative({x})", push=[lambda g, x, r: negative(g)], rule="number")
sin: Function = row("sin", "sin(x)", "math.sin({x})", "np.sin({x})", partial=[lambda x, r: cos(x)], cost=10)
cos: Function = row("cos", "cos(x)", "math.cos({x})", "np.cos({x})", partial=[lambda x, r: negative(sin(x))], cost=10)
exp: Function = row("exp", "exp(x)", "math.exp({x})", "np.exp({x})", partial=[lambda x, r: r], cost=10)
log: Function = row("log", "log(x)", "math.log({x})", "np.log({x})", partial=[lambda x, r: 1 / x], singular=True, domain=POSITIVE, cost=10)
tanh: Function = row("tanh", "tanh(x)", "math.tanh({x})", "np.tanh({x})", partial=[lambda x, r: 1 - r * r], cost=10)
sqrt: Function = row("sqrt", "sqrt(x)", "math.sqrt({x})", "np.sqrt({x})", partial=[lambda x, r: 0.5 / r], singular=True, domain=POSITIVE)
power: Function = row("power", "x**y", "{x} ** {y}", "np.power({x}, {y})", partial=[lambda x, y, r: y * power(x, y - 1), lambda x, y, r: r * log(x)], singular=True, rule="number", domain=(POSITIVE, REALS), cost=10, infix="**", aliases=("pow",))
guarded_multiply: Function = row("guarded_multiply", "x*y", "({x} * {y} if {x} != {zero} else {x})", "np.where(np.equal({x}, 0), {x}, np.multiply({x}, {y}))", push=[lambda g, x, y, r: guarded_multiply(g, y), lambda g, x, y, r: multiply(g, x)], rule="number")
less: Function = row("less", "x < y", "{x} < {y}", "np.less({x}, {y})", rule="compare", infix="<", aliases=("lt",))
less_equal: Function = row("less_equal", "x <= y", "{x} <= {y}", "np.less_equal({x}, {y})", rule="compare", infix="<=", aliases=("le",))
where: Function = row("where", "Piecewise((y, x), (z, True))", "({y} if {x} else {z})", "np.where({x}, {y}, {z})", push=[None, lambda g, c, a, b, r: where(c, g, 0), lambda g, c, a, b, r: where(c, 0, g)], rule="select")

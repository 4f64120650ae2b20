"""What stands for the module ``math`` in kernels with loops: its functions, vectorisable where we have them."""

from __future__ import annotations

from math import copysign as copysign
from math import gamma as gamma
from math import isfinite as isfinite
from math import isinf as isinf
from math import lgamma as lgamma
from math import sqrt as sqrt

from graphc.backends.vectormath.functions import FUNCTIONS

globals().update(FUNCTIONS)

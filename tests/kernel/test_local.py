"""Sizes that loops find out: those that nothing needs go."""

from graphc.graph.dimensions import fresh_count
from graphc.kernel.ir import Const, Count, Kernel, Loop, Name
from graphc.kernel.local import allocate_locals


def test_a_loop_that_only_counts_what_nothing_needs_goes() -> None:
    x = Name("x", "float64")
    counting = Count(fresh_count(), Const(3, "int64"), ())
    kernel = Kernel((x,), {}, (Loop("step1", 2, (Loop("step2", 2, (counting,)),), ordered=True),), (x,))
    assert allocate_locals(kernel).body == ()
